"""Rows that are loaded and not read leave the next reader each of their pages to change, and to write to WAL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from restore.dumps.connections import Session
from restore.dumps.load import hint_bits, ledger
from restore.dumps.load.hint_bits import Hints
from restore.dumps.model import Dump
from tests.support.dumps.dump_server import MASTER, DumpServer

TABLE = """
CREATE TABLE public."größe" (body text) WITH (autovacuum_enabled = off, fillfactor = 10);
GRANT ALL ON public."größe" TO {role}
"""
NAME = 'public."größe"'.encode()
ROWS = b"INSERT INTO %b SELECT repeat('x', 700) FROM generate_series(1, 700)" % NAME
"""A block each."""
DUMP = Dump("dumps", "hints.sql", 1, datetime(2026, 11, 29, tzinfo=UTC), "etag")


@pytest.fixture
def superuser(server: DumpServer, target: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """With a WAL writer that sleeps: an asynchronous commit stays unflushed until somebody waits for one."""
    with server.cluster.sql(target) as session:
        session.execute(sql.SQL(TABLE).format(role=sql.Identifier(MASTER)))
        session.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        session.execute("ALTER SYSTEM SET wal_writer_flush_after = '1GB'")
        session.execute("SELECT pg_reload_conf()")
        yield session
        session.execute("ALTER SYSTEM RESET wal_writer_delay")
        session.execute("ALTER SYSTEM RESET wal_writer_flush_after")
        session.execute("SELECT pg_reload_conf()")


@pytest.fixture
def loaders(
    server: DumpServer, target: str, superuser: psycopg.Connection[TupleRow]
) -> Iterator[tuple[Session, Session]]:
    """Two loading sessions at the beginning of a group of numbers, and a ledger."""
    settings = {"synchronous_commit": "off", "client_encoding": "SQL_ASCII"}
    with ExitStack() as stack:
        one, other = (stack.enter_context(closing(Session(server.target(target), settings))) for _ in range(2))
        superuser.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(*map(sql.Identifier, (target, MASTER))))
        ledger.begin(one, DUMP, 1, "", {}, "")
        while int(one.query("select pg_catalog.pg_current_xact_id()::text")[0][0]) % hint_bits.GROUP:
            pass
        yield one, other


def changed(session: psycopg.Connection[TupleRow], begin: int, end: int) -> int:
    """Pages that a reader of these blocks changes."""
    session.execute("CHECKPOINT")
    explain = 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT FROM public."größe" WHERE ctid >= {} AND ctid < {}'
    query = sql.SQL(explain).format(f"({begin},0)", f"({end},0)")
    plan = session.execute(query).fetchall()[0][0][0]["Plan"]
    assert plan["Actual Rows"] >= end - begin, "nothing was read"
    return plan["Shared Dirtied Blocks"]


def test_rows_read_after_their_commit_leave_no_page_to_change_for_the_next_reader(
    superuser: psycopg.Connection[TupleRow], loaders: tuple[Session, Session]
) -> None:
    """Though no commit waits for the disk, and the last one isn't there yet."""
    session, _ = loaders
    shared = Hints(sessions=1, resumed=False)
    for _ in range(4):
        shared.apart(session)
        session.run(ROWS)
        shared.committed(session, NAME)
        ledger.flush(session)
    assert changed(superuser, 0, 1400) == 0
    assert changed(superuser, 1400, 2800) == 1400, "the measure sees nothing"


def test_a_whole_table_takes_hints_though_another_session_goes_on_committing(
    superuser: psycopg.Connection[TupleRow], loaders: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, other = loaders
    flush = ledger.flush

    def flush_and_more(session: Session) -> None:
        flush(session)
        other.run(hint_bits.NUMBER)

    monkeypatch.setattr(ledger, "flush", flush_and_more)
    shared = Hints(sessions=2, resumed=False)
    session.run(ROWS)
    shared.completed(session, NAME)
    assert changed(superuser, 0, 700) == 0
