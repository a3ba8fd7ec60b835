"""Runs a Job in the cluster, or follows one that an earlier run began; its login is in a Secret that goes with it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from urllib.parse import quote

from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.kubernetes.api import Api, JsonBody
from restore.kubernetes.job_manifests import Job, build_job_body, build_secret_body
from restore.kubernetes.other_writers import MANAGED_BY
from restore.kubernetes.parse import parse_texts
from restore.kubernetes.pods import Pod, parse_pod, shorten_reason
from restore.polling import wait_for
from restore.redaction import redact, register_secret

STUCK_SECONDS = 45.0
"""A container that waits for longer than this for one of STUCK is not going to start."""
WITHOUT_IMAGE = ("ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName")
STUCK = (
    *WITHOUT_IMAGE,
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
)
STARTING = ("ContainerCreating", "PodInitializing")
REMOVE_SECONDS = 30.0
LINES = 10000
SHOWN, MOST = 50, 1 << 16
"""Lines, and bytes, of a log that are looked at while its Job runs."""


@dataclass(frozen=True)
class JobResult:
    """How it ended. `lines` is what psql printed, one a row; `reasons` why it didn't run or failed."""

    succeeded: bool
    exit_code: int | None
    lines: tuple[str, ...]
    reasons: tuple[str, ...]
    pod: str | None
    node: str | None
    ended: bool = True
    """False for one that goes on, or can't start."""
    stuck: bool = False

    @property
    def without_image(self) -> bool:
        """Whether its node couldn't get the image."""
        return _has_any_of(self.reasons, WITHOUT_IMAGE)


def _has_any_of(reasons: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a container waits for one of these, as kubelets name it."""
    return any(f": {name}" in reason for reason in reasons for name in names)


def run_job(api: Api, job: Job, *, stop: threading.Event, deadline: float) -> JobResult:
    """Runs a Job to its end, and removes it and its Secret, whatever happens. `deadline` is of time.monotonic().

    1. a Job of this name that a killed run left behind is removed; one that isn't ours is refused (PermanentError)
    2. the Job is made suspended, then its Secret (owned by the Job), then the Job is let go
    3. its end is awaited, its log read, both are removed

    A Job that can't start (ImagePullBackOff, quota, ...), or is out of time, is a result that didn't succeed, with the
    reasons. Raises TemporaryError when stopped, or when the API doesn't answer.
    """
    register_secret(job.environment.get("PGPASSWORD", ""))
    run = JobRun(api, job, stop, deadline)
    run.remove_left_behind()
    uid = run.create()
    try:
        run.let_go(uid)
        return run.await_result(uid)
    finally:
        with contextlib.suppress(RestoreError):  # the cluster removes both by itself KEPT_SECONDS later
            run.remove(uid)


@dataclass(frozen=True)
class FoundJob:
    """A Job of this program as it is now."""

    name: str
    uid: str
    begun: bool
    """Whether it was let go: one that isn't was left behind by a run that was killed before its Secret was there."""
    leaving: bool
    """Whether it is being deleted."""
    ended: datetime | None
    """When it ended, with whatever success; None while it runs."""


def list_jobs(api: Api, namespace: str, labels: Mapping[str, str]) -> tuple[FoundJob, ...]:
    """Returns this program's Jobs with these labels."""
    selector = ",".join(f"{name}={value}" for name, value in (*labels.items(), MANAGED_BY))
    items = api.list_items(f"/apis/batch/v1/namespaces/{quote(namespace)}/jobs", labelSelector=selector)
    return tuple(_parse_found_job(item) for item in items)


def _parse_found_job(item: JsonBody) -> FoundJob:
    metadata, spec = item["metadata"], cast("JsonBody", item.get("spec") or {})
    ended = _find_condition_time(item)
    return FoundJob(
        str(metadata["name"]),
        str(metadata["uid"]),
        spec.get("suspend") is not True,
        bool(metadata.get("deletionTimestamp")),
        ended,
    )


def _list_end_conditions(job: JsonBody) -> list[JsonBody]:
    """The conditions that end a Job: Complete, Failed."""
    status: JsonBody = job.get("status") or {}
    items = cast("list[JsonBody]", status.get("conditions") or [])
    return [item for item in items if item.get("status") == "True" and item.get("type") in {"Complete", "Failed"}]


def _find_condition_time(job: JsonBody) -> datetime | None:
    times = [datetime.fromisoformat(str(item["lastTransitionTime"])) for item in _list_end_conditions(job)]
    return max(times, default=None)


@dataclass(frozen=True)
class Look:
    """Who is told how a Job goes on."""

    lines: Callable[[Sequence[str]], None]
    """Gets the log's last lines, those of before among them."""
    waits: Callable[[str], None]
    """Gets why no container runs yet."""


@dataclass(frozen=True)
class _Seen:
    """A Job and its pod at one moment."""

    job: JsonBody
    pod: Pod | None

    @property
    def ended(self) -> bool:
        return bool(self.condition)

    @property
    def condition(self) -> str:
        """`Complete`, or why it failed; empty while it runs."""
        for item in _list_end_conditions(self.job):
            reason = shorten_reason(str(item.get("reason") or "Failed"), item.get("message"))
            return "Complete" if item["type"] == "Complete" else reason
        return ""

    @property
    def stuck(self) -> bool:
        return self.pod is not None and _has_any_of(self.pod.reasons, STUCK)


class JobRun:
    """One Job, by its name: looked at, begun, followed to its end, removed. Methods raise RestoreError."""

    def __init__(self, api: Api, job: Job, stop: threading.Event, deadline: float):
        self._api, self._job, self._stop, self._deadline = api, job, stop, deadline
        namespace = quote(job.namespace)
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        self.events = f"/api/v1/namespaces/{namespace}/events"
        self.path = f"{self.jobs}/{quote(job.name)}"
        self._stuck_since: float | None = None

    def find(self) -> FoundJob | None:
        """Returns the Job of this name. Raises PermanentError for one that isn't this program's."""
        existing = self._api.get(self.path)
        if existing is None:
            return None
        _must_be_ours(self._job, "Job", existing)
        return _parse_found_job(existing)

    def create(self) -> str:
        """Makes the Job, suspended; returns its uid."""
        made = self._api.create(self.jobs, build_job_body(self._job, int(self._deadline - time.monotonic())))
        return str(made["metadata"]["uid"])

    def let_go(self, uid: str) -> None:
        """Makes its Secret, which is owned by it, and starts it."""
        self._api.create(self.secrets, build_secret_body(self._job, uid))
        self._api.patch(self.path, {"spec": {"suspend": False}}, "merge")

    def remove_left_behind(self) -> None:
        """Removes the Job of this name and its Secret, and waits until the Job's last process has ended."""
        self._remove_secret()
        existing = self._api.get(self.path)
        if existing:
            _must_be_ours(self._job, "Job", existing)
            uid = str(existing["metadata"]["uid"])
            self._api.delete(self.path, uid=uid, propagation="Foreground" if self._job.runs_gate else "Background")
            self._wait_gone(uid)

    def remove(self, uid: str) -> None:
        """Removes both, the Secret first: it holds the login."""
        self._remove_secret()
        self._api.delete(self.path, uid=uid)

    def _remove_secret(self) -> None:
        path = f"{self.secrets}/{quote(self._job.name)}"
        existing = self._api.get(path)
        if existing:
            _must_be_ours(self._job, "Secret", existing)
            self._api.delete(path, uid=str(existing["metadata"]["uid"]))

    def _wait_gone(self, uid: str) -> None:
        wait_for(
            lambda: self._api.get(self.path),
            lambda existing: existing is None or existing["metadata"]["uid"] != uid,
            stop=self._stop,
            deadline=min(self._deadline, time.monotonic() + REMOVE_SECONDS),
            subject=f"Job {self._job.name} of an earlier run to go",
            describe=lambda _: "it is still there",
            first=0.1,
        )

    def await_result(self, uid: str, look: Look | None = None) -> JobResult:
        """Waits for its end, or until it can't start. `look` is told at each look what there is to tell."""

        def is_over(seen: _Seen) -> bool:
            if look and seen.pod and seen.pod.phase != "Pending":
                look.lines(self._read_last_lines(seen.pod))
            elif look and (reasons := self._list_waiting_reasons(seen, uid)):
                look.waits("; ".join(reasons))
            return self._is_over(seen)

        try:
            seen = wait_for(
                lambda: self._look_at_job(uid),
                is_over,
                stop=self._stop,
                deadline=self._deadline,
                subject=f"Job {self._job.name}",
                describe=lambda item: "; ".join(item.pod.reasons if item.pod else ()) or "it is running",
                first=0.1,
                longest=2.0,
            )
        except TemporaryError:
            if self._stop.is_set():
                raise
            seen = self._look_at_job(uid)
        return self._build_result(seen, uid)

    def _list_waiting_reasons(self, seen: _Seen, uid: str) -> list[str]:
        """Why no container runs yet; nothing while one is just being started."""
        reasons = list(seen.pod.reasons) if seen.pod else self._list_warnings(uid)
        return [reason for reason in reasons if not reason.endswith(STARTING)]

    def _list_warnings(self, uid: str) -> list[str]:
        """What the cluster says of a Job that gets no pod."""
        events = self._api.list_items(self.events, fieldSelector=f"involvedObject.uid={uid},type=Warning")
        return [shorten_reason(str(item.get("reason")), item.get("message")) for item in events]

    def _read_last_lines(self, pod: Pod) -> list[str]:
        """None where the log can't be had: it is looked at again."""
        with contextlib.suppress(RestoreError):
            text = self._api.read_text(f"{self.pods}/{quote(pod.name)}/log", tailLines=str(SHOWN), limitBytes=str(MOST))
            return redact(text).splitlines()
        return []

    def _look_at_job(self, uid: str) -> _Seen:
        answer = self._api.get(self.path)
        if answer is None or answer["metadata"]["uid"] != uid:
            raise PermanentError.of(_build_removed(self._job))
        pods = self._api.list_items(self.pods, labelSelector=f"batch.kubernetes.io/controller-uid={uid}")
        newest = max(pods, key=lambda item: str(item["metadata"].get("creationTimestamp")), default=None)
        return _Seen(answer, parse_pod(newest) if newest else None)

    def _is_over(self, seen: _Seen) -> bool:
        if not seen.stuck:
            self._stuck_since = None
            return seen.ended
        self._stuck_since = self._stuck_since or time.monotonic()
        return seen.ended or time.monotonic() - self._stuck_since > STUCK_SECONDS

    def _build_result(self, seen: _Seen, uid: str) -> JobResult:
        succeeded = seen.condition == "Complete"
        reasons = () if succeeded else tuple(dict.fromkeys(self._list_reasons(seen, uid)))
        return JobResult(
            succeeded=succeeded,
            exit_code=seen.pod.exit_code if seen.pod else None,
            lines=tuple(redact(self._read_log(seen.pod)).splitlines()),
            reasons=tuple(redact(reason) for reason in reasons),
            pod=seen.pod.name if seen.pod else None,
            node=seen.pod.node if seen.pod else None,
            ended=seen.ended,
            stuck=seen.stuck,
        )

    def _read_log(self, pod: Pod | None) -> str:
        """Empty when it can't be had, as that of a pod that never started."""
        if pod is None or pod.phase == "Pending":
            return ""
        return self._api.read_text(f"{self.pods}/{quote(pod.name)}/log", tailLines=str(LINES))

    def _list_reasons(self, seen: _Seen, uid: str) -> list[str]:
        told = list(seen.pod.reasons if seen.pod else ())
        if seen.condition:
            told.append(seen.condition)
        if seen.pod is None:
            told += self._list_warnings(uid)
        return told or ["out of time: it was still running"]


def _must_be_ours(job: Job, kind: str, existing: JsonBody) -> None:
    if parse_texts(existing["metadata"].get("labels")).get(MANAGED_BY[0]) == MANAGED_BY[1]:
        return
    without = f"a {kind} of this name without the label {MANAGED_BY[0]}={MANAGED_BY[1]}"
    fix = f"rename or remove it: kubectl --namespace {job.namespace} delete {kind.lower()} {job.name}"
    raise PermanentError.of(Problem(f"{kind} {job.name}", without, "the name free for this program's own", fix))


def _build_removed(job: Job) -> Problem:
    found = "somebody removed or replaced it while it ran"
    return Problem(f"Job {job.name}", found, "that it runs to its end", "pulumi up")
