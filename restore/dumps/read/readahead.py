"""A stream read ahead by a thread: inflating and searching take a processor each."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from restore.dumps.model import MIB
from restore.dumps.sql.splitter import Stream

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = MIB
CHUNKS = 4


class Ahead:
    """Holds at most CHUNKS + 2 chunks. Close it before the stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._filled: queue.Queue[memoryview | BaseException] = queue.Queue(CHUNKS)
        self._current = memoryview(b"")
        self._over = False
        """The end was reached: it may be asked for again, and the thread has gone."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True, name="read-ahead")
        self._thread.start()

    def _read(self) -> None:
        try:
            while not self._ended.is_set():
                buffer = bytearray(CHUNK)
                count = self._stream.readinto(buffer) or 0
                self._put(memoryview(buffer)[:count])
                if not count:
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised where the stream is read
            self._put(error)

    def _put(self, item: memoryview | BaseException) -> None:
        while not self._ended.is_set():
            try:
                self._filled.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills a buffer and returns the number of bytes; 0 at the end. Raises what reading ahead raised."""
        view = memoryview(buffer).cast("B")
        if not self._current and not self._over:
            item = self._filled.get()
            if isinstance(item, BaseException):
                self._over = True
                raise item
            self._current, self._over = item, not item
        count = min(len(view), len(self._current))
        view[:count], self._current = self._current[:count], self._current[count:]
        return count

    def close(self) -> None:
        """Ends reading ahead; what was read and not taken is dropped."""
        self._ended.set()
        self._thread.join()
