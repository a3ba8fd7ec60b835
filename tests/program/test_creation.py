"""While the plugin makes the candidate: what AWS has accepted, and what is only waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from restore.errors import PermanentError, TemporaryError
from restore.model.rds import Instance
from restore.program.creation import CreationWatch, await_acceptance, describe_creation
from tests.support.worlds import candidate


def looks(*found: Instance | Exception | None) -> Iterator[Instance | Exception | None]:
    yield from found
    while True:
        yield found[-1]


class Rds:
    """Answers one look after the other, then the last one for ever."""

    def __init__(self, *found: Instance | Exception | None) -> None:
        self.looks, self.count = looks(*found), 0

    def find(self) -> Instance | None:
        self.count += 1
        answer = next(self.looks)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_freeze_goes_on_as_soon_as_rds_lists_the_instance() -> None:
    rds = Rds(None, TemporaryError("throttled"), candidate(status="creating"))
    assert await_acceptance("shop-inc-1", rds.find, threading.Event()) is None
    assert rds.count == 3


def test_a_restore_that_aws_refused_stops_no_application() -> None:
    """The engine interrupts the program when the plugin's create fails: the wait ends, and its hook fails."""
    stop = threading.Event()
    stop.set()
    error = await_acceptance("shop-inc-1", Rds(None).find, stop)
    assert error is not None
    assert "no application was stopped" in error


def test_a_restore_that_never_begins_says_so_and_how_to_go_on() -> None:
    error = await_acceptance("shop-inc-1", Rds(None).find, threading.Event(), seconds=0)
    assert error is not None
    assert "fix: pulumi up" in error


def test_what_cannot_be_asked_is_told() -> None:
    error = await_acceptance("shop-inc-1", Rds(PermanentError("denied")).find, threading.Event())
    assert error == "denied"


@pytest.mark.parametrize("status", ["creating", "modifying"])
def test_the_creation_is_told_as_it_goes(status: str) -> None:
    assert describe_creation(candidate(status=status)) == f"shop-inc-1 is {status}"


def test_a_first_backup_of_hours_is_told_with_the_way_to_go_on() -> None:
    said = describe_creation(candidate(status="backing-up"))
    assert "Ctrl-C once, then: pulumi up (it adopts shop-inc-1" in said


def test_each_status_is_told_once_and_a_look_that_fails_disturbs_nobody() -> None:
    said: list[str] = []
    stop = threading.Event()
    backing_up = candidate(status="backing-up")

    def say(text: str) -> None:
        said.append(text)
        if "backing-up" in text:
            stop.set()

    rds = Rds(None, TemporaryError("no answer"), candidate(status="creating"), candidate(status="creating"), backing_up)
    CreationWatch(rds.find, say, stop).run(every=0)
    assert [text.split(":")[0] for text in said] == ["shop-inc-1 is creating", "shop-inc-1 is backing-up"]
