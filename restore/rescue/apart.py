"""Sets apart what must not be carried: rows of the candidate whose key the source has written after the recovery point.

The source's row stays. Two rows that are new on both sides have one key by chance (a sequence that went back gives out
its numbers again), so what refers to the candidate's row must not end at the source's: it is set apart too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from psycopg import sql

from restore.rescue import statements
from restore.rescue.history import add_unfinished, find_history
from restore.rescue.members import Member, Rescue
from restore.rescue.model import Apart, ForeignKey, Reason
from restore.rescue.statements import Part, compose_both, compose_differing, compose_equal, compose_missing, names
from validation.expectations.table_names import Table

COUNTED = ("smallint", "integer", "bigint", "numeric")
"""Types of keys that are given out in order: one that is within those of the recovery point is of a row of then."""
CREATED = ("created_at", "createdat", "inserted_at", "created", "creation_time")
"""A row that has the same moment here on both sides is one row."""
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
"""A key that no two rows get by chance."""


def set_apart(rescue: Rescue, members: Sequence[Member], old: sql.Composable) -> tuple[Apart, ...]:
    """Moves rows that must not be carried out of what was sent; returns their keys. Nobody else writes to the tables
    until the transaction ends.

    Args:
        rescue: the databases, and the transaction.
        members: what was sent.
        old: a condition for rows of the candidate from before the switch.
    """
    parts = [member.part for member in members]
    for part in parts:
        rescue.source.execute(_compose_lock(part))
        rescue.source.execute(_make_apart(part))
    _set_conflicts_apart(rescue, [member.part for member in members if not member.why], old)
    for member in members:
        _set_taken_apart(rescue, member)
    _set_referring_apart(rescue, parts)
    return _list_apart(rescue, parts)


# Rows that both sides have


def _set_conflicts_apart(rescue: Rescue, parts: Sequence[Part], old: sql.Composable) -> None:
    conflicting = [part for part in parts if _has_conflict(rescue, part)]
    history = find_history(rescue, parts, old) if conflicting else None
    for part in conflicting:
        same = _compose_same_row(rescue, part, old)
        if history is None:
            _move(rescue, part, _compose_conflict(part), sql.Literal(Reason.UNKNOWN), same)
            continue
        other = Reason.NEW if _is_counted(rescue, part) else Reason.EITHER
        reason = sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(
            same, sql.Literal(Reason.CHANGED), sql.Literal(other)
        )
        later = add_unfinished(rescue, history, part).is_later()
        _move(rescue, part, compose_both(_compose_conflict(part), later), reason, same)


def _compose_conflict(part: Part) -> sql.Composed:
    return sql.SQL("{} AND {}").format(part.compose_same_key("s", "t"), compose_differing(part))


def _has_conflict(rescue: Rescue, part: Part) -> bool:
    asked = sql.SQL("SELECT EXISTS (SELECT FROM {} AS s JOIN {} AS t ON {})").format(
        part.facts.relation, part.sent, _compose_conflict(part)
    )
    row = rescue.source.execute(asked).fetchone()
    return bool(row and row[0])


def _is_counted(rescue: Rescue, part: Part) -> bool:
    return len(part.key) == 1 and rescue.there[part.table].columns[part.key[0]] in COUNTED


def _compose_same_row(rescue: Rescue, part: Part, old: sql.Composable) -> sql.Composable:
    """A condition that proves that `s` and `t` come from one row of the recovery point, and don't have their key by
    chance."""
    types = rescue.there[part.table].columns
    proofs: list[sql.Composable] = [
        compose_equal("s", [column], "t", [column])
        for column in part.columns
        if column.lower() in CREATED and types[column].startswith("timestamp")
    ]
    if _is_counted(rescue, part):
        proofs.append(_compose_within_keys(rescue, part, old))
    elif len(part.key) == 1:
        proofs.append(sql.SQL("{}::text ~* {}").format(sql.Identifier("t", part.key[0]), sql.Literal(UUID)))
    return sql.SQL("({})").format(sql.SQL(" OR ").join([*proofs, sql.SQL("false")]))


def _compose_within_keys(rescue: Rescue, part: Part, old: sql.Composable) -> sql.Composed:
    """Numbers are given out upwards from 0, and downwards below it."""
    column = sql.Identifier("t", part.key[0])
    asked = sql.SQL("SELECT least(min({key}), 0), max({key}) FROM {} AS t WHERE {}").format(
        rescue.there[part.table].relation, old, key=column
    )
    row = rescue.candidate.execute(asked).fetchone()
    assert row is not None
    return sql.SQL("{} BETWEEN {} AND {}").format(column, *(sql.Literal(bound) for bound in row))


# Rows that the source can't take


def _set_taken_apart(rescue: Rescue, member: Member) -> None:
    """Of a table that is only referred to, rows that the source has are not written."""
    part = member.part
    overwritten = sql.SQL("EXISTS (SELECT FROM {} AS o WHERE {})").format(part.sent, part.compose_same_key("o", "s"))
    free = compose_missing(part) if member.why else sql.SQL("NOT {}").format(overwritten)
    for columns in part.facts.unique:
        if set(columns) != set(part.key) and set(columns) <= set(part.columns):
            taken = sql.SQL("{} AND NOT ({}) AND {}").format(
                compose_equal("s", columns, "t", columns), part.compose_same_key("s", "t"), free
            )
            _move(rescue, part, taken, sql.Literal(Reason.UNIQUE), sql.SQL("NOT {}").format(compose_missing(part)))


def _set_referring_apart(rescue: Rescue, parts: Sequence[Part]) -> None:
    """Follows references from row to row until none is left to a row that was set apart."""
    links = [
        (child, foreign_key, parent)
        for foreign_key, child, parent in product(rescue.foreign_keys, parts, parts)
        if (foreign_key.child, foreign_key.parent) == (child.table, parent.table)
    ]
    while any([rescue.source.execute(_compose_move_referring(*link)).rowcount for link in links]):  # noqa: C419 - each of them
        pass


def _compose_move_referring(child: Part, foreign_key: ForeignKey, parent: Part) -> sql.Composed:
    return sql.SQL(
        "WITH moved AS (DELETE FROM {sent} AS t WHERE EXISTS "
        "(SELECT FROM {parent} AS p WHERE p.rescue_other AND {refers}) RETURNING t.*) "
        "INSERT INTO {apart} SELECT {reason}, {missing}, t.* FROM moved AS t"
    ).format(
        sent=child.sent,
        parent=_name_apart(parent),
        refers=compose_equal("p", foreign_key.parent_columns, "t", foreign_key.child_columns, foreign_key.operators),
        apart=_name_apart(child),
        reason=sql.Literal(Reason.REFERS),
        missing=compose_missing(child),
    )


# The tables of what is set apart


def _name_apart(part: Part) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"rescue_{part.number}_apart")


def _make_apart(part: Part) -> sql.Composed:
    """`rescue_other`: whether the source has no row of this key, or another one by chance."""
    return sql.SQL(
        "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT ''::text AS rescue_reason, false AS rescue_other, t.* "
        "FROM {} AS t WITH NO DATA"
    ).format(sql.Identifier(f"rescue_{part.number}_apart"), part.sent)


def _compose_lock(part: Part) -> sql.Composed:
    """Keeps other writers out (documentation, 13.3.1), not readers."""
    return sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(part.table.identifier)


def _move(rescue: Rescue, part: Part, condition: sql.Composable, reason: sql.Composable, same: sql.Composable) -> None:
    statement = sql.SQL(
        "WITH moved AS (DELETE FROM {sent} AS t USING {table} AS s WHERE {condition} "
        "RETURNING {reason}, ({same}) IS NOT TRUE, t.*) INSERT INTO {apart} SELECT * FROM moved"
    )
    rescue.source.execute(
        statement.format(
            sent=part.sent,
            table=part.facts.relation,
            condition=condition,
            reason=reason,
            same=same,
            apart=_name_apart(part),
        )
    )


def _list_apart(rescue: Rescue, parts: Sequence[Part]) -> tuple[Apart, ...]:
    reasons: dict[tuple[Table, str], Reason] = {}
    for part in parts:
        asked = sql.SQL("SELECT rescue_reason, {} FROM {} AS t ORDER BY {}").format(
            statements.compose_shown_key(part.key), _name_apart(part), names(part.key, "t")
        )
        for reason, key in rescue.source.execute(asked).fetchall():
            reasons.setdefault((part.table, str(key)), Reason(reason))
    groups: dict[tuple[Table, Reason], list[str]] = {}
    for (table, key), reason in reasons.items():
        groups.setdefault((table, reason), []).append(key)
    columns = {part.table: part.key for part in parts}
    return tuple(Apart(table, reason, columns[table], tuple(keys)) for (table, reason), keys in groups.items())
