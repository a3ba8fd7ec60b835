"""A Job of ours, and the Secret that holds what its container is given. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from restore.kubernetes.api import JsonBody
from restore.kubernetes.other_writers import MANAGED_BY

KEPT_SECONDS = 600
"""The cluster removes an ended Job, and its Secret with it, after this time: when we were killed before doing so."""
NOBODY = 65534
FOLDER = "/etc/restore"
"""Where the container finds its files."""
FILES = "files"
SCRATCH = "scratch"
JOB_UID = "JOB_UID"
READABLE_BY_ALL = 0o444
"""The files of a Secret belong to root, and the Job runs as nobody."""
CERTIFICATE = "root.pem"
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
class Resources:
    """What the container asks for, and its limits, as Kubernetes writes quantities."""

    cpu: str = "50m"
    memory: str = "64Mi"
    cpu_limit: str | None = "500m"
    memory_limit: str = "256Mi"


@dataclass(frozen=True)
class Job:
    """What to run. `environment` and `files` go into a Secret owned by the Job, never into the Job."""

    namespace: str
    name: str
    """Deterministic: the Job of a killed run is found by it."""
    image: str
    container: str = "main"
    command: tuple[str, ...] = ()
    """Without secrets, because it stands in the Job; else what the image runs by itself."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Text by name, below FOLDER."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment without secrets: it stands in the Job."""
    service_account: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its pod."""
    image_pull_secrets: tuple[str, ...] = ()
    resources: Resources = Resources()
    kept_seconds: int = KEPT_SECONDS
    runs_gate: bool = False
    """Whether this program runs in it: with its service account's token and the Job's uid, and once more where the
    cluster itself took the pod away (a drained or lost node, preemption), for every gate can be run again."""


def build_psql_job(
    job: Job, statements: Sequence[str], environment: Mapping[str, str], root_certificate: str | None = None
) -> Job:
    """Returns the Job with psql in its one container.

    Args:
        statements: SQL without secrets; each is one `psql --command`, in one session.
        environment: libpq's variables: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, ...
        root_certificate: text (PEM), for a file that PGSSLROOTCERT names: AWS's bundle is longer than an environment
            variable may be.
    """
    options = [part for statement in statements for part in ("--command", statement)]
    return replace(
        job,
        container="psql",
        command=("sh", "-c", SCRIPT, "psql", *options),
        environment={"PGCONNECT_TIMEOUT": "10", **environment},
        files={} if root_certificate is None else {CERTIFICATE: root_certificate},
        settings={} if root_certificate is None else {"PGSSLROOTCERT": f"{FOLDER}/{CERTIFICATE}"},
    )


def _build_metadata(job: Job) -> JsonBody:
    return {"name": job.name, "namespace": job.namespace, "labels": {**job.labels, MANAGED_BY[0]: MANAGED_BY[1]}}


def build_job_body(job: Job, seconds: int) -> JsonBody:
    """Returns the Job, suspended, so that no pod starts before its Secret is there; one attempt, of `seconds`."""
    spec: JsonBody = {
        "suspend": True,
        "backoffLimit": 0,
        "activeDeadlineSeconds": max(0, seconds) + SPARE_SECONDS,
        "ttlSecondsAfterFinished": job.kept_seconds,
        "template": {
            "metadata": _build_pod_metadata(job),
            "spec": _build_pod_spec(job),
        },
    }
    if job.runs_gate:
        disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        spec["podFailurePolicy"] = {"rules": [disrupted]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _build_metadata(job), "spec": spec}


def _build_pod_metadata(job: Job) -> JsonBody:
    metadata: JsonBody = {"labels": {**job.labels, MANAGED_BY[0]: MANAGED_BY[1]}}
    return {**metadata, "annotations": dict(job.annotations)} if job.annotations else metadata


def _build_pod_spec(job: Job) -> JsonBody:
    """As the "restricted" Pod Security Standard wants it."""
    spec: JsonBody = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": job.runs_gate,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_build_container(job)],
        "volumes": [volume for volume, _ in _build_volumes(job)],
    }
    if job.service_account:
        spec["serviceAccountName"] = job.service_account
    if job.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in job.image_pull_secrets]
    return spec


def _build_container(job: Job) -> JsonBody:
    """Returns the container; its last lines are the termination message of one that fails."""
    limits = {"memory": job.resources.memory_limit}
    if job.resources.cpu_limit:
        limits["cpu"] = job.resources.cpu_limit
    container: JsonBody = {
        "name": job.container,
        "image": job.image,
        "env": _build_environment(job),
        "volumeMounts": [mount for _, mount in _build_volumes(job)],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            **({"readOnlyRootFilesystem": True} if job.runs_gate else {}),
        },
        "resources": {"requests": {"cpu": job.resources.cpu, "memory": job.resources.memory}, "limits": limits},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if job.command:
        container["command"] = list(job.command)
    if job.arguments:
        container["args"] = list(job.arguments)
    return container


def _build_environment(job: Job) -> list[JsonBody]:
    """Returns the variables key by key: all of the Secret at once would put its files into the environment as well."""
    secret: list[JsonBody] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": job.name, "key": name}}}
        for name in sorted(job.environment)
    ]
    uid = {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/controller-uid']"}}
    plain: list[JsonBody] = [{"name": name, "value": value} for name, value in sorted(job.settings.items())]
    return [*secret, *plain, *([{"name": JOB_UID, "valueFrom": uid}] if job.runs_gate else [])]


def _build_volumes(job: Job) -> list[tuple[JsonBody, JsonBody]]:
    """Returns each volume with its mount: the files alone, for what is in the environment is in no file; and /tmp."""
    volumes: list[tuple[JsonBody, JsonBody]] = []
    if job.files:
        items = [{"key": name, "path": name} for name in sorted(job.files)]
        secret: JsonBody = {"secretName": job.name, "items": items, "defaultMode": READABLE_BY_ALL}
        volumes.append(({"name": FILES, "secret": secret}, {"name": FILES, "mountPath": FOLDER, "readOnly": True}))
    if job.runs_gate:
        scratch: JsonBody = {"name": SCRATCH, "emptyDir": {"sizeLimit": "64Mi"}}
        volumes.append((scratch, {"name": SCRATCH, "mountPath": "/tmp"}))  # noqa: S108 (the container's own)
    return volumes


def build_secret_body(job: Job, job_uid: str) -> JsonBody:
    """Returns the Secret, owned by the Job: the cluster removes it together with the Job."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job.name, "uid": job_uid}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**_build_metadata(job), "ownerReferences": [owner]},
        "type": "Opaque",
        "immutable": True,
        "stringData": {**job.environment, **job.files},
    }
