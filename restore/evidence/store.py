"""Records of restores, written step by step; nothing that was recorded is ever changed."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from restore.aws import Aws
from restore.aws.client import translate_errors
from restore.errors import PermanentError, Problem
from restore.redaction import find_secrets
from validation.document_store import (
    AlreadyExistsError,
    DirectoryStore,
    DocumentStore,
    DocumentStoreError,
    NotFoundError,
    S3Store,
    parse_s3_location,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEMA = 1
MOST_ANSWERS = 64 << 20
"""Bytes; far more than the answers about thousands of tables."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
RECORD = re.compile(r"\d{8}T\d{6}\.\d{6}Z-(?P<step>.+)\.json", re.ASCII)
ADDED = frozenset({"schema", "stack", "id", "step", "written"})
STAMP = "%Y%m%dT%H%M%S.%fZ"


class Store:
    """Evidence of restores: `<stack>/<id>/<UTC time>-<step>.json`, a step being a gate, a run or a phase."""

    def __init__(self, documents: DocumentStore):
        self._documents = documents

    @classmethod
    def open(cls, location: str, aws: Aws | None = None) -> Store:
        """Returns the store of a directory or of s3://bucket/prefix. Does no I/O. Raises PermanentError for a bucket
        without `aws`."""
        with _translate_errors():
            in_s3 = parse_s3_location(location)
        if in_s3 is None:
            return cls(DirectoryStore(Path(location).expanduser()))
        if aws is None:
            raise PermanentError(f"evidence in {location} needs AWS")
        return cls(open_s3_documents(aws, *in_s3))

    def write(self, stack: str, restore_id: str, step: str, document: Mapping[str, Any]) -> str:
        """Writes one record; returns where. Adds schema, stack, id, step, written (UTC).

        Raises PermanentError when the document holds a known secret (names its path, not its value), or the store
        can't be written to; TemporaryError when S3 doesn't answer.
        """
        written = datetime.now(UTC)
        record = {
            "schema": SCHEMA,
            "stack": stack,
            "id": restore_id,
            "step": step,
            "written": written.isoformat(),
            **{name: value for name, value in document.items() if name not in ADDED},
        }
        content = _require_no_secrets(record, step)
        return self._put(
            _format_folder(stack, restore_id) + f"{written:{STAMP}}-{_require_safe_name(step)}.json", content
        )

    def publish(self, stack: str, restore_id: str, document: Mapping[str, Any], page: str) -> str:
        """Replaces what is made of the records: evidence.json and report.html. Returns where the page is. Raises
        PermanentError when either holds a known secret, or as `write`."""
        folder = _format_folder(stack, restore_id)
        self._put(f"{folder}evidence.json", _require_no_secrets(document, "evidence.json"), replace=True)
        if find_secrets(page):
            raise PermanentError.of(_build_leak("report.html", ("its text",)))
        return self._put(f"{folder}report.html", page.encode("utf-8", "replace"), replace=True)

    def keep(self, stack: str, restore_id: str, name: str, text: str) -> str:
        """Writes a document beside the records, or replaces it; returns where. Raises as `write` does."""
        if find_secrets(text):
            raise PermanentError.of(_build_leak(name, ("its text",)))
        return self._put(f"{_format_folder(stack, restore_id)}{_require_safe_name(name)}", text.encode(), replace=True)

    def write_result(self, stack: str, restore_id: str, name: str, document: Mapping[str, Any]) -> str:
        """Writes what a Job found, below the restore's records and none of them; returns where. Raises as `write`."""
        return self._put(
            f"{_format_results(stack, restore_id)}{_require_safe_name(name)}.json", _require_no_secrets(document, name)
        )

    def read_result(self, stack: str, restore_id: str, name: str, most: int) -> bytes | None:
        """Returns what a Job has written under this name, at most `most` bytes; None while there is nothing. Raises
        PermanentError for a larger one, or one that can't be read, TemporaryError when S3 doesn't answer."""
        return self._read_if_there(_format_results(stack, restore_id), name, most)

    def read_answers(self, stack: str, restore_id: str, resource_id: str) -> bytes | None:
        """Returns what the checks of an instance have kept; None for nothing. Raises PermanentError, TemporaryError."""
        return self._read_if_there(_format_answers(stack, restore_id), resource_id, MOST_ANSWERS)

    def write_answers(self, stack: str, restore_id: str, resource_id: str, content: bytes) -> str:
        """Replaces what the checks of an instance have kept: JSON, which is no record. Returns where. Raises
        PermanentError, also when it holds a known secret, and TemporaryError."""
        name = f"{_require_safe_name(resource_id)}.json"
        if leaks := find_secrets(json.loads(content)):
            raise PermanentError.of(_build_leak(name, leaks))
        return self._put(_format_answers(stack, restore_id) + name, content, replace=True)

    def read_all(self, stack: str, restore_id: str) -> tuple[Mapping[str, Any], ...]:
        """Returns all records of a restore, oldest first; empty for none. Raises PermanentError for one that can't be
        read, TemporaryError when S3 doesn't answer."""
        return tuple(self._read(name) for name in self._names(stack, restore_id))

    def read_newest_first(self, stack: str, restore_id: str, step: str) -> Iterator[Mapping[str, Any]]:
        """Yields the records of a step, newest first, each read when it is asked for. Raises as `read_all`."""
        for name in reversed(self._names(stack, restore_id)):
            if _parse_step(name) == _require_safe_name(step):
                yield self._read(name)

    def read_latest(self, stack: str, restore_id: str, step: str) -> Mapping[str, Any] | None:
        """Returns the newest record of a step, None when there is none. Raises as `read_all`."""
        return next(self.read_newest_first(stack, restore_id, step), None)

    def list_ids(self, stack: str) -> tuple[str, ...]:
        """Returns every restore of a stack that has left anything. Raises PermanentError, TemporaryError."""
        with _translate_errors():
            try:
                folders = self._documents.list_folders(_format_stack_folder(stack))
            except NotFoundError:
                return ()
        return tuple(name for name in folders if NAME.fullmatch(name))

    def keep_of_stack(self, stack: str, name: str, document: Mapping[str, Any]) -> str:
        """Writes a document of a whole stack, beside its restores, or replaces it; returns where. Adds schema and
        stack. Raises as `write` does."""
        content = {"schema": SCHEMA, "stack": stack, **document}
        where = f"{_format_stack_folder(stack)}{_require_safe_name(name)}"
        return self._put(where, _require_no_secrets(content, name), replace=True)

    def read_of_stack(self, stack: str, name: str) -> Mapping[str, Any] | None:
        """Returns a document of a whole stack, None where there is none. Raises as `read_all` does."""
        folder = _format_stack_folder(stack)
        return self._read(folder + name) if folder + name in self._list(folder) else None

    def read_age_of_stack(self, stack: str, name: str) -> timedelta | None:
        """Returns how long ago a document of a whole stack was written, by the store's own clock, whatever this
        machine's says; None where the store doesn't tell. Raises as `read_all` does, also where it isn't there."""
        with _translate_errors():
            return self._documents.measure_age(_format_stack_folder(stack) + name)

    def _names(self, stack: str, restore_id: str) -> list[str]:
        return [name for name in self._list(_format_folder(stack, restore_id)) if _parse_step(name)]

    def _list(self, folder: str) -> Sequence[str]:
        """Returns the documents of a folder; of one that isn't there, none."""
        with _translate_errors():
            try:
                return self._documents.list_names(folder)
            except NotFoundError:
                return ()

    def _read_if_there(self, folder: str, name: str, most: int) -> bytes | None:
        file = f"{folder}{_require_safe_name(name)}.json"
        if file not in self._list(folder):
            return None
        with _translate_errors():
            return self._documents.get(file, most)

    def _put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        try:
            return self._documents.put(name, content, replace=replace)
        except AlreadyExistsError as error:
            raise PermanentError.of(_build_taken(error.problem)) from error
        except DocumentStoreError as error:
            raise PermanentError.of(_build_unwritable(error.problem)) from error

    def _read(self, name: str) -> Mapping[str, Any]:
        with _translate_errors():
            content = self._documents.get(name)
        try:
            record = json.loads(content)
        except ValueError as error:
            raise PermanentError.of(_build_unreadable(name, str(error))) from error
        if not isinstance(record, dict) or cast("dict[str, Any]", record).get("schema") != SCHEMA:
            raise PermanentError.of(_build_unreadable(name, f"no record of schema {SCHEMA}"))
        return cast("dict[str, Any]", record)


def open_s3_documents(aws: Aws, bucket: str, prefix: str) -> S3Store:
    """Returns the store of documents in S3. Encryption and retention are the bucket's own (docs/permissions.md)."""
    return S3Store(lambda: cast("S3Client", aws.open_client("s3")), bucket, prefix, partial(translate_errors, "s3"))


@contextmanager
def _translate_errors() -> Generator[None]:
    try:
        yield
    except DocumentStoreError as error:
        raise PermanentError.of(_build_unreadable(error.problem.subject, error.problem.found)) from error


def _require_no_secrets(document: Mapping[str, Any], name: str) -> bytes:
    """Returns the document as JSON text. What is searched for secrets is what is written, so it goes through JSON
    first."""
    text = json.dumps(document, indent=2, ensure_ascii=False, sort_keys=False, default=_make_plain)
    if leaks := find_secrets(json.loads(text)):
        raise PermanentError.of(_build_leak(name, leaks))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _parse_step(name: str) -> str | None:
    """Returns the step that a record's name tells; None for what is no record."""
    match = RECORD.fullmatch(name.rpartition("/")[2])
    return match["step"] if match else None


def _format_stack_folder(stack: str) -> str:
    return f"{_require_safe_name(stack)}/"


def _format_folder(stack: str, restore_id: str) -> str:
    return f"{_format_stack_folder(stack)}{_require_safe_name(restore_id)}/"


def _format_results(stack: str, restore_id: str) -> str:
    return f"{_format_folder(stack, restore_id)}jobs/"


def _format_answers(stack: str, restore_id: str) -> str:
    return f"{_format_folder(stack, restore_id)}answers/"


def _require_safe_name(name: str) -> str:
    """Returns the name. Raises PermanentError for one that could leave its folder."""
    if not NAME.fullmatch(name):
        raise PermanentError.of(
            Problem(
                f"evidence {name}",
                f"the name {name!r}",
                "letters, digits, dot, hyphen, underscore",
                "pulumi config set id <another one>",
            )
        )
    return name


def _make_plain(value: object) -> str:
    """Times, paths and enumerations as text."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _build_unreadable(name: str, reason: str) -> Problem:
    return Problem(
        f"evidence {name}",
        reason,
        "a readable record",
        "docs/evidence.md: look at the record, and move it away if it is damaged",
    )


def _build_unwritable(problem: Problem) -> Problem:
    fix = "make it writable, or choose another place: pulumi config set evidence <directory or s3://bucket/prefix>"
    return Problem(f"evidence {problem.subject}", problem.found, "a place that can be written to", fix)


def _build_taken(problem: Problem) -> Problem:
    fix = "docs/evidence.md: records are never replaced; look whether another run of this stack is going on"
    return Problem(f"evidence {problem.subject}", problem.found, problem.needed, fix)


def _build_leak(name: str, paths: tuple[str, ...]) -> Problem:
    found = f"a secret value in {', '.join(paths)}"
    return Problem(
        f"evidence {name}",
        found,
        "a record without secrets",
        "docs/evidence.md: keep this message and report it as an error of this program",
    )
