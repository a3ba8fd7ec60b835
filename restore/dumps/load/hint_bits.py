"""Hint bits: rows are read once soon after they are loaded, so that no later reader has to mark them.

The first reader of a row notes in it that its transaction is committed. Where that is a page's first change since a
checkpoint, the whole page goes to WAL (data checksums, which RDS has on), and the page is written once more. Done
before the next checkpoint it saves a tenth to two fifths of a load's WAL, as checkpoints fall (bench/dumps).

Commits needn't wait for the disk for it, but PostgreSQL sets no hint before a commit is flushed, and of asynchronous
commits it keeps only the last one's place in WAL for each 32 numbers of transactions (CLOG_XACTS_PER_LSN_GROUP in its
clog.c): with each new commit among them it would have to wait again. So each transaction of rows takes a number apart
from others' (a TB takes 4 of the 2,000 million), and its rows are read when WAL is flushed behind its commit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from psycopg import pq

from restore.dumps.connections import Session
from restore.dumps.load import ledger

LEAST_BLOCKS = 512
"""To be read at once."""
TID_RANGE_SCANS = 140000
"""server_version_num of the first that finds a range of ctid without reading the whole table."""
GROUP = 32
"""Transactions that share a place in WAL."""
NUMBER = b"SELECT pg_catalog.pg_current_xact_id()"
PASS_OVER = b";".join([b"BEGIN; %b; COMMIT" % NUMBER] * GROUP)
STATE = (
    b"select pg_catalog.pg_relation_size(%b) / pg_catalog.current_setting('block_size')::int,"
    b" pg_catalog.pg_current_wal_insert_lsn() - '0/0', pg_catalog.pg_current_wal_flush_lsn() - '0/0'"
)


@dataclass(frozen=True)
class State:
    """A table's blocks, and where in WAL the server is, in bytes."""

    end: int
    written: int
    flushed: int


@dataclass
class NewInstance:
    """One table's blocks whose rows nobody has read yet. Pure."""

    sessions: int
    """That load it: rows that are not committed yet may lie before the last so many commits' ends of the table."""
    begin: int | None = 0
    """Blocks before it are read. None: an earlier attempt's are left alone, they end where this one's begin."""
    _commits: deque[State] = field(default_factory=deque[State])

    def committed(self, now: State) -> range:
        """The blocks to read after a commit."""
        settled = 0
        self._commits.append(now)
        while len(self._commits) > self.sessions and self._commits[self.sessions].written <= now.flushed:
            settled = self._commits.popleft().end
        return self._until(settled, now)

    def completed(self, now: State) -> range:
        """The blocks to read when all its rows are committed."""
        return self._until(now.end, now)

    def _until(self, settled: int, now: State) -> range:
        begin = now.end if self.begin is None else self.begin
        self.begin = settled if settled - begin >= LEAST_BLOCKS else begin
        return range(begin, self.begin)


class Hints:
    """What the loading sessions share. Methods raise psycopg.Error."""

    def __init__(self, sessions: int, *, resumed: bool) -> None:
        self._sessions, self._resumed = sessions, resumed
        self._lock = threading.Lock()
        self._tables: dict[bytes, NewInstance] = {}

    def apart(self, session: Session) -> None:
        """The session's next transaction takes a number of another group than those before."""
        if _able(session):
            session.script(PASS_OVER)

    def committed(self, session: Session, table: bytes) -> None:
        """Reads the table's rows that can take hints, after this session committed some."""
        _read(session, table, self._unread(session, table, NewInstance.committed))

    def completed(self, session: Session, table: bytes) -> None:
        """Reads what is left of a table when all its rows are committed."""
        blocks = self._unread(session, table, NewInstance.completed)
        if blocks:
            self.apart(session)  # no later commit shares a place with those that are flushed now
            ledger.flush(session)
        _read(session, table, blocks)

    def _unread(self, session: Session, table: bytes, asked: Callable[[NewInstance, State], range]) -> range:
        if not _able(session):
            return range(0)
        now = _state(session, table)
        with self._lock:
            return asked(self._tables.setdefault(table, NewInstance(self._sessions, None if self._resumed else 0)), now)


def _able(session: Session) -> bool:
    return session.connection.info.server_version >= TID_RANGE_SCANS


def _state(session: Session, table: bytes) -> State:
    name = pq.Escaping(session.connection.pgconn).escape_literal(table)  # bytes, whatever the dump's encoding
    return State(*map(int, session.connection.execute(STATE % name).fetchall()[0]))


def _read(session: Session, table: bytes, blocks: range) -> None:
    if blocks:
        within = b"ctid >= '(%d,0)' AND ctid < '(%d,0)'" % (blocks.start, blocks.stop)
        session.run(b"SELECT pg_catalog.count(*) FROM ONLY %b WHERE %b" % (table, within))
