"""Looks what is missing or differs, and brings it back in one transaction of the database that serves."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

import psycopg
from psycopg import sql

from restore.errors import Problem, Refused
from restore.postgres.connection import Connection
from restore.rescue import statements
from restore.rescue.catalog import read_search_path
from restore.rescue.failures import translate_errors
from restore.rescue.members import Member, Rescue
from restore.rescue.model import Done, ForeignKey, Found, Trigger, Wish, Writer
from restore.rescue.statements import Part
from restore.rescue.transfer import RowsToFile, prepare
from restore.rescue.undo import UndoFile
from validation.expectations.table_names import Table

LOCK_TIMEOUT = "10s"
"""A row or table that somebody else has locked is waited for so long; the applications' own waits count as theirs."""

WORK_MEM = "64MB"


def look(source: Connection, candidate: Connection, wish: Wish) -> tuple[Found, ...]:
    """Returns what is missing or differs; writes nothing but temporary tables, which it drops.

    Raises Refused for what can't be rescued at all.
    """
    for connection in (source, candidate):
        prepare(connection)
    with translate_errors(), candidate.transaction(), source.transaction(force_rollback=True):
        rescue = Rescue.begin(source, candidate)
        members = rescue.send_members(wish)
        found = [_find(source, member, wish) for member in members]
        if found[-1].lost:
            found += [_find(source, member, wish) for member in rescue.send_children(members[-1])]
        return tuple(one for one in found if not one.why or one.lost or one.different)


def _find(source: Connection, member: Member, wish: Wish) -> Found:
    part = member.part
    lost = _read_number(source, statements.count_lost(part))
    row = source.execute("SELECT current_setting('track_commit_timestamp')::bool").fetchone()
    rows = source.execute(statements.read_writers_of_differing(part, times=bool(row and row[0]))).fetchall()
    writers = tuple(Writer(transaction, rows, committed) for transaction, rows, committed in rows)
    examples = source.execute(statements.read_example_keys(part)).fetchall() if lost or writers else []
    overwritten = _read_number(source, statements.count_overwritten(part, _narrow_wish(member, wish))) if writers else 0
    return Found(
        part.table, member.sent, lost, writers, tuple(str(key) for (key,) in examples), overwritten, member.why
    )


def _narrow_wish(member: Member, wish: Wish) -> Wish:
    """What is wished of this table: of another than the one asked for, nothing by a condition on its columns; and of a
    table that is only referred to, no row that is there already."""
    if not member.why:
        return wish
    if member.is_child:
        return replace(wish, damaged="")
    return replace(wish, damaged="", written_by=(), overwrite=False)


def apply(
    source: Connection, candidate: Connection, wish: Wish, undo: Path, title: str, say: Callable[[str], object]
) -> tuple[Done, ...]:
    """Brings back what the wish says, all of it or nothing; `undo` is a new file for the script that takes it back.

    Raises Refused, TemporaryError where others hold a lock, PermanentError where the source refuses a row.
    """

    def collect(rescue: Rescue) -> list[Member]:
        members = rescue.send_members(wish, only_missing=not wish.overwrites)
        return [*members, *rescue.send_children(members[-1])] if wish.with_children else members

    return bring_back(source, candidate, wish, collect, undo, title, say)


Collect = Callable[[Rescue], Sequence[Member]]
"""Sends the rows that are looked at, and says in which order they are inserted."""


def bring_back(
    source: Connection,
    candidate: Connection,
    wish: Wish,
    collect: Collect,
    undo: Path,
    title: str,
    say: Callable[[str], object],
) -> tuple[Done, ...]:
    """Does what `apply` does, of the members that are collected. Raises as it does."""
    for connection in (source, candidate):
        prepare(connection)
    with translate_errors():
        try:
            return _bring_back(source, candidate, wish, collect, UndoFile(undo, title), only_possible=False)
        except (psycopg.errors.ForeignKeyViolation, psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation):
            say("the source's constraints refuse some rows: once more, without these")
            return _bring_back(source, candidate, wish, collect, UndoFile(undo, title), only_possible=True)


def _bring_back(
    source: Connection, candidate: Connection, wish: Wish, collect: Collect, undo: UndoFile, *, only_possible: bool
) -> tuple[Done, ...]:
    with candidate.transaction(), source.transaction(), undo:
        try:
            source.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL work_mem = '{WORK_MEM}'")
            source.execute("SET CONSTRAINTS ALL DEFERRED")
            rescue = Rescue.begin(source, candidate)
            done: tuple[Done, ...] = ()
            if members := collect(rescue):
                search_path = read_search_path(source, members[-1].part.facts.owner)
                done = _write(_Writing(rescue, undo, search_path, only_possible), members, wish)
                undo.finish(search_path)
        except BaseException:
            undo.discard()
            raise
        if not any(one.inserted or one.overwritten for one in done):
            undo.discard()
        return done


@dataclass(frozen=True)
class _Writing:
    """`only_possible`: whether rows that a constraint would refuse are left out."""

    rescue: Rescue
    undo: UndoFile
    search_path: str
    only_possible: bool
    together: bool = False
    """Whether the rows of all tables are inserted by one statement."""

    @contextmanager
    def act_as_applications(self) -> Generator[None]:
        """Lets functions of triggers, constraints and generated columns find what they name without a schema."""
        source = self.rescue.source
        source.execute("SELECT set_config('search_path', %s, true)", [self.search_path])
        yield
        source.execute("SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)")


def _write(writing: _Writing, members: Sequence[Member], wish: Wish) -> tuple[Done, ...]:
    source = writing.rescue.source
    silenced = () if wish.fire_triggers else _list_triggers(members)
    for trigger in silenced:
        source.execute(statements.disable(trigger))
    writing.undo.add_triggers(silenced)
    row = source.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
    assert row is not None
    writer = replace(writing, together=not writing.only_possible and is_in_circle(members, writing.rescue.foreign_keys))
    if writer.together:
        _insert_together(writer, [member.part for member in members])
    done = tuple(_write_part(writer, member, wish, row[0]) for member in members)
    with writing.act_as_applications():
        source.execute("SET CONSTRAINTS ALL IMMEDIATE")  # also fires what is pending: no ALTER TABLE before that
    for trigger in silenced:
        source.execute(statements.enable(trigger))
    return _group_by_table(done)


def _group_by_table(done: Sequence[Done]) -> tuple[Done, ...]:
    """One for each table: rows of some were brought back in parts, as asked for and as others refer to them."""
    tables: dict[Table, Done] = {}
    for one in done:
        other = tables.get(one.table)
        tables[one.table] = one if other is None else _add(other, one)
    return tuple(tables.values())


def _add(one: Done, other: Done) -> Done:
    return Done(
        one.table,
        one.inserted + other.inserted,
        one.overwritten + other.overwritten,
        one.kept + other.kept,
        tuple(dict.fromkeys((*one.sequences, *other.sequences))),
        one.key,
        (*one.kept_keys, *other.kept_keys),
    )


def _write_part(writing: _Writing, member: Member, wish: Wish, transaction: str) -> Done:
    """What is missing comes first: a row that is overwritten may refer to it."""
    part = member.part
    inserted = _insert(writing, part, transaction)
    overwritten = 0
    overwrites = bool(_narrow_wish(member, wish).overwrites and part.changing)
    if overwrites:
        overwritten = _overwrite(writing, part, _narrow_wish(member, wish), transaction)
    if overwritten and writing.only_possible:
        inserted += _insert(writing, part, transaction)  # those for which overwritten rows had to make room
    sequences = _move_sequences(writing.rescue, part) if inserted else ()
    kept = _read_kept(writing, part, overwrites=overwrites)
    return Done(part.table, inserted, overwritten, len(kept), sequences, part.key, tuple(kept))


def _read_kept(writing: _Writing, part: Part, *, overwrites: bool) -> list[str]:
    """The keys of rows that could not be written."""
    asked = [statements.read_lost_keys(part)] if writing.only_possible or writing.together else []
    asked += [statements.read_locked_keys(part)] if writing.only_possible and overwrites else []
    return [str(key) for statement in asked for (key,) in writing.rescue.source.execute(statement).fetchall()]


def _insert(writing: _Writing, part: Part, transaction: str) -> int:
    rescue = writing.rescue
    if writing.together:
        statement = statements.copy_keys(part)
    elif writing.only_possible:
        statement = statements.insert_possible(part, _list_own_keys(rescue, part))
    else:
        statement = statements.insert_lost(part)
    with writing.act_as_applications():
        rows = RowsToFile(rescue.source, statement)
        return writing.undo.add_inserted(part, rescue.foreign_keys, transaction, rows)


def is_in_circle(members: Sequence[Member], foreign_keys: Sequence[ForeignKey]) -> bool:
    """Tells whether a table is written before one that its rows refer to. Pure."""
    tables = [member.part.table for member in members]
    return any(
        foreign_key.child != foreign_key.parent
        and foreign_key.parent in tables[place + 1 :]
        and foreign_key.parent not in tables[:place]
        for place, table in enumerate(tables)
        for foreign_key in foreign_keys
        if foreign_key.child == table
    )


def _insert_together(writing: _Writing, parts: Sequence[Part]) -> None:
    source = writing.rescue.source
    for part in parts:
        source.execute(statements.make_keys(part))
    with writing.act_as_applications():
        source.execute(statements.insert_together(parts))


def _list_own_keys(rescue: Rescue, part: Part) -> list[ForeignKey]:
    return [foreign_key for foreign_key in rescue.foreign_keys if foreign_key.child == part.table]


def _overwrite(writing: _Writing, part: Part, wish: Wish, transaction: str) -> int:
    """Of rows that are to have each other's values, one makes room for the next."""
    source = writing.rescue.source
    source.execute(statements.lock_differing(part, wish))
    writing.undo.add_overwritten(part, transaction, RowsToFile(source, statements.copy_locked(part)))
    with writing.act_as_applications():
        if not writing.only_possible:
            return source.execute(statements.overwrite(part)).rowcount
        statement = statements.overwrite_possible(part, _list_own_keys(writing.rescue, part))
        return sum(takewhile(bool, (source.execute(statement).rowcount for _ in range(statements.PASSES))))


def _list_triggers(members: Sequence[Member]) -> tuple[Trigger, ...]:
    """The triggers that must not fire. Raises Refused where the operator may not say so."""
    problems = [
        Problem(
            f"table {member.part.table}",
            f"its triggers ({', '.join(trigger.name for trigger in member.part.facts.triggers)}) would fire, and only "
            f"its owner {member.part.facts.owner} can disable them",
            "a login that is a member of the owner, or leave to fire them",
            f"python -m restore rescue --table {member.part.table} --fire-triggers (or docs/rescue.md)",
        )
        for member in members
        if member.part.facts.triggers and not member.part.facts.may_alter
    ]
    if problems:
        raise Refused(problems)
    return tuple(dict.fromkeys(trigger for member in members for trigger in member.part.facts.triggers))


def _move_sequences(rescue: Rescue, part: Part) -> tuple[str, ...]:
    """Past what was inserted, and past what the candidate has given out. Returns the sequences that were moved."""
    moves = [
        (sequence, statements.move_ahead(part, column, sequence))
        for column, sequence in part.facts.sequences
        if column in part.columns
    ]
    for sequence in part.facts.counters:
        row = rescue.candidate.execute(statements.READ_COUNTER, [sequence]).fetchone()
        if row and row[0] is not None:
            moves.append((sequence, statements.follow(sequence, row[0])))
    moved = [sequence for sequence, move in moves if rescue.source.execute(move).fetchone()]
    return tuple(dict.fromkeys(moved))


def _read_number(source: Connection, statement: sql.Composed) -> int:
    row = source.execute(statement).fetchone()
    assert row is not None
    return int(row[0])
