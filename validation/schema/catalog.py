"""What a database is made of, as far as checks need to know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, LiteralString, cast

from psycopg import sql

from validation.connect.query import Answer, Question, Row, Side
from validation.expectations.sql_checks import read_lists
from validation.expectations.table_names import Table
from validation.schema.sample import Leaf
from validation.sql.queries import query


@dataclass(frozen=True)
class TableFacts:
    """`columns` maps names to type names (of a domain: its base type); `key` is the primary key, or empty. `leaves` are
    the files that its rows are in; `ordered` are columns whose greatest value is read from an index."""

    table: Table
    pages: int
    partition: bool
    unlogged: bool
    columns: Mapping[str, str]
    key: tuple[str, ...]
    leaves: tuple[Leaf, ...] = ()
    ordered: frozenset[str] = frozenset()


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
    """`listed` are the things that checks are asked for one by one, by the name of their list in sql/each/;
    `extensions` maps what is installed to its schema."""

    tables: tuple[TableFacts, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    sequences: tuple[SequenceUse, ...] = ()
    listed: Mapping[str, Sequence[Row]] = field(default_factory=lambda: MappingProxyType({}))
    extensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def by_name(self) -> Mapping[Table, TableFacts]:
        return {facts.table: facts for facts in self.tables}


def build_server_question(side: Side) -> Question:
    """Asks a server who it is."""
    return Question(f"{side}:server", query("server"), side)


def list_needed(side: Side) -> tuple[Question, ...]:
    """Returns what must be answered to know a catalog; of the source its tables are enough."""
    names = ("tables", "foreign_keys", "sequences", "extensions") if side is Side.CANDIDATE else ("tables",)
    return tuple(Question(f"{side}:{name}", query(name), side) for name in names)


def list_questions(side: Side) -> tuple[Question, ...]:
    """Returns those that must be answered, and the candidate's lists, each of which can be done without."""
    return (
        list_needed(side)
        if side is Side.SOURCE
        else (*list_needed(side), *(list_question(name) for name in read_lists()))
    )


def measure_question() -> Question:
    """Asks how long the candidate's tables are now."""
    statement = query("table_blocks", own_relations=query("own_relations"))
    return Question(f"{Side.CANDIDATE}:blocks", statement)


def add_blocks(catalog: Catalog, answer: Answer) -> Catalog:
    """Returns the catalog with the sizes of an answer to `measure_question`."""
    blocks = {Table(row["schema"], row["name"]): int(row["blocks"]) for row in answer.row["tables"]}

    def update_leaf(leaf: Leaf) -> Leaf:
        return replace(leaf, blocks=blocks.get(leaf.table, leaf.blocks))

    def update_thing(thing: Row) -> Row:
        now = blocks.get(Table(*thing["of"]), 0) if "of" in thing else 0
        return {**thing, "blocks": max(now, int(thing["blocks"] or 0))} if "blocks" in thing else thing

    tables = tuple(replace(facts, leaves=tuple(map(update_leaf, facts.leaves))) for facts in catalog.tables)
    listed = {name: tuple(map(update_thing, things)) for name, things in catalog.listed.items()}
    return replace(catalog, tables=tables, listed=listed)


def list_question(name: str) -> Question:
    """Asks for the things of a list of sql/each/."""
    things = sql.SQL(cast(LiteralString, read_lists()[name].body))
    statement = query("each", own_relations=query("own_relations"), things=things)
    return Question(f"{Side.CANDIDATE}:each:{name}", statement)


def read(side: Side, answers: Mapping[str, Answer]) -> Catalog:
    """Returns the catalog, from the answers to `list_questions`, by their ids; lists that were not answered are left
    out."""

    def of(name: str) -> Any:
        return answers[f"{side}:{name}"].row[name]

    tables = tuple(_read_table(row) for row in of("tables"))
    if side is Side.SOURCE:
        return Catalog(tables)
    return Catalog(
        tables,
        tuple(_read_foreign_key(row) for row in of("foreign_keys")),
        tuple(_read_sequence(row) for row in of("sequences")),
        {name: answers[key].row["things"] for name in read_lists() if (key := list_question(name).id) in answers},
        of("extensions"),
    )


def _read_table(row: Row) -> TableFacts:
    return TableFacts(
        Table(row["schema"], row["name"]),
        int(row["pages"]),
        bool(row["partition"]),
        bool(row["unlogged"]),
        dict(row["columns"]),
        tuple(row["key"]),
        tuple(_read_leaf(leaf) for leaf in row["leaves"]),
        frozenset(row["ordered"]),
    )


def _read_leaf(row: Row) -> Leaf:
    return Leaf(Table(row["schema"], row["name"]), int(row["blocks"]), float(row["rows_a_block"]))


def _read_foreign_key(row: Row) -> ForeignKey:
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


def _read_sequence(row: Row) -> SequenceUse:
    return SequenceUse(
        Table(row["sequence_schema"], row["sequence"]),
        Table(row["schema"], row["table"]),
        row["column"],
        int(row["increment"]),
        bool(row["cycles"]),
        bool(row["number"]),
    )
