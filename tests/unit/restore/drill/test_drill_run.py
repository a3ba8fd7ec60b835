"""The course of a drill: whatever goes wrong, in any phase, what was made is torn down, and the result says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from restore.cutover.rollback import ConfigValue
from restore.drill import rehearsal
from restore.drill import run as course
from restore.drill.rehearsal import Outcome
from restore.drill.result import Drill, DrillResult
from restore.drill.run import DrillRun
from restore.errors import PermanentError, Problem
from tests.support import worlds as w
from validation.verdict import Verdict

LOST = Problem("validated.rows:users", "FAIL: 3 rows", "10", "python -m restore report")
GOOD = Outcome("done")
ORDER = ["clean up", "restore", "copies", "switch", "requests", "way back", "planted defect", "tear down", "targets"]
Work = Callable[..., Outcome]


class Played(DrillRun):
    """A drill whose phases do what the test says, by their names."""

    def play(self, works: dict[str, Work], monkeypatch: pytest.MonkeyPatch) -> DrillResult:
        own = {"clean up": "_clean_up", "restore": "_restore", "tear down": "_tear_down", "rehearse": "_rehearse"}
        of_phases = {
            "copies": "make_copies",
            "switch": "switch",
            "requests": "ask",
            "way back": "go_back",
            "planted defect": "plant",
        }
        for name, attribute in own.items():
            monkeypatch.setattr(self, attribute, works.get(name, lambda *_: GOOD))
        for name, attribute in of_phases.items():
            monkeypatch.setattr(rehearsal, attribute, works.get(name, lambda *_: GOOD))
        return self.run()


@pytest.fixture
def drill(tmp_path: Path) -> Played:
    nobody: Any = None
    of = Drill("drill-1", "prod", "shop", rto_target=60.0)
    config: dict[str, ConfigValue] = {}
    return Played(
        of,
        nobody,
        tmp_path,
        w.settings(None),
        config,
        nobody,
        nobody,
        lambda _: None,
        lambda _: None,
        lambda: True,
        threading.Event(),
    )


def verdicts(result: DrillResult) -> dict[str, Verdict]:
    return {phase.name: phase.verdict for phase in result.phases}


def fails(error: BaseException) -> Work:
    def work(*_: object) -> Outcome:
        raise error

    return work


def test_a_drill_in_which_all_goes_well_passes(drill: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    result = drill.play({}, monkeypatch)
    assert list(verdicts(result)) == ORDER
    assert result.passed
    assert result.rto_seconds is not None


@pytest.mark.parametrize("phase", ["clean up", "restore", "copies", "switch", "way back"])
def test_after_a_phase_that_others_need_only_the_tear_down_comes(
    drill: Played, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    result = drill.play({phase: lambda *_: Outcome("not done", (LOST,))}, monkeypatch)
    assert list(verdicts(result)) == [*ORDER[: ORDER.index(phase) + 1], "tear down", "targets"]
    assert not result.passed
    assert LOST in result.problems


@pytest.mark.parametrize("phase", ["requests", "planted defect"])
def test_a_wrong_answer_keeps_the_rest_from_nothing_and_fails_the_drill(
    drill: Played, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    result = drill.play({phase: lambda *_: Outcome("wrong", (LOST,))}, monkeypatch)
    assert list(verdicts(result)) == ORDER
    assert not result.passed


def test_a_drill_that_never_got_to_an_answer_has_missed_its_target(
    drill: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = drill.play({"restore": fails(PermanentError("no room"))}, monkeypatch)
    assert result.rto_seconds is None
    assert [problem.subject for problem in result.problems] == ["drill.phase:restore", "drill.rto"]


@pytest.mark.parametrize("phase", ["restore", "switch"])
def test_an_interrupted_drill_is_torn_down_and_has_failed(
    drill: Played, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    result = drill.play({phase: fails(KeyboardInterrupt())}, monkeypatch)
    assert verdicts(result)["tear down"] is Verdict.PASS
    assert "interrupted" in {problem.found for problem in result.problems}
    assert not result.passed


def test_an_error_of_the_program_itself_is_raised_after_the_tear_down(
    drill: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn_down: list[int] = []

    def tear_down(*_: object) -> Outcome:
        torn_down.append(1)
        return GOOD

    with pytest.raises(ZeroDivisionError):
        drill.play({"switch": fails(ZeroDivisionError("a bug")), "tear down": tear_down}, monkeypatch)
    assert torn_down == [1]


def test_what_is_left_fails_a_drill_that_passed_otherwise(drill: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    result = drill.play({"tear down": fails(PermanentError("RDS refuses"))}, monkeypatch)
    assert verdicts(result)["tear down"] is Verdict.FAIL
    assert not result.passed


def state(*resources: tuple[str, str], pending: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    def describe(kind: str, name: str) -> dict[str, str]:
        return {"urn": f"urn:pulumi:prod-drill::restore::restore:index:Restore${kind}::{name}"}

    return {
        "version": 3,
        "deployment": {
            "resources": [describe(*one) for one in resources],
            "pending_operations": [{"resource": describe(*one), "type": "creating"} for one in pending],
        },
    }


INSTANCE, DEPLOYMENT = "aws:rds/instance:Instance", "kubernetes:apps/v1:DeploymentPatch"


def test_what_killed_drills_left_in_their_stack_is_theirs() -> None:
    left = state(
        ("pulumi:pulumi:Stack", "restore-prod-drill"),
        ("pulumi:providers:kubernetes", "default_4"),
        ("restore:index:Restore", "drill-261122-150000"),
        (INSTANCE, "candidate-drill-261122-150000"),
        (INSTANCE, "candidate-d261122150000"),
        pending=(("aws:rds/snapshotCopy:SnapshotCopy", "copy-drill-261122-150000"),),
    )
    assert course.find_foreign(left) == []
    assert course.find_foreign({"version": 3, "deployment": None}) == []


@pytest.mark.parametrize(
    ("left", "name"),
    [
        (state((INSTANCE, "candidate-inc-1")), "candidate-inc-1"),
        (state((INSTANCE, "candidate-drill-2026q3")), "candidate-drill-2026q3"),
        (state((DEPLOYMENT, "deployment-api")), "deployment-api"),
        (state(pending=((INSTANCE, "candidate-inc-1"),)), "candidate-inc-1"),
    ],
)
def test_a_stack_in_which_somebody_works_is_not_removed_for_its_name(left: dict[str, Any], name: str) -> None:
    assert course.find_foreign(left) == [name]


class Stack:
    """An operator's stack `acme/prod`, and the one beside it."""

    name = "acme/prod"

    def __init__(self, left: dict[str, Any]) -> None:
        self.left, self.forgotten = left, False

    def make_other(self, _folder: Path, name: str) -> Stack:
        assert name == "acme/prod-drill"
        return self

    def export(self) -> dict[str, Any]:
        return self.left

    def has_resources(self) -> bool:
        return True

    def forget(self) -> None:
        self.forgotten = True

    def write_config(self, _config: object) -> None:
        pass


@pytest.mark.parametrize("awake", [1, 3])
def test_a_drill_that_slept_until_another_took_over_works_on_with_nothing_of_that_one(
    drill: Played, monkeypatch: pytest.MonkeyPatch, awake: int
) -> None:
    """Its copies have the same names, and so has its stack."""
    looks = iter([True] * awake)
    drill.holds = lambda: next(looks, False)
    result = drill.play({}, monkeypatch)
    assert list(verdicts(result)) == [*ORDER[: awake + 1], "tear down", "targets"]
    assert "drill.running" in {problem.subject for problem in result.problems}


@pytest.mark.parametrize("own", [True, False])
def test_a_tear_down_deletes_what_this_drill_made_and_the_stack_only_while_it_is_its_own(
    drill: Played, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    deleted: list[tuple[str, str | None]] = []

    def delete(selector: str, drill_id: str | None) -> Outcome:
        deleted.append((selector, drill_id))
        return GOOD

    monkeypatch.setattr(drill, "_delete_all", delete)
    played: Any = drill
    played._drilled = stack = Stack(state())
    drill.holds = lambda: own
    played._tear_down()
    assert deleted == [("restore.pulumi/drill=drill-1", "drill-1")]
    assert stack.forgotten is own


@pytest.mark.parametrize(("own", "forgotten"), [("candidate-inc-1", False), ("candidate-drill-261122-150000", True)])
def test_only_a_drills_own_leftovers_are_removed_from_pulumi(
    drill: Played, monkeypatch: pytest.MonkeyPatch, own: str, forgotten: bool
) -> None:
    stack = Stack(state((INSTANCE, own)))
    played: Any = drill
    played.stack = stack

    def delete(*_: object) -> Outcome:
        return GOOD

    monkeypatch.setattr(drill, "_delete_all", delete)
    outcome = played._clean_up(drill.folder)
    assert [problem.subject for problem in outcome.problems] == ([] if forgotten else ["drill.stack:acme/prod-drill"])
    assert stack.forgotten is forgotten


def test_a_stack_with_a_settings_file_in_the_project_is_somebody_s(drill: Played) -> None:
    (drill.folder / "Pulumi.prod-drill.yaml").write_text("config: {}")
    played: Any = drill
    played.stack = Stack(state())
    (problem,) = played._clean_up(drill.folder).problems
    assert problem.subject == "drill.stack:acme/prod-drill"


def test_the_copy_of_a_project_has_its_program_and_no_stack_of_it(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml", "__main__.py", "checks.toml"):
        (tmp_path / name).write_text(name)
    (tmp_path / "restore").mkdir()
    with course.copy_project(tmp_path) as copy:
        assert sorted(item.name for item in copy.iterdir()) == ["Pulumi.yaml", "__main__.py", "checks.toml", "restore"]
        assert (copy / "restore").resolve() == tmp_path / "restore"
        (copy / "Pulumi.prod-drill.yaml").write_text("config: {}")
    assert not copy.exists()
    assert not (tmp_path / "Pulumi.prod-drill.yaml").exists()


def test_steps_are_timed_by_the_records_that_have_an_end() -> None:
    begun = {"step": "candidate", "began": "2026-11-22T15:00:00+00:00", "ended": None}
    ended = {**begun, "ended": "2026-11-22T15:10:00+00:00"}
    gate = {"step": "validated", "began": "2026-11-22T15:10:00+00:00", "ended": "2026-11-22T15:10:30+00:00"}
    assert course.time_steps([begun, ended, gate, {"step": "run"}]) == {"candidate": 600.0, "validated": 30.0}


def test_a_gate_that_opened_at_its_second_attempt_is_no_problem() -> None:
    shut = {"gate": "validated", "open": False, "summary": "3 of 4", "problems": [vars(LOST)]}
    assert course.find_shut([shut]) == (LOST,)
    assert course.find_shut([shut, {**shut, "open": True}]) == ()


def test_a_gate_that_is_shut_without_a_reason_is_a_problem_all_the_same() -> None:
    shut: dict[str, Any] = {"gate": "conformed", "open": False, "summary": "out of time", "problems": []}
    assert [problem.subject for problem in course.find_shut([shut])] == ["drill.gate:conformed"]
