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
PASSES = 20
"""How often rows are overwritten for which others had to make room first."""
EVERY = sql.SQL("true")
EQUALS: LiteralString = "OPERATOR(pg_catalog.=)"
"""Whatever the search_path."""


@dataclass(frozen=True)
class Part:
    """One table of a rescue: `columns` are written, `key` tells its rows apart on both sides."""

    facts: TableFacts
    columns: tuple[str, ...]
    compared: tuple[str, ...]
    """Of these, the ones in which rows can differ and that are overwritten."""
    key: tuple[str, ...]
    within: sql.Composable
    """A condition on rows of the database that serves, without which none has a key that was sent."""
    is_binary: bool
    """Whether every value is sent in its type's binary form, which both sides read alike."""
    number: int

    @property
    def table(self) -> Table:
        return self.facts.table

    @property
    def changing(self) -> tuple[str, ...]:
        """The columns that are overwritten."""
        return tuple(column for column in self.compared if column in self.facts.changeable)

    def compose_same_key(self, left: str, right: str) -> sql.Composed:
        """Compares the keys of two rows."""
        operators = dict(self.facts.operators)
        return compose_equal(left, self.key, right, self.key, [operators.get(column, EQUALS) for column in self.key])

    @property
    def sent(self) -> sql.Identifier:
        """The temporary table of the candidate's rows."""
        return sql.Identifier("pg_temp", f"rescue_{self.number}")

    @property
    def inserted_keys(self) -> sql.Identifier:
        """The temporary table of the keys that were inserted, where several tables are written at once."""
        return sql.Identifier("pg_temp", f"rescue_{self.number}_keys")

    @property
    def locked(self) -> sql.Identifier:
        """The temporary table of the rows that are about to be overwritten, as they are now."""
        return sql.Identifier("pg_temp", f"rescue_{self.number}_before")


def names(columns: Iterable[str], alias: str = "") -> sql.Composed:
    parts = (sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in columns)
    return sql.SQL(", ").join(parts)


def compose_equal(
    left: str, left_columns: Sequence[str], right: str, right_columns: Sequence[str], operators: Sequence[str] = ()
) -> sql.Composed:
    """Compares columns of two rows, one by one; `operators` as SQL, empty for PostgreSQL's own `=`."""
    return compose_equal_values(
        left, left_columns, [sql.Identifier(right, column) for column in right_columns], operators
    )


def compose_equal_values(
    alias: str, columns: Sequence[str], values: Sequence[sql.Composable], operators: Sequence[str] = ()
) -> sql.Composed:
    """Compares columns of a row with values, one by one, as `compose_equal` does."""
    pairs = zip(columns, operators or [EQUALS] * len(columns), values, strict=True)
    return sql.SQL(" AND ").join(
        sql.SQL("{} {} {}").format(sql.Identifier(alias, column), sql.SQL(cast(LiteralString, operator)), value)
        for column, operator, value in pairs
    )


def compose_where(condition: str) -> sql.Composable:
    """Puts an operator's condition into parentheses, on a line of its own, so that a comment in it ends there."""
    return sql.SQL("({}\n)").format(sql.SQL(cast(LiteralString, condition))) if condition.strip() else EVERY


def compose_both(one: sql.Composable, other: sql.Composable) -> sql.Composable:
    if one is EVERY or other is EVERY:
        return other if one is EVERY else one
    return sql.SQL("{} AND {}").format(one, other)


# Which rows the candidate sends


def count_buckets(relation: sql.Composable, columns: Iterable[Column], ranges: Ranges) -> sql.Composed:
    """Counts rows and adds up their hashes, by range of keys."""
    return sql.SQL("SELECT {} AS bucket, count(*) AS rows, sum({}) AS hash FROM {} AS t GROUP BY 1").format(
        ranges.number, hashing.compose_mixed_hash(columns, ROW_SEED), relation
    )


def compose_referred_by(foreign_key: ForeignKey, scope: sql.Composable) -> sql.Composed:
    """Returns a condition for rows of the parent that a child's row within the scope refers to."""
    columns = foreign_key.child_columns, foreign_key.parent_columns
    return _compose_linked(foreign_key.child, *columns, foreign_key.operators, scope)


def compose_referring_to(foreign_key: ForeignKey, scope: sql.Composable) -> sql.Composed:
    """Returns a condition for rows of the child that refer to a parent's row within the scope."""
    columns = foreign_key.parent_columns, foreign_key.child_columns
    return _compose_linked(foreign_key.parent, *columns, foreign_key.operators, scope)


def _compose_linked(
    other: Table, other_columns: Sequence[str], columns: Sequence[str], operators: Sequence[str], scope: sql.Composable
) -> sql.Composed:
    """Whether a row of the other table within the scope has this row's values in the columns of a foreign key."""
    return sql.SQL("EXISTS (SELECT FROM (SELECT {} FROM {} AS t WHERE {}) AS other WHERE {})").format(
        names(other_columns), other.identifier, scope, compose_equal("other", other_columns, "t", columns, operators)
    )


def copy_out(part: Part, scope: sql.Composable) -> sql.Composed:
    return sql.SQL("COPY (SELECT {} FROM {} AS t WHERE {}) TO STDOUT{}").format(
        names(part.columns, "t"), part.facts.relation, scope, _format(part)
    )


def make_sent(part: Part) -> sql.Composed:
    return sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
        sql.Identifier(f"rescue_{part.number}"), names(part.columns), part.table.identifier
    )


def copy_in(part: Part) -> sql.Composed:
    return sql.SQL("COPY {} FROM STDIN{}").format(part.sent, _format(part))


def _format(part: Part) -> sql.SQL:
    return sql.SQL(" (FORMAT binary)" if part.is_binary else "")


# What is missing or differs


def compose_missing(part: Part) -> sql.Composed:
    return sql.SQL("NOT EXISTS (SELECT FROM (SELECT {} FROM {} AS t WHERE {}) AS s WHERE {})").format(
        names(part.key), part.facts.relation, part.within, part.compose_same_key("s", "t")
    )


def count_lost(part: Part) -> sql.Composed:
    return sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(part.sent, compose_missing(part))


def compose_shown_key(key: Iterable[str]) -> sql.Composed:
    """Writes a key as a JSON array of texts, long ones cut."""
    texts = (sql.SQL("left({}::text, 80)").format(sql.Identifier("t", name)) for name in key)
    return sql.SQL("json_build_array({})::text").format(sql.SQL(", ").join(texts))


def read_lost_keys(part: Part) -> sql.Composed:
    """Reads the keys of all rows that are missing."""
    return sql.SQL("SELECT {} FROM {} AS t WHERE {}").format(
        compose_shown_key(part.key), part.sent, compose_missing(part)
    )


def read_example_keys(part: Part) -> sql.Composed:
    """Reads keys of rows to look at: missing ones first."""
    return sql.SQL(
        "(SELECT {key} FROM {sent} AS t WHERE {missing} LIMIT {most}) UNION ALL "
        "(SELECT {key} FROM {sent} AS t JOIN {table} AS s ON {match} WHERE {differs} "
        "LIMIT {most}) LIMIT {most}"
    ).format(
        key=compose_shown_key(part.key),
        sent=part.sent,
        missing=compose_missing(part),
        table=part.facts.relation,
        match=part.compose_same_key("s", "t"),
        differs=compose_differing(part),
        most=sql.Literal(EXAMPLES),
    )


def compose_differing(part: Part) -> sql.Composed:
    """Compares two rows byte by byte, as every type can be (documentation, 9.25.6)."""
    return sql.SQL("ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record").format(
        names(part.compared, "s"), names(part.compared, "t")
    )


def read_writers_of_differing(part: Part, *, times: bool) -> sql.Composed:
    """Reads the transactions that wrote the rows that differ, those of most rows first."""
    committed = "pg_xact_commit_timestamp(s.xmin)::text" if times else "''"
    return sql.SQL(
        "SELECT s.xmin::text, count(*), coalesce(max({}), '') FROM {} AS t JOIN {} AS s ON {} WHERE {} "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).format(
        sql.SQL(cast(LiteralString, committed)),
        part.sent,
        part.facts.relation,
        part.compose_same_key("s", "t"),
        compose_differing(part),
    )


def ask_for_missing_parent(part: Part, foreign_key: ForeignKey) -> sql.Composed:
    """Asks whether a row that was sent refers to a row that the database that serves doesn't have."""
    return sql.SQL("SELECT EXISTS (SELECT FROM {} AS t WHERE {} AND NOT {})").format(
        part.sent, _compose_refers(foreign_key), _has_parent(foreign_key)
    )


def _compose_refers(foreign_key: ForeignKey) -> sql.Composed:
    """Whether the row refers to anything: MATCH SIMPLE asks for no parent where a column is null."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} IS NOT NULL").format(sql.Identifier("t", column)) for column in foreign_key.child_columns
    )


def _has_parent(foreign_key: ForeignKey) -> sql.Composed:
    return sql.SQL("EXISTS (SELECT FROM {} AS p WHERE {})").format(
        foreign_key.parent.identifier,
        compose_equal("p", foreign_key.parent_columns, "t", foreign_key.child_columns, foreign_key.operators),
    )


# What is written


def insert_lost(part: Part) -> sql.Composed:
    """Inserts every row that is missing, and answers with their keys."""
    return _compose_copy(_insert(part, compose_missing(part), sql.SQL("")))


def insert_possible(part: Part, foreign_keys: Sequence[ForeignKey]) -> sql.Composed:
    """Inserts the missing rows that no unique index and no foreign key refuses, and answers with their keys."""
    conditions = compose_missing(part)
    for foreign_key in foreign_keys:
        own = sql.SQL("false")
        if foreign_key.parent == part.table:
            own = sql.SQL("EXISTS (SELECT FROM {} AS o WHERE {})").format(
                part.sent,
                compose_equal("o", foreign_key.parent_columns, "t", foreign_key.child_columns, foreign_key.operators),
            )
        conditions += sql.SQL(" AND (NOT ({}) OR {} OR {})").format(
            _compose_refers(foreign_key), _has_parent(foreign_key), own
        )
    for columns in part.facts.unique:
        if set(columns) <= set(part.columns):
            taken = sql.SQL(" AND NOT EXISTS (SELECT FROM {} AS o WHERE {})")
            conditions += taken.format(part.facts.relation, compose_equal("o", columns, "t", columns))
    return _compose_copy(_insert(part, conditions, _compose_no_conflict(part)))


def make_keys(part: Part) -> sql.Composed:
    """Makes the table for the keys that `insert_together` writes."""
    return sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
        sql.Identifier(f"rescue_{part.number}_keys"), names(part.key), part.table.identifier
    )


def insert_together(parts: Sequence[Part]) -> sql.Composed:
    """Inserts the missing rows of several tables in one statement, at whose end their foreign keys are checked
    (documentation, SET CONSTRAINTS); keeps their keys."""
    inserts = (
        sql.SQL("{inserted} AS ({insert}), {kept} AS (INSERT INTO {keys} SELECT {key} FROM {inserted})").format(
            inserted=sql.Identifier(f"inserted_{part.number}"),
            insert=_insert(part, compose_missing(part), _compose_no_conflict(part)),
            kept=sql.Identifier(f"kept_{part.number}"),
            keys=part.inserted_keys,
            key=names(part.key),
        )
        for part in parts
    )
    return sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(inserts))


def copy_keys(part: Part) -> sql.Composed:
    return sql.SQL("COPY {} TO STDOUT").format(part.inserted_keys)


def _compose_no_conflict(part: Part) -> sql.SQL:
    return sql.SQL("" if part.facts.defers_unique else "ON CONFLICT DO NOTHING")


def _compose_copy(statement: sql.Composable) -> sql.Composed:
    return sql.SQL("COPY ({}) TO STDOUT").format(statement)


def _insert(part: Part, condition: sql.Composable, conflicts: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {sent} AS t "
        "WHERE {condition} {conflicts} RETURNING {key}"
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
    damaged = sql.SQL("EXISTS (SELECT FROM (SELECT s.*) AS damaged WHERE {})").format(compose_where(wish.damaged))
    return sql.SQL("({} OR {})").format(of_incident, damaged)


def count_overwritten(part: Part, wish: Wish) -> sql.Composed:
    return sql.SQL("SELECT count(*) FROM {} AS s JOIN {} AS t ON {} WHERE {} AND {}").format(
        part.facts.relation, part.sent, part.compose_same_key("s", "t"), compose_differing(part), is_overwritten(wish)
    )


def lock_differing(part: Part, wish: Wish) -> sql.Composed:
    """Locks the rows that are to be overwritten, and keeps them as they are."""
    return sql.SQL(
        "CREATE TEMPORARY TABLE {before} ON COMMIT DROP AS SELECT {columns} FROM {table} AS s JOIN {sent} AS t "
        "ON {match} WHERE {differs} AND {overwritten} FOR UPDATE OF s"
    ).format(
        before=sql.Identifier(f"rescue_{part.number}_before"),
        columns=names(part.columns, "s"),
        table=part.facts.relation,
        sent=part.sent,
        match=part.compose_same_key("s", "t"),
        differs=compose_differing(part),
        overwritten=is_overwritten(wish),
    )


def copy_locked(part: Part) -> sql.Composed:
    return sql.SQL("COPY {} TO STDOUT").format(part.locked)


def overwrite(part: Part) -> sql.Composed:
    """Gives the rows that were locked the candidate's values."""
    return _overwrite(part, EVERY)


def overwrite_possible(part: Part, foreign_keys: Sequence[ForeignKey]) -> sql.Composed:
    """Does it for the rows that no unique index and no foreign key refuses as the table is now. These are no longer
    among the locked ones; how many they were is the answer."""
    changing = set(part.changing) - set(part.key)
    conditions = [_compose_keeps_reference(part, key) for key in foreign_keys if changing & set(key.child_columns)]
    conditions += find_free(part, "t")
    return sql.SQL(
        "WITH written AS ({overwrite} RETURNING {key}) DELETE FROM {locked} AS b USING written AS w WHERE {match}"
    ).format(
        overwrite=_overwrite(part, sql.SQL(" AND ").join([EVERY, *conditions])),
        key=names(part.key, "s"),
        locked=part.locked,
        match=part.compose_same_key("b", "w"),
    )


def _overwrite(part: Part, condition: sql.Composable) -> sql.Composed:
    return sql.SQL("UPDATE {} AS s SET {} FROM {} AS t JOIN {} AS b ON {} WHERE {} AND {}").format(
        part.facts.relation,
        compose_assignments(part, "t"),
        part.sent,
        part.locked,
        part.compose_same_key("b", "t"),
        part.compose_same_key("s", "t"),
        condition,
    )


def _compose_keeps_reference(part: Part, foreign_key: ForeignKey) -> sql.Composed:
    """Whether the row that the overwritten one will refer to is there."""
    values = [sql.Identifier("t" if column in part.changing else "s", column) for column in foreign_key.child_columns]
    nothing = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(value) for value in values)
    return sql.SQL("({} OR EXISTS (SELECT FROM {} AS p WHERE {}))").format(
        nothing,
        foreign_key.parent.identifier,
        compose_equal_values("p", foreign_key.parent_columns, values, foreign_key.operators),
    )


def find_free(part: Part, alias: str) -> list[sql.Composed]:
    """Returns the conditions that no other row has the values of a unique index that `s` will have, whose overwritten
    columns are those of `alias`."""
    changing = set(part.changing) - set(part.key)
    return [_is_free(part, columns, alias) for columns in part.facts.unique if changing & set(columns)]


def _is_free(part: Part, columns: Sequence[str], alias: str) -> sql.Composed:
    values = [sql.Identifier(alias if column in part.changing else "s", column) for column in columns]
    return sql.SQL("NOT EXISTS (SELECT FROM {} AS o WHERE {} AND NOT ({}))").format(
        part.facts.relation,
        compose_equal_values("o", columns, values),
        part.compose_same_key("o", "s"),
    )


def read_locked_keys(part: Part) -> sql.Composed:
    """Reads the keys of the rows that are locked."""
    return sql.SQL("SELECT {} FROM {} AS t").format(compose_shown_key(part.key), part.locked)


def compose_assignments(part: Part, alias: str) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier(alias, column)) for column in part.changing
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
        "{name} AS sequence WHERE highest > last_value OR highest = last_value AND NOT is_called"
    ).format(literal=sql.Literal(sequence), column=sql.Identifier(column), sent=part.sent, name=name)


READ_COUNTER = "SELECT last_value FROM pg_sequences WHERE format('%%I.%%I', schemaname, sequencename) = %s"
"""Null where nobody has asked the sequence, or it may not be read (documentation, 53.18)."""


def follow(sequence: str, value: int) -> sql.Composed:
    """Sets a sequence to where the candidate's is, never back, whichever way it counts; answers as `move_ahead`."""
    return sql.SQL(
        "SELECT setval({literal}, {value}) FROM {name} AS own JOIN pg_sequence ON seqrelid = {literal}::regclass "
        "WHERE sign({value}::numeric - last_value) = sign(seqincrement) OR {value} = last_value AND NOT is_called"
    ).format(literal=sql.Literal(sequence), value=sql.Literal(value), name=sql.SQL(cast(LiteralString, sequence)))
