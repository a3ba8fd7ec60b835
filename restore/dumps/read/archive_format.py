"""pg_dump's archive formats, turned into SQL text by pg_restore itself.

pg_restore gets the archive through a pipe and has no connection: it writes the script that it would run, with what
depends on what in comments (--verbose), and the loader treats that as it treats any plain dump. So nothing of an
archive is run that isn't on the list, rows are loaded in parallel and exactly once, and no copy of the dump is on any
disk.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from restore.dumps.model import MIB, Format
from restore.dumps.read.decompress import Source
from restore.dumps.read.table_of_contents import MAGIC
from restore.errors import PermanentError, Problem, RestoreError, TemporaryError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TAR_MAGIC, TAR_AT = b"ustar", 257
PROGRAM = "pg_restore"
MOST_WORDS = 4096
"""Most bytes kept of pg_restore's messages: the last, as it ends with its first error."""
TROUBLE = re.compile(rb"^pg_restore: (?:error|fatal|detail|hint|warning): .*$", re.MULTILINE)
"""Its other messages tell what it is at."""
STEP = 256 << 10
F_SETPIPE_SZ = 1031
FIRST_READERS = {(1, 15): 16, (1, 16): 17}
"""Versions of the archive's format, and the major version of the first pg_restore that reads each (PostgreSQL's source,
src/bin/pg_dump/pg_backup_archiver.h, K_VERS_1_15 and K_VERS_1_16); older ones are read by all."""
TOO_NEW = b"unsupported version"
"""What pg_restore says of the header of an archive that is newer than itself."""
FIX = 'docs/dumps.md, "A dump by hand": install the client programs of PostgreSQL, or --pg-restore PATH'
MAJOR = re.compile(r"\d+")


def detect_format(head: bytes) -> Format | None:
    """Returns the archive format by a file's first bytes (tar's magic stands at 257); None for text."""
    if head.startswith(MAGIC):
        return Format.CUSTOM
    return Format.TAR if head[TAR_AT : TAR_AT + len(TAR_MAGIC)] == TAR_MAGIC else None


def find_program(path: str | None) -> str:
    """Returns the path of pg_restore. Raises PermanentError where there is none."""
    executable = shutil.which(path or PROGRAM)
    if executable is None:
        needed = "pg_restore, of the dump's major version or a newer one"
        raise PermanentError.of(Problem("archive format", f"no {path or PROGRAM} on PATH", needed, FIX))
    return executable


def check_program(version: tuple[int, int], path: str | None = None) -> None:
    """Raises PermanentError where there is no pg_restore, or one that is older than an archive of that format's
    version."""
    program = read_program_version(find_program(path))
    major = MAJOR.search(program)
    oldest = max((reader for archive, reader in FIRST_READERS.items() if archive <= version), default=0)
    if major and int(major[0]) < oldest:
        raise PermanentError.of(_build_too_old(program, f"of version {oldest} or later", version))


def _build_too_old(program: str, needed: str, version: tuple[int, int] | None = None) -> Problem:
    archive = f"archive version {version[0]}.{version[1]}" if version else "this archive"
    return Problem("archive format", f"{program}, which can't read {archive}", f"pg_restore {needed}", FIX)


def read_program_version(path: str) -> str:
    """Returns what pg_restore at that path says of itself: `pg_restore (PostgreSQL) 17.10`."""
    process = subprocess.run([path, "--version"], capture_output=True, text=True, env=build_environment(), check=False)
    return process.stdout.strip() or "pg_restore"


def build_environment() -> dict[str, str]:
    """Returns the environment of pg_restore: no PG* variable that could lead to a server, no secret."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def build_death_prefix() -> list[str]:
    """Returns a prefix that ends the program with its parent, where the machine has one (setpriv --pdeathsig of
    util-linux): it could wait for pipes for ever."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


Feed = Callable[["subprocess.Popen[bytes]"], None]


def pipe_archive(source: Source, stop: threading.Event) -> Feed:
    """Returns what feeds an archive of one stream to the process's standard input. It raises what reading the archive
    raises."""

    def feed(process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with process.stdin:
            while (data := source.read_chunk(STEP)) and not stop.is_set():
                process.stdin.write(data)

    return feed


class Converted(io.RawIOBase):
    """The SQL text of an archive that is read from its beginning to its end."""

    def __init__(self, arguments: list[str], feed: Feed, path: str | None, subject: str, stop: threading.Event) -> None:
        """`feed` gives the archive to the running process, in a thread of its own."""
        executable = find_program(path)
        self.program = read_program_version(executable)
        self._give, self._subject, self._stop = feed, subject, stop
        self._failure: RestoreError | None = None
        self._words = bytearray()
        self._process = subprocess.Popen(
            [*build_death_prefix(), executable, "--verbose", "--file=-", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=build_environment(),
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout
        _widen(self._output.fileno())
        self._threads = [threading.Thread(target=job, daemon=True) for job in (self._feed, self._listen)]
        for thread in self._threads:
            thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills a buffer with SQL text from the program and returns the number of bytes; 0 at the end. Raises
        PermanentError when the program failed, and what reading the archive raised."""
        count = os.readv(self._output.fileno(), [buffer])
        if count == 0:
            self._check_end()
        return count

    def _feed(self) -> None:
        try:
            self._give(self._process)
        except BrokenPipeError:
            return  # pg_restore ended: its exit code says why
        except RestoreError as error:
            self._failure = error
            self._process.kill()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        while data := os.read(self._process.stderr.fileno(), MOST_WORDS):
            self._words = (self._words + data)[-MOST_WORDS:]

    def _check_end(self) -> None:
        """Raises for an archive that wasn't read to its end without an error."""
        code = self._process.wait(60)
        for thread in self._threads:
            thread.join(60)
        if self._failure is not None:
            raise self._failure
        if self._stop.is_set():
            raise TemporaryError("stopped while reading the dump")
        if code != 0:
            raise PermanentError.of(self._build_failed(code))

    def _build_failed(self, code: int) -> Problem:
        if TOO_NEW in self._words:
            return _build_too_old(self.program, "of the dump's major version or a newer one")
        troubles = b" ".join(TROUBLE.findall(self._words)) or self._words
        words = " ".join(troubles.decode(errors="replace").split()) or f"exit code {code}"
        fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
        return Problem(f"dump {self._subject}", f"{self.program}: {words[:500]}", "an archive that it can read", fix)

    def close(self) -> None:
        """Ends the program, whether it is done or not."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._output, self._process.stderr):
            if pipe is not None:
                pipe.close()
        super().close()


def _widen(pipe: int) -> None:
    """A wider pipe means fewer switches; where it can't be had the narrow one does."""
    try:
        fcntl.fcntl(pipe, F_SETPIPE_SZ, MIB)
    except OSError:
        return
