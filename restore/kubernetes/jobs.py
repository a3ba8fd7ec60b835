"""Runs a Job that connects to a database from inside the cluster; its login is in a Secret that goes with it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.kubernetes.api import Api, JsonBody
from restore.kubernetes.job_manifests import Job, job_body, secret_body
from restore.kubernetes.other_writers import MANAGED_BY
from restore.kubernetes.parse import texts
from restore.kubernetes.pods import Pod, pod, shorten_reason
from restore.polling import wait_for
from restore.redaction import redacted, register_secret

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
REMOVE_SECONDS = 30.0
LINES = 10000


@dataclass(frozen=True)
class JobResult:
    """How it ended. `lines` is what psql printed, one a row; `reasons` why it didn't run or failed."""

    succeeded: bool
    exit_code: int | None
    lines: tuple[str, ...]
    reasons: tuple[str, ...]
    pod: str | None
    node: str | None

    @property
    def without_image(self) -> bool:
        """Whether its node couldn't get the image."""
        return _any_named(self.reasons, WITHOUT_IMAGE)


def _any_named(reasons: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a container waits for one of these, as kubelets name it."""
    return any(f": {name}" in reason for reason in reasons for name in names)


def run_job(api: Api, job: Job, *, stop: threading.Event, deadline: float) -> JobResult:
    """Runs a Job to its end, and removes it and its Secret, whatever happens. `deadline` is of time.monotonic().

    1. a Job of this name that a killed run left behind is removed; one that isn't ours is refused (PermanentError)
    2. the Job is made suspended, then its Secret (owned by the Job), then the Job is let go
    3. its end is awaited, its log read, both are removed

    A Job that can't start (ImagePullBackOff, quota, ...), or is out of time, is a result that didn't succeed, with the
    reasons. TemporaryError when stopped, or when the API doesn't answer.
    """
    register_secret(job.environment.get("PGPASSWORD", ""))
    run = _Run(api, job, stop, deadline)
    run.remove_left_behind()
    created = api.create(run.jobs, job_body(job, int(deadline - time.monotonic())))
    uid = str(created["metadata"]["uid"])
    try:
        api.create(run.secrets, secret_body(job, uid))
        api.patch(run.path, {"spec": {"suspend": False}}, "merge")
        return run.result(uid)
    finally:
        with contextlib.suppress(RestoreError):  # the cluster removes both by itself KEPT_SECONDS later
            run.remove(uid)


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
        status: JsonBody = self.job.get("status") or {}
        for item in cast("list[JsonBody]", status.get("conditions") or []):
            if item.get("status") == "True" and item.get("type") in {"Complete", "Failed"}:
                reason = shorten_reason(str(item.get("reason") or "Failed"), item.get("message"))
                return "Complete" if item["type"] == "Complete" else reason
        return ""

    @property
    def stuck(self) -> bool:
        return self.pod is not None and _any_named(self.pod.reasons, STUCK)


class _Run:
    def __init__(self, api: Api, job: Job, stop: threading.Event, deadline: float):
        self._api, self._job, self._stop, self._deadline = api, job, stop, deadline
        namespace = quote(job.namespace)
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self.pods = f"/api/v1/namespaces/{namespace}/pods"
        self.events = f"/api/v1/namespaces/{namespace}/events"
        self.path = f"{self.jobs}/{quote(job.name)}"
        self._stuck_since: float | None = None

    def remove_left_behind(self) -> None:
        self._remove_secret()
        existing = self._api.get(self.path)
        if existing:
            _must_be_ours(self._job, "Job", existing)
            self._api.delete(self.path, uid=str(existing["metadata"]["uid"]))
            self._wait_gone(str(existing["metadata"]["uid"]))

    def remove(self, uid: str) -> None:
        """The Secret first: it holds the login."""
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

    def result(self, uid: str) -> JobResult:
        try:
            seen = wait_for(
                lambda: self._seen(uid),
                self._over,
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
            seen = self._seen(uid)
        return self._told(seen, uid)

    def _seen(self, uid: str) -> _Seen:
        answer = self._api.get(self.path)
        if answer is None or answer["metadata"]["uid"] != uid:
            raise PermanentError.of(_build_removed(self._job))
        pods = self._api.items(self.pods, labelSelector=f"batch.kubernetes.io/controller-uid={uid}")
        return _Seen(answer, pod(pods[-1]) if pods else None)

    def _over(self, seen: _Seen) -> bool:
        if not seen.stuck:
            self._stuck_since = None
            return seen.ended
        self._stuck_since = self._stuck_since or time.monotonic()
        return seen.ended or time.monotonic() - self._stuck_since > STUCK_SECONDS

    def _told(self, seen: _Seen, uid: str) -> JobResult:
        succeeded = seen.condition == "Complete"
        reasons = () if succeeded else tuple(dict.fromkeys(self._reasons(seen, uid)))
        return JobResult(
            succeeded=succeeded,
            exit_code=seen.pod.exit_code if seen.pod else None,
            lines=tuple(redacted(self._log(seen.pod)).splitlines()),
            reasons=tuple(redacted(reason) for reason in reasons),
            pod=seen.pod.name if seen.pod else None,
            node=seen.pod.node if seen.pod else None,
        )

    def _log(self, pod: Pod | None) -> str:
        """Empty when it can't be had, as that of a pod that never started."""
        if pod is None or pod.phase == "Pending":
            return ""
        return self._api.text(f"{self.pods}/{quote(pod.name)}/log", tailLines=str(LINES))

    def _reasons(self, seen: _Seen, uid: str) -> list[str]:
        told = list(seen.pod.reasons if seen.pod else ())
        if seen.condition:
            told.append(seen.condition)
        if seen.pod is None:
            events = self._api.items(self.events, fieldSelector=f"involvedObject.uid={uid},type=Warning")
            told += [shorten_reason(str(item.get("reason")), item.get("message")) for item in events]
        return told or ["out of time: it was still running"]


def _must_be_ours(job: Job, kind: str, existing: JsonBody) -> None:
    if texts(existing["metadata"].get("labels")).get(MANAGED_BY[0]) == MANAGED_BY[1]:
        return
    without = f"a {kind} of this name without the label {MANAGED_BY[0]}={MANAGED_BY[1]}"
    fix = f"rename or remove it: kubectl --namespace {job.namespace} delete {kind.lower()} {job.name}"
    raise PermanentError.of(Problem(f"{kind} {job.name}", without, "the name free for this program's own", fix))


def _build_removed(job: Job) -> Problem:
    found = "somebody removed or replaced it while it ran"
    return Problem(f"Job {job.name}", found, "that it runs to its end", "pulumi up")
