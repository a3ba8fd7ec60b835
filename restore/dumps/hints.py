"""Hint bits: rows are read once soon after they are loaded, so that no later reader has to mark them.

The first reader of a row notes in it that its transaction is committed. Where that is a page's first change since a
checkpoint, the whole page goes to WAL (data checksums, which RDS has on), and the page is written once more. Done
before the next checkpoint it saves a fifth of a load's WAL (bench/dumps). PostgreSQL sets no hint before the commit
is flushed, and of asynchronous commits not before some later ones are: so these rows' commits wait for the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from psycopg import pq

from restore.dumps.sessions import Session

LEAST_BLOCKS = 512
"""To be read at once."""
TID_RANGE_SCANS = 140000
"""server_version_num of the first that finds a range of ctid without reading the whole table."""
BLOCKS = b"select pg_catalog.pg_relation_size(%b) / pg_catalog.current_setting('block_size')::int"


@dataclass
class Fresh:
    """One table's blocks whose rows nobody has read yet. Pure."""

    sessions: int
    """That load it: rows that are not committed yet may lie before the last so many commits' ends of the table."""
    begin: int | None = 0
    """Blocks before it are read. None: an earlier attempt's are left alone, they end where this one's begin."""
    _ends: deque[int] = field(default_factory=deque[int])

    def committed(self, end: int) -> range:
        """The blocks to read now, after a commit with which the table had `end` blocks."""
        self._ends.append(end)
        return self._until(end, self._ends.popleft() if len(self._ends) > self.sessions else 0)

    def completed(self, end: int) -> range:
        """The blocks to read now that all its rows are committed, in `end` blocks."""
        return self._until(end, end)

    def _until(self, end: int, settled: int) -> range:
        begin = end if self.begin is None else self.begin
        self.begin = settled if settled - begin >= LEAST_BLOCKS else begin
        return range(begin, self.begin)


class Hints:
    """What the loading sessions share. Methods raise psycopg.Error."""

    def __init__(self, sessions: int, *, resumed: bool) -> None:
        self._sessions, self._resumed = sessions, resumed
        self._lock = threading.Lock()
        self._tables: dict[bytes, Fresh] = {}

    def committed(self, session: Session, table: bytes) -> None:
        """Reads the table's rows that can take hints, after this session committed some."""
        self._read(session, table, Fresh.committed)

    def completed(self, session: Session, table: bytes) -> None:
        """Reads what is left of a table when all its rows are committed."""
        self._read(session, table, Fresh.completed)

    def _read(self, session: Session, table: bytes, asked: Callable[[Fresh, int], range]) -> None:
        if session.connection.info.server_version < TID_RANGE_SCANS:
            return
        name = pq.Escaping(session.connection.pgconn).escape_literal(table)  # bytes, whatever the dump's encoding
        end = int(session.connection.execute(BLOCKS % name).fetchall()[0][0])
        with self._lock:
            fresh = self._tables.setdefault(table, Fresh(self._sessions, None if self._resumed else 0))
            todo = asked(fresh, end)
        if todo:
            within = b"ctid >= '(%d,0)' AND ctid < '(%d,0)'" % (todo.start, todo.stop)
            session.run(b"SELECT pg_catalog.count(*) FROM ONLY %b WHERE %b" % (table, within))
