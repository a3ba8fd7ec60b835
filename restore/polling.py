"""Waiting that can be stopped and that ends: one loop for everything that polls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from restore.errors import TemporaryError

Value = TypeVar("Value")


SAY_EVERY_SECONDS = 15.0


class Speaker:
    """Says a line, the same one again at most every 15 s."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._said: tuple[str, float] = ("", 0.0)

    @property
    def said(self) -> str:
        """The last line; empty where none was said."""
        return self._said[0]

    def say(self, text: str) -> None:
        last, at = self._said
        if text != last or time.monotonic() - at >= SAY_EVERY_SECONDS:
            self._said = (text, time.monotonic())
            self._say(text)


def ignore(_text: str) -> None:
    """Says nothing."""


def make_pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds between reads: `first`, then half as long again each time, up to `longest`."""
    pause = first
    while True:
        yield pause
        pause = min(pause * 1.5, longest)


def wait_for(
    read: Callable[[], Value],
    is_done: Callable[[Value], bool],
    *,
    stop: threading.Event,
    deadline: float,
    subject: str,
    describe: Callable[[Value], str] = repr,
    fix: str = "",
    say: Callable[[str], object] = ignore,
    first: float = 0.5,
    longest: float = 15.0,
) -> Value:
    """Reads until `is_done`, and returns what was read last. `deadline` is of `time.monotonic()`; `first` and `longest`
    are pauses in seconds.

    Temporary errors of `read` count as "not yet", and are told to `say`, the same one at most every 15 s: AWS or the
    cluster may be silent for minutes. The last of them is the cause when time runs out.

    Raises TemporaryError that says what was waited for and what was found last, when stopped or out of time; then with
    `fix`.
    """
    last: TemporaryError | None = None
    speaker = Speaker(say)
    seen = "nothing was read"
    for pause in make_pauses(first, longest):
        try:
            value = read()
        except TemporaryError as error:
            last, seen = error, str(error)
            reason = seen.partition("\n")[0]
            speaker.say(f"waiting for {subject}, and trying again: {reason}")
        else:
            if is_done(value):
                return value
            last, seen = None, describe(value)
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            advice = f"\n  fix: {fix}" if fix else ""
            raise TemporaryError(f"out of time while waiting for {subject}; found last: {seen}{advice}") from last
        if stop.wait(min(pause, remaining)):
            raise TemporaryError(f"stopped while waiting for {subject}; found last: {seen}") from last
    raise AssertionError("pauses never end")
