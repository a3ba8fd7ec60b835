"""The comparison forgives what the real engine leaves open, and nothing else."""

from __future__ import annotations

import copy

from tests.support.standins.parity_compare import GOES_ON, compare
from tests.support.standins.parity_runner import Record, recorded

SCENARIO = "08-destroy-state"
STEP: Record = {"id": "up-after-state-delete", "run": ["up", "--yes", "--skip-preview"]}
TWO_FAILED = next(r for r in recorded(SCENARIO) if r["id"] == STEP["id"])
FIRST, SECOND = sorted(op[2] for op in TWO_FAILED["ops"] if op[0] == "failed")


def never_begun(*resources: str) -> Record:
    """The recorded run, in which these resources didn't come to their step."""
    record = copy.deepcopy(TWO_FAILED)
    for part, where in (("ops", 2), ("diags", 1)):
        record[part] = [entry for entry in record[part] if entry[where] not in resources]
    record["provider"] = [call for call in record["provider"] if call["urn"] not in resources]
    return record


def test_an_engine_that_stopped_at_the_first_of_two_failures_is_not_called_wrong() -> None:
    assert compare(SCENARIO, STEP, TWO_FAILED, never_begun(SECOND)) == {}
    assert compare(SCENARIO, STEP, TWO_FAILED, never_begun(FIRST)) == {}


def test_an_engine_that_fails_for_no_recorded_reason_does_not_pass() -> None:
    assert compare(SCENARIO, STEP, TWO_FAILED, never_begun(FIRST, SECOND)).keys() >= {"steps", "calls", "messages"}


def test_an_engine_that_begins_a_resource_and_drops_its_failure_does_not_pass() -> None:
    record = copy.deepcopy(TWO_FAILED)
    record["ops"].remove(["failed", "create", SECOND])
    assert compare(SCENARIO, STEP, TWO_FAILED, record).keys() == {"steps", "order"}


def test_an_engine_that_should_go_on_after_a_failure_does_not_pass_when_it_stops() -> None:
    going_on = {**STEP, "run": [*STEP["run"], GOES_ON]}
    assert compare(SCENARIO, going_on, TWO_FAILED, never_begun(SECOND)).keys() >= {"steps", "calls", "messages"}
