"""The Job that connects to a database, and the Secret that holds its login. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from restore.kubernetes.api import JsonBody
from restore.kubernetes.other_writers import MANAGED_BY

KEPT_SECONDS = 600
"""The cluster removes an ended Job, and its Secret with it, after this time: when we were killed before doing so."""
NOBODY = 65534
CERTIFICATE = "root.pem"
CERTIFICATE_VOLUME = "root-certificate"
CERTIFICATE_FOLDER = "/etc/restore"
READABLE_BY_ALL = 0o444
"""The files of a Secret belong to root, and the Job runs as nobody; a root certificate is public."""
SCRIPT = """\
set -eu
psql --no-psqlrc --no-password --set ON_ERROR_STOP=1 --no-align --tuples-only "$@" &
trap 'kill "$!"; exit 143' TERM
wait "$!"
"""
"""psql in the background, because a shell that waits for a command in the foreground doesn't see SIGTERM."""
SPARE_SECONDS = 60
"""The cluster's own deadline comes later than ours: it deletes the pod, and with it the reasons."""


@dataclass(frozen=True)
class Job:
    """What to run. `environment` goes into a Secret owned by the Job, never into the Job."""

    namespace: str
    name: str
    """Deterministic: a Job left behind by a killed run is found by it and replaced."""
    image: str
    statements: tuple[str, ...]
    """SQL without secrets, because it stands in the Job: each is one `psql --command`, in one session."""
    environment: Mapping[str, str] = field(repr=False)
    """libpq's variables: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, ..."""
    root_certificate: str | None = None
    """Text (PEM), for a file that PGSSLROOTCERT names: AWS's bundle is longer than an environment variable may be."""
    service_account: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its pod."""
    image_pull_secrets: tuple[str, ...] = ()


def _build_metadata(job: Job) -> JsonBody:
    return {"name": job.name, "namespace": job.namespace, "labels": {**job.labels, MANAGED_BY[0]: MANAGED_BY[1]}}


def job_body(job: Job, seconds: int) -> JsonBody:
    """Returns the Job, suspended, so that no pod starts before its Secret is there; one attempt, of `seconds`."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _build_metadata(job),
        "spec": {
            "suspend": True,
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(0, seconds) + SPARE_SECONDS,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": _build_pod_metadata(job),
                "spec": _build_pod_spec(job),
            },
        },
    }


def _build_pod_metadata(job: Job) -> JsonBody:
    metadata: JsonBody = {"labels": {**job.labels, MANAGED_BY[0]: MANAGED_BY[1]}}
    return {**metadata, "annotations": dict(job.annotations)} if job.annotations else metadata


def _build_pod_spec(job: Job) -> JsonBody:
    """As the "restricted" Pod Security Standard wants it."""
    arguments = [part for statement in job.statements for part in ("--command", statement)]
    mounted = job.root_certificate is not None
    spec: JsonBody = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "psql",
                "image": job.image,
                "command": ["sh", "-c", SCRIPT, "psql", *arguments],
                "env": _build_environment(job),
                "volumeMounts": [_build_mount()] if mounted else [],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"},
                    "limits": {"cpu": "500m", "memory": "256Mi"},
                },
            }
        ],
        "volumes": [_build_volume(job)] if mounted else [],
    }
    if job.service_account:
        spec["serviceAccountName"] = job.service_account
    if job.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in job.image_pull_secrets]
    return spec


def _build_environment(job: Job) -> list[JsonBody]:
    """Returns the variables key by key: all of the Secret at once would put the certificate into the environment as
    well."""
    variables: list[JsonBody] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": job.name, "key": name}}}
        for name in sorted(_build_login(job))
    ]
    if job.root_certificate is not None:
        variables.append({"name": "PGSSLROOTCERT", "value": f"{CERTIFICATE_FOLDER}/{CERTIFICATE}"})
    return variables


def _build_login(job: Job) -> Mapping[str, str]:
    return {"PGCONNECT_TIMEOUT": "10", **job.environment}


def _build_mount() -> JsonBody:
    return {"name": CERTIFICATE_VOLUME, "mountPath": CERTIFICATE_FOLDER, "readOnly": True}


def _build_volume(job: Job) -> JsonBody:
    """Returns the volume with the certificate alone: the login is in no file."""
    items = [{"key": CERTIFICATE, "path": CERTIFICATE}]
    secret: JsonBody = {"secretName": job.name, "items": items, "defaultMode": READABLE_BY_ALL}
    return {"name": CERTIFICATE_VOLUME, "secret": secret}


def secret_body(job: Job, job_uid: str) -> JsonBody:
    """Returns the Secret, owned by the Job: the cluster removes it together with the Job."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job.name, "uid": job_uid}
    certificate = {} if job.root_certificate is None else {CERTIFICATE: job.root_certificate}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**_build_metadata(job), "ownerReferences": [owner]},
        "type": "Opaque",
        "immutable": True,
        "stringData": {**_build_login(job), **certificate},
    }
