"""What the sandbox builds of Go: once, kept in the cache by the hash of its sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine import layout
from sandbox.machine.go_toolchain import ToolchainError, go

PROGRESS_SECONDS = 30.0


class BuildError(Exception):
    """The program can't be built here, with the compiler's last lines or what is missing."""


@dataclass(frozen=True)
class GoProgram:
    """A program of the sandbox whose sources are Go.

    `name`: how its file's name begins in the cache; `title`: what it is, for who waits for it; `sources`: the folder of
    its one module; `expected`: how long two cores take, as text.
    """

    name: str
    title: str
    sources: Path
    expected: str

    def ensure(self, say: Callable[[str], None] | None = None) -> Path:
        """Returns the program in the cache, built first where it is missing.

        Two builds never run at once: the second waits for the first and takes its result.
        Raises BuildError when there is no Go, no module proxy, or a compile error.
        """
        program = self.place(layout.cache())
        if not program.exists():
            program.parent.mkdir(parents=True, exist_ok=True)
            with locked(program.parent / f"{self.name}.lock"):
                if not program.exists():
                    self._build(program, say or to_stderr)
        return program

    def place(self, cache: Path) -> Path:
        """Returns where the program of the present sources lies, or will."""
        return cache / f"{self.name}-{fingerprint(self.sources)[:16]}"

    def _build(self, program: Path, say: Callable[[str], None]) -> None:
        try:
            compiler = go(program.parent, say)
        except ToolchainError as error:
            raise BuildError(str(error)) from error
        unfinished = program.with_name(f".{program.name}.{os.getpid()}")
        say(f"building {self.title} from source, once: {self.expected} expected")
        try:
            self._compile(compiler, unfinished, say)
            unfinished.rename(program)
        finally:
            unfinished.unlink(missing_ok=True)
        remove_older(program, self.name)

    def _compile(self, compiler: Path, output: Path, say: Callable[[str], None]) -> None:
        """Go's own caches stay the user's; only what changes the result is set here."""
        inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
        flags = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
        command = [compiler, "build", "-trimpath", "-ldflags=-s -w", "-o", output, "."]
        begun = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=self.sources,
            env={**inherited, **flags},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                errors = self._follow(process, begun, say)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise BuildError(f"go build ended with {process.returncode}:\n{errors.strip()[-2000:]}")
        say(f"built {self.title} in {time.monotonic() - begun:.0f} s")

    def _follow(self, process: subprocess.Popen[str], begun: float, say: Callable[[str], None]) -> str:
        while True:
            try:
                return process.communicate(timeout=PROGRESS_SECONDS)[1]
            except subprocess.TimeoutExpired:
                say(self.describe_progress(time.monotonic() - begun))

    def describe_progress(self, seconds: float) -> str:
        """Returns what who waits is told after so many seconds."""
        spent = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
        return f"building {self.title} from source, once: {spent} so far, {self.expected} expected"


def fingerprint(sources: Path) -> str:
    """Hash of all that decides what the binary does: the Go files, the pinned modules and the platform."""
    digest = hashlib.sha256(f"{sys.platform}/{platform.machine()}".encode())
    for file in sorted([*sources.glob("*.go"), sources / "go.mod", sources / "go.sum"]):
        content = file.read_bytes()
        digest.update(f"\n{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def remove_older(kept: Path, name: str, days: float = 14) -> None:
    """Programs of earlier sources go, unless used lately: another checkout may hold them still."""
    for file in kept.parent.glob(f"{name}-*"):
        if file != kept and time.time() - max(file.stat().st_atime, file.stat().st_mtime) > days * 86400:
            file.unlink(missing_ok=True)


@contextmanager
def locked(file: Path) -> Generator[None]:
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
