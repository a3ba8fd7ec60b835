"""A Job that can't start is told soon, and not when everybody has waited for its deadline."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from restore.kubernetes import Job, build_psql_job, jobs, run_job
from restore.kubernetes.api import Api

JOB = build_psql_job(Job("shop", "restore-validate-inc-1", "registry.test/psql:17"), ("SELECT 1",), {"PGHOST": "db"})


class Cluster:
    """Makes what it is told to; the container of each pod waits for the same reason, for ever."""

    def __init__(self, reason: str):
        self._waiting = {"reason": reason, "message": "pull access denied"}
        self.removed: list[str] = []
        self._made = False

    def get(self, path: str, **_: str) -> Any:
        return {"metadata": {"uid": "1"}} if self._made and path.endswith(f"/jobs/{JOB.name}") else None

    def create(self, path: str, body: Any) -> Any:
        self._made = True
        return {"metadata": {"uid": "1"}}

    def patch(self, path: str, body: Any, kind: str) -> Any:
        return {}

    def delete(self, path: str, **_: Any) -> bool:
        self.removed.append(path.rpartition("/")[2])
        return True

    def list_items(self, path: str, **_: str) -> list[Any]:
        container = {"name": "psql", "state": {"waiting": self._waiting}}
        status = {"phase": "Pending", "containerStatuses": [container]}
        return [{"metadata": {"name": "p", "uid": "2"}, "spec": {"nodeName": "node-1"}, "status": status}]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_no_node_gets_ends_the_job_long_before_its_deadline(
    monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(jobs, "STUCK_SECONDS", 0.0)
    cluster = Cluster(reason)
    result = run_job(cast("Api", cluster), JOB, stop=threading.Event(), deadline=time.monotonic() + 86_400)
    assert (result.succeeded, result.without_image, result.node) == (False, True, "node-1")
    assert result.reasons == (f"psql: {reason}: pull access denied",)
    assert cluster.removed == [JOB.name]


def test_a_container_that_is_being_made_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "STUCK_SECONDS", 0.0)
    cluster = cast("Api", Cluster("ContainerCreating"))
    result = run_job(cluster, JOB, stop=threading.Event(), deadline=time.monotonic() + 0.5)
    assert (result.succeeded, result.without_image) == (False, False)
