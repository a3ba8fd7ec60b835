"""A directory-format dump for pg_restore without a copy on disk: its large files are pipes that S3 flows through."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from restore.dumps.model import MIB, Dump, DumpPart
from restore.dumps.read import table_of_contents
from restore.dumps.read.s3_stream import RangedObject
from restore.errors import PermanentError, Problem, TemporaryError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENDINGS = ("", ".gz", ".lz4", ".zst")
LARGEST_CONTENTS = 64 * MIB
AHEAD = 4
"""Files whose beginnings are fetched before their turn."""
STEP = 256 << 10
POLL = 0.002
TOC = "toc.dat"


class Folder:
    """A temporary folder with the tables of contents as files and all others as pipes. Close it to remove it."""

    def __init__(self, s3: S3Client, dump: Dump, stop: threading.Event) -> None:
        self._s3, self._dump, self._stop = s3, dump, stop
        self._parts = {part.name: part for part in dump.parts}
        self._finished = 0
        self._current: RangedObject | None = None
        self.database = ""
        self.path = Path(tempfile.mkdtemp(prefix="dump-"))
        try:
            self._order = list(self._make())
        except BaseException:
            self.close()
            raise

    @property
    def bytes_read(self) -> int:
        current = self._current
        return self._finished + (current.bytes_read if current else 0)

    def _make(self) -> Iterator[tuple[Path, DumpPart]]:
        """The pipes in the order in which pg_restore opens them."""
        toc = table_of_contents.read(self._read_file(TOC), f"{self._dump.url}{TOC}")
        self.database = toc.database
        for name in toc.files:
            if not name.endswith(".toc"):
                yield self._make_pipe(name)
                continue
            for blob in table_of_contents.read_blob_list(self._read_file(name), f"{self._dump.url}{name}"):
                yield self._make_pipe(blob)

    def _read_file(self, name: str) -> bytes:
        part = self._find_part(name)
        if part.size > LARGEST_CONTENTS:
            raise PermanentError(f"{self._dump.url}{name}: {part.size} bytes, more than a table of contents can have")
        with closing(self._open(part)) as source:
            data = b"".join(iter(lambda: bytes(source.read_chunk(STEP)), b""))
        (self.path / part.name).write_bytes(data)
        self._finished += part.size
        return data

    def _make_pipe(self, name: str) -> tuple[Path, DumpPart]:
        part = self._find_part(name)
        os.mkfifo(self.path / part.name, 0o600)
        return self.path / part.name, part

    def _find_part(self, name: str) -> DumpPart:
        for ending in ENDINGS:
            if name + ending in self._parts:
                return self._parts[name + ending]
        fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
        raise PermanentError.of(Problem(f"dump {self._dump.url}", f"no {name}", "every file that toc.dat names", fix))

    def _open(self, part: DumpPart) -> RangedObject:
        return RangedObject(self._s3, self._dump.bucket, part.key, part.size, part.etag, part.version_id)

    def feed(self, process: subprocess.Popen[bytes]) -> None:
        """Fills the pipes one after the other. Raises PermanentError for one that pg_restore doesn't open, and what
        reading the dump raises."""
        assert process.stdin is not None
        process.stdin.close()
        ahead: deque[RangedObject] = deque()
        waiting = deque(self._order)
        opened = iter(self._order)
        try:
            while waiting:
                while len(ahead) < AHEAD and (following := next(opened, None)):
                    ahead.append(self._open(following[1]))
                    ahead[-1].begin()
                path, part = waiting.popleft()
                self._current = ahead.popleft()
                self._fill(path, self._current, process)
                self._current = None
                self._finished += part.size
        finally:
            for source in (*ahead, self._current):
                if source is not None:
                    source.close()

    def _fill(self, path: Path, source: RangedObject, process: subprocess.Popen[bytes]) -> None:
        with closing(source), open(self._open_writer(path, process), "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
            while data := source.read_chunk(STEP):
                while data:
                    data = data[pipe.write(data) :]

    def _open_writer(self, path: Path, process: subprocess.Popen[bytes]) -> int:
        """Opens a pipe once somebody reads it."""
        while True:
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                if process.poll() is not None:
                    raise BrokenPipeError(f"pg_restore ended before it read {path.name}") from error
                if self._stop.wait(POLL):
                    raise TemporaryError("stopped while reading the dump") from error
            else:
                os.set_blocking(descriptor, True)
                return descriptor

    def close(self) -> None:
        """Removes the folder with its pipes."""
        shutil.rmtree(self.path, ignore_errors=True)
