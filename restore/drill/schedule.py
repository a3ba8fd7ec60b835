"""The CronJob that drills by itself, with its service account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import yaml

from restore.config.reader import build_refusal
from restore.errors import Refused
from restore.kubernetes import Api
from restore.kubernetes.other_writers import MANAGED_BY
from restore.model.labels import FIELD_MANAGER
from restore.model.request import Settings

JsonBody = dict[str, Any]
NOBODY = 65534
LONGEST_SECONDS = 24 * 3600
GRACE_SECONDS = 3600
"""What a drill that is ended from outside has left to delete what it has made."""
PLACES = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "CronJob": "/apis/batch/v1/namespaces/{namespace}/cronjobs",
}


def declare(settings: Settings, api: Api, *, apply: bool) -> str:
    """Returns the manifests as YAML, for `kubectl apply` or a repository; with `apply` they are applied here. Raises
    Refused for what the configuration lacks, RestoreError."""
    manifests = build_manifests(settings)
    if not apply:
        return yaml.safe_dump_all(manifests, sort_keys=False).rstrip()
    for manifest in manifests:
        name, space = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        path = f"{PLACES[manifest['kind']].format(namespace=quote(space))}/{quote(name)}"
        api.patch(path, manifest, "apply", fieldManager=FIELD_MANAGER, force="true")
    space = settings.drill.namespace
    return f"applied; try it: kubectl -n {space} create job --from cronjob/{name_job(settings)} drill-by-hand"


def name_job(settings: Settings) -> str:
    return f"restore-drill-{settings.stack}".lower()[:52].rstrip("-.")


def build_manifests(settings: Settings) -> Sequence[JsonBody]:
    """Returns ServiceAccount and CronJob. Raises Refused for what the configuration lacks. Pure."""
    drill, schedule = settings.drill, settings.drill.schedule
    needed = {
        "drill.namespace": (drill.namespace, "the namespace of the copies, in which the CronJob is"),
        "drill.schedule.image": (schedule.image, "the image of the drill (docs/drill.md)"),
        "drill.schedule.secret": (schedule.secret, "the Secret with the login to Pulumi's backend (docs/drill.md)"),
    }
    if problems := [build_refusal(key, "not set", text) for key, (value, text) in needed.items() if not value]:
        raise Refused(problems)
    account: JsonBody = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _build_metadata(settings, schedule.service_account, dict(schedule.annotations)),
    }
    job: JsonBody = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _build_metadata(settings, name_job(settings), {}),
        "spec": {
            "schedule": schedule.cron,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": LONGEST_SECONDS,
                    "template": {"metadata": {"labels": dict([MANAGED_BY])}, "spec": _build_pod(settings)},
                }
            },
        },
    }
    return (account, job)


def _build_metadata(settings: Settings, name: str, annotations: dict[str, str]) -> JsonBody:
    metadata: JsonBody = {"name": name, "namespace": settings.drill.namespace, "labels": dict([MANAGED_BY])}
    return {**metadata, "annotations": annotations} if annotations else metadata


def _build_pod(settings: Settings) -> JsonBody:
    """Returns the pod, as the "restricted" Pod Security Standard wants it."""
    schedule = settings.drill.schedule
    spec: JsonBody = {
        "serviceAccountName": schedule.service_account,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "drill",
                "image": schedule.image,
                "args": ["--stack", settings.stack, "drill", "--json"],
                "envFrom": [{"secretRef": {"name": schedule.secret}}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "resources": {
                    "requests": {"cpu": schedule.cpu, "memory": schedule.memory},
                    "limits": {"memory": schedule.memory},
                },
                "terminationMessagePolicy": "FallbackToLogsOnError",
            }
        ],
    }
    if schedule.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in schedule.image_pull_secrets]
    return spec
