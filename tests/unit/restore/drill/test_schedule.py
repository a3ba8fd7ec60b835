"""The CronJob of drills: every quarter, one at a time, with no more rights than it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from restore.drill import schedule
from restore.errors import Refused
from restore.model.drill import DrillSettings, Schedule
from restore.model.request import Settings
from tests.support import worlds as w

SCHEDULE = Schedule(image="registry.example/drill:1", secret="pulumi-login", annotations={"role": "arn"})


def settings(**changes: Any) -> Settings:
    return replace(w.settings(None), drill=DrillSettings(namespace="shop-drill", schedule=replace(SCHEDULE, **changes)))


def test_it_drills_every_quarter_and_never_twice_at_a_time() -> None:
    account, job = schedule.build_manifests(settings())
    assert account["metadata"] == {
        "name": "restore-drill",
        "namespace": "shop-drill",
        "labels": {"app.kubernetes.io/managed-by": "pulumi-restore"},
        "annotations": {"role": "arn"},
    }
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 3 1 1,4,7,10 *", "Etc/UTC", "Forbid")
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_a_drill_that_is_ended_has_time_to_delete_what_it_made() -> None:
    pod = schedule.build_manifests(settings())[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 600
    assert pod["serviceAccountName"] == "restore-drill"
    (container,) = pod["containers"]
    assert container["args"] == ["--stack", "prod", "drill", "--json"]
    assert container["envFrom"] == [{"secretRef": {"name": "pulumi-login"}}]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_what_is_missing_is_said_all_at_once() -> None:
    with pytest.raises(Refused) as caught:
        schedule.build_manifests(w.settings(None))
    assert [problem.subject for problem in caught.value.problems] == [
        "config drill.namespace",
        "config drill.schedule.image",
        "config drill.schedule.secret",
    ]


class Api:
    """Notes what is applied."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, str]] = []

    def patch(self, path: str, body: Any, kind: str, **_: str) -> Any:
        self.applied.append((path, kind))
        return body


def test_without_apply_it_is_printed_for_a_repository_and_nothing_is_changed() -> None:
    api: Any = Api()
    printed = schedule.declare(settings(), api, apply=False)
    assert [item["kind"] for item in yaml.safe_load_all(printed)] == ["ServiceAccount", "CronJob"]
    assert api.applied == []


def test_with_apply_both_are_made_or_changed() -> None:
    api: Any = Api()
    schedule.declare(settings(), api, apply=True)
    assert api.applied == [
        ("/api/v1/namespaces/shop-drill/serviceaccounts/restore-drill", "apply"),
        ("/apis/batch/v1/namespaces/shop-drill/cronjobs/restore-drill-prod", "apply"),
    ]
