"""`up` and `down`: what runs is found, what is missing is started, what must end is proved to have ended."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from sandbox.cluster import operator_login
from sandbox.cluster.binary import binary
from sandbox.cluster.launcher import KubernetesCluster, owner, postgres_programs, processes
from sandbox.machine.layout import Layout
from sandbox.machine.processes import ProcessId, wait_until
from sandbox.runtime.supervisor import Record, launch

START_SECONDS = 90.0
DOWN_SECONDS = 60.0
PARTS = ("aws", "cluster")
Say = Callable[[str, float, str], None]


class SandboxError(Exception):
    """Something of the sandbox does not come up, or does not go away; says where to look."""


def start(layout: Layout, pace: float, say: Say) -> None:
    """AWS and the cluster, side by side; what runs already is left alone. Raises SandboxError."""
    program = binary(lambda message: say("cluster", 0.0, message))
    layout.root.mkdir(parents=True, exist_ok=True, mode=0o755)
    begun = time.monotonic()
    with locked(layout):
        supervise(layout, pace, program)
        waiting = {"aws": aws_ready, "cluster": cluster_ready}
        while waiting:
            for name in [name for name, ready in waiting.items() if ready(layout)]:
                del waiting[name]
                say(name, time.monotonic() - begun, endpoint(layout, name))
            missing(layout, list(waiting), begun + START_SECONDS)
            time.sleep(0.02)
        operator_login.write(layout)


def supervise(layout: Layout, pace: float, program: Path) -> None:
    """A living supervisor is asked to start what is missing; a dead one is replaced when its children are gone."""
    record = Record.read(layout)
    if record and (living := record.alive("supervisor")):
        for name in PARTS:
            if not answers(layout, name):
                end(record.alive(name), name)
        if not all(record.alive(name) for name in PARTS):
            living.signal(signal.SIGHUP)
            wait_until(lambda: rounds(layout) > record.rounds, 20, "the supervisor starting what is missing")
        return
    for name in PARTS if record else ():
        end(record.alive(name) if record else None, f"{name} of a dead supervisor")
    forget_readiness(layout)
    pid = launch(layout, pace, program, postgres_programs())
    wait_until(lambda: supervised_by(layout, pid), 20, f"the supervisor (see {layout.logs / 'supervisor.log'})")


def end(process: ProcessId | None, what: str) -> None:
    """SIGKILL, and waits until the process is gone."""
    if process:
        process.signal(signal.SIGKILL)
        wait_until(lambda: not process.alive, 10, f"{what} ended")


def rounds(layout: Layout) -> int:
    record = Record.read(layout)
    return record.rounds if record else 0


def supervised_by(layout: Layout, pid: int) -> bool:
    record = Record.read(layout)
    supervisor = record.alive("supervisor") if record else None
    return supervisor is not None and supervisor.pid == pid


def forget_readiness(layout: Layout) -> None:
    for file in (layout.aws / "ready.json", KubernetesCluster(layout).ready_file):
        file.unlink(missing_ok=True)


def missing(layout: Layout, waiting: list[str], deadline: float) -> None:
    """Raises SandboxError when something waited for can't come any more."""
    record = Record.read(layout)
    if waiting and time.monotonic() > deadline:
        raise SandboxError(f"not ready within {START_SECONDS:g} s: {', '.join(waiting)}; see {layout.logs}")
    if waiting and record and not record.alive("supervisor"):
        raise SandboxError(f"the supervisor ended; see {layout.logs / 'supervisor.log'}")
    for name in waiting:
        if record and name in record.ended:
            log = layout.logs / f"{name}.log"
            raise SandboxError(f"{name} ended while it was starting; see {log}:\n{tail(log)}")


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else ""


def aws_ready(layout: Layout) -> bool:
    return announced(layout.aws / "ready.json") is not None and answers(layout, "aws")


def cluster_ready(layout: Layout) -> bool:
    return announced(KubernetesCluster(layout).ready_file) is not None


def announced(file: Path) -> int | None:
    """The pid that a part wrote once it served, when that process still lives."""
    try:
        content: object = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    pid = content.get("pid") if isinstance(content, dict) else content  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return pid if isinstance(pid, int) and ProcessId.of(pid) else None


def answers(layout: Layout, name: str) -> bool:
    """Whether a part that runs still serves; one that has not announced itself yet is given its time."""
    if name == "cluster" or announced(layout.aws / "ready.json") is None:
        return True
    try:
        with urllib.request.urlopen(f"{layout.aws_endpoint}/_sandbox/health", timeout=10):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def endpoint(layout: Layout, name: str) -> str:
    return layout.aws_endpoint if name == "aws" else KubernetesCluster(layout).server


def stop(layout: Layout) -> list[str]:
    """Stops all of it; returns what was stopped. Raises SandboxError when something survives."""
    if not layout.root.exists():
        return []
    with locked(layout):
        record = Record.read(layout)
        living = {n: p for n, p in record.processes.items() if p.alive} if record else {}
        if supervisor := living.get("supervisor"):
            supervisor.signal(signal.SIGTERM)
        else:
            for process in living.values():
                process.signal(signal.SIGTERM)
        gone = lambda: not any(process.alive for process in living.values()) and not remains(layout)  # noqa: E731
        try:
            wait_until(gone, DOWN_SECONDS, "everything ended")
        except TimeoutError:
            stopped = kill_remains(layout, living)
            if stopped:
                raise SandboxError(f"still running after {DOWN_SECONDS:g} s and SIGKILL: pids {stopped}") from None
        forget_readiness(layout)
        return sorted(living)


def kill_remains(layout: Layout, living: dict[str, ProcessId]) -> list[int]:
    """SIGKILL for what is left; returns what even that did not end."""
    for process in living.values():
        process.signal(signal.SIGKILL)
    for pid in remains(layout):
        if remaining := ProcessId.of(pid):
            remaining.signal(signal.SIGKILL)
    try:
        wait_until(lambda: not remains(layout), 5, "killed")
    except TimeoutError:
        return remains(layout)
    return []


def remains(layout: Layout) -> list[int]:
    """Processes of this sandbox by what the kernel says of them: PostgreSQL servers and pods."""
    postgres = str(postgres_folder(layout))
    cluster = str(layout.cluster)
    return [pid for pid in processes() if owner(pid) == cluster or in_command_line(pid, postgres)]


def in_command_line(pid: int, folder: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return "postgres" in words[0] and any(word.startswith(folder + "/") for word in words[1:])


def postgres_folder(layout: Layout) -> Path:
    """Where this sandbox's clusters lie: in the state folder, or where the server's user can reach them."""
    from sandbox.postgres.host import location
    from sandbox.postgres.identity import Identity

    return location(layout, Identity.choose())


def purge(layout: Layout) -> None:
    """Removes all state of a stopped sandbox. Raises SandboxError for a folder that is none."""
    if not layout.root.exists():
        return
    if not layout.record.is_file() or layout.root in (Path.home().resolve(), Path("/")):
        raise SandboxError(f"{layout.root} is no sandbox (it has no {layout.record.name}): nothing removed")
    for folder in {postgres_folder(layout), layout.root}:
        shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None


@contextmanager
def locked(layout: Layout) -> Generator[None]:
    """One `up` or `down` at a time."""
    with (layout.root / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
