"""A lost state is made again of what exists and what is proved of it, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from restore import plan as plans
from restore.cli.adopt import list_changes
from restore.config.keys import to_camel_case
from restore.errors import Refused
from restore.lifecycle import adopt
from restore.model.dump import DumpVersion
from restore.model.planned import Plan
from restore.model.request import Traffic
from tests.support import worlds
from tests.support.worlds import FROZEN, PITR, SOURCE_SETTINGS, asked, candidate, restored, settings

TERMS: Mapping[str, Mapping[str, Any]] = {gate.name: {"expectations": "abc"} for gate in adopt.EVIDENCED}
RUN = {
    "plan": {"traffic": "restored"},
    "config": {
        "restore:id": "inc-1",
        "restore:method": "pitr",
        "restore:time": "2026-11-22T14:30:00Z",
        "restore:traffic": "frozen",
        "restore:cutover": "rename",
        "restore:incident": "PD-1",
        "restore:reason": "",
        "restore:breach": "false",
        "restore:notify": "[secret]",
        "restore:waive": '{"serving": "known since Monday"}',
        "aws:region": "us-east-1",
    },
}


ROWS = {"instanceClass": {"wanted": "db.r6g.large", "found": "db.r6g.large"}}


def attempt(gate: str, **changes: Any) -> dict[str, Any]:
    facts = {"resource_id": "db-CANDIDATE", "settings": ROWS, **changes.pop("facts", {})}
    ended = "2026-11-22T14:50:00+00:00"
    return {"gate": gate, "open": True, "ended": ended, "facts": facts, "fingerprint": dict(TERMS[gate]), **changes}


def frozen_plan(**changes: Any) -> Plan:
    return plans.make(settings(asked(traffic=Traffic.FROZEN)), restored(cluster=FROZEN, **changes))


def adopted(*records: Mapping[str, Any], plan: Plan | None = None) -> adopt.Adoption:
    return adopt.make_adoption(plan or frozen_plan(), records, TERMS, {}, list_changes)


def test_what_the_evidence_proves_of_this_instance_gets_its_receipt() -> None:
    adoption = adopted(attempt("conformed"), attempt("validated"))
    assert list(adoption.proofs) == ["conformed", "validated"]
    assert adoption.left == ("quiesced",)


@pytest.mark.parametrize(
    "spoilt",
    [
        attempt("conformed", facts={"resource_id": "db-OTHER"}),
        attempt("conformed", open=False),
        attempt("conformed", fingerprint={"expectations": "other"}),
        {key: value for key, value in attempt("conformed").items() if key != "fingerprint"},
        attempt("conformed", facts={"settings": {}}),
    ],
)
def test_a_proof_of_another_instance_or_under_other_terms_proves_nothing(spoilt: Mapping[str, Any]) -> None:
    adoption = adopted(attempt("conformed"), spoilt, attempt("validated"))
    assert not adoption.proofs
    assert adoption.left == ("quiesced", "conformed", "validated")


def test_without_evidence_the_instance_is_adopted_and_all_is_left_to_be_proved() -> None:
    adoption = adopted()
    assert adoption.plan.adopt == "db-CANDIDATE"
    assert not adoption.proofs


def test_no_application_and_no_snapshot_that_is_not_there_is_declared() -> None:
    plan = adopted(plan=frozen_plan(safety_snapshot=None)).plan
    assert (plan.traffic, plan.apps, plan.secret, plan.safety_snapshot) == (Traffic.SOURCE, (), None, None)
    saved = adopted(plan=frozen_plan(safety_snapshot=worlds.safety())).plan
    assert (saved.safety_snapshot, saved.adopt_safety) == ("shop-inc-1-safety", "shop-inc-1-safety")


def test_nothing_is_made_where_aws_has_nothing_to_adopt() -> None:
    plan = plans.make(settings(asked(traffic=Traffic.FROZEN)), worlds.inventory(cluster=FROZEN))
    with pytest.raises(Refused, match="no shop-inc-1 of this restore"):
        adopted(plan=plan)


def test_an_instance_that_somebody_changed_since_is_proved_again_and_that_is_shown() -> None:
    rows = {name: {"wanted": value, "found": value} for name, value in (("instanceClass", "db.r6g.16xlarge"),)}
    adoption = adopted(attempt("conformed", facts={"settings": rows}), attempt("validated"))
    assert (dict(adoption.proofs), adoption.changed) == ({}, ("instanceClass",))
    assert adoption.left == ("quiesced", "conformed", "validated")
    assert adoption.plan.settings.instance_class == SOURCE_SETTINGS.instance_class
    assert "Changed in AWS since the proofs, which no longer hold: instanceClass" in adopt.render(adoption, "prod", ".")


def test_a_setting_that_was_waived_is_as_it_was_proved() -> None:
    rows = {"instanceClass": {"wanted": "db.r6g.16xlarge", "found": SOURCE_SETTINGS.instance_class}}
    adoption = adopted(attempt("conformed", facts={"settings": rows}))
    assert list(adoption.proofs) == ["conformed"]
    assert adoption.plan.settings.instance_class == "db.r6g.16xlarge"


@pytest.mark.parametrize(
    ("gate", "facts", "proved"),
    [
        ("scanned", {"versionId": "v1"}, True),
        ("scanned", {"etag": "v1"}, True),
        ("scanned", {"versionId": "v2", "etag": "e"}, False),
        ("imported", {"dump": {"bucket": "b", "key": "k", "version": "v1"}}, True),
        ("imported", {"dump": {"bucket": "b", "key": "k", "version": "v2"}}, False),
    ],
)
def test_a_proof_of_other_bytes_of_a_dump_proves_nothing(gate: str, facts: Mapping[str, Any], proved: bool) -> None:
    dump = DumpVersion("b", "k", "v1")
    assert adopt.is_proof(attempt(gate, facts=facts), gate, candidate(), TERMS[gate], dump) is proved


def test_the_settings_wanted_at_the_creation_are_those_that_were_recorded_whatever_the_source_has_now() -> None:
    wanted = asdict(replace(SOURCE_SETTINGS, instance_class="db.r6g.4xlarge", deletion_protection=True))
    rows = {to_camel_case(name): {"wanted": value, "found": value} for name, value in wanted.items()}
    recorded = json.loads(json.dumps(attempt("conformed", facts={"settings": rows})))
    plan = frozen_plan()
    assert plan.candidate_found
    made = replace(plan.candidate_found, settings=replace(SOURCE_SETTINGS, **wanted))
    kept = adopted(recorded, plan=replace(plan, candidate_found=made)).plan.settings
    assert asdict(kept) == wanted
    assert adopted().plan.settings.instance_class == SOURCE_SETTINGS.instance_class


def test_the_keys_of_the_restore_come_from_its_tags_and_its_last_run() -> None:
    config = adopt.build_config(candidate(), RUN)
    assert config == {
        "restore:id": "inc-1",
        "restore:method": "pitr",
        "restore:time": "2026-11-22T14:30:00Z",
        "restore:cutover": "rename",
        "restore:incident": "PD-1",
        "restore:waive": '{"serving": "known since Monday"}',
    }


def test_where_tags_and_last_run_differ_the_instance_knows_what_it_was_made_from() -> None:
    config = adopt.build_config(candidate("snapshot:shop-nightly"), RUN)
    assert (config["restore:method"], config["restore:snapshot"]) == ("snapshot", "shop-nightly")
    assert "restore:time" not in config
    assert adopt.build_config(candidate("pitr:latest"), None)["restore:time"] == "latest"


def test_of_a_move_that_was_killed_half_way_the_last_run_knows_where_it_was_to_go() -> None:
    assert adopt.choose_traffic(Traffic.SOURCE, RUN) is Traffic.SOURCE
    assert adopt.choose_traffic(None, RUN) is Traffic.RESTORED
    assert adopt.choose_traffic(None, None) is Traffic.FROZEN


def test_only_an_open_restore_of_this_stack_is_chosen_and_only_when_it_is_clear_which() -> None:
    other = candidate(identifier="shop-inc-2", tags={**candidate().tags, "restore:id": "inc-2"})
    foreign = candidate(tags={**candidate().tags, "restore:stack": "staging"})
    assert adopt.choose_instance("prod", None, [candidate(), foreign]) == candidate()
    assert adopt.choose_instance("prod", "inc-2", [candidate(), other]) == other
    with pytest.raises(Refused, match="inc-1, inc-2"):
        adopt.choose_instance("prod", None, [candidate(), other])
    with pytest.raises(Refused, match="none"):
        adopt.choose_instance("prod", None, [foreign])


def state(*resources: tuple[str, str]) -> dict[str, Any]:
    urns = [{"urn": f"urn:pulumi:prod::restore::{kind}::{name}", "type": kind} for kind, name in resources]
    return {"version": 3, "deployment": {"resources": urns}}


def test_a_state_that_is_there_is_never_made_smaller() -> None:
    empty = state(("pulumi:pulumi:Stack", "restore-prod"), ("pulumi:providers:aws", "default_7_0_0"))
    adopt.require_lost(empty, "inc-1")
    adopt.require_lost(state(("aws:rds/instance:Instance", "candidate-inc-1")), "inc-1")
    with pytest.raises(Refused, match="it has api"):
        adopt.require_lost(state(("kubernetes:apps/v1:DeploymentPatch", "api")), "inc-1")
    with pytest.raises(Refused, match="it has candidate-inc-0"):
        adopt.require_lost(state(("aws:rds/instance:Instance", "candidate-inc-0")), "inc-1")


def test_what_is_imported_proved_and_left_is_shown_before_the_question() -> None:
    adoption = adopted(attempt("conformed"), plan=frozen_plan(safety_snapshot=worlds.safety()))
    text = adopt.render(replace(adoption, config={"restore:id": "inc-1"}), "prod", "./evidence")
    for shown in (
        "nothing in AWS or Kubernetes is changed",
        "db-CANDIDATE",
        "shop-inc-1-safety",
        "conformed: proved",
        "quiesced, validated",
        "restore:id = inc-1",
        PITR.recovery_point,
    ):
        assert shown in text
