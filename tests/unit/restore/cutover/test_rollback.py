"""The way back must be an earlier configuration, applied through frozen, with nothing of the later one left over."""

from __future__ import annotations

import json

import pytest

from restore.cutover.rollback import Config, ConfigValue, OwnConfig, Step, Update, plan_way_back, render
from restore.errors import Refused


def config(**values: str) -> dict[str, ConfigValue]:
    return {f"restore:{key}": ConfigValue(text) for key, text in values.items()}


def update(values: Config, result: str = "succeeded", kind: str = "update", message: str = "") -> Update:
    return Update(kind, result, "2026-11-22 14:40:00 UTC", message, values)


FROZEN = config(id="inc-1", method="pitr", time="2026-11-22T14:30:00Z", traffic="frozen")
RESTORED = config(id="inc-1", method="pitr", time="2026-11-22T14:30:00Z", traffic="restored")


def test_the_way_back_never_skips_frozen() -> None:
    steps = plan_way_back(RESTORED, [update(RESTORED), update(FROZEN)]).steps
    assert [step.change["restore:traffic"].text for step in steps] == ["frozen", "source"]


def test_a_key_that_the_earlier_configuration_lacked_does_not_stay() -> None:
    now = {**RESTORED, **config(incident="PD-1")}
    first, second = plan_way_back(now, [update(now), update(FROZEN)]).steps
    assert first.remove == ("restore:incident",)
    assert second.remove == ()


def test_a_waiver_given_during_the_switch_holds_on_the_way_back_beside_the_earlier_ones() -> None:
    now = {**RESTORED, **config(waive='{"switched.sessions": "the auditor", "quiesced.writes": "pg_cron, as now"}')}
    earlier = {**FROZEN, **config(waive='{"safety-snapshot": "storage is full", "quiesced.writes": "pg_cron"}')}
    first, second = plan_way_back(now, [update(now), update(earlier)]).steps
    assert json.loads(first.change["restore:waive"].text) == {
        "safety-snapshot": "storage is full",
        "quiesced.writes": "pg_cron, as now",
        "switched.sessions": "the auditor",
    }
    assert "restore:waive" not in (*first.remove, *second.remove, *second.change)


def test_a_key_that_was_changed_since_goes_back_to_its_earlier_value() -> None:
    now = {**RESTORED, **config(namespace="other")}
    earlier = {**FROZEN, **config(namespace="ghost")}
    first, _ = plan_way_back(now, [update(now), update(earlier)]).steps
    assert first.change["restore:namespace"].text == "ghost"


def test_a_configuration_that_failed_is_never_gone_back_to() -> None:
    broken = {**FROZEN, **config(namespace="typo")}
    way = plan_way_back(RESTORED, [update(RESTORED), update(broken, result="failed"), update(FROZEN)])
    assert way.earlier is not None
    assert way.earlier.config == FROZEN


def test_the_configuration_of_another_restore_is_never_gone_back_to() -> None:
    other = config(id="inc-0", traffic="source")
    assert plan_way_back(RESTORED, [update(RESTORED), update(other)]).earlier is None


def test_a_secret_placeholder_is_never_written() -> None:
    hidden = {**FROZEN, "restore:token": ConfigValue("[secret]", secret=True)}
    with pytest.raises(Refused, match="placeholder"):
        plan_way_back(RESTORED, [update(hidden)])


def test_a_plain_value_that_looks_like_the_placeholder_is_kept() -> None:
    odd = {**FROZEN, "restore:incident": ConfigValue("[secret]")}
    assert plan_way_back(RESTORED, [update(odd)]).steps[0].change["restore:incident"].text == "[secret]"


def test_an_object_written_in_another_layout_is_no_change() -> None:
    now = {**RESTORED, "restore:apps": ConfigValue('{"a": {"replicas": 3}}')}
    earlier = {**FROZEN, "restore:apps": ConfigValue('{"a":{"replicas":3}}')}
    first, _ = plan_way_back(now, [update(earlier)]).steps
    assert set(first.change) == {"restore:traffic"}


def test_what_is_shown_holds_no_secret_value() -> None:
    earlier = {**FROZEN, "restore:token": ConfigValue("hunter2", secret=True)}
    text = render(plan_way_back(RESTORED, [update(earlier)]))
    assert "hunter2" not in text
    assert "restore:token = [secret]" in text


def test_rollback_without_a_restore_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match="pulumi stack history"):
        plan_way_back({}, [])


def test_no_application_stops_for_a_way_back_to_another_region() -> None:
    with pytest.raises(Refused, match="Failing back"):
        plan_way_back({**RESTORED, **config(sourceRegion="us-east-1")}, [update(FROZEN)])


def freeze(now: Config, earlier: Config, own: OwnConfig) -> Step:
    return plan_way_back(now, [update(now), update(earlier)], own).steps[0]


OWN = {key: value.text for key, value in RESTORED.items()}


def test_a_value_of_an_imported_environment_is_not_hardened_into_the_stack() -> None:
    now = {**RESTORED, **config(namespace="shop-new", source="shop")}
    earlier = {**FROZEN, **config(namespace="shop-old", source="shop")}
    step = freeze(now, earlier, OwnConfig(OWN, imports=True))
    assert set(step.change) == {"restore:traffic"}
    assert step.left == ("restore:namespace",)
    assert "restore:namespace stays" in render(plan_way_back(now, [update(earlier)], OwnConfig(OWN, imports=True)))


def test_a_value_that_the_environment_has_newly_is_not_lost() -> None:
    now = {**RESTORED, **config(fence="true")}
    assert freeze(now, FROZEN, OwnConfig(OWN, imports=True)).remove == ()


def test_the_stacks_own_value_goes_back_though_it_imports_an_environment() -> None:
    now, earlier = {**RESTORED, **config(namespace="other")}, {**FROZEN, **config(namespace="ghost")}
    step = freeze(now, earlier, OwnConfig({**OWN, "restore:namespace": "other"}, imports=True))
    assert step.change["restore:namespace"].text == "ghost"


def test_of_an_object_only_what_the_stack_itself_sets_is_written() -> None:
    now = {**RESTORED, **config(quiet='{"graceSeconds": 300, "seconds": 20}')}
    earlier = {**FROZEN, **config(quiet='{"graceSeconds": 90, "seconds": 20}')}
    own = OwnConfig({**OWN, "restore:quiet": {"graceSeconds": 300}}, imports=True)
    assert json.loads(freeze(now, earlier, own).change["restore:quiet"].text) == {"graceSeconds": 90}


def test_a_waiver_of_the_environment_stays_there_and_one_of_the_stack_stays_in_the_stack() -> None:
    now = {**RESTORED, **config(waive='{"serving": "of the site", "switched.sessions": "the auditor"}')}
    earlier = {**FROZEN, **config(waive='{"serving": "of the site", "safety-snapshot": "storage is full"}')}
    own = OwnConfig({**OWN, "restore:waive": {"switched.sessions": "the auditor"}}, imports=True)
    assert json.loads(freeze(now, earlier, own).change["restore:waive"].text) == {
        "safety-snapshot": "storage is full",
        "switched.sessions": "the auditor",
    }


def test_a_key_of_the_incident_that_was_taken_away_comes_back_though_an_environment_is_imported() -> None:
    now = {**RESTORED, **config(time="")}
    own = OwnConfig({key: value for key, value in OWN.items() if key != "restore:time"}, imports=True)
    assert freeze(now, FROZEN, own).change["restore:time"].text == "2026-11-22T14:30:00Z"


def test_a_default_of_the_project_is_not_written_as_a_value() -> None:
    """The history shows the defaults of Pulumi.yaml as if they had been set."""
    now = {**RESTORED, **config(incident="PD-1", fence="true")}
    earlier = {**FROZEN, **config(incident="", fence="false", breach="false", apps="{}")}
    step = freeze(now, earlier, OwnConfig({**OWN, "restore:incident": "PD-1", "restore:fence": True}))
    assert set(step.change) == {"restore:traffic"}
    assert set(step.remove) == {"restore:incident", "restore:fence"}


def test_an_object_with_a_sealed_secret_in_it_stays_as_it_is() -> None:
    now = {**RESTORED, "restore:notify": ConfigValue('{"slackToken": "xoxb-new"}', secret=True)}
    earlier = {**FROZEN, "restore:notify": ConfigValue('{"slackToken": "xoxb-old"}', secret=True)}
    own = OwnConfig({**OWN, "restore:notify": {"slackToken": {"secure": "v1:abc"}}})
    step = freeze(now, earlier, own)
    assert "restore:notify" not in step.change
    assert step.left == ("restore:notify",)
