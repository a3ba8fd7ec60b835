"""The CronJobs of the schedule, which mount a ConfigMap with what their pods are told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from restore.kubernetes.job_manifests import CERTIFICATE, FILES, FOLDER, Job, Resources, build_job_body
from restore.kubernetes.other_writers import MANAGED_BY
from restore.model.labels import LABEL_STACK
from restore.model.prevention import PreventionSettings, name_object
from restore.model.request import Settings
from restore.prevention.document import FILE

CHECK, DUMP = "check", "dump"
CHECK_SECONDS = 600
DUMP_SECONDS = 20 * 3600
LONGEST_LABEL = 63


@dataclass(frozen=True)
class Scheduled:
    """One CronJob: name and spec as Kubernetes has them."""

    name: str
    spec: Mapping[str, Any]


def list_labels(stack: str) -> Mapping[str, str]:
    """Returns the labels of everything that the schedule has in the cluster."""
    return {MANAGED_BY[0]: MANAGED_BY[1], LABEL_STACK: stack[:LONGEST_LABEL].rstrip("-_.")}


def list_cron_jobs(settings: Settings, prevention: PreventionSettings, *, certificate: bool) -> tuple[Scheduled, ...]:
    """Returns the check, and the nightly dump where one is asked for.

    Args:
        certificate: whether root certificates are mounted beside the settings.
    """
    check = ("check-backups", "--publish")
    scheduled = [_build(settings, prevention, CHECK, check, format_schedule(prevention), CHECK_SECONDS, certificate)]
    if prevention.dump_schedule:
        schedule = prevention.dump_schedule
        scheduled.append(_build(settings, prevention, DUMP, (DUMP,), schedule, DUMP_SECONDS, certificate))
    return tuple(scheduled)


def format_schedule(prevention: PreventionSettings) -> str:
    """Returns the schedule of the check."""
    minutes = prevention.every_minutes
    return "0 * * * *" if minutes == 60 else f"*/{minutes} * * * *"


def _build(
    settings: Settings,
    prevention: PreventionSettings,
    purpose: str,
    command: tuple[str, ...],
    schedule: str,
    seconds: int,
    certificate: bool,
) -> Scheduled:
    """A run that is missed or too long is skipped, never doubled; a failed one isn't repeated before its next time."""
    name = name_object(settings.stack, purpose)
    body = build_job_body(_build_job(settings, prevention, purpose, command, certificate=certificate), seconds)
    spec = cast("dict[str, Any]", body["spec"])
    spec.pop("suspend")
    for volume in spec["template"]["spec"]["volumes"]:
        if volume["name"] == FILES:
            mounted = volume.pop("secret")
            volume["configMap"] = {"name": mounted["secretName"], "items": mounted["items"]}
    spec["template"]["spec"]["automountServiceAccountToken"] = False  # these pods ask AWS alone
    metadata = {"labels": dict(list_labels(settings.stack))}
    return Scheduled(
        name,
        {
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 300 if purpose == CHECK else 3600,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": metadata, "spec": spec},
        },
    )


def _build_job(
    settings: Settings, prevention: PreventionSettings, purpose: str, command: tuple[str, ...], *, certificate: bool
) -> Job:
    of_team = settings.runner_job
    files = {FILE: "", **({CERTIFICATE: ""} if certificate else {})}
    trusted = ("--root-certificate", f"{FOLDER}/{CERTIFICATE}") if certificate else ()
    job = Job(
        namespace=settings.namespace,
        name=name_object(settings.stack, "settings"),  # of the ConfigMap that is mounted
        image=prevention.image or of_team.image or "",
        container=purpose,
        arguments=(*command, "--settings", f"{FOLDER}/{FILE}", *trusted),
        files=files,
        service_account=prevention.service_account or of_team.service_account,
        labels={**of_team.labels, LABEL_STACK: list_labels(settings.stack)[LABEL_STACK]},
        annotations=of_team.annotations,
        image_pull_secrets=of_team.image_pull_secrets,
        resources=Resources(of_team.cpu, of_team.memory, cpu_limit=None, memory_limit=of_team.memory),
        runs_gate=True,
    )
    return replace(job, kept_seconds=24 * 3600)
