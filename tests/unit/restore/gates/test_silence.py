"""Who waits for a load of hours is told that its database hangs."""

from __future__ import annotations

import threading

from restore.gates.hook import Watch
from restore.gates.silence import tell_silence


def test_a_database_that_hangs_during_a_load_is_told_and_one_that_answers_is_not() -> None:
    lines: list[str] = []
    answers, told = iter(["", "no answer within 10 s"]), threading.Event()

    def ask() -> str:
        answer = next(answers, None)
        if answer is None:
            told.set()
        return answer or ""

    watch = Watch("imported", 60, threading.Event(), lines.append)
    with tell_silence(watch, "10.0.0.1:5432", ask, every_seconds=0.001):
        assert told.wait(10)
    assert lines == ["imported: waiting for 10.0.0.1:5432 to answer; a login failed: no answer within 10 s"]


def test_nothing_is_told_of_a_database_after_its_load() -> None:
    lines: list[str] = []
    asked, over = threading.Event(), threading.Event()

    def ask() -> str:
        asked.set()
        over.wait(10)
        return "too late"

    watch = Watch("imported", 60, threading.Event(), lines.append)
    with tell_silence(watch, "10.0.0.1:5432", ask, every_seconds=0.001):
        assert asked.wait(10)
    over.set()
    for thread in threading.enumerate():
        if thread.name == "silence":
            thread.join(10)
    assert lines == []
