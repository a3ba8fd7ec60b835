"""What of a dump is loaded, in the target itself: each entry is committed together with what it stands for.

The schema `_restore` lives as long as a load. At its end a line in the database's comment says which dump it holds, so
that nothing is left in it that a dump or a comparison of schemas would see.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString

from psycopg import errors, sql

from restore.dumps.connections import LoadSession
from restore.dumps.load.server_objects import Objects
from restore.dumps.model import Dump
from restore.errors import PermanentError, Problem, Refused

LOCK = 7016996765293437281
MARK = "loaded by pulumi-restore: "
TABLES = (
    "create schema _restore",
    "create table _restore.load (one boolean primary key default true check (one), dump text not null,"
    " segment_bytes int not null, reader text not null, server jsonb not null,"
    " public_owner text not null,"
    " started timestamptz not null default pg_catalog.now())",
    'create table _restore.done (kind "char" not null, number int not null, start bigint not null,'
    " stop bigint not null, rows bigint not null, primary key (kind, number, start))",
    "create table _restore.refused (table_name text not null, line bigint not null, rows bigint not null,"
    " reason text not null)",
)
GRANTS = (
    "grant usage on schema _restore to {}",
    "grant insert, select, update (stop, rows) on _restore.done to {}",
    "grant insert on _restore.refused to {}",
)
"""What the load's own role needs: to add entries."""
STATEMENT, COPY, TASK, INSERT = "s", "c", "t", "i"


@dataclass
class Done:
    """What earlier attempts did, and this one so far."""

    segment_bytes: int
    resumed: bool
    statements: set[int] = field(default_factory=set[int])
    tasks: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """Number of the statement, and step."""
    copies: dict[int, dict[int, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    """Block of the dump: start of the bytes loaded: their end, and rows."""

    inserted: int = 0
    """Number of the last INSERT: they run one after the other."""
    inserted_rows: int = 0

    def is_loaded(self, block: int, at: int) -> bool:
        """Tells whether the piece that begins at byte `at` of this block is loaded."""
        ranges = self.copies.get(block, {})
        return at in ranges or any(start <= at < stop for start, (stop, _) in ranges.items())


def try_lock(session: LoadSession) -> bool:
    """Takes the loader's lock in this database for the session's life; False where another session has it."""
    return bool(session.query("select pg_catalog.pg_try_advisory_lock(%s)", (LOCK,))[0][0])


def read_mark(session: LoadSession) -> dict[str, Any] | None:
    """Returns what a finished load left here, its dump among it; None where there is no such mark."""
    lines = _comment(session).splitlines()
    entry = next((line for line in lines if line.startswith(MARK)), None)
    try:
        return json.loads(entry.removeprefix(MARK)) if entry else None
    except ValueError:
        return None  # written by somebody else: the target's content decides


def _comment(session: LoadSession) -> str:
    rows = session.query(
        "select coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '') from pg_catalog.pg_database"
        " where datname = pg_catalog.current_database()"
    )
    return str(rows[0][0])


def exists(session: LoadSession) -> bool:
    """Tells whether this login made one: another's could be a trap."""
    query: LiteralString = (
        "select count(*) from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass('_restore.done')"
        " and c.relkind = 'r' and pg_catalog.pg_get_userbyid(c.relowner) = current_user"
    )
    return bool(session.query(query)[0][0])


def begin(
    session: LoadSession, dump: Dump, segment_bytes: int, reader: str, server: Objects, public_owner: str
) -> Done:
    """Begins a new ledger. `reader`: the program that reads the dump; another would cut it in other pieces."""
    with session.transaction():
        for statement in TABLES:
            session.run(statement.encode())
        session.query(
            "insert into _restore.load (dump, segment_bytes, reader, server, public_owner) values (%s, %s, %s, %s, %s)",
            (dump.identity, segment_bytes, reader, json.dumps(dict(server)), public_owner),
        )
    return Done(segment_bytes, resumed=False)


def admit(session: LoadSession, role: str) -> None:
    """Lets the load's own role add entries."""
    for grant in GRANTS:
        session.connection.execute(sql.SQL(grant).format(sql.Identifier(role)))


def read_server(session: LoadSession) -> Objects:
    """Returns what the server had before the first statement of the dump."""
    return dict(session.query("select server from _restore.load")[0][0])


def read_public_owner(session: LoadSession) -> str:
    """Returns who gets the schema `public` at the end."""
    return str(session.query("select public_owner from _restore.load")[0][0])


def set_public_owner(session: LoadSession, name: str) -> None:
    """Keeps who gets the schema `public` at the end."""
    session.query("update _restore.load set public_owner = %s", (name,))


def set_server(session: LoadSession, objects: Objects) -> None:
    """Keeps what the server has besides the database, in place of what was kept before."""
    session.query("update _restore.load set server = %s", (json.dumps(dict(objects)),))


def read(session: LoadSession, dump: Dump, reader: str) -> Done:
    """Returns an earlier attempt's ledger. Raises Refused when that was of another dump."""
    identity, segment_bytes, earlier_reader = session.query("select dump, segment_bytes, reader from _restore.load")[0]
    if (identity, earlier_reader) != (dump.identity, reader):
        raise Refused(
            [_build_another(session, f"{identity}, read by {earlier_reader}", f"{dump.identity}, read by {reader}")]
        )
    done = Done(int(segment_bytes), resumed=True)
    for kind, number, start, stop, rows in session.query(
        "select kind::text, number, start, stop, rows from _restore.done"
    ):
        if kind == COPY:
            done.copies[number][start] = (stop, rows)
        elif kind == TASK:
            done.tasks.add((number, start))
        elif kind == INSERT:
            done.inserted, done.inserted_rows = int(stop), int(rows)
        else:
            done.statements.add(number)
    return done


def _build_another(session: LoadSession, found: str, needed: str) -> Problem:
    fix = 'docs/dumps.md, "A dump by hand": load that dump to its end, or start with an empty database'
    return Problem(f"target {session.target}", f"an unfinished load of {found}", needed, fix)


def note_statements(session: LoadSession, numbers: Iterable[int]) -> None:
    """Notes statements as done, within the transaction that ran them."""
    session.query(
        "insert into _restore.done select 's', number, 0, 0, 0 from pg_catalog.unnest(%s::int[]) as number",
        (list(numbers),),
    )


def note_task(session: LoadSession, number: int, step: int) -> None:
    """Notes one step of a task as done: `number` is that of its statement."""
    session.query("insert into _restore.done values ('t', %s, %s, 0, 0)", (number, step))


def note_inserts(session: LoadSession, last: int, rows: int) -> None:
    """Notes all INSERTs up to number `last` as done, and their rows."""
    session.query(
        "insert into _restore.done values ('i', 0, 0, %s, %s)"
        " on conflict (kind, number, start) do update set stop = excluded.stop, rows = excluded.rows",
        (last, rows),
    )


def note_copy(session: LoadSession, block: int, start: int, stop: int, rows: int) -> None:
    """Notes the bytes from `start` to before `stop` of a COPY's data as loaded, within the transaction that loaded
    them."""
    session.query("insert into _restore.done values ('c', %s, %s, %s, %s)", (block, start, stop, rows))


def note_refused_rows(session: LoadSession, table: str, rows: Iterable[tuple[int, int, str]]) -> None:
    """Notes rows that the server refused, within the transaction that loaded those around them: each with its line,
    their number and the reason."""
    for line, count, reason in rows:
        session.query("insert into _restore.refused values (%s, %s, %s, %s)", (table, line, count, reason))


def read_refused_rows(session: LoadSession) -> list[tuple[str, int, int, str]]:
    """Returns what earlier attempts noted: table, line, number of rows and reason. The load's own role could write
    there, so it is one line each."""
    rows = session.query("select table_name, line, rows, reason from _restore.refused")
    return [(shorten(table), int(line), int(count), shorten(reason)) for table, line, count, reason in rows]


def shorten(text: object) -> str:
    """Returns a text on one line, its first 500 letters."""
    return " ".join(str(text).split())[:500]


def finish(
    session: LoadSession, mark: Callable[[], Mapping[str, Any]], before: Callable[[], None], after: Callable[[], None]
) -> None:
    """Leaves the mark in place of the ledger, durably, together with what is to be run before and after that."""
    (database,) = session.query("select pg_catalog.current_database()")[0]
    others = [line for line in _comment(session).splitlines() if not line.startswith(MARK)]
    session.query("set synchronous_commit to on")
    with session.transaction():
        before()
        session.query("drop schema _restore cascade")
        after()
        text = "\n".join((*others, MARK + json.dumps(mark())))
        statement = sql.SQL("comment on database {} is {}").format(sql.Identifier(database), sql.Literal(text))
        session.connection.execute(statement)


def run_in_any_order(session: LoadSession, statements: list[bytes]) -> None:
    """Runs statements until none is left. A table becomes unlogged only after those that refer to it: what fails is
    tried again after the others. Raises InvalidTableDefinition when none succeeds any more."""
    while statements:
        failed: list[bytes] = []
        for statement in statements:
            try:
                with session.transaction():
                    session.run(statement)
            except errors.InvalidTableDefinition:
                if len(statements) == len(failed) + 1:
                    raise
                failed.append(statement)
        statements = failed


def refuse_other(session: LoadSession, loaded: dict[str, Any], dump: Dump) -> None:
    """Raises PermanentError unless the finished load was of the same dump."""
    if loaded.get("dump") == dump.identity:
        return
    fix = 'docs/dumps.md, "A dump by hand": load into an empty database; this one is left as it is'
    raise PermanentError.of(
        Problem(f"target {session.target}", f"a finished load of {loaded.get('dump')}", dump.identity, fix)
    )
