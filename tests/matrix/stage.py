"""One restore on a worker's sandbox: its project behind the wire, its commands, and the processes of these."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.matrix.reader import Reader
from tests.matrix.wire import Wire
from tests.support.sandbox.harness import Project, Run, Sandbox, command_lines, working_folder

COMMAND_SECONDS = 180.0
MOMENT_SECONDS = 90.0
EVIDENCE_BUCKET = "ghost-protocol-sandbox-evidence"
UP = ("pulumi", "up", "--yes", "--skip-preview")


@dataclass(frozen=True)
class Disk:
    """A small file system of its own for state or evidence; `fill` leaves no byte free."""

    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Writes until there is no space, in blocks and then byte by byte."""
        handle = os.open(self.filler, os.O_WRONLY | os.O_CREAT)
        try:
            for size in (1 << 20, 4096, 1):
                fill_by(handle, size)
        finally:
            os.close(handle)

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)


def fill_by(handle: int, size: int) -> None:
    try:
        while True:
            os.write(handle, b"x" * size)
    except OSError:
        return


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Generator[Disk | None]:
    """A tmpfs; None where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    try:
        yield Disk(folder) if done else None
    finally:
        if done:
            subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@dataclass(frozen=True)
class Stage:
    """A restore that is being played; `dump_key` is set with method dump."""

    sandbox: Sandbox
    wire: Wire
    project: Project
    reader: Reader
    disks: dict[str, Disk]
    dump_key: str = ""

    @property
    def candidate(self) -> str:
        return f"{names.INSTANCE}-{self.reader.restore_id}"

    def is_name_held(self) -> bool:
        """Whether an instance has production's identifier."""
        return names.INSTANCE in self.sandbox.instances()

    @property
    def id(self) -> str:
        return self.reader.restore_id

    def set(self, **values: Any) -> None:
        """Changes keys of the program in the stack's file, as an editor does."""
        self.project.edit(lambda config: config.update({f"restore:{key}": value for key, value in values.items()}))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return self.project.start(*words)

    def wait(self, process: subprocess.Popen[str]) -> Run:
        """How it ended. Raises TimeoutError, after killing it, for one that doesn't end."""
        try:
            return Run(process.wait(COMMAND_SECONDS), self.project.output)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            said = self.project.output[-1500:]
            raise TimeoutError(f"still running after {COMMAND_SECONDS:g} s; it said last:\n{said}") from None

    def run(self, *words: str) -> Run:
        return self.wait(self.start(*words))

    def engine(self, process: subprocess.Popen[str]) -> int:
        """The pid of the Pulumi CLI: the command itself, or its child."""
        for pid in (process.pid, *descendants(process.pid)):
            if is_update(command_lines().get(pid, "").split("\0")):
                return pid
        return process.pid

    def program(self) -> int:
        pid = self.project.program()
        assert pid is not None, "no program runs"
        return pid

    def worker(self, name: str, process: subprocess.Popen[str]) -> int | None:
        """A program of that name that works for the command: a plugin, pg_restore."""
        lines = command_lines()
        return next((pid for pid in descendants(process.pid) if name in lines.get(pid, "")), None)

    def wait_for(self, holds: Callable[[], bool], what: str, process: subprocess.Popen[str]) -> bool:
        """False when the command ended before."""
        wait_until(lambda: holds() or process.poll() is not None, MOMENT_SECONDS, what, 0.02)
        return holds()


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, left = list[int](), [pid]
    while left:
        new = children.get(left.pop(), [])
        found += new
        left += new
    return found


def engines(folder: Path) -> list[int]:
    """Updates that run in a project's folder, such as one whose `rollback` was killed."""
    lines = command_lines()
    return [pid for pid in lines if is_update(lines[pid].split("\0")) and working_folder(pid) == folder]


def is_update(words: list[str]) -> bool:
    return any(word.rpartition("/")[2] == "pulumi" for word in words[:3]) and "up" in words
