"""What a database is made of, as far as checks need to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from validation.names import Table
from validation.queries import query
from validation.questions import Answer, Question, Row, Side


@dataclass(frozen=True)
class TableFacts:
    """`columns` maps names to type names (of a domain: its base type); `key` is the primary key, or empty."""

    table: Table
    pages: int
    partition: bool
    unlogged: bool
    columns: Mapping[str, str]
    key: tuple[str, ...]


@dataclass(frozen=True)
class ForeignKey:
    """`operators` and `collations` are (schema, name) per column; a collation where the two columns differ."""

    name: str
    child: Table
    child_partitioned: bool
    child_columns: tuple[str, ...]
    parent: Table
    parent_partitioned: bool
    parent_columns: tuple[str, ...]
    operators: tuple[tuple[str, str], ...]
    collations: tuple[tuple[str, str] | None, ...]
    full: bool
    validated: bool
    enforced: bool
    period: bool
    pages: int


@dataclass(frozen=True)
class SequenceUse:
    """A sequence and a column it fills; `number` is whether the column can be compared with it."""

    sequence: Table
    table: Table
    column: str
    increment: int
    cycles: bool
    number: bool


@dataclass(frozen=True)
class Catalog:
    tables: tuple[TableFacts, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    sequences: tuple[SequenceUse, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[Table, TableFacts]:
        return {facts.table: facts for facts in self.tables}


def questions(side: Side) -> tuple[Question, ...]:
    """What to ask to know a catalog; of the source its tables are enough."""
    wanted = ("tables", "foreign_keys", "sequences") if side is Side.CANDIDATE else ("tables",)
    return tuple(Question(f"{side}:{name}", query(name), side) for name in wanted)


def read(tables: Answer, foreign_keys: Answer | None = None, sequences: Answer | None = None) -> Catalog:
    return Catalog(
        tuple(_table(row) for row in tables.row["tables"]),
        tuple(_foreign_key(row) for row in foreign_keys.row["foreign_keys"]) if foreign_keys else (),
        tuple(_sequence(row) for row in sequences.row["sequences"]) if sequences else (),
    )


def _table(row: Row) -> TableFacts:
    return TableFacts(
        Table(row["schema"], row["name"]),
        int(row["pages"]),
        bool(row["partition"]),
        bool(row["unlogged"]),
        dict(row["columns"]),
        tuple(row["key"]),
    )


def _foreign_key(row: Row) -> ForeignKey:
    return ForeignKey(
        name=row["name"],
        child=Table(row["child_schema"], row["child"]),
        child_partitioned=row["child_partitioned"],
        child_columns=tuple(row["child_columns"]),
        parent=Table(row["parent_schema"], row["parent"]),
        parent_partitioned=row["parent_partitioned"],
        parent_columns=tuple(row["parent_columns"]),
        operators=tuple((schema, name) for schema, name in row["operators"]),
        collations=tuple((pair[0], pair[1]) if pair else None for pair in row["collations"]),
        full=row["match"] == "f",
        validated=row["validated"],
        enforced=row["enforced"],
        period=row["period"],
        pages=int(row["pages"]),
    )


def _sequence(row: Row) -> SequenceUse:
    return SequenceUse(
        Table(row["sequence_schema"], row["sequence"]),
        Table(row["schema"], row["table"]),
        row["column"],
        int(row["increment"]),
        bool(row["cycles"]),
        bool(row["number"]),
    )
