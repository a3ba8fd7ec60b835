"""A baseline, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

from validation.baseline import faults
from validation.baseline.faults import Faults
from validation.expectations.table_names import Table
from validation.schema.snapshot import SchemaSnapshot
from validation.times import format_rfc3339_micros

SCHEMA = 1


class BaselineError(Exception):
    """No baseline: what was found, what is needed, how to fix it."""

    def __init__(self, where: str, found: str, needed: str, fix: str) -> None:
        self.found, self.needed, self.fix = found, needed, fix
        super().__init__(f"{where}: found {found}, needs {needed}; {fix}")


@dataclass(frozen=True)
class TableState:
    """Rows, bytes with indexes and TOAST, and the newest value of each timestamp column that has a finite one."""

    rows: int
    bytes: int
    newest: Mapping[str, datetime] = field(default_factory=dict[str, datetime])


@dataclass(frozen=True)
class Position:
    """The last value that a sequence gave, and the step to the next."""

    last: int
    increment: int = 1

    def is_beyond(self, other: int | None) -> bool:
        """Tells whether a sequence at the other value still has to come here; one that gave none (None) has."""
        return other is None or (self.last - other) * self.increment > 0


def _make_empty() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Baseline:
    """One database in one snapshot.

    `taken` is the server's clock just after the snapshot: a restore to that time or a later one holds all of it.
    `sequences` are those that gave a value. `faults` are what checks found wrong, by the id of their question; a
    baseline of an earlier version has none.
    """

    taken: datetime
    database: str
    server_version: str
    tables: Mapping[Table, TableState]
    sequences: Mapping[Table, Position] = field(default_factory=_make_empty)
    schema: SchemaSnapshot = field(default_factory=SchemaSnapshot)
    faults: Mapping[str, Faults] = field(default_factory=_make_empty)

    @property
    def rows(self) -> int:
        return sum(state.rows for state in self.tables.values())

    @property
    def bytes(self) -> int:
        return sum(state.bytes for state in self.tables.values())


def as_json(baseline: Baseline) -> dict[str, Any]:
    """Returns the baseline as JSON values: times in RFC 3339 UTC, sizes in bytes, no value of a row."""
    positions = sorted(baseline.sequences.items())
    return {
        "baseline": SCHEMA,
        "taken": format_rfc3339_micros(baseline.taken),
        "database": baseline.database,
        "server_version": baseline.server_version,
        "rows": baseline.rows,
        "bytes": baseline.bytes,
        "tables": {str(table): _state_as_json(state) for table, state in sorted(baseline.tables.items())},
        "sequences": {str(name): {"last": at.last, "increment": at.increment} for name, at in positions},
        "schema": {"sha256": baseline.schema.digest, "sections": baseline.schema.as_json()},
        "faults": {name: faults.as_json(of) for name, of in sorted(baseline.faults.items())},
    }


def _state_as_json(state: TableState) -> dict[str, Any]:
    newest = {column: format_rfc3339_micros(at) for column, at in sorted(state.newest.items())}
    return {"rows": state.rows, "bytes": state.bytes, "newest": newest}


def from_json(data: object, where: str) -> Baseline:
    """Reads what `as_json` wrote. Raises BaselineError for anything else."""
    document: Mapping[str, Any] = cast("Mapping[str, Any]", data) if isinstance(data, Mapping) else {}
    if document.get("baseline") != SCHEMA:
        fix = "docs/checks.md: give the place of baselines, or move the file away"
        raise BaselineError(where, f"no baseline of version {SCHEMA}", "what `baseline record` wrote", fix)
    try:
        return _read(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fix = "docs/checks.md: get the file back from its copy, or record a new baseline"
        raise BaselineError(where, f"a damaged baseline ({error})", "what `baseline record` wrote", fix) from error


def _read(data: Mapping[str, Any]) -> Baseline:
    schema = SchemaSnapshot.from_json(data["schema"]["sections"])
    if schema.digest != data["schema"]["sha256"]:
        raise ValueError("its schema doesn't have the SHA-256 that is written with it")
    return Baseline(
        taken=_read_moment(data["taken"]),
        database=str(data["database"]),
        server_version=str(data["server_version"]),
        tables={Table.parse(name): _read_state(state) for name, state in data["tables"].items()},
        sequences={
            Table.parse(name): Position(int(at["last"]), int(at["increment"])) for name, at in data["sequences"].items()
        },
        schema=schema,
        faults={name: faults.from_json(of) for name, of in data.get("faults", {}).items()},
    )


def _read_state(data: Mapping[str, Any]) -> TableState:
    newest = {str(column): _read_moment(at) for column, at in data["newest"].items()}
    return TableState(int(data["rows"]), int(data["bytes"]), newest)


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
