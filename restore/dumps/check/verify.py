"""Compares a loaded database with its dump: rows of each table, sequences, indexes and constraints.

It reads with the operator's login what a dump has made, and calls nothing of the dump's with its rights.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from restore.dumps.check.progress import EVERY
from restore.dumps.check.scan import scan as scan_dump
from restore.dumps.connections import LoadSession, build_failure
from restore.dumps.model import Dump, Options, ProgressCallback, Scan, TableCheck, TableRows, Verification
from restore.errors import Refused, TemporaryError
from validation.connect.target import Target

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SESSIONS = 2
TABLE_KINDS = ("r", "p")
COUNTING = (
    "create function pg_temp.rows() returns setof bigint language plpgsql security definer set search_path = '' as {}"
)
ABSENT = frozenset({"42P01", "3F000"})
ROWS_OF_THE_DUMP = """
select c.relkind::text, case c.relkind when 'p' then '' else 'only' end,
       coalesce((select e.extcondition[pg_catalog.array_position(e.extconfig, c.oid)]
                 from pg_catalog.pg_extension e where c.oid = any (e.extconfig)), ''),
       case when ours and c.relowner <> r.oid then o.rolname::text end,
       array_remove(array[
         case when ours and c.relforcerowsecurity
              then format('alter table %%s no force row level security', c.oid::regclass) end,
         case when ours and not pg_catalog.has_schema_privilege(o.oid, c.relnamespace, 'usage')
              then format('grant usage on schema %%s to %%I', c.relnamespace::regnamespace, o.rolname) end,
         case when ours and not pg_catalog.has_database_privilege(o.oid, pg_catalog.current_database(), 'temporary')
              then format('grant temporary on database %%I to %%I', pg_catalog.current_database(), o.rolname) end
       ], null)
from pg_catalog.pg_class c join pg_catalog.pg_roles o on o.oid = c.relowner
join pg_catalog.pg_roles r on r.rolname = current_user,
lateral (select pg_catalog.pg_has_role(r.oid, o.oid, 'USAGE')) as member (ours)
where c.oid = %s::regclass
"""
"""An extension's table holds rows that CREATE EXTENSION makes: which ones pg_dump takes is the extension's to say
(https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES).
"""
SEQUENCE = "select oid::regclass::text from pg_catalog.pg_class where oid = %s::regclass and relkind = 'S'"
INVALID_INDEXES = """
select c.oid::regclass::text from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
where not i.indisvalid and c.relkind = 'i' order by 1
"""
UNVALIDATED = """
select conname::text, coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text)
from pg_catalog.pg_constraint where not convalidated order by 1, 2
"""
NEVER_ANALYZED = """
select c.oid::regclass::text from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and c.reltuples < 0 and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1
"""


def verify(
    s3: S3Client,
    dump: Dump,
    target: Target,
    options: Options | None = None,
    *,
    scan: Scan | None = None,
    progress: ProgressCallback | None = None,
    stop: threading.Event | None = None,
) -> Verification:
    """Compares all rows, sequences, indexes and constraints of the target with the dump, which is read unless a `scan`
    of it is given. A difference is no error: see `passed`. Raises Refused for a dump with problems, PermanentError,
    TemporaryError."""
    expected = scan or scan_dump(s3, dump, options, progress=progress, stop=stop)
    if not expected.complete:
        raise Refused(expected.problems)
    sessions: list[LoadSession] = []
    try:
        with (
            _cancel_when_stopped(stop or threading.Event(), sessions, target),
            closing(_open_session(target)) as session,
        ):
            sessions.append(session)
            indexes = tuple(str(name) for (name,) in session.query(INVALID_INDEXES))
            constraints = _find_unvalidated(session, expected)
            sequences = _compare_sequences(session, expected)
            analyzed = tuple(str(name) for (name,) in session.query(NEVER_ANALYZED))
            tables = _check_tables(target, expected.tables, sessions)
        return Verification(
            tables=tables,
            invalid_indexes=indexes,
            unvalidated_constraints=constraints,
            sequences=sequences,
            checked_sequences=len(expected.sequences),
            never_analyzed=analyzed,
        )
    except psycopg.Error as error:
        raise build_failure(error, f"target {target}") from error


@contextmanager
def _cancel_when_stopped(stop: threading.Event, sessions: Sequence[LoadSession], target: Target) -> Generator[None]:
    """Ends what the sessions are at when stopped, again until they are: then TemporaryError is raised."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            for session in tuple(sessions) if stop.is_set() else ():
                session.cancel()

    watcher = threading.Thread(target=watch, daemon=True, name="verify-stop")
    watcher.start()
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        if stop.is_set():
            raise TemporaryError(f"stopped while comparing target {target} with its dump") from error
        raise
    finally:
        over.set()
        watcher.join()


def _open_session(target: Target) -> LoadSession:
    return LoadSession(target, {"search_path": "", "default_transaction_read_only": "on", "row_security": "off"})


def _find_unvalidated(session: LoadSession, expected: Scan) -> tuple[str, ...]:
    return tuple(f"{name} on {place}" for name, place in session.query(UNVALIDATED) if name not in expected.not_valid)


def _compare_sequences(session: LoadSession, expected: Scan) -> dict[str, tuple[int | None, int | None]]:
    """Those that differ. A sequence whose value wasn't handed out yet counts as one less."""
    different: dict[str, tuple[int | None, int | None]] = {}
    for name, position in expected.sequences.items():
        actual = _read_sequence(session, name)
        if actual != position:
            different[name] = (_find_last_value(position), _find_last_value(actual))
    return different


def _find_last_value(value: tuple[int, bool] | None) -> int | None:
    return None if value is None else value[0] if value[1] else value[0] - 1


def _read_sequence(session: LoadSession, name: str) -> tuple[int, bool] | None:
    """The name is that of a setval: as regclass reads it, quoted where needed."""
    try:
        rows = session.query(SEQUENCE, (name,))
        if not rows:
            return None
        row = session.connection.execute(b"select last_value, is_called from " + str(rows[0][0]).encode()).fetchone()
    except psycopg.Error as error:
        if error.sqlstate in ABSENT:
            return None
        raise
    return (int(row[0]), bool(row[1])) if row else None


def _check_tables(target: Target, tables: Sequence[TableRows], sessions: list[LoadSession]) -> tuple[TableCheck, ...]:
    """Counted by a few sessions in parallel, the largest first; they are added to `sessions`."""
    local = threading.local()

    def count(table: TableRows) -> TableCheck:
        if not hasattr(local, "session"):
            local.session = _open_session(target)
            sessions.append(local.session)
        return TableCheck(table.name, table.rows, _count_rows(local.session, table.name))

    try:
        with ThreadPoolExecutor(SESSIONS, "verify") as pool:
            return tuple(pool.map(count, tables))
    finally:
        for session in sessions:
            session.close()


def _count_rows(session: LoadSession, table: str) -> int | None:
    """None where there is no such table; a view of that name is none.

    The name is that of a COPY statement: checked, and quoted where needed.
    """
    try:
        kind, only, condition, owner, first = session.query(ROWS_OF_THE_DUMP, (table,))[0]
    except psycopg.Error as error:
        if error.sqlstate in ABSENT:
            return None
        raise
    if kind not in TABLE_KINDS:
        return None
    query = " ".join(("select count(*) from", only, table, condition))
    with session.connection.transaction(force_rollback=True):
        session.run(b"SET TRANSACTION READ WRITE")
        for statement in first:
            session.run(str(statement).encode())
        row = session.connection.execute(_count_as_owner(session, owner, query) if owner else query.encode()).fetchone()
        return int(row[0]) if row else 0


def _count_as_owner(session: LoadSession, owner: str, query: str) -> bytes:
    """The query as a temporary function of the table's owner, and a query that calls it.

    The planner calls functions of a table's indexes and statistics with the rights of whoever counts. A function that
    has its owner's rights can't come by its caller's.
    """
    body = sql.SQL("begin return query execute {}; end").format(sql.Literal(query)).as_string(session.connection)
    role, text = sql.Identifier(owner), sql.Literal(body)
    session.connection.execute(sql.SQL(COUNTING).format(text))
    session.connection.execute(sql.SQL("alter function pg_temp.rows() owner to {}").format(role))
    return b"select * from pg_temp.rows()"
