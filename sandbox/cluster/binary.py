"""The cluster binary: built once from sandbox/cluster/go, kept in the cache by the hash of its sources."""

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
from pathlib import Path

from sandbox.cluster.toolchain import ToolchainError, go
from sandbox.machine import layout

SOURCES = Path(__file__).resolve().parent / "go"
PROGRESS_SECONDS = 30.0


class BuildError(Exception):
    """The binary can't be built here, with the compiler's last lines or what is missing."""


def binary(say: Callable[[str], None] | None = None) -> Path:
    """The binary in the cache, built first where it is missing (5-10 minutes on 2 cores, 600 MB of modules).

    Two builds never run at once: the second waits for the first and takes its result.
    Raises BuildError when there is no Go, no module proxy, or a compile error.
    """
    program = built(layout.cache())
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with locked(program.parent / "kube.lock"):
            if not program.exists():
                build(program, say or to_stderr)
    return program


def built(cache: Path) -> Path:
    """Where the binary of the present sources lies, or will."""
    return cache / f"kube-{fingerprint(SOURCES)[:16]}"


def fingerprint(sources: Path) -> str:
    """Hash of all that decides what the binary does: the Go files, the pinned modules and the platform."""
    digest = hashlib.sha256(f"{sys.platform}/{platform.machine()}".encode())
    for file in sorted([*sources.glob("*.go"), sources / "go.mod", sources / "go.sum"]):
        content = file.read_bytes()
        digest.update(f"\n{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def build(program: Path, say: Callable[[str], None]) -> None:
    try:
        compiler = go(program.parent, say)
    except ToolchainError as error:
        raise BuildError(str(error)) from error
    unfinished = program.with_name(f".{program.name}.{os.getpid()}")
    say("building Kubernetes from source, once: 5-10 min expected")
    try:
        compiled(compiler, unfinished, say)
        unfinished.rename(program)
    finally:
        unfinished.unlink(missing_ok=True)
    remove_older(program)


def compiled(compiler: Path, output: Path, say: Callable[[str], None]) -> None:
    """Go's own caches stay the user's; only what changes the result is set here."""
    inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    environment = {**inherited, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    command = [compiler, "build", "-trimpath", "-ldflags=-s -w", "-o", output, "."]
    begun = time.monotonic()
    with subprocess.Popen(
        command, cwd=SOURCES, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            errors = followed(process, begun, say)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise BuildError(f"go build ended with {process.returncode}:\n{errors.strip()[-2000:]}")
    say(f"built Kubernetes in {time.monotonic() - begun:.0f} s")


def followed(process: subprocess.Popen[str], begun: float, say: Callable[[str], None]) -> str:
    while True:
        try:
            return process.communicate(timeout=PROGRESS_SECONDS)[1]
        except subprocess.TimeoutExpired:
            say(progress(time.monotonic() - begun))


def progress(seconds: float) -> str:
    spent = f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
    return f"building Kubernetes from source, once: {spent} so far, 5-10 min expected"


def remove_older(kept: Path, days: float = 14) -> None:
    """Binaries of earlier sources go, unless used lately: another checkout may hold them still."""
    for file in kept.parent.glob("kube-*"):
        if file != kept and time.time() - max(file.stat().st_atime, file.stat().st_mtime) > days * 86400:
            file.unlink(missing_ok=True)


@contextmanager
def locked(file: Path) -> Generator[None]:
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
