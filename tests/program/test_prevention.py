"""What watches over backups is declared in every run, and never in the way of a restore."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func

from restore import plan
from restore.model.aws_account import Caller
from restore.model.prevention import PreventionSettings
from restore.model.rds import Instance
from restore.model.request import DumpStore, RunnerJob, Tls, Traffic
from restore.program import prevention
from restore.program.prevention import Watched, find_serving
from tests.support import worlds as w
from tests.support.declarations import Cloud, Recorder

EVERYTHING = PreventionSettings(dump_schedule="30 3 * * *", replicate_to="us-west-2", enforce=True)
CALLER = Caller("123456789012", "arn:aws:sts::123456789012:assumed-role/restore-operator/on-call")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "root.pem"
    file.write_text("-----BEGIN CERTIFICATE-----")
    return file


@pytest.fixture
def watch(certificate: Path) -> Callable[..., Watched]:
    def make(settings: PreventionSettings = EVERYTHING, source: Instance | None = w.instance()) -> Watched:  # noqa: B008
        site = w.settings(
            None,
            backups=DumpStore("dumps"),
            evidence="s3://evidence/restores",
            tls=Tls(root_certificate=str(certificate)),
            runner_job=RunnerJob(image="registry.example/restore:1"),
            prevention=settings,
        )
        return Watched(site, settings, source, CALLER, "shop", "shop")

    return make


def register(declare: Callable[[], None]) -> Mapping[str, Any]:
    """The registrations by name; the stack's own is left out."""
    recorder = Recorder()
    mocks.set_mocks(Cloud(), project="restore", stack="prod", monitor=recorder)
    asyncio.get_event_loop().run_until_complete(run_pulumi_func(declare))
    requests = [item for item in recorder.by_urn.values() if item.type != "pulumi:pulumi:Stack"]
    return {item.name: item for item in requests}


def test_everything_that_is_asked_for_is_declared(watch: Callable[..., Watched]) -> None:
    declared = register(lambda: prevention.declare(watch(), enforces=True))
    assert {name: item.type.rpartition(":")[2] for name, item in declared.items()} == {
        "prevention": "Prevention",
        "backup-alarms": "Topic",
        "backup-events": "EventSubscription",
        "alarm-LatestRestorableTimeAge": "MetricAlarm",
        "alarm-SnapshotAge": "MetricAlarm",
        "alarm-DumpAge": "MetricAlarm",
        "alarm-DrillAge": "MetricAlarm",
        "alarm-ReplicaAge": "MetricAlarm",
        "backups-elsewhere": "InstanceAutomatedBackupsReplication",
        "schedule-settings": "ConfigMap",
        "restore-check-prod": "CronJob",
        "restore-dump-prod": "CronJob",
        "protection": "Stash",
    }


def test_missing_data_is_an_alarm(watch: Callable[..., Watched]) -> None:
    declared = register(lambda: prevention.declare(watch(), enforces=False))
    alarm = dict(declared["alarm-DumpAge"].object)
    assert (alarm["treatMissingData"], alarm["threshold"]) == ("breaching", 26 * 3600)
    assert (alarm["evaluationPeriods"], alarm["period"]) == (2, 1800)
    assert list(alarm["alarmActions"]) == list(alarm["okActions"])


def test_a_topic_of_the_team_is_used_and_none_made(watch: Callable[..., Watched]) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:oncall"
    declared = register(lambda: prevention.declare(watch(replace(EVERYTHING, topic=topic)), enforces=False))
    assert "backup-alarms" not in declared
    assert list(declared["alarm-SnapshotAge"].object["alarmActions"]) == [topic]


def test_a_source_that_is_gone_keeps_the_replication_of_its_backups(watch: Callable[..., Watched]) -> None:
    living = register(lambda: prevention.declare(watch(), enforces=True))["backups-elsewhere"]
    gone = register(lambda: prevention.declare(watch(source=None), enforces=True))
    assert dict(gone["backups-elsewhere"].object) == dict(living.object)
    assert gone["backups-elsewhere"].retainOnDelete
    assert "protection" not in gone


def test_a_run_with_a_restore_never_modifies_the_source(watch: Callable[..., Watched]) -> None:
    assert "protection" not in register(lambda: prevention.declare(watch(), enforces=False))


def test_nothing_of_it_begins_before_the_gates_have_opened(watch: Callable[..., Watched]) -> None:
    def declare() -> None:
        gate = pulumi.Stash("serving-inc-1", input={})
        prevention.declare(watch(), enforces=False, depends_on=[gate])

    declared = register(declare)
    for name, item in declared.items():
        if name not in ("prevention", "serving-inc-1"):
            assert any(urn.endswith("::serving-inc-1") for urn in item.dependencies), name


def test_the_nightly_dump_follows_the_traffic() -> None:
    """A dump of the database that was left would be the only one since, of rows that nobody uses."""
    switched = w.settings(w.asked(traffic=Traffic.RESTORED))
    planned = plan.make(switched, w.restored(cluster=w.SWITCHED))
    assert find_serving(switched, planned) == "shop-inc-1"
    assert find_serving(w.settings(None), None) == "shop"
    frozen = w.settings(w.PITR)
    assert find_serving(frozen, plan.make(frozen, w.inventory())) == "shop"
