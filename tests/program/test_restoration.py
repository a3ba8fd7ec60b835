"""The restore that this program asks of RDS: asked once, waited for, and never silent about a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from restore import plan
from restore.errors import GateClosed, PermanentError, Problem, TemporaryError
from restore.gates.hook import Running
from restore.model.rds import Instance
from restore.program.restoration import Rds, Restoration, run_step
from tests.support.worlds import candidate, inventory, settings

REFUSED = PermanentError.of(
    Problem("AWS rds:Restore", "InstanceQuotaExceeded", "room", "aws rds describe-db-instances")
)


@dataclass
class World:
    """RDS that answers one ask, and one look, after the other, then the last one for ever."""

    asks: list[Instance | Exception | None]
    looks: list[Instance] = field(default_factory=lambda: [candidate()])
    asked: int = 0
    said: list[str] = field(default_factory=list[str])
    records: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    running: Running = field(default_factory=Running)

    def ask(self) -> Instance | None:
        answer = self.asks[min(self.asked, len(self.asks) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_until(self, resource_id: str, condition: Callable[[Instance], bool], **_: object) -> Instance:
        for instance in self.looks:
            assert instance.resource_id == resource_id
            if condition(instance):
                return instance
        raise TemporaryError("out of time")

    def record(self, step: str, document: Mapping[str, Any]) -> None:
        assert step == "candidate"
        self.records.append(document)

    def restoration(self, **changes: Any) -> Restoration:
        made = replace(plan.make(settings(), inventory()), **changes)
        return Restoration(made, Rds(self.ask, self.wait_until), self.running, self.said.append, self.record)


def test_the_candidate_is_known_by_its_id_as_soon_as_rds_lists_it() -> None:
    world = World([TemporaryError("throttled"), None, candidate(status="creating")])
    restoration = world.restoration()
    assert restoration.ask() is None
    assert restoration.resource_id == "db-CANDIDATE"
    assert world.asked == 3


def test_a_refused_restore_says_so_with_the_reason_and_that_nobody_was_stopped() -> None:
    world = World([REFUSED])
    error = world.restoration().ask()
    assert error is not None
    assert error.startswith("AWS did not accept the restore to shop-inc-1; no application was stopped\n")
    assert "InstanceQuotaExceeded" in error
    assert world.asked == 1


def test_of_a_restore_from_latest_nobody_is_told_that_applications_still_run() -> None:
    restoration = World([REFUSED]).restoration()
    restoration.plan = replace(restoration.plan, point=replace(restoration.plan.point, time=None, latest=True))
    error = restoration.ask()
    assert error is not None
    assert "no application was stopped" not in error


def test_a_candidate_that_is_there_is_not_asked_for_again() -> None:
    world = World([REFUSED])
    restoration = world.restoration(candidate_found=candidate(), adopt="db-CANDIDATE")
    assert restoration.ask() is None
    assert restoration.wait() is None
    assert (world.asked, world.records) == (0, [])


def test_an_interrupt_ends_the_wait_for_rds() -> None:
    world = World([None])
    world.running.stop.set()
    error = world.restoration().ask()
    assert error is not None
    assert "stopped while waiting for RDS to list shop-inc-1" in error


@pytest.mark.parametrize("status", ["available", "backing-up", "storage-optimization"])
def test_the_plugin_takes_over_once_the_database_answers_whatever_rds_still_does(status: str) -> None:
    world = World([candidate()], [candidate(status="creating", endpoint=None), candidate(status=status)])
    restoration = world.restoration()
    assert restoration.ask() is None
    assert restoration.wait() is None
    assert world.said == ["shop-inc-1 is creating", f"shop-inc-1 is {status}"]


def test_a_restore_that_comes_to_nothing_is_an_error_with_words() -> None:
    restoration = World([candidate()], [candidate(status="creating", endpoint=None)]).restoration()
    assert restoration.ask() is None
    assert restoration.wait() == "out of time"


def test_what_is_done_in_a_hook_passes_by_success_alone() -> None:
    """To the engine an error without a text is none, and SystemExit is no answer at all."""

    def fail(error: BaseException) -> Callable[[], str | None]:
        def step() -> str | None:
            raise error

        return step

    def run(step: Callable[[], str | None]) -> None:
        """Not asyncio.run, which leaves no event loop to the tests that come after."""
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(run_step(step))
        finally:
            loop.close()

    run(lambda: None)
    steps = {
        "AssertionError": fail(AssertionError()),
        "SystemExit: 0": fail(SystemExit(0)),
        "no such thing": fail(TemporaryError("no such thing")),
        "refused": lambda: "refused",
        "without a word": lambda: "",
    }
    for text, step in steps.items():
        with pytest.raises(GateClosed, match=text):
            run(step)


def test_production_is_not_waited_for() -> None:
    world = World([REFUSED], [candidate(status="modifying")])
    serving = {"candidate_found": candidate(), "adopt": "db-CANDIDATE", "switched_before": True}
    assert world.restoration(**serving).wait() is None
    assert world.said == []


def test_what_has_served_and_is_gone_is_not_made_a_second_time_on_the_way_back() -> None:
    """A stack from before the receipt `accepted` was the program's own has the instance in its state."""
    world = World([candidate()])
    restoration = world.restoration(switched_before=True)
    assert restoration.ask() is None
    assert restoration.wait() is None
    assert world.asked == 0


def test_the_evidence_has_when_rds_began_and_ended() -> None:
    world = World([candidate()])
    restoration = world.restoration()
    assert restoration.ask() is None
    assert restoration.wait() is None
    begun, ended = world.records
    assert begun == {"subject": "shop-inc-1", "began": ended["began"], "ended": None}
    assert ended["ended"] >= ended["began"]


def test_a_run_that_goes_on_waiting_for_another_one_s_restore_records_when_that_began() -> None:
    creating = candidate(status="creating", endpoint=None)
    world = World([REFUSED], [candidate()])
    restoration = world.restoration(candidate_found=creating, adopt="db-CANDIDATE")
    assert restoration.ask() is None
    assert restoration.wait() is None
    (ended,) = world.records
    assert creating.created is not None
    assert ended["began"] == creating.created.isoformat()
    assert ended["ended"]


def test_evidence_that_cannot_be_written_stops_no_restore() -> None:
    world = World([candidate()])

    def fail(_step: str, _document: object) -> None:
        raise TemporaryError("no space left")

    world.record = fail  # type: ignore[method-assign]
    assert world.restoration().ask() is None
    assert "no space left" in world.said[0]
