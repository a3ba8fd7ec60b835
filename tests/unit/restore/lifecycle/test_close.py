"""A restore that is over leaves the state in steps; a run killed between two of them must be repeatable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore.cutover.traffic import find_traffic
from restore.errors import Refused
from restore.lifecycle import close
from restore.model.cluster import Writer
from restore.model.context import RestoreContext
from restore.model.labels import TAG_CLOSED
from restore.model.prevention import PreventionSettings
from restore.model.region import SourceRegion
from restore.model.request import Cutover, Traffic
from tests.support.worlds import PITR, SWITCHED, asked, candidate, restored, settings


def test_a_close_that_was_killed_after_marking_the_candidate_still_sees_who_serves() -> None:
    marked = candidate()
    marked = candidate(tags={**marked.tags, TAG_CLOSED: "2026-11-22T16:00:00Z"})
    found = restored(candidate=marked, cluster=SWITCHED)
    request = asked(PITR, traffic=Traffic.RESTORED)
    serves = find_traffic(RestoreContext(settings(request), request, close.ignore_closing_tag(found)))
    assert serves is Traffic.RESTORED
    closing = close.plan(request, found, serves, ["restore:id", "restore:source"], settings())
    assert closing.candidate_arn is None
    assert closing.set == {"restore:source": "shop-inc-1"}
    assert closing.remove == ("restore:id",)


def test_a_waiver_ends_with_the_restore_that_it_was_given_for() -> None:
    closing = close.plan(
        PITR, restored(), Traffic.SOURCE, ["restore:source", "restore:waive", "restore:validation"], settings()
    )
    assert closing.remove == ("restore:waive",)
    assert "config removed: restore:waive" in close.render(closing)


def test_what_was_suspended_for_the_restore_is_not_forgotten_at_its_end() -> None:
    command = """kubectl --namespace shop-prod patch cronjob nightly --patch '{"spec":{"suspend":false}}'"""
    suspended = Writer("CronJob", "nightly", "is suspended", "...", blocking=False, resume=command)
    running = Writer("CronJob", "hourly", "starts Jobs", "...", blocking=True)
    found = restored(cluster=replace(SWITCHED, writers=(suspended, running)))
    shown = close.render(close.plan(PITR, found, Traffic.RESTORED, [], settings()))
    assert f"Still suspended; to let it go on:\n  CronJob nightly: {command}\n" in shown
    assert "hourly" not in shown


@pytest.mark.parametrize("serves", [None, Traffic.FROZEN])
def test_a_restore_is_not_closed_while_nobody_serves(serves: Traffic | None) -> None:
    with pytest.raises(Refused, match="traffic"):
        close.plan(PITR, restored(), serves, [], settings())


def test_a_region_that_stands_by_may_be_left_as_it_was() -> None:
    found = restored(source=None, source_region=SourceRegion("us-east-1", "no answer"))
    closing = close.plan(PITR, found, Traffic.FROZEN, ["restore:id", "restore:sourceRegion"], settings())
    assert closing.remove == ("restore:id",), "its source is where it was"
    assert "no application runs in this region" in close.render(closing)


def test_the_next_restore_does_not_look_for_its_source_in_the_region_that_was_left() -> None:
    found = restored(source=None, source_region=SourceRegion("us-east-1", "no answer"), cluster=SWITCHED)
    closing = close.plan(PITR, found, Traffic.RESTORED, ["restore:sourceRegion"], settings())
    assert closing.remove == ("restore:sourceRegion",)
    assert closing.set == {"restore:source": "shop-inc-1"}


def pending_state(*urns: str) -> dict[str, Any]:
    operations = [{"resource": {"urn": f"urn:pulumi:prod::restore::{urn}"}, "type": "creating"} for urn in urns]
    return {"version": 3, "deployment": {"pending_operations": operations, "resources": []}}


RECEIPT = "restore:index:Restore$pulumi:index:Stash::conformed-inc-1"
CANDIDATE = "restore:index:Restore$aws:rds/instance:Instance::candidate-inc-1"
SNAPSHOT = "restore:index:Freeze$aws:rds/snapshot:Snapshot::safety-inc-1"


def test_a_pending_creation_of_something_unknown_is_not_forgotten() -> None:
    with pytest.raises(Refused, match="clear-pending-creates"):
        close.remove_resources(pending_state(RECEIPT, "aws:s3/bucket:Bucket::archive"))


def test_a_restore_that_was_being_asked_for_is_looked_up_in_rds() -> None:
    accepted = RECEIPT.replace("conformed", "accepted")
    assert accepted != RECEIPT
    (told,) = close.describe_pending(pending_state(accepted), restored())
    assert told.startswith("left pending by a killed run: accepted-inc-1: RDS has instance shop-inc-1")


def test_what_killed_runs_left_pending_does_not_hold_up_the_end_of_a_restore() -> None:
    emptied = close.remove_resources(pending_state(RECEIPT, RECEIPT, CANDIDATE, SNAPSHOT))
    assert emptied["deployment"] == {"pending_operations": [], "resources": []}


def test_nobody_mistakes_a_cleared_receipt_for_a_database() -> None:
    found = replace(restored(), safety_snapshot=None)
    told = close.describe_pending(pending_state(RECEIPT, RECEIPT, CANDIDATE, SNAPSHOT), found)
    instance = candidate()
    assert told == [
        "left pending by a killed run, and nothing exists of it elsewhere: conformed-inc-1 (2 times)",
        f"left pending by a killed run: candidate-inc-1: RDS has instance {instance.identifier} "
        f"({instance.resource_id}), and it stays",
        "left pending by a killed run: safety-inc-1: RDS has nothing of that name",
    ]
    closing = close.plan(PITR, restored(), Traffic.SOURCE, [], settings())
    assert "Cleared from the state, left pending by a killed run: candidate-inc-1" in close.render(closing, told)


def test_what_leaves_the_state_is_everything_but_the_stack() -> None:
    resources = [{"type": "pulumi:pulumi:Stack", "outputs": {"a": 1}}, {"type": "aws:rds/instance:Instance"}]
    emptied = close.remove_resources({"version": 3, "deployment": {"resources": resources}})
    assert emptied["deployment"]["resources"] == [{"type": "pulumi:pulumi:Stack", "outputs": {}}]


def test_what_watches_over_the_backups_outlives_the_restore() -> None:
    """Without its provider, or with a dependency on what is gone, the engine would refuse the state."""
    stack = "urn:pulumi:prod::restore::pulumi:pulumi:Stack::restore-prod"
    provider = "urn:pulumi:prod::restore::pulumi:providers:aws::default_7_51_1"
    other = "urn:pulumi:prod::restore::pulumi:providers:kubernetes::default_4_34_2"
    receipt = "urn:pulumi:prod::restore::pulumi:index:Stash::serving-inc-1"
    parent = "urn:pulumi:prod::restore::restore:index:Prevention::prevention"
    topic = "urn:pulumi:prod::restore::restore:index:Prevention$aws:sns/topic:Topic::backup-alarms"
    alarm = "urn:pulumi:prod::restore::restore:index:Prevention$aws:cloudwatch/metricAlarm:MetricAlarm::alarm"
    resources: list[dict[str, Any]] = [
        {"urn": stack, "type": "pulumi:pulumi:Stack", "outputs": {"state": "restore inc-1"}},
        {"urn": provider, "type": "pulumi:providers:aws"},
        {"urn": other, "type": "pulumi:providers:kubernetes"},
        {"urn": receipt, "type": "pulumi:index:Stash"},
        {"urn": parent, "type": "restore:index:Prevention", "parent": stack},
        {"urn": topic, "type": "aws:sns/topic:Topic", "parent": parent, "provider": f"{provider}::id"},
        {
            "urn": alarm,
            "type": "aws:cloudwatch/metricAlarm:MetricAlarm",
            "parent": parent,
            "provider": f"{provider}::id",
            "dependencies": [receipt, topic],
            "propertyDependencies": {"alarmActions": [topic], "name": None},
        },
    ]
    emptied = close.remove_resources({"version": 3, "deployment": {"resources": resources}}, drops_replication=True)
    kept = {resource["urn"]: resource for resource in emptied["deployment"]["resources"]}
    assert list(kept) == [stack, provider, parent, topic, alarm]
    assert kept[alarm]["dependencies"] == [topic]
    assert kept[alarm]["propertyDependencies"] == {"alarmActions": [topic], "name": []}


@pytest.mark.parametrize("cutover", [Cutover.RENAME, Cutover.SECRET])
def test_a_replication_that_is_of_the_former_instance_leaves_the_state_and_is_told(cutover: Cutover) -> None:
    """With its ARN unchanged by the rename, Pulumi would take it for that of the database that serves, for ever."""
    site = settings(prevention=PreventionSettings(replicate_to="us-west-2"))
    closing = close.plan(replace(PITR, cutover=cutover), restored(), Traffic.RESTORED, [], site)
    assert "No backup of the restored database is in us-west-2" in close.render(closing)
    assert closing.drops_replication is (cutover is Cutover.RENAME)
    parent = "urn:pulumi:prod::restore::restore:index:Prevention::prevention"
    urn = f"urn:pulumi:prod::restore::restore:index:Prevention${close.REPLICATION}::backups-elsewhere"
    resources = [{"urn": parent, "type": close.PREVENTION}, {"urn": urn, "type": close.REPLICATION}]
    emptied = close.remove_resources(
        {"version": 3, "deployment": {"resources": resources}}, drops_replication=closing.drops_replication
    )
    left = [resource["urn"] for resource in emptied["deployment"]["resources"]]
    assert left == ([parent] if cutover is Cutover.RENAME else [parent, urn])


def test_a_replication_of_the_source_that_serves_on_is_nobody_s_business() -> None:
    site = settings(prevention=PreventionSettings(replicate_to="us-west-2"))
    closing = close.plan(replace(PITR, cutover=Cutover.RENAME), restored(), Traffic.SOURCE, [], site)
    assert not closing.drops_replication
    assert "us-west-2" not in close.render(closing)
