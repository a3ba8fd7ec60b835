"""The way back must be an earlier configuration, applied through frozen, with nothing of the later one left over."""

from __future__ import annotations

import json

import pytest

from restore.cutover.rollback import Config, ConfigValue, Update, plan_way_back, render
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
