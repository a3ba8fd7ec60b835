"""Rows that are loaded and not read leave the next reader each of their pages to change, and to write to WAL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from dump_server import MASTER, DumpServer
from psycopg import sql
from psycopg.rows import TupleRow

from restore.dumps.hints import Hints
from restore.dumps.sessions import Session

TABLE = """
CREATE TABLE public."größe" (body text) WITH (autovacuum_enabled = off, fillfactor = 10);
GRANT ALL ON public."größe" TO {role}
"""
NAME = 'public."größe"'.encode()
ROWS = b"INSERT INTO %b SELECT repeat('x', 700) FROM generate_series(1, 700)" % NAME
"""A block each."""


@pytest.fixture
def superuser(server: DumpServer, target: str) -> Iterator[psycopg.Connection[TupleRow]]:
    with server.cluster.sql(target) as session:
        session.execute(sql.SQL(TABLE).format(role=sql.Identifier(MASTER)))
        yield session


def changed(session: psycopg.Connection[TupleRow], begin: int, end: int) -> int:
    """Pages that a reader of these blocks changes."""
    session.execute("CHECKPOINT")
    explain = 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT FROM public."größe" WHERE ctid >= {} AND ctid < {}'
    query = sql.SQL(explain).format(f"({begin},0)", f"({end},0)")
    plan = session.execute(query).fetchall()[0][0][0]["Plan"]
    assert plan["Actual Rows"] >= end - begin, "nothing was read"
    return plan["Shared Dirtied Blocks"]


def test_rows_read_after_their_commit_leave_no_page_to_change_for_the_next_reader(
    server: DumpServer, target: str, superuser: psycopg.Connection[TupleRow]
) -> None:
    hints = Hints(sessions=1, resumed=False)
    with closing(Session(server.target(target), {"synchronous_commit": "on"})) as session:
        session.run(b"SET client_encoding = 'SQL_ASCII'")
        for _ in range(3):
            session.run(ROWS)
            hints.committed(session, NAME)
        assert changed(superuser, 0, 1400) == 0
        assert changed(superuser, 1400, 2100) == 700, "the measure sees nothing"
        session.run(ROWS)
        hints.completed(session, NAME)
    assert changed(superuser, 2100, 2800) == 0
