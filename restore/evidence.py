"""The durable record of the gates: JSON documents in a directory or below an S3 prefix."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from restore.aws import Aws
from restore.aws.session import translated
from restore.errors import PermanentError, Problem
from restore.redaction import secrets_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEMA = 1
S3 = "s3://"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
ADDED = frozenset({"schema", "stack", "id", "gate", "written"})
STAMP = "%Y%m%dT%H%M%S.%fZ"


class Place(Protocol):
    """Where documents are kept, by relative names with `/` in them."""

    def put(self, name: str, content: bytes) -> str:
        """Keep it whole or not at all; returns where. Never replaces another."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Names of the documents directly below a prefix, in order of their names."""
        ...

    def get(self, name: str) -> bytes: ...


class Store:
    """Evidence of restores: `<stack>/<id>/<UTC time>-<gate>.json`; nothing is overwritten."""

    def __init__(self, place: Place):
        self._place = place

    @classmethod
    def open(cls, location: str, aws: Aws | None = None) -> Store:
        """A directory, or s3://bucket/prefix (needs `aws`). No I/O."""
        if not location.startswith(S3):
            return cls(Directory(Path(location).expanduser()))
        if aws is None:
            raise PermanentError(f"evidence in {location} needs AWS")
        bucket, _, prefix = location.removeprefix(S3).partition("/")
        return cls(Bucket(aws, bucket, prefix.strip("/")))

    def write(self, stack: str, restore_id: str, gate: str, document: Mapping[str, Any]) -> str:
        """Write one record; returns where. Adds schema, stack, id, gate, written (UTC).

        Raises PermanentError when the document holds a known secret (names its path, not its value), or the store
        can't be written to; TemporaryError when S3 doesn't answer.
        """
        written = datetime.now(UTC)
        record = {
            "schema": SCHEMA,
            "stack": stack,
            "id": restore_id,
            "gate": gate,
            "written": written.isoformat(),
            **{name: value for name, value in document.items() if name not in ADDED},
        }
        # Through JSON first, so that what is searched for secrets is what is written.
        text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=False, default=_plain)
        leaks = secrets_in(json.loads(text))
        if leaks:
            raise PermanentError.of(_leak(gate, leaks))
        name = f"{_folder(stack, restore_id)}{written.strftime(STAMP)}-{_checked(gate)}.json"
        return self._place.put(name, text.encode() + b"\n")

    def read_all(self, stack: str, restore_id: str) -> tuple[Mapping[str, Any], ...]:
        """All records of a restore, oldest first; empty for none. PermanentError for one that can't be read."""
        return tuple(self._read(name) for name in self._names(stack, restore_id))

    def latest(self, stack: str, restore_id: str, gate: str) -> Mapping[str, Any] | None:
        """The newest record of a gate, None when there is none."""
        ending = f"Z-{_checked(gate)}.json"
        newest = [name for name in self._names(stack, restore_id) if name.endswith(ending)][-1:]
        return self._read(newest[0]) if newest else None

    def _names(self, stack: str, restore_id: str) -> list[str]:
        return [name for name in self._place.names(_folder(stack, restore_id)) if name.endswith(".json")]

    def _read(self, name: str) -> Mapping[str, Any]:
        try:
            record = json.loads(self._place.get(name))
        except ValueError as error:
            raise PermanentError.of(_unreadable(name, str(error))) from error
        if not isinstance(record, dict) or cast("dict[str, Any]", record).get("schema") != SCHEMA:
            raise PermanentError.of(_unreadable(name, f"no record of schema {SCHEMA}"))
        return cast("dict[str, Any]", record)


class Directory:
    """A folder of this machine: 0700, its files 0600, each appearing whole."""

    def __init__(self, root: Path):
        self._root = root

    def put(self, name: str, content: bytes) -> str:
        path = self._root / name
        try:
            self._make(path.parent)
            self._write_whole(path, content)
            self._sync(path.parent)
        except OSError as error:
            raise PermanentError.of(_unwritable(str(path), error)) from error
        return str(path)

    def _write_whole(self, path: Path, content: bytes) -> None:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")  # mkstemp makes it 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).rename(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    def _make(self, folder: Path) -> None:
        missing = [item for item in (folder, *folder.parents) if not item.exists()]
        for item in reversed(missing):
            with suppress(FileExistsError):
                item.mkdir(mode=0o700)

    def _sync(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def names(self, prefix: str) -> list[str]:
        folder = self._root / prefix
        try:
            found = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise PermanentError.of(_unreadable(str(folder), str(error))) from error
        return [prefix + name for name in found]

    def get(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise PermanentError.of(_unreadable(str(self._root / name), str(error))) from error


class Bucket:
    """A prefix of an S3 bucket. Encryption and retention are the bucket's own (docs/permissions.md)."""

    def __init__(self, aws: Aws, bucket: str, prefix: str):
        self._aws, self._bucket = aws, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def _client(self) -> S3Client:
        return cast("S3Client", self._aws.client("s3"))

    def put(self, name: str, content: bytes) -> str:
        key = self._prefix + name
        with translated("s3"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType="application/json", IfNoneMatch="*"
            )
        return f"{S3}{self._bucket}/{key}"

    def names(self, prefix: str) -> list[str]:
        start = self._prefix + prefix
        pages = self._client.get_paginator("list_objects_v2")
        with translated("s3"):
            found = list(pages.paginate(Bucket=self._bucket, Prefix=start))
        listed = [item for page in found for item in page.get("Contents", ())]
        return sorted(item.get("Key", "").removeprefix(self._prefix) for item in listed)

    def get(self, name: str) -> bytes:
        with translated("s3"):
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()


def _folder(stack: str, restore_id: str) -> str:
    return f"{_checked(stack)}/{_checked(restore_id)}/"


def _checked(name: str) -> str:
    """A name that can't leave its folder."""
    if not NAME.fullmatch(name):
        raise PermanentError.of(
            Problem("evidence", f"the name {name!r}", "letters, digits, dot, hyphen, underscore", "choose another name")
        )
    return name


def _plain(value: object) -> str:
    """Times, paths and enumerations as text."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _leak(gate: str, paths: tuple[str, ...]) -> Problem:
    found = f"a secret value in {', '.join(paths)}"
    return Problem(f"evidence of gate {gate}", found, "a record without secrets", "report this: it is our bug")


def _unreadable(name: str, reason: str) -> Problem:
    return Problem(f"evidence {name}", reason, "a readable record", "look at it; move it away if it is damaged")


def _unwritable(name: str, error: OSError) -> Problem:
    fix = "make it writable, or choose another place: pulumi config set evidence <directory or s3://bucket/prefix>"
    return Problem(f"evidence {name}", str(error), "a place that can be written to", fix)
