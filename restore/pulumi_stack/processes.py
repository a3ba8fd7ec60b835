"""The end of a Pulumi command whose caller was interrupted: what it still does must not outlive what comes next."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
PATIENCE = (2.0, 60.0, 10.0)
"""Seconds to end by itself (a terminal's Ctrl-C reaches it too), after SIGINT, and after a second one, with which
Pulumi gives up what is going on."""
PAUSE_SECONDS = 0.1


def list_children() -> list[int]:
    """Returns the processes that this one has started and that run; none where the system doesn't tell them."""
    files = (PROC / "self" / "task").glob("*/children")
    pids = [int(word) for file in files for word in _read(file).split()]
    return [pid for pid in pids if is_running(pid)]


def is_running(pid: int) -> bool:
    """Tells whether a process is more than the entry of one that has ended (state Z in proc(5), "stat")."""
    _, _, rest = _read(PROC / str(pid) / "stat").rpartition(") ")
    return bool(rest) and not rest.startswith("Z")


def _read(file: Path) -> str:
    with suppress(OSError):
        return file.read_text()
    return ""


def end_children(
    pids: Iterable[int],
    *,
    patience: tuple[float, ...] = PATIENCE,
    send: Callable[[int, int], None] = os.kill,
    running: Callable[[int], bool] = is_running,
) -> None:
    """Has these processes end: they get time, then SIGINT after each part of it, and SIGKILL at last."""
    left = list(pids)
    for seconds, number in zip(patience, (*[signal.SIGINT] * (len(patience) - 1), signal.SIGKILL), strict=True):
        left = _wait(left, seconds, running)
        for pid in left:
            with suppress(ProcessLookupError):
                send(pid, number)


def _wait(pids: list[int], seconds: float, running: Callable[[int], bool]) -> list[int]:
    """Returns those that still run then."""
    until = time.monotonic() + seconds
    while (left := [pid for pid in pids if running(pid)]) and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
    return left
