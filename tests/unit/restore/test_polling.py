"""Every wait ends: when it is over, when time is, and when the operator stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice

import pytest

from restore.errors import PermanentError, TemporaryError
from restore.polling import make_pauses, wait_for


def waited(read: Callable[[], int], *, stop: threading.Event | None = None, seconds: float = 30.0) -> int:
    return wait_for(
        read,
        lambda value: value >= 3,
        stop=stop or threading.Event(),
        deadline=time.monotonic() + seconds,
        subject="the third",
        describe=lambda value: f"number {value}",
        first=0.001,
        longest=0.002,
    )


def test_it_ends_with_what_was_read_last() -> None:
    numbers = iter(range(10))
    assert waited(lambda: next(numbers)) == 3


def test_out_of_time_says_what_was_found_last() -> None:
    with pytest.raises(TemporaryError, match=r"out of time while waiting for the third; found last: number 1"):
        waited(lambda: 1, seconds=0)


def test_out_of_time_says_what_to_do() -> None:
    with pytest.raises(TemporaryError, match=r"found last: 0\n  fix: look at it$"):
        wait_for(
            lambda: 0, bool, stop=threading.Event(), deadline=time.monotonic(), subject="a number", fix="look at it"
        )


def test_a_stop_ends_it_at_once() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(TemporaryError, match="stopped while waiting for the third"):
        waited(lambda: 1, stop=stop)


def test_a_temporary_error_is_no_end_and_the_cause_when_time_is_out() -> None:
    answers = iter([TemporaryError("throttled"), 3])

    def read() -> int:
        answer = next(answers)
        if isinstance(answer, TemporaryError):
            raise answer
        return answer

    assert waited(read) == 3


def test_the_error_that_lasted_is_told() -> None:
    error = TemporaryError("throttled")

    def read() -> int:
        raise error

    with pytest.raises(TemporaryError, match="found last: throttled") as caught:
        waited(read, seconds=0)
    assert caught.value.__cause__ is error


def test_a_permanent_error_ends_it() -> None:
    def read() -> int:
        raise PermanentError("gone")

    with pytest.raises(PermanentError, match="gone"):
        waited(read)


def test_pauses_grow_to_their_limit() -> None:
    assert list(islice(make_pauses(1.0, 3.0), 5)) == [1.0, 1.5, 2.25, 3.0, 3.0]


def test_silence_of_aws_is_told_while_something_waits_for_it() -> None:
    said = list[str]()
    answers = iter([TemporaryError("RDS doesn't answer\n  fix: ..."), TemporaryError("RDS doesn't answer"), "right"])

    def read() -> str:
        if isinstance(answer := next(answers), TemporaryError):
            raise answer
        return answer

    done = wait_for(
        read, lambda _: True, stop=threading.Event(), deadline=time.monotonic() + 60, subject="RDS", say=said.append,
        first=0.001,
    )  # fmt: skip
    assert (done, said) == ("right", ["waiting for RDS, and trying again: RDS doesn't answer"])
