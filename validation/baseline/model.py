"""A baseline, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, cast

from validation.names import Table

SCHEMA = 1


class BaselineError(Exception):
    """No baseline: found, needed and how to fix it."""

    def __init__(self, where: str, found: str, needed: str, fix: str) -> None:
        super().__init__(f"{where}: found {found}, needs {needed}; {fix}")


@dataclass(frozen=True)
class TableState:
    """Rows, bytes with indexes and TOAST, and the newest value of each timestamp column that has a finite one."""

    rows: int
    bytes: int
    newest: Mapping[str, datetime] = field(default_factory=dict[str, datetime])


def _empty() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Baseline:
    """One database in one snapshot.

    `taken` is the server's clock just after the snapshot: a restore to that time or a later one holds all of it.
    `sequences` are the last values given, without sequences that gave none. `objects` is what the schema fingerprint
    is made of: {kind and name: definition}.
    """

    taken: datetime
    database: str
    server_version: str
    tables: Mapping[Table, TableState]
    sequences: Mapping[Table, int] = field(default_factory=_empty)
    objects: Mapping[str, str] = field(default_factory=_empty)

    @property
    def rows(self) -> int:
        return sum(state.rows for state in self.tables.values())

    @property
    def bytes(self) -> int:
        return sum(state.bytes for state in self.tables.values())


def as_json(baseline: Baseline) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "taken": stamp(baseline.taken),
        "database": baseline.database,
        "server_version": baseline.server_version,
        "tables": {str(table): _state_as_json(state) for table, state in sorted(baseline.tables.items())},
        "sequences": {str(sequence): last for sequence, last in sorted(baseline.sequences.items())},
        "objects": dict(sorted(baseline.objects.items())),
    }


def _state_as_json(state: TableState) -> dict[str, Any]:
    newest = {column: stamp(at) for column, at in sorted(state.newest.items())}
    return {"rows": state.rows, "bytes": state.bytes, "newest": newest}


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_json(data: object, where: str) -> Baseline:
    """Reads what `as_json` wrote. Raises BaselineError for anything else."""
    found: Mapping[str, Any] = cast("Mapping[str, Any]", data) if isinstance(data, Mapping) else {}
    if found.get("schema") != SCHEMA:
        fix = "give the place of baselines, or move the file away"
        raise BaselineError(where, f"schema {found.get('schema')!r}", f"a baseline of schema {SCHEMA}", fix)
    try:
        return _read(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fix = "restore the file from where it was copied, or record a new baseline"
        raise BaselineError(where, f"a damaged baseline ({error})", "what `baseline record` wrote", fix) from error


def _read(data: Mapping[str, Any]) -> Baseline:
    return Baseline(
        taken=_moment(data["taken"]),
        database=str(data["database"]),
        server_version=str(data["server_version"]),
        tables={Table.parse(name): _state(state) for name, state in data["tables"].items()},
        sequences={Table.parse(name): int(last) for name, last in data["sequences"].items()},
        objects={str(name): str(definition) for name, definition in data["objects"].items()},
    )


def _state(data: Mapping[str, Any]) -> TableState:
    newest = {str(column): _moment(at) for column, at in data["newest"].items()}
    return TableState(int(data["rows"]), int(data["bytes"]), newest)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
