"""A fault that passes ends nothing; one that stays, and a stop, end it soon."""

from __future__ import annotations

import logging
import threading

import pytest

from restore import retrying
from restore.errors import PermanentError, TemporaryError
from restore.retrying import ATTEMPTS, retry


class Work:
    """Raises the errors one after the other, then gives "done"."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


class Pauses(threading.Event):
    """Takes no time; is set during the pause of that number."""

    def __init__(self, set_during: int = 0) -> None:
        super().__init__()
        self.set_during = set_during
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "a pause without an end"
        self.seconds.append(timeout)
        if len(self.seconds) == self.set_during:
            self.set()
        return self.is_set()


def throttled(count: int) -> list[TemporaryError]:
    return [TemporaryError(f"SlowDown {number}") for number in range(1, count + 1)]


def test_a_fault_that_passes_ends_nothing() -> None:
    work = Work(*throttled(ATTEMPTS - 1))
    assert retry(work, subject="the part", stop=Pauses()) == "done"
    assert work.calls == ATTEMPTS


def test_a_fault_that_stays_is_raised_after_the_last_attempt_as_it_is() -> None:
    work = Work(*throttled(ATTEMPTS + 1))
    with pytest.raises(TemporaryError, match=f"^SlowDown {ATTEMPTS}$"):
        retry(work, subject="the part", stop=Pauses())
    assert work.calls == ATTEMPTS


@pytest.mark.parametrize("error", [PermanentError("denied"), ValueError("a bug")])
def test_what_trying_again_cannot_help_is_not_tried_again(error: Exception) -> None:
    work = Work(error)
    with pytest.raises(type(error)) as caught:
        retry(work, subject="the part", stop=Pauses())
    assert caught.value is error
    assert work.calls == 1


def test_nothing_is_tried_again_after_a_stop() -> None:
    work = Work(*throttled(ATTEMPTS))
    with pytest.raises(TemporaryError, match="stopped before the part was tried again"):
        retry(work, subject="the part", stop=Pauses(set_during=2))
    assert work.calls == 2


def test_pauses_grow_and_are_scattered_so_that_the_throttled_do_not_come_back_together() -> None:
    stop = Pauses()
    retry(Work(*throttled(5)), subject="the part", stop=stop)
    least = [0.25, 0.5, 1.0, 2.0, 4.0]
    assert all(low <= seconds <= low + retrying.JITTER for low, seconds in zip(least, stop.seconds, strict=True))
    assert len({seconds - low for low, seconds in zip(least, stop.seconds, strict=True)}) > 1


def test_a_pause_is_never_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "LONGEST_PAUSE", 0.5)
    stop = Pauses()
    retry(Work(*throttled(5)), subject="the part", stop=stop)
    assert len(stop.seconds) == 5
    assert max(stop.seconds) == 0.5


def test_the_operator_sees_that_it_is_being_tried_again_and_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        retry(Work(TemporaryError("SlowDown\n  1"), *throttled(1)), subject="the part", stop=Pauses())
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"the part: attempt 1 of {ATTEMPTS} failed, again in ")
    assert first.endswith("s: SlowDown 1")
    assert second.startswith("the part: attempt 2")
