"""While the plugin makes the candidate: what AWS has accepted, and what is only waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from restore import plan
from restore.errors import PermanentError, TemporaryError
from restore.gates.hook import Running
from restore.model.rds import Instance
from restore.program.creation import Creation, describe_creation
from tests.support.worlds import candidate, inventory, settings


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


def silent(_text: str) -> None:
    """Nothing is to be told."""


def creation(rds: Rds, say: Callable[[str], None] = silent, running: Running | None = None, **changes: Any) -> Creation:
    made = plan.make(settings(), inventory())
    return Creation(replace(made, **changes), rds.find, running or Running(), say)


def test_the_freeze_goes_on_as_soon_as_rds_lists_the_instance() -> None:
    rds = Rds(None, TemporaryError("throttled"), candidate(status="creating"))
    assert creation(rds).await_acceptance() is None
    assert rds.count == 3


def test_a_restore_that_aws_refused_stops_no_application() -> None:
    """The engine waits for what runs beside a failed step: the wait must end by itself."""
    begun = creation(Rds(None))
    begun.refuse()
    assert begun.await_acceptance() == "AWS did not accept the restore to shop-inc-1; no application was stopped"


def test_an_interrupt_ends_the_wait() -> None:
    running = Running()
    running.stop.set()
    error = creation(Rds(None), running=running).await_acceptance()
    assert error is not None
    assert "no application was stopped" in error


def test_a_restore_that_never_begins_says_so_and_how_to_go_on() -> None:
    error = creation(Rds(None)).await_acceptance(seconds=0)
    assert error is not None
    assert "fix: pulumi up" in error


def test_what_cannot_be_asked_is_told() -> None:
    assert creation(Rds(PermanentError("denied"))).await_acceptance() == "denied"


@pytest.mark.parametrize("changes", [{"candidate_found": candidate()}, {"switched_before": True}])
def test_a_freeze_that_needs_no_new_instance_waits_for_none(changes: dict[str, Any]) -> None:
    rds = Rds(None)
    assert creation(rds, **changes).await_acceptance() is None
    assert rds.count == 0


@pytest.mark.parametrize("status", ["creating", "modifying"])
def test_the_creation_is_told_as_it_goes(status: str) -> None:
    assert describe_creation(candidate(status=status)) == f"shop-inc-1 is {status}"


def test_a_first_backup_of_hours_is_told_with_the_way_to_go_on() -> None:
    said = describe_creation(candidate(status="backing-up"))
    assert "Ctrl-C once, then: pulumi up (it adopts shop-inc-1" in said


def test_each_status_is_told_once_and_a_look_that_fails_disturbs_nobody() -> None:
    said: list[str] = []
    running = Running()

    def say(text: str) -> None:
        said.append(text)
        if "backing-up" in text:
            running.stop.set()

    creating, backing_up = candidate(status="creating"), candidate(status="backing-up")
    rds = Rds(None, TemporaryError("no answer"), creating, creating, backing_up)
    creation(rds, say, running).watch(every=0)
    assert [text.split(":")[0] for text in said] == ["shop-inc-1 is creating", "shop-inc-1 is backing-up"]


@pytest.mark.parametrize("end", [Creation.end, Creation.refuse])
def test_nothing_is_looked_at_once_the_creation_is_over(end: Callable[[Creation], None]) -> None:
    rds = Rds(candidate(status="creating"))
    over = creation(rds)
    end(over)
    over.watch(every=0)
    assert rds.count == 0
