"""An approval counts for one decision, by another person, for one shift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from restore.cutover import approval
from restore.cutover.approval import Approval, Decision
from tests.support.worlds import NOW, PITR, candidate, settings

RUNNER = "arn:aws:iam::123456789012:user/ada"
OTHER = "arn:aws:iam::123456789012:user/grace"
PROVED: Mapping[str, Any] = {"ended": "2026-11-22T14:50:00+00:00", "facts": {"resource_id": "db-CANDIDATE"}}
SSO = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_oncall_0123456789abcdef"


def decide(**changes: Any) -> Decision:
    return approval.make_decision(settings(PITR, **changes), candidate(), PROVED)


def record(digest: str, arn: str = OTHER, age: timedelta = timedelta(minutes=5)) -> dict[str, Any]:
    return {"digest": digest, "operator": {"user": "grace", "aws": arn}, "written": (NOW - age).isoformat()}


def find(*records: Mapping[str, Any], arn: str = RUNNER) -> Approval | str:
    return approval.find_approval(records, decide(), arn, NOW)


def refusal(*records: Mapping[str, Any], arn: str = RUNNER) -> str:
    found = find(*records, arn=arn)
    assert isinstance(found, str)
    return found


def test_a_second_persons_approval_of_this_decision_opens_the_gate() -> None:
    found = find(record(decide().digest))
    assert isinstance(found, Approval)
    assert found.arn == OTHER


def test_nobody_approves_a_switch_of_their_own() -> None:
    assert "same identity" in refusal(record(decide().digest, RUNNER))


def test_without_any_approval_the_gate_says_that_nobody_has_approved() -> None:
    assert refusal() == "nobody has approved this switch"


def test_an_approval_of_last_night_is_none() -> None:
    assert "older than" in refusal(record(decide().digest, age=timedelta(hours=12, seconds=1)))
    assert isinstance(find(record(decide().digest, age=timedelta(hours=12))), Approval)


def test_an_approval_by_somebody_whom_aws_could_not_name_is_none() -> None:
    assert "no identity" in refusal(record(decide().digest, "not known: no credentials"))


@pytest.mark.parametrize(
    "changes",
    [
        {"waive": {"validated.rows": "known to be fewer"}},
        {"fence": True},
        {"sequences": "ahead"},
        {"namespace": "elsewhere"},
        {"apps": ()},
    ],
)
def test_a_waiver_or_another_way_of_switching_added_after_the_approval_is_not_approved(changes: Any) -> None:
    assert decide(**changes).digest != decide().digest
    assert decide().digest in refusal(record(decide(**changes).digest))


@pytest.mark.parametrize(
    "other",
    [
        approval.make_decision(settings(PITR), candidate(resource_id="db-OTHER"), PROVED),
        approval.make_decision(settings(PITR), candidate("pitr:2026-11-22T13:00:00Z"), PROVED),
        approval.make_decision(settings(PITR), candidate(), {**PROVED, "ended": "2026-11-22T14:55:00+00:00"}),
        replace(decide(), restore="inc-2"),
        replace(decide(), stack="staging"),
    ],
)
def test_another_database_proof_or_restore_is_another_decision(other: Decision) -> None:
    assert "what is to be switched now" in refusal(record(other.digest))


def test_a_proof_that_is_repeated_after_the_candidate_served_is_the_same_proof() -> None:
    repeated = {"ended": "2026-11-22T16:00:00+00:00", "facts": {**PROVED["facts"], "held": PROVED["ended"]}}
    assert approval.make_decision(settings(PITR), candidate(), repeated) == decide()


def test_traffic_is_no_part_of_the_decision_since_it_is_approved_while_frozen() -> None:
    moved = settings(replace(PITR, traffic="restored"))
    assert approval.make_decision(moved, candidate(), PROVED) == decide()


def test_two_sessions_of_one_role_are_one_person_for_their_names_are_free() -> None:
    role = "arn:aws:sts::123456789012:assumed-role/oncall"
    assert "same identity" in refusal(record(decide().digest, f"{role}/grace"), arn=f"{role}/ada")


def test_two_users_of_identity_center_with_one_permission_set_are_two_persons() -> None:
    assert isinstance(find(record(decide().digest, f"{SSO}/grace@example.com"), arn=f"{SSO}/ada@example.com"), Approval)


def test_an_older_approval_that_holds_counts_though_a_newer_one_does_not() -> None:
    assert isinstance(find(record(decide().digest, RUNNER), record(decide().digest)), Approval)


def test_what_is_approved_is_shown_with_its_waivers_and_its_loss() -> None:
    configured = settings(PITR, waive={"validated.rows": "known to be fewer"})
    text = approval.render(decide(), configured, ["validated.rows:users"], "12 rows")
    for shown in ("db-CANDIDATE", "db-SOURCE", "known to be fewer", "validated.rows:users", "12 rows", decide().digest):
        assert shown in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_second_switch_after_a_way_back_is_another_decision() -> None:
    served = {"gate": "serving", "open": True, "facts": {"resource_id": "db-CANDIDATE"}}
    back = {"gate": "serving", "open": True, "facts": {"resource_id": "db-SOURCE"}}
    shut = {**served, "open": False}
    again = approval.make_decision(settings(PITR), candidate(), PROVED, [back, shut, served])
    assert (again.served, decide().served) == (1, 0)
    assert "what is to be switched now" in refusal(record(again.digest))
