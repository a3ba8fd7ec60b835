"""What a table looks like on each side, and how the two can be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from validation.connect.query import Answer, Row
from validation.expectations.table_names import Table, quote

TIMES = ("timestamp with time zone", "timestamp without time zone", "date")
CREATED = ("created_at", "createdat", "inserted_at", "created", "created_on", "creation_time", "timestamp", "time")
CHANGED = ("updated_at", "updatedat", "modified_at", "updated", "finished_at", "started_at")
"""Names, in lower case, of the timestamp column to prefer: when a row came, then when it changed."""


@dataclass(frozen=True)
class TableShape:
    """A table as one server has it. `rows` and `pages` (of 8 KiB) are what the planner thinks; `columns` are names and
    type names (of a domain: its base type); `key` is empty where no column tells rows apart."""

    table: Table
    partitioned: bool
    unlogged: bool
    rows: int
    pages: int
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def relation(self) -> sql.Composable:
        """For FROM: of a table that others inherit from its own rows only, theirs come with their own table."""
        return self.table.identifier if self.partitioned else sql.SQL("only {}").format(self.table.identifier)


@dataclass(frozen=True)
class Column:
    """A column that both sides have; `type` is None when their types differ: values are then compared as text."""

    name: str
    type: str | None


@dataclass(frozen=True)
class TablePair:
    """A table that both sides have, and what of it is compared."""

    source: TableShape
    candidate: TableShape
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    time: str | None
    notes: tuple[str, ...]

    @property
    def pages(self) -> int:
        return max(self.source.pages, self.candidate.pages)


def read(answer: Answer) -> dict[Table, TableShape]:
    """Returns the answer to sql/loss_tables.sql."""
    shapes = (_read_shape(row) for row in answer.row["tables"])
    return {shape.table: shape for shape in shapes}


def _read_shape(row: Row) -> TableShape:
    return TableShape(
        Table(row["schema"], row["name"]),
        bool(row["partitioned"]),
        bool(row["unlogged"]),
        int(row["rows"]),
        int(row["pages"]),
        {column["name"]: column["type"] for column in row["columns"]},
        tuple(row["key"]),
    )


def pair_tables(source: TableShape, candidate: TableShape, preferred: Mapping[Table, str]) -> TablePair:
    """Returns how to compare a table; `preferred` names the timestamp column where somebody said which."""
    columns = tuple(
        Column(name, kind if candidate.columns[name] == kind else None)
        for name, kind in source.columns.items()
        if name in candidate.columns
    )
    by_name = {column.name: column for column in columns}
    # The same columns on both sides, in whatever order: what is no key in one of them can't tell its rows apart
    key = source.key if sorted(source.key) == sorted(candidate.key) else ()
    return TablePair(
        source,
        candidate,
        columns,
        tuple(by_name[name] for name in key),
        choose_timestamp(columns, preferred.get(source.table)),
        tuple(_list_notes(source, candidate, columns, key)),
    )


def _list_notes(
    source: TableShape, candidate: TableShape, columns: Sequence[Column], key: Sequence[str]
) -> Iterator[str]:
    for side, here, there in (("source", source, candidate), ("candidate", candidate, source)):
        only = [quote(name) for name in here.columns if name not in there.columns]
        if only:
            yield f"only the {side} has column {', '.join(only)}: not compared"
    for column in columns:
        if column.type is None:
            types = f"{source.columns[column.name]} and {candidate.columns[column.name]}"
            yield f"column {quote(column.name)} is {types}: compared as text"
    if not key:
        one_sided = bool(source.key) != bool(candidate.key)
        why = "the same primary key is not on both sides" if source.key or one_sided else "no primary key"
        yield f"{why}: rows are told apart by their content, a changed row counts as one lost and one brought back"
    if source.unlogged or candidate.unlogged:
        yield "UNLOGGED: a restore always empties it"


def choose_timestamp(columns: Sequence[Column], preferred: str | None) -> str | None:
    """Returns the column that says how old a row is: the preferred one, one of the usual names, or the first of its
    type."""
    names = [column.name for column in columns if column.type in TIMES]
    if preferred in names:
        return preferred
    by_name = {name.lower(): name for name in reversed(names)}
    usual = (by_name[name] for name in (*CREATED, *CHANGED) if name in by_name)
    return next(usual, names[0] if names else None)


def choose_time(shape: TableShape) -> str | None:
    """Returns the same for a table that only one side has."""
    return choose_timestamp([Column(name, kind) for name, kind in shape.columns.items()], None)
