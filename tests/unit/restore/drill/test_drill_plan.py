"""Which restore a drill makes, and what its own stack is told: nothing that moves traffic or alarms anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from restore.config.settings import collect
from restore.cutover.rollback import ConfigValue
from restore.drill import plan
from restore.errors import Refused
from restore.model.drill import DrillSettings, parse_duration
from restore.model.identifiers import MAX_INSTANCE, find_id_fault, name_candidate
from restore.model.request import Method
from restore.recovery_points.ranking import Option
from tests.support import worlds as w

CONFIG = {
    "restore:source": "shop",
    "restore:namespace": "shop-prod",
    "restore:apps": '{"api": {}}',
    "restore:id": "inc-1",
    "restore:method": "snapshot",
    "restore:snapshot": "latest",
    "restore:traffic": "restored",
    "restore:cutover": "rename",
    "restore:waive": '{"serving": "the old incident only"}',
    "restore:notify": '{"tell": ["CTO"]}',
    "restore:drill": '{"namespace": "shop-drill"}',
    "restore:targets": '{"rto": "2h"}',
    "restore:login": '{"user": "ada", "secretId": "s"}',
    "restore:tls": '{"rootCertificate": "rds.pem"}',
    "restore:evidence": "evidence",
    "aws:region": "us-east-1",
}


def option(method: Method = Method.PITR, lost: int = 60, value: str = "latest") -> Option:
    return Option(method, value, w.NOW - timedelta(seconds=lost), timedelta(seconds=lost), "")


def configured() -> dict[str, ConfigValue]:
    given = {key: ConfigValue(text) for key, text in CONFIG.items()}
    return plan.configure(given, "drill-1", "prod", option(), Path("/srv/shop"))


def test_the_drill_s_stack_can_move_no_traffic_and_lets_nothing_pass() -> None:
    texts = {key: value.text for key, value in configured().items()}
    for key in ("traffic", "cutover", "snapshot", "waive", "notify", "drill", "targets"):
        assert f"restore:{key}" not in texts
    settings = collect(texts, "prod-drill", {}).read_settings(w.NOW)
    assert settings.request is not None
    assert (settings.request.id, settings.request.drill_of, str(settings.request.traffic)) == (
        "drill-1",
        "prod",
        "source",
    )


def test_no_alarm_watches_over_what_is_torn_down() -> None:
    watched = {**CONFIG, "restore:prevention": '{"image": "registry.example/restore:1"}'}
    given = {key: ConfigValue(text) for key, text in watched.items()}
    assert "restore:prevention" not in plan.configure(given, "drill-1", "prod", option(), Path("/srv/shop"))


def test_the_point_in_time_is_a_second_that_the_data_can_be_compared_with() -> None:
    assert configured()["restore:time"].text == "2026-11-22T14:59:00Z"


def test_a_relative_place_of_the_evidence_is_the_project_s_and_not_the_copy_s() -> None:
    assert configured()["restore:evidence"].text == "/srv/shop/evidence"


def test_secrets_of_the_site_stay_secrets() -> None:
    given = {**{key: ConfigValue(text) for key, text in CONFIG.items()}, "aws:secretKey": ConfigValue("x", secret=True)}
    assert plan.configure(given, "drill-1", "prod", option(), Path("/srv"))["aws:secretKey"].secret


@pytest.mark.parametrize("traffic", ["frozen", "restored"])
def test_traffic_in_the_stack_of_a_drill_is_refused(traffic: str) -> None:
    texts = {key: value.text for key, value in configured().items()} | {"restore:traffic": traffic}
    with pytest.raises(Refused, match="a drill moves no traffic"):
        collect(texts, "prod-drill", {}).read_settings(w.NOW)


def test_the_newest_point_of_the_method_is_drilled() -> None:
    points = [option(lost=600), option(Method.SNAPSHOT, 10), option(lost=60)]
    assert plan.choose_point(points, Method.PITR) == points[2]
    with pytest.raises(Refused, match=r"drill\.method"):
        plan.choose_point(points, Method.DUMP)


def test_a_point_that_this_stack_can_t_restore_is_not_drilled() -> None:
    barred = replace(option(lost=5), obstacle="it is of another region")
    assert plan.choose_point([barred, option(lost=60)], Method.PITR) == option(lost=60)
    with pytest.raises(Refused, match="it is of another region"):
        plan.choose_point([barred], Method.PITR)


def test_the_backup_of_a_former_instance_is_named_as_such() -> None:
    given = {key: ConfigValue(text) for key, text in CONFIG.items()}
    former = replace(option(), backup_of="shop-old1")
    assert plan.configure(given, "drill-1", "prod", former, Path("/srv"))["restore:backupOf"].text == "shop-old1"


@pytest.mark.parametrize("source", ["shop", "s" * 44, "s" * 49])
def test_the_id_of_a_drill_leaves_a_name_that_rds_takes(source: str) -> None:
    drill_id = plan.choose_id(source, w.NOW)
    assert find_id_fault(drill_id) is None
    assert len(name_candidate(source, drill_id)) <= MAX_INSTANCE
    assert plan.choose_id(source, w.NOW + timedelta(seconds=1)) != drill_id


def test_a_source_whose_name_leaves_no_room_is_said_before_anything_is_made() -> None:
    with pytest.raises(Refused, match="room for the id"):
        plan.choose_id("s" * 50, w.NOW)


def test_what_a_drill_needs_is_said_all_at_once() -> None:
    with pytest.raises(Refused) as caught:
        plan.require_ready(replace(w.settings(None), apps=(), drill=DrillSettings(apps=("web",))))
    assert {problem.subject for problem in caught.value.problems} == {
        "config drill.namespace",
        "config apps",
        "config drill.apps",
    }


def test_copies_never_run_in_the_applications_own_namespace() -> None:
    texts = CONFIG | {"restore:drill": '{"namespace": "shop-prod"}'}
    with pytest.raises(Refused, match=r"drill\.namespace"):
        collect(texts, "prod", {}).read_settings(w.NOW)


def test_a_request_to_a_pod_of_no_application_is_refused() -> None:
    texts = CONFIG | {"restore:drill": '{"namespace": "d", "checks": [{"app": "web", "url": "http://{pod}/x"}]}'}
    with pytest.raises(Refused, match=r"drill\.checks\[0\]\.app"):
        collect(texts, "prod", {}).read_settings(w.NOW)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("4h", 14400), ("1d", 86400)])
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
