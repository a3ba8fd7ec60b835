"""What runs on a schedule has no login of this machine's, no right that it doesn't need, and names that Kubernetes
takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError
from restore.model.aws_account import AwsLogin
from restore.model.notify import NotifySettings
from restore.model.prevention import LONGEST_NAME, PreventionSettings, name_object
from restore.model.request import DumpStore, RunnerJob, Settings
from restore.prevention import workloads
from restore.prevention.document import build_schedule_settings, read_settings, write_settings
from tests.support import worlds as w

PREVENTION = PreventionSettings(dump_schedule="30 3 * * *")


def site(**changes: Any) -> Settings:
    base = w.settings(
        w.PITR,
        backups=DumpStore("dumps"),
        runner_job=RunnerJob(image="registry.example/restore:1", service_account="restore-gates"),
        prevention=PREVENTION,
        notify=NotifySettings(slack_token="xoxb-secret"),
        aws_login=AwsLogin(access_key="AKIA", secret_key="aws-secret"),
        waive={"validated.rows": "the incident's own"},
    )
    return replace(base, **changes)


def test_a_pod_is_told_no_secret() -> None:
    text = write_settings(build_schedule_settings(site(), "shop", "shop"))
    assert "xoxb-secret" not in text
    assert "aws-secret" not in text


def test_a_restore_changes_nothing_of_what_the_pods_are_told() -> None:
    quiet = site(request=None, waive={}, apps=())
    assert write_settings(build_schedule_settings(site(), "shop", "shop")) == write_settings(
        build_schedule_settings(quiet, "shop", "shop")
    )


def test_the_pods_read_what_was_written(tmp_path: Path) -> None:
    file, certificate = tmp_path / "settings.json", tmp_path / "root.pem"
    file.write_text(write_settings(build_schedule_settings(site(), "shop-inc-1", "orders")))
    settings = read_settings(file, certificate)
    assert (settings.source, settings.login.database, settings.prevention) == ("shop-inc-1", "orders", PREVENTION)
    assert settings.tls.root_certificate == str(certificate)


def test_settings_of_another_version_are_told(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text("{")
    with pytest.raises(PermanentError, match=r"docs/prevention\.md"):
        read_settings(file, None)


def pod(purpose: str, **changes: Any) -> Any:
    scheduled = {item.name: item for item in workloads.list_cron_jobs(site(**changes), PREVENTION, certificate=True)}
    return scheduled[f"restore-{purpose}-prod"].spec["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("purpose", ["check", "dump"])
def test_a_pod_is_as_the_restricted_standard_wants_it(purpose: str) -> None:
    spec = pod(purpose)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] == "restore-gates"


def test_the_settings_are_mounted_from_the_config_map() -> None:
    volumes = {volume["name"]: volume for volume in pod("check")["volumes"]}
    items = [{"key": name, "path": name} for name in ("root.pem", "settings.json")]
    assert volumes["files"] == {"name": "files", "configMap": {"name": "restore-settings-prod", "items": items}}
    assert "--publish" in pod("check")["containers"][0]["args"]


def test_two_dumps_never_run_at_a_time() -> None:
    scheduled = workloads.list_cron_jobs(site(), PREVENTION, certificate=True)
    assert {item.spec["concurrencyPolicy"] for item in scheduled} == {"Forbid"}
    assert "suspend" not in scheduled[0].spec["jobTemplate"]["spec"]


def test_without_a_dump_schedule_there_is_no_dump() -> None:
    assert len(workloads.list_cron_jobs(site(), PreventionSettings(), certificate=True)) == 1


@pytest.mark.parametrize("stack", ["prod", "a" * 90, "Prod_EU.1", "x-" * 30])
def test_any_stack_s_name_makes_a_name_that_kubernetes_takes(stack: str) -> None:
    name = name_object(stack, "settings")
    assert len(name) <= LONGEST_NAME
    assert name == name.strip("-").lower()
    assert "_" not in name
    assert "." not in name


@pytest.mark.parametrize(("minutes", "schedule"), [(1, "*/1 * * * *"), (15, "*/15 * * * *"), (60, "0 * * * *")])
def test_the_check_runs_as_often_as_asked(minutes: int, schedule: str) -> None:
    assert workloads.format_schedule(PreventionSettings(every_minutes=minutes)) == schedule


def test_the_document_is_the_same_for_the_same_settings() -> None:
    """Another order of its keys would be a change in every preview."""
    text = write_settings(build_schedule_settings(site(), "shop", "shop"))
    assert text == json.dumps(json.loads(text), sort_keys=True)
