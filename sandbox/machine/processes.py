"""Child processes that die with their parent, and processes known by pid and start time."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1


def dies_with_parent(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn` that has the kernel send `number` to the child when the thread that started it ends (Linux).

    The signal follows the starting THREAD (prctl(2)): start children from a thread that lives as long as the process.
    """
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)

    def set_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))

    return set_signal


@dataclass(frozen=True)
class ProcessId:
    """A process by pid and start time: a pid used again by another process is not taken for it."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        started = start_time(pid)
        return cls(pid, started) if started else None

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)


def start_time(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (clock ticks after boot), or None when there is no such live process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def wait_until(holds: Callable[[], bool], seconds: float, what: str, every: float = 0.02) -> None:
    """Polls until `holds()`; raises TimeoutError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
