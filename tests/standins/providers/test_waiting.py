"""Waits end as Terraform's do."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest

from sandbox.standins.plugin.interface import CallRefused
from sandbox.standins.plugin.status_wait import Wait, go_duration, timeout_text, wait_for

PENDING = frozenset({"creating"})


def wait(statuses: Iterable[str | None], wanted: Wait) -> list[str | None]:
    left = list(statuses)
    wait_for(lambda: left.pop(0) if len(left) > 1 else left[0], wanted, threading.Event())
    return left


def test_one_glimpse_of_the_target_is_not_enough() -> None:
    wanted = Wait(PENDING, ("available",), 10, occurrences=2)
    assert wait(["available", "creating", "available", "available", "rest"], wanted) == ["rest"]


def test_an_object_to_be_deleted_is_done_when_gone() -> None:
    assert wait(["deleting", None], Wait(frozenset({"deleting"}), (), 10)) == [None]


def test_an_unforeseen_status_ends_the_wait() -> None:
    with pytest.raises(CallRefused, match=r"unexpected state 'failed', wanted target 'available'\. last error: %!s"):
        wait(["creating", "failed"], Wait(PENDING, ("available",), 10))


def test_a_vanished_object_ends_the_wait_after_twenty_looks() -> None:
    left = [None] * 30
    with pytest.raises(CallRefused, match=r"couldn't find resource \(21 retries\)"):
        wait_for(lambda: left.pop(), Wait(PENDING, ("available",), 60), Hurried())
    assert len(left) == 9


class Hurried(threading.Event):
    """Never cancelled, and never waits."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


@pytest.mark.parametrize(
    ("seconds", "text"), [(2400, "40m0s"), (4800, "1h20m0s"), (90, "1m30s"), (15, "15s"), (0.3, "300ms")]
)
def test_durations_are_gos(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_a_deletion_that_takes_too_long_names_its_last_state() -> None:
    text = timeout_text(Wait(PENDING, (), 3600), "deleting")
    assert text == "timeout while waiting for resource to be gone (last state: 'deleting', timeout: 1h0m0s)"
