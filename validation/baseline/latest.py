"""The baselines of a store: `<database>-<UTC time>.json`, one document each."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from validation.baseline.model import Baseline, BaselineError, as_json, from_json
from validation.document_store import DocumentStore, DocumentStoreError, open_store
from validation.times import format_rfc3339_micros

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"(?P<database>[^/]+)-(?P<taken>\d{8}T\d{6}\.\d{6}Z)\.json", re.ASCII)


class NoBaselineError(BaselineError):
    """The store is there, and has no such baseline."""


def open_baselines(location: str, s3: S3Client | None = None) -> DocumentStore:
    """Opens the baselines of a directory, or of s3://bucket/prefix, with a boto3 client of its own unless one is given.
    Raises BaselineError."""
    with _translate_store_errors():
        return open_store(location, s3)


@contextmanager
def _translate_store_errors() -> Generator[None]:
    try:
        yield
    except DocumentStoreError as error:
        problem = error.problem
        raise BaselineError(problem.subject, problem.found, problem.needed, problem.fix) from error


@dataclass(frozen=True, order=True)
class StoredBaseline:
    """A baseline as its name tells it."""

    taken: datetime
    database: str
    name: str


def save(store: DocumentStore, baseline: Baseline) -> str:
    """Writes a baseline and returns where; never overwrites. Raises BaselineError."""
    name = f"{quote(baseline.database, safe='')}-{baseline.taken.astimezone(UTC).strftime(STAMP)}.json"
    content = json.dumps(as_json(baseline), indent=1, ensure_ascii=False).encode() + b"\n"
    with _translate_store_errors():
        return store.put(name, content)


def list_baselines(store: DocumentStore, database: str | None = None) -> tuple[StoredBaseline, ...]:
    """Returns the baselines of one database, or of all, oldest first. Raises BaselineError."""
    with _translate_store_errors():
        names = store.list_names()
    matches = [match for name in names if (match := NAME.fullmatch(name))]
    baselines = (StoredBaseline(_read_time(match["taken"]), unquote(match["database"]), match[0]) for match in matches)
    return tuple(sorted(stored for stored in baselines if database in (None, stored.database)))


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, STAMP).replace(tzinfo=UTC)


def find_latest(store: DocumentStore, database: str | None = None, until: datetime | None = None) -> Baseline:
    """Returns the newest baseline that was taken by `until`, a time with zone. Raises NoBaselineError when there is
    none, BaselineError for a store that can't be read."""
    baselines = list_baselines(store, database)
    names = sorted({stored.database for stored in baselines})
    if len(names) > 1:
        raise NoBaselineError(
            str(store), f"baselines of {', '.join(names)}", "one database", "say which: --database NAME"
        )
    fit = [stored for stored in baselines if until is None or stored.taken <= until]
    if not fit:
        of, by = f" of {database}" if database else "", f" taken by {format_rfc3339_micros(until)}" if until else ""
        found = f"none{of}"
        if baselines:
            found = f"{len(baselines):,}{of}, the oldest of {format_rfc3339_micros(baselines[0].taken)}"
        fix = "python -m validation baseline record --from <variable with a URL> --to <directory or s3://bucket/prefix>"
        raise NoBaselineError(str(store), found, f"a baseline{of}{by}", fix)
    return load(store, fit[-1].name)


def load(store: DocumentStore, name: str) -> Baseline:
    """Reads a baseline by its name in the store. Raises BaselineError for one that isn't there, or is no baseline."""
    where = f"{store} {name}"
    try:
        with _translate_store_errors():
            content = store.get(name)
        data = json.loads(content)
    except ValueError as error:
        fix = "docs/checks.md: get the file back from its copy, or move it away"
        raise BaselineError(where, f"no JSON ({error})", "what `baseline record` wrote", fix) from error
    return from_json(data, where)
