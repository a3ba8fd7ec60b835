"""The SQL of a rescue. Pure: psycopg quotes every name, and nothing but an operator's own --where is taken as SQL.

`t` stands for a row that the candidate has (there, or in the temporary table that it was sent to), `s` for a row of the
database that serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString, cast

from psycopg import sql

from restore.rescue.model import ForeignKey, TableFacts, Trigger, Wish
from validation.expectations.table_names import Table
from validation.loss import hashing
from validation.loss.comparability import Column
from validation.loss.key_ranges import ROW_SEED, Ranges

EXAMPLES = 5
EVERY = sql.SQL("true")


@dataclass(frozen=True)
class Part:
    """One table of a rescue: `columns` are written, `key` tells its rows apart on both sides."""

    facts: TableFacts
    columns: tuple[str, ...]
    compared: tuple[str, ...]
    """Of these, the ones in which rows can differ and that are overwritten."""
    key: tuple[str, ...]
    number: int

    @property
    def table(self) -> Table:
        return self.facts.table

    @property
    def sent(self) -> sql.Identifier:
        """The temporary table of the candidate's rows."""
        return sql.Identifier("pg_temp", f"rescue_{self.number}")

    @property
    def locked(self) -> sql.Identifier:
        """The temporary table of the rows that are about to be overwritten, as they are now."""
        return sql.Identifier("pg_temp", f"rescue_{self.number}_before")


def names(columns: Iterable[str], alias: str = "") -> sql.Composed:
    parts = (sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in columns)
    return sql.SQL(", ").join(parts)


def equal(left: str, left_columns: Sequence[str], right: str, right_columns: Sequence[str]) -> sql.Composed:
    """Compares columns of two rows, one by one."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, one), sql.Identifier(right, other))
        for one, other in zip(left_columns, right_columns, strict=True)
    )


def where(condition: str) -> sql.Composable:
    """Puts an operator's condition into parentheses, on a line of its own, so that a comment in it ends there."""
    return sql.SQL("({}\n)").format(sql.SQL(cast(LiteralString, condition))) if condition.strip() else EVERY


def both(one: sql.Composable, other: sql.Composable) -> sql.Composable:
    if one is EVERY or other is EVERY:
        return other if one is EVERY else one
    return sql.SQL("{} AND {}").format(one, other)


# Which rows the candidate sends


def counted_buckets(relation: sql.Composable, columns: Iterable[Column], ranges: Ranges) -> sql.Composed:
    """Counts rows and adds up their hashes, by range of keys."""
    return sql.SQL("SELECT {} AS bucket, count(*) AS rows, sum({}) AS hash FROM {} AS t GROUP BY 1").format(
        ranges.number, hashing.compose_mixed_hash(columns, ROW_SEED), relation
    )


def referred_by(foreign_key: ForeignKey, scope: sql.Composable) -> sql.Composed:
    """Returns a condition for rows of the parent that a child's row within the scope refers to."""
    return _linked(foreign_key.child, foreign_key.child_columns, foreign_key.parent_columns, scope)


def referring_to(foreign_key: ForeignKey, scope: sql.Composable) -> sql.Composed:
    """Returns a condition for rows of the child that refer to a parent's row within the scope."""
    return _linked(foreign_key.parent, foreign_key.parent_columns, foreign_key.child_columns, scope)


def _linked(other: Table, other_columns: Sequence[str], columns: Sequence[str], scope: sql.Composable) -> sql.Composed:
    """Whether a row of the other table within the scope has this row's values in the columns of a foreign key."""
    return sql.SQL("EXISTS (SELECT FROM (SELECT {} FROM {} AS t WHERE {}) AS other WHERE {})").format(
        names(other_columns), other.identifier, scope, equal("other", other_columns, "t", columns)
    )


def copy_out(part: Part, scope: sql.Composable) -> sql.Composed:
    return sql.SQL("COPY (SELECT {} FROM {} AS t WHERE {}) TO STDOUT").format(
        names(part.columns, "t"), part.table.identifier, scope
    )


def make_sent(part: Part) -> sql.Composed:
    return sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
        sql.Identifier(f"rescue_{part.number}"), names(part.columns), part.table.identifier
    )


def copy_in(part: Part) -> sql.Composed:
    return sql.SQL("COPY {} FROM STDIN").format(part.sent)


# What is missing or differs


def missing(part: Part) -> sql.Composed:
    return sql.SQL("NOT EXISTS (SELECT FROM {} AS s WHERE {})").format(
        part.table.identifier, equal("s", part.key, "t", part.key)
    )


def count_lost(part: Part) -> sql.Composed:
    return sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(part.sent, missing(part))


def shown_key(part: Part) -> sql.Composed:
    """Writes a key as a JSON array of texts, long ones cut."""
    texts = (sql.SQL("left({}::text, 80)").format(sql.Identifier("t", name)) for name in part.key)
    return sql.SQL("json_build_array({})::text").format(sql.SQL(", ").join(texts))


def lost_keys(part: Part) -> sql.Composed:
    """Reads the keys of all rows that are missing."""
    return sql.SQL("SELECT {} FROM {} AS t WHERE {}").format(shown_key(part), part.sent, missing(part))


def example_keys(part: Part) -> sql.Composed:
    """Reads keys of rows to look at: missing ones first."""
    return sql.SQL(
        "(SELECT {key} FROM {sent} AS t WHERE {missing} LIMIT {most}) UNION ALL "
        "(SELECT {key} FROM {sent} AS t JOIN {table} AS s ON {match} WHERE {differs} "
        "LIMIT {most}) LIMIT {most}"
    ).format(
        key=shown_key(part),
        sent=part.sent,
        missing=missing(part),
        table=part.table.identifier,
        match=equal("s", part.key, "t", part.key),
        differs=differing(part),
        most=sql.Literal(EXAMPLES),
    )


def differing(part: Part) -> sql.Composed:
    """Compares two rows byte by byte, as every type can be (documentation, 9.25.6)."""
    return sql.SQL("ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record").format(
        names(part.compared, "s"), names(part.compared, "t")
    )


def writers_of_differing(part: Part, *, times: bool) -> sql.Composed:
    """Reads the transactions that wrote the rows that differ, those of most rows first."""
    committed = "pg_xact_commit_timestamp(s.xmin)::text" if times else "''"
    return sql.SQL(
        "SELECT s.xmin::text, count(*), coalesce(max({}), '') FROM {} AS t JOIN {} AS s ON {} WHERE {} "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).format(
        sql.SQL(cast(LiteralString, committed)),
        part.sent,
        part.table.identifier,
        equal("s", part.key, "t", part.key),
        differing(part),
    )


def lacks_parent(part: Part, foreign_key: ForeignKey) -> sql.Composed:
    """Asks whether a row that was sent refers to a row that the database that serves doesn't have."""
    return sql.SQL("SELECT EXISTS (SELECT FROM {} AS t WHERE {} AND NOT {})").format(
        part.sent, _refers(foreign_key), _has_parent(foreign_key)
    )


def _refers(foreign_key: ForeignKey) -> sql.Composed:
    """Whether the row refers to anything: MATCH SIMPLE asks for no parent where a column is null."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} IS NOT NULL").format(sql.Identifier("t", column)) for column in foreign_key.child_columns
    )


def _has_parent(foreign_key: ForeignKey) -> sql.Composed:
    return sql.SQL("EXISTS (SELECT FROM {} AS p WHERE {})").format(
        foreign_key.parent.identifier, equal("p", foreign_key.parent_columns, "t", foreign_key.child_columns)
    )


# What is written


def insert_lost(part: Part) -> sql.Composed:
    """Inserts every row that is missing, and answers with their keys."""
    return _insert(part, missing(part), sql.SQL(""))


def insert_possible(part: Part, foreign_keys: Sequence[ForeignKey]) -> sql.Composed:
    """Inserts the missing rows that no unique index and no foreign key refuses, and answers with their keys."""
    conditions = missing(part)
    for foreign_key in foreign_keys:
        own = sql.SQL("false")
        if foreign_key.parent == part.table:
            own = sql.SQL("EXISTS (SELECT FROM {} AS o WHERE {})").format(
                part.sent, equal("o", foreign_key.parent_columns, "t", foreign_key.child_columns)
            )
        conditions += sql.SQL(" AND (NOT ({}) OR {} OR {})").format(_refers(foreign_key), _has_parent(foreign_key), own)
    return _insert(part, conditions, sql.SQL("ON CONFLICT DO NOTHING"))


def _insert(part: Part, condition: sql.Composable, conflicts: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "COPY (INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {sent} AS t "
        "WHERE {condition} {conflicts} RETURNING {key}) TO STDOUT"
    ).format(
        table=part.table.identifier,
        columns=names(part.columns),
        values=names(part.columns, "t"),
        sent=part.sent,
        condition=condition,
        conflicts=conflicts,
        key=names(part.key),
    )


def is_overwritten(wish: Wish) -> sql.Composable:
    """Returns a condition for the rows that differ and are overwritten."""
    if wish.overwrite:
        return EVERY
    of_incident = sql.SQL("s.xmin::text = ANY({})").format(sql.Literal(list(wish.written_by)))
    if not wish.damaged.strip():
        return of_incident
    # In a row of its own, so that a bare column name in it is the source's, and not the candidate's
    damaged = sql.SQL("EXISTS (SELECT FROM (SELECT s.*) AS damaged WHERE {})").format(where(wish.damaged))
    return sql.SQL("({} OR {})").format(of_incident, damaged)


def count_overwritten(part: Part, wish: Wish) -> sql.Composed:
    return sql.SQL("SELECT count(*) FROM {} AS s JOIN {} AS t ON {} WHERE {} AND {}").format(
        part.table.identifier, part.sent, equal("s", part.key, "t", part.key), differing(part), is_overwritten(wish)
    )


def lock_differing(part: Part, wish: Wish) -> sql.Composed:
    """Locks the rows that are to be overwritten, and keeps them as they are."""
    return sql.SQL(
        "CREATE TEMPORARY TABLE {before} ON COMMIT DROP AS SELECT {columns} FROM {table} AS s JOIN {sent} AS t "
        "ON {match} WHERE {differs} AND {overwritten} FOR UPDATE OF s"
    ).format(
        before=sql.Identifier(f"rescue_{part.number}_before"),
        columns=names(part.columns, "s"),
        table=part.table.identifier,
        sent=part.sent,
        match=equal("s", part.key, "t", part.key),
        differs=differing(part),
        overwritten=is_overwritten(wish),
    )


def copy_locked(part: Part) -> sql.Composed:
    return sql.SQL("COPY {} TO STDOUT").format(part.locked)


def overwrite(part: Part) -> sql.Composed:
    """Gives the rows that were locked the candidate's values."""
    return sql.SQL("UPDATE {} AS s SET {} FROM {} AS t JOIN {} AS b ON {} WHERE {}").format(
        part.table.identifier,
        assigned(part, "t"),
        part.sent,
        part.locked,
        equal("b", part.key, "t", part.key),
        equal("s", part.key, "t", part.key),
    )


def assigned(part: Part, alias: str) -> sql.Composed:
    changing = [column for column in part.compared if column not in part.key] or list(part.key)
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier(alias, column)) for column in changing
    )


def disable(trigger: Trigger) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(
        trigger.relation.identifier, sql.Identifier(trigger.name)
    )


def enable(trigger: Trigger) -> sql.Composed:
    kind = sql.SQL("ENABLE ALWAYS TRIGGER" if trigger.state == "A" else "ENABLE TRIGGER")
    return sql.SQL("ALTER TABLE {} {} {}").format(trigger.relation.identifier, kind, sql.Identifier(trigger.name))


def move_ahead(part: Part, column: str, sequence: str) -> sql.Composed:
    """Sets a sequence past the values that were inserted, never back; answers with its new position, or nothing."""
    name = sql.SQL(cast(LiteralString, sequence))
    return sql.SQL(
        "SELECT setval({literal}, highest) FROM (SELECT max({column})::bigint AS highest FROM {sent}) AS sent, "
        "{name} AS sequence WHERE highest > sequence.last_value"
    ).format(literal=sql.Literal(sequence), column=sql.Identifier(column), sent=part.sent, name=name)
