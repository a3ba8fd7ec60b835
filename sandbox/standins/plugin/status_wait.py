"""Waiting for a status as the Terraform SDK does: its end states, its error texts, but polling fast."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.standins.plugin.interface import CallRefused

POLL_SECONDS = (0.1, 0.1, 0.2, 0.3, 0.5)
NOT_FOUND_CHECKS = 20


@dataclass(frozen=True)
class Wait:
    """Which statuses go on, which end the wait well (none: the object must vanish), and for how many seconds.

    A target counts after it was seen `occurrences` times in a row, as the provider demands.
    """

    pending: frozenset[str]
    target: tuple[str, ...]
    timeout: float
    occurrences: int = 1


def wait_for(status: Callable[[], str | None], wait: Wait, cancelled: threading.Event) -> None:
    """Returns when the target is reached; raises Refusal with the Terraform SDK's text otherwise."""
    end = time.monotonic() + wait.timeout
    seen, missing, polls, last = 0, 0, 0, ""
    while True:
        present = status()
        missing = missing + 1 if present is None else 0
        if _ended(present, missing, wait):
            return
        seen = seen + 1 if present in wait.target else 0
        if seen >= wait.occurrences:
            return
        last = present or last
        if time.monotonic() > end:
            raise CallRefused(timeout_text(wait, last))
        if cancelled.wait(POLL_SECONDS[min(polls, len(POLL_SECONDS) - 1)]):
            raise CallRefused("context canceled")
        polls += 1


def _ended(present: str | None, missing: int, wait: Wait) -> bool:
    """Whether the object vanished as wanted; raises when it vanished or changed as nobody wanted."""
    if present is None:
        if wait.target and missing > NOT_FOUND_CHECKS:
            raise CallRefused(f"couldn't find resource ({missing} retries)")
        return not wait.target
    if present not in wait.pending and present not in wait.target:
        targets = ", ".join(wait.target)
        raise CallRefused(f"unexpected state '{present}', wanted target '{targets}'. last error: %!s(<nil>)")
    return False


def timeout_text(wait: Wait, last: str) -> str:
    goal = f"state to become '{', '.join(wait.target)}'" if wait.target else "resource to be gone"
    state = f"last state: '{last}', " if last else ""
    return f"timeout while waiting for {goal} ({state}timeout: {go_duration(wait.timeout)})"


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: 40m0s, 1h20m0s, 1.5s, 500ms."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{rest:g}s"
    if hours or minutes:
        text = f"{minutes:g}m{text}"
    return f"{hours:g}h{text}" if hours else text
