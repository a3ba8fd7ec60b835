"""Hint bits: rows are read once soon after they are loaded, so that no later reader has to mark them.

The first reader of a row notes in it that its transaction is committed. Where that is a page's first change since a
checkpoint, the whole page goes to WAL (data checksums, which RDS has on), and the page is written once more. Done
before the next checkpoint it saves a fifth of a load's WAL (bench/dumps). PostgreSQL sets no hint before the commit
is flushed, and of asynchronous commits not before some later ones are: so these rows' commits wait for the disk.
"""

from __future__ import annotations

import threading
from collections import deque
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
    _read: int | None = None
    """Blocks before it are read."""
    _ends: deque[int] = field(default_factory=deque[int])

    def committed(self, end: int) -> range:
        """The blocks to read now, after a commit with which the table had `end` blocks.

        What an earlier attempt loaded is left alone.
        """
        if self._read is None:
            self._read = end
        self._ends.append(end)
        begin = self._read
        if len(self._ends) > self.sessions and (settled := self._ends.popleft()) - begin >= LEAST_BLOCKS:
            self._read = settled
        return range(begin, self._read)


class Hints:
    """What the loading sessions share."""

    def __init__(self, sessions: int) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._tables: dict[bytes, Fresh] = {}

    def committed(self, session: Session, table: bytes) -> None:
        """Reads the table's rows that can take hints, after this session committed some. Raises psycopg.Error."""
        if session.connection.info.server_version < TID_RANGE_SCANS:
            return
        name = pq.Escaping(session.connection.pgconn).escape_literal(table)  # bytes, whatever the dump's encoding
        end = int(session.connection.execute(BLOCKS % name).fetchall()[0][0])
        with self._lock:
            todo = self._tables.setdefault(table, Fresh(self._sessions)).committed(end)
        if todo:
            within = b"ctid >= '(%d,0)' AND ctid < '(%d,0)'" % (todo.start, todo.stop)
            session.run(b"SELECT pg_catalog.count(*) FROM ONLY %b WHERE %b" % (table, within))
