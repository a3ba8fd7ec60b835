"""The proof from inside the cluster: a real Job, a real login, nothing left behind."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError, TemporaryError
from restore.kubernetes import Api, Job, JobResult, build_psql_job, run_job
from restore.kubernetes.api import ApiAnswer
from restore.kubernetes.job_manifests import CERTIFICATE, build_job_body, build_secret_body
from restore.model.labels import ANNOTATION_ID, ANNOTATION_MANAGER
from restore.model.rds import Instance
from restore.model.request import SecretKey, Tls
from tests.support import documented_role
from tests.support.documented_role import Right
from tests.support.sandbox.adapter_sandbox import Home, soon, until


@pytest.fixture
def job(home: Home, source: Instance, tls: Tls) -> Job:
    assert source.endpoint
    assert tls.root_certificate
    environment = {
        "PGHOST": source.endpoint.host,
        "PGPORT": str(source.endpoint.port),
        "PGUSER": "ghost_app",
        "PGPASSWORD": "p@ss/w%rd",
        "PGDATABASE": "app",
        "PGSSLMODE": "verify-full",
    }
    with open(tls.root_certificate, encoding="ascii") as file:  # noqa: PTH123
        certificate = file.read()
    statements = ("select current_user", "select 'a b', count(*) from public.users")
    return build_psql_job(Job(home.name, "restore-inc-1-connect", "postgres:17"), statements, environment, certificate)


def run(home: Home, job: Job, seconds: float = 60.0) -> JobResult:
    result = run_job(home.api, job, stop=threading.Event(), deadline=soon(seconds))
    assert left(home) == []
    return result


def left(home: Home) -> list[str]:
    jobs = home.api.list_items(f"/apis/batch/v1/namespaces/{home.name}/jobs")
    secrets = home.api.list_items(f"/api/v1/namespaces/{home.name}/secrets")
    names = [item["metadata"]["name"] for item in jobs + secrets if not item["metadata"].get("deletionTimestamp")]
    return [name for name in names if name.startswith("restore-")]


def test_the_application_logs_in_from_a_pod_over_verified_tls(home: Home, job: Job) -> None:
    result = run(home, job)
    assert (result.succeeded, result.exit_code, result.lines) == (True, 0, ("ghost_app", "a b|0"))


def test_a_wrong_password_is_a_failure_and_shown_to_nobody(home: Home, job: Job) -> None:
    result = run(home, replace(job, environment={**job.environment, "PGPASSWORD": "wrong-password"}))
    assert (result.succeeded, result.exit_code) == (False, 2)
    assert "password authentication failed" in " ".join(result.lines)
    assert "wrong-password" not in repr(result)


def test_a_certificate_of_somebody_else_is_a_failure(home: Home, job: Job) -> None:
    result = run(home, replace(job, files={CERTIFICATE: "no certificate"}))
    assert not result.succeeded
    assert "certificate" in " ".join(result.lines)


def test_the_first_statement_that_fails_ends_it(home: Home, job: Job) -> None:
    result = run(
        home, build_psql_job(job, ("select 1/0", "select 'not reached'"), job.environment, job.files[CERTIFICATE])
    )
    assert not result.succeeded
    assert "division by zero" in " ".join(result.lines)
    assert "not reached" not in result.lines


def test_an_image_that_is_not_there_says_so(home: Home, job: Job) -> None:
    result = run(home, replace(job, image="nothing:1"), seconds=5)
    assert not result.succeeded
    assert "ImagePullBackOff" in " ".join(result.reasons)


def test_no_room_for_a_pod_says_so(home: Home, job: Job) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    home.api.create(f"/api/v1/namespaces/{home.name}/resourcequotas", quota)
    result = run(home, job, seconds=5)
    assert not result.succeeded
    assert "exceeded quota" in " ".join(result.reasons)


def test_what_a_killed_run_left_behind_is_replaced(home: Home, job: Job) -> None:
    made = home.api.create(f"/apis/batch/v1/namespaces/{home.name}/jobs", build_job_body(job, 60))
    home.api.create(f"/api/v1/namespaces/{home.name}/secrets", build_secret_body(job, made["metadata"]["uid"]))
    assert run(home, job).succeeded


def test_a_job_of_somebody_else_is_never_removed(home: Home, job: Job) -> None:
    foreign = build_job_body(job, 60)
    foreign["metadata"]["labels"] = {"app": "somebody-else"}
    home.api.create(f"/apis/batch/v1/namespaces/{home.name}/jobs", foreign)
    with pytest.raises(PermanentError, match="rename or remove it"):
        run_job(home.api, job, stop=threading.Event(), deadline=soon())
    assert left(home) == [job.name]


class Recorded(Api):
    """Remembers what it was asked for, as the rights that RBAC wants for it."""

    asked: set[Right]

    def _answer(self, method: str, path: str, **more: Any) -> ApiAnswer:
        self.asked = {*getattr(self, "asked", ()), *right(method, path)}
        return super()._answer(method, path, **more)


RESOURCE = re.compile(
    r"/api(?:s/(?P<group>[^/]+))?/[^/]+/namespaces/[^/]+/(?P<resource>\w+)(?:/(?P<name>[^/]+))?(?:/(?P<part>\w+)(?:/.*)?)?"
)


def right(method: str, path: str) -> set[Right]:
    """Discovery needs none."""
    match = RESOURCE.fullmatch(path)
    if match is None:
        return set()
    verbs = {"GET": "get" if match["name"] else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
    resource = match["resource"] + (f"/{match['part']}" if match["part"] else "")
    return {(match["group"] or "", resource, verbs[method])}


WHERE_INSTALLED = {
    ("keda.sh", "scaledobjects", "list"),
    ("keda.sh", "scaledjobs", "list"),
    ("argoproj.io", "workflows", "list"),
    ("argoproj.io", "cronworkflows", "list"),
    ("argoproj.io", "rollouts", "list"),
    ("serving.knative.dev", "services", "list"),
}
OF_THE_PLUGIN = {("", "secrets", "patch"), ("apps", "deployments", "patch")}
"""Used by the program's own requests too (close), and proved for the plugin in tests/standins/providers."""


def test_the_documented_rights_are_enough_and_each_is_needed(home: Home, job: Job, kubeconfig: Path) -> None:
    home.apply("/api/v1", "secrets", held("v1", "Secret", "credentials", data={"URL": "bmV3"}))
    home.apply("/apis/apps/v1", "deployments", held("apps/v1", "Deployment", "indexer", spec={"replicas": 2}))
    api = Recorded(home.limited_to(kubeconfig, documented_role.rules("restore-preview", "restore")))
    limited = Home(api, home.name)
    found = limited.namespace.read_cluster(["indexer"], SecretKey("credentials", "URL"))
    indexer = found.deployments["indexer"]
    assert indexer
    pods = limited.namespace.list_pods(indexer.selector)
    assert api.ask_pod_health(home.name, pods[0].name, "http", 80, "/") >= 400, "the right is there, and no such server"
    assert run_job(api, job, stop=threading.Event(), deadline=soon()).succeeded
    assert limited.namespace.hand_back_deployment("indexer")
    assert limited.namespace.hand_back_secret(SecretKey("credentials", "URL"))
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    home.api.create(f"/api/v1/namespaces/{home.name}/resourcequotas", quota)
    assert not run_job(api, job, stop=threading.Event(), deadline=soon(5)).succeeded
    assert left(home) == []
    assert api.asked | WHERE_INSTALLED == documented_role.rights("restore-preview", "restore")
    assert api.asked >= OF_THE_PLUGIN


def held(version: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "annotations": {ANNOTATION_ID: "inc-1", ANNOTATION_MANAGER: "kubectl/Update"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def test_the_operator_s_stop_ends_it_and_leaves_nothing(home: Home, job: Job) -> None:
    stop = threading.Event()
    sleeping = build_psql_job(job, ("select pg_sleep(60)",), job.environment, job.files[CERTIFICATE])
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run_job(home.api, sleeping, stop=stop, deadline=soon())
        except TemporaryError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: left(home) == [job.name, job.name], "the Job and its Secret")
    stop.set()
    thread.join(60)
    assert [str(error) for error in errors if "stopped while waiting for Job" in str(error)]
    assert left(home) == []
