"""The scratch namespace: what is made there, what a drill refuses to touch, and what it deletes at its end."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any

import pytest

from restore.drill import scratch as scratch_module
from restore.drill.copies import Place
from restore.drill.scratch import Scratch, describe_pods
from restore.errors import PermanentError
from restore.kubernetes import Job, JobResult, Pod
from restore.kubernetes.api import Conflict, Forbidden, ReadObject
from restore.model.rds import Endpoint
from restore.redaction import redact

DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
SECRETS = "/api/v1/namespaces/{}/secrets"
INSIDE, OUTSIDE = Endpoint("new.example", 5432), Endpoint("old.example", 5432)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Api:
    """A small API server: objects by path."""

    def __init__(self, objects: dict[str, dict[str, Any]] | None = None) -> None:
        self.objects = dict(objects or {})
        self.forbidden: set[str] = set()
        self.deleted: list[tuple[str, str | None]] = []

    def get(self, path: str) -> dict[str, Any] | None:
        if path in self.forbidden:
            raise Forbidden("forbidden")
        return self.objects.get(path)

    def read(self, path: str) -> ReadObject:
        return ReadObject(forbidden=True) if path in self.forbidden else ReadObject(self.objects.get(path))

    def list_items(self, path: str, **query: str) -> list[dict[str, Any]]:
        label, _, value = query.get("labelSelector", "").partition("=")
        inside = [item for name, item in self.objects.items() if name.rpartition("/")[0] == path]
        held = [(item, item["metadata"].get("labels", {}).get(label)) for item in inside]
        return [item for item, found in held if not label or (found is not None and value in ("", found))]

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        where = f"{path}/{body['metadata']['name']}"
        if where in self.objects:
            raise Conflict("exists")
        self.objects[where] = {**body, "metadata": {**body["metadata"], "uid": f"uid-{len(self.objects)}"}}
        return body

    def patch(self, path: str, body: dict[str, Any], _kind: str) -> None:
        self.objects[path] = {**self.objects[path], **body}

    def delete(self, path: str, *, uid: str | None = None) -> bool:
        self.deleted.append((path, uid))
        return self.objects.pop(path, None) is not None


ORIGINAL: dict[str, Any] = {
    "metadata": {"name": "api", "labels": {"app": "api"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "api"}},
        "template": {
            "metadata": {"labels": {"app": "api"}},
            "spec": {"containers": [{"name": "api", "image": "i", "envFrom": [{"secretRef": {"name": "db"}}]}]},
        },
    },
}
SECRET: dict[str, Any] = {"metadata": {"name": "db"}, "data": {"URL": encoded("postgresql://old-secret-value")}}


def world() -> Api:
    return Api({DEPLOYMENTS.format("shop") + "/api": ORIGINAL, SECRETS.format("shop") + "/db": SECRET})


def scratch(api: Any) -> Scratch:
    return Scratch(api, Place("shop-drill", "drill-1"), "shop", threading.Event())


def test_copies_and_what_they_are_given_are_made_in_the_scratch_namespace_alone() -> None:
    api = world()
    before = set(api.objects)
    made = scratch(api)
    made.make(made.read_originals(["api"]))
    assert set(api.objects) - before == {
        DEPLOYMENTS.format("shop-drill") + "/api",
        SECRETS.format("shop-drill") + "/db",
    }
    assert redact("postgresql://old-secret-value") == "[secret]"


def test_an_object_that_no_drill_made_is_neither_taken_over_nor_deleted() -> None:
    api = world()
    theirs: dict[str, Any] = {"metadata": {"name": "db", "uid": "theirs", "labels": {}}, "data": {}}
    api.objects[SECRETS.format("shop-drill") + "/db"] = theirs
    made = scratch(api)
    with pytest.raises(PermanentError, match="no drill made it"):
        made.make(made.read_originals(["api"]))
    made.clean()
    assert api.objects[SECRETS.format("shop-drill") + "/db"] is theirs


def test_everything_that_a_drill_made_is_deleted_by_its_uid_also_of_an_earlier_drill() -> None:
    api = world()
    earlier = Scratch(scratch(api).api, Place("shop-drill", "drill-0"), "shop", threading.Event())
    earlier.make(earlier.read_originals(["api"]))
    earlier.close_network({"10.0.0.7"}, 5432)
    deleted = scratch(api).clean()
    assert sorted(deleted) == ["Deployment api", "NetworkPolicy restore-drill", "Secret db"]
    assert all(uid for _, uid in api.deleted)
    assert set(api.objects) == set(world().objects)


def test_a_drill_that_ends_leaves_the_copies_of_the_one_that_took_over() -> None:
    api = world()
    scratch(api).close_network({"10.0.0.7"}, 5432)
    before = dict(api.objects)
    slept = Scratch(scratch(api).api, Place("shop-drill", "drill-0"), "shop", threading.Event())
    assert slept.clean(slept.place.selector) == []
    assert api.objects == before


def test_an_original_that_is_missing_or_hidden_is_named() -> None:
    api = world()
    with pytest.raises(PermanentError, match="no Deployment web"):
        scratch(api).read_originals(["web"])
    api.forbidden = {SECRETS.format("shop") + "/db"}
    with pytest.raises(PermanentError, match="Secret db of shop can't be read"):
        scratch(api).make([ORIGINAL])


@pytest.mark.parametrize("forbidden", [True, False])
def test_a_namespace_that_isn_t_there_is_said_before_anything_is_made(forbidden: bool) -> None:
    api = world()
    api.forbidden = {"/api/v1/namespaces/shop-drill"} if forbidden else set()
    with pytest.raises(PermanentError, match=r"drill\.namespace"):
        scratch(api).require()


def test_the_way_back_is_compared_by_what_both_secrets_hold() -> None:
    api = world()
    made = scratch(api)
    made.make([ORIGINAL])
    assert made.read_secret("db", ["URL"]) == made.read_original_secret("db", ["URL"])
    made.write_secret("db", {"URL": "postgresql://new"})
    assert made.read_secret("db", ["URL"]) == {"URL": "postgresql://new"}
    assert made.read_secret("db", ["OTHER"]) == {"OTHER": None}


def probe(monkeypatch: pytest.MonkeyPatch, *lines: str, reasons: tuple[str, ...] = ()) -> str | None:
    asked: list[Job] = []

    def run_job(_api: object, job: Job, **_: object) -> JobResult:
        asked.append(job)
        return JobResult(not reasons, 0, lines, reasons, "pod", "node")

    run: Callable[..., JobResult] = run_job
    monkeypatch.setattr(scratch_module, "run_job", run)
    problem = scratch(world()).probe_network("postgres:17", INSIDE, OUTSIDE)
    (job,) = asked
    assert job.labels["restore.pulumi/drill"] == "drill-1", "the policy must hold for its pod"
    assert job.command[-2:] == ("new.example:5432", "old.example:5432")
    return problem.found if problem else None


@pytest.mark.parametrize("answer", ["0", "1"])
def test_a_closed_network_reaches_the_restored_database_and_not_the_source(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    assert probe(monkeypatch, f"reached {answer}", "reached 2") is None


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("reached 0", "reached 0"), "old.example:5432 answers too"),
        (("reached 0", "reached 1"), "old.example:5432 answers too"),
        (("reached 2", "reached 2"), "new.example:5432 doesn't answer"),
        (("reached 0", "reached 3"), "answers too"),
        (("reached 3", "reached 3"), "doesn't answer"),
        (("sh: pg_isready: not found",), "printed 1 lines"),
        ((), "printed 0 lines"),
    ],
)
def test_a_network_that_is_not_proved_closed_starts_no_copy(
    monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], found: str
) -> None:
    assert found in (probe(monkeypatch, *lines) or "")


def test_a_job_that_can_t_look_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(monkeypatch, reasons=("psql: ErrImagePull",)) == "psql: ErrImagePull"


def test_who_isn_t_ready_is_told_with_the_reason() -> None:
    waiting = Pod("api-1", "1", None, None, "Pending", ready=False, terminating=False, reasons=("api: ErrImagePull",))
    ready = Pod("web-1", "2", "10.0.0.1", "n", "Running", ready=True, terminating=False)
    assert describe_pods({"api": [waiting], "web": [ready], "job": []}) == "api: api: ErrImagePull, job: not ready yet"
