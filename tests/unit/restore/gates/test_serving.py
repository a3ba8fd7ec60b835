"""Gate `serving`: applications that are down, or connected elsewhere, are never called up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from restore.gates import serving
from restore.kubernetes import Pod
from restore.model.cluster import Reference
from restore.model.labels import ANNOTATION_ENDPOINT
from restore.model.request import SecretKey, Traffic
from restore.postgres import Session
from tests.support.gate_worlds import KNOWN, WRITER, Databases, Stage, of_pods, resumed
from tests.support.worlds import CANDIDATE_HOST, SOURCE_HOST, SWITCHED_URL, URL, held


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    """Both applications are connected to the candidate."""
    databases = Databases(there={CANDIDATE_HOST: of_pods("api", "indexer")})
    databases.install(monkeypatch)
    return databases


@pytest.fixture
def health() -> Iterator[str]:
    """The URL of an application that answers 200 at /up, 302 to it at /moved, and 503 elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response({"/up": 200, "/moved": 302}.get(self.path, 503))
            self.send_header("Location", "/up")
            self.end_headers()

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def refused(at: Stage) -> dict[str, str]:
    """The fixes by subject of a gate that stays shut."""
    assert at.prove("serving", serving.prove) is not None
    return {subject: problem["fix"] for subject, problem in at.problems.items()}


def restored_traffic(folder: Path, health: str | None = None, **settings: object) -> Stage:
    at = resumed(Traffic.RESTORED, folder, **settings)
    apps = tuple(replace(app, health=health if app.name == "api" else None) for app in at.context.plan.apps)
    return replace(at, context=replace(at.context, plan=replace(at.context.plan, apps=apps)))


def pod(name: str, *, ready: bool = True, terminating: bool = False, reasons: tuple[str, ...] = ()) -> Pod:
    notes = {ANNOTATION_ENDPOINT: f"{CANDIDATE_HOST}:5432"}
    where = {"ready": ready, "terminating": terminating, "reasons": reasons, "annotations": notes}
    return Pod(name, "u", "127.0.0.1", "n", "Running", **where)  # pyright: ignore[reportArgumentType]


FORMER = replace(pod("api-0"), annotations={ANNOTATION_ENDPOINT: f"{SOURCE_HOST}:5432"})


def test_applications_that_are_up_and_connected_serve(databases: Databases, tmp_path: Path) -> None:
    at = restored_traffic(tmp_path)
    assert at.prove("serving", serving.prove) is None
    assert at.last["facts"]["sessions"] == {"api": 1, "indexer": 1}
    assert databases.asked == [CANDIDATE_HOST, SOURCE_HOST]


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ((), "0 of 0 pods ready"),
        ((pod("api-1", ready=False, reasons=("ImagePullBackOff",)),), "0 of 1 pods ready (api-1: ImagePullBackOff)"),
        ((pod("api-1", terminating=True),), "0 of 1 pods ready"),
        ((pod("api-1"), FORMER), "1 of 2 pods ready, 1 of them from before the switch"),
    ],
)
def test_a_rollout_is_done_when_the_wanted_pods_are_ready_and_no_other_is_left(
    databases: Databases, tmp_path: Path, pods: tuple[Pod, ...], found: str
) -> None:
    del databases
    at = restored_traffic(tmp_path)
    at.namespace.by_selector = {**at.namespace.by_selector, "api": pods}
    fixes = refused(at)
    assert fixes.keys() == {"serving.rollout:api"}
    assert at.problems["serving.rollout:api"]["found"] == found
    assert fixes["serving.rollout:api"].startswith(
        "kubectl -n shop-prod describe deployment api; kubectl -n shop-prod logs"
    )


def live(at: Stage, **changes: int) -> None:
    """Changes what the Deployment api is now."""
    deployment = at.namespace.found["api"]
    assert deployment
    at.namespace.found = {**at.namespace.found, "api": replace(deployment, **changes)}  # pyright: ignore[reportArgumentType]


def test_an_autoscaler_that_scales_in_the_first_minute_is_no_failed_rollout(
    databases: Databases, tmp_path: Path
) -> None:
    del databases
    at = restored_traffic(tmp_path)
    live(at, replicas=3)
    at.namespace.by_selector = {**at.namespace.by_selector, "api": [pod("api-1"), pod("api-2"), pod("api-3")]}
    assert at.prove("serving", serving.prove) is None
    live(at, replicas=1)  # scaled down: the others end
    ending = [pod("api-1"), pod("api-2", terminating=True)]
    at.namespace.by_selector = {**at.namespace.by_selector, "api": ending}
    assert at.prove("serving", serving.prove) is None


def test_a_deployment_that_somebody_stopped_does_not_serve(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = restored_traffic(tmp_path)
    live(at, replicas=0)
    at.namespace.by_selector = {**at.namespace.by_selector, "api": ()}
    assert "serving.rollout:api" in refused(at)


def test_pods_of_a_change_that_nobody_has_seen_yet_prove_nothing(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = restored_traffic(tmp_path)
    live(at, generation=7, observed_generation=6)
    assert "its controller hasn't seen the change yet" in (at.prove("serving", serving.prove) or "")


def test_sessions_behind_a_proxy_are_known_by_the_applications_user(databases: Databases, tmp_path: Path) -> None:
    databases.there[CANDIDATE_HOST] = (Session(1, "shop_app", "shop", "pgbouncer", "10.9.9.9", "idle", None),)
    at = restored_traffic(tmp_path)
    assert at.prove("serving", serving.prove) is None
    assert at.last["facts"]["sessions_by_user"] == 1
    assert "1 of their user's sessions are on" in at.last["summary"]
    assert "connected to" not in at.last["summary"]
    databases.there[CANDIDATE_HOST] = (Session(1, "somebody", "shop", "pgbouncer", "10.9.9.9", "idle", None),)
    assert refused(restored_traffic(tmp_path / "others")).keys() == {
        "serving.sessions:api",
        "serving.sessions:indexer",
    }


def test_lazy_pools_are_inconclusive_and_not_waited_for_to_the_end(databases: Databases, tmp_path: Path) -> None:
    databases.there[CANDIDATE_HOST] = ()
    at = restored_traffic(tmp_path)
    error = at.prove("serving", serving.prove, seconds=3600)
    assert error is not None
    assert at.last["verdict"] == "INCONCLUSIVE"
    assert """waive["serving.sessions:api"]""" in error


def test_another_place_that_names_the_database_that_was_left_is_told(databases: Databases, tmp_path: Path) -> None:
    del databases
    told = (
        Reference("api", "ConfigMap/settings/READ_URL", f"postgresql://r@{SOURCE_HOST}/shop"),
        Reference("api", "env/OTHER", "elsewhere.example"),
    )
    at = restored_traffic(tmp_path)
    at.namespace.told = told
    fixes = refused(at)
    assert fixes.keys() == {"serving.reference:api/ConfigMap/settings/READ_URL"}
    assert next(iter(fixes.values())).startswith("kubectl -n shop-prod edit configmap settings")
    known = restored_traffic(tmp_path / "known", waive={"preflight.reference:api/ConfigMap/settings/READ_URL": KNOWN})
    known.namespace.told = told
    assert known.prove("serving", serving.prove) is None


class Proxy:
    """The API server as far as it proxies to pods."""

    def __init__(self, status: int) -> None:
        self.status, self.asked = status, list[tuple[object, ...]]()

    def ask_pod_health(self, *asked: object) -> int:
        self.asked.append(asked)
        return self.status


@pytest.mark.parametrize(("status", "healthy"), [(204, True), (503, False)])
def test_a_pod_is_asked_through_the_api_server_which_a_laptop_reaches(
    databases: Databases, tmp_path: Path, status: int, healthy: bool
) -> None:
    del databases
    at = restored_traffic(tmp_path, "http://{pod}:8080/up?deep=1")
    api = Proxy(status)
    at = replace(at, context=replace(at.context, api=cast("Any", api)))
    assert (at.prove("serving", serving.prove) is None) is healthy
    assert api.asked[0] == ("shop-prod", "api-1", "http", 8080, "/up?deep=1")


def test_a_database_that_is_gone_serves_nobody(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = restored_traffic(tmp_path)
    at.rds.instances = [one for one in at.rds.instances if one.identifier == "shop"]
    assert refused(at)["serving.unreachable"].startswith("python -m restore status")


def test_an_application_without_a_session_does_not_serve(databases: Databases, tmp_path: Path) -> None:
    databases.there[CANDIDATE_HOST] = of_pods("api")
    fixes = refused(restored_traffic(tmp_path))
    assert fixes.keys() == {"serving.sessions:indexer"}
    assert fixes["serving.sessions:indexer"].startswith("kubectl -n shop-prod logs deployment/indexer")


def test_an_application_that_comes_back_with_no_replica_needs_no_session(databases: Databases, tmp_path: Path) -> None:
    databases.there[CANDIDATE_HOST] = of_pods("api")
    at = restored_traffic(tmp_path)
    unasked = "http://127.0.0.1:1/up"
    apps = tuple(
        replace(app, replicas=0, health=unasked) if app.name == "indexer" else app for app in at.context.plan.apps
    )
    at = replace(at, context=replace(at.context, plan=replace(at.context.plan, apps=apps)))
    at.namespace.by_selector = {**at.namespace.by_selector, "indexer": ()}
    at.namespace.found = {**at.namespace.found, "indexer": held("indexer", 0, 0)}
    assert at.prove("serving", serving.prove) is None


def test_who_still_uses_the_database_that_was_left_is_named(databases: Databases, tmp_path: Path) -> None:
    databases.there[SOURCE_HOST] = (WRITER,)
    at = restored_traffic(tmp_path)
    fixes = refused(at)
    assert fixes.keys() == {"serving.elsewhere"}
    assert "pid 7 shop_app@shop forgotten from 10.0.0.9" in at.problems["serving.elsewhere"]["found"]
    assert "WHERE pid IN (7)" in fixes["serving.elsewhere"]


@pytest.mark.parametrize(("path", "found"), [("/down", "status 503"), ("/up", None), ("/moved", None)])
def test_health_is_a_2xx_after_redirects(
    databases: Databases, tmp_path: Path, health: str, path: str, found: str | None
) -> None:
    del databases
    at = restored_traffic(tmp_path, health + path)
    if found is None:
        assert at.prove("serving", serving.prove) is None
        return
    assert refused(at)["serving.health:api"].startswith("kubectl -n shop-prod logs deployment/api")
    assert found in at.problems["serving.health:api"]["found"]


def test_each_pod_is_asked_at_its_own_address_and_no_pod_is_not_healthy(
    databases: Databases, tmp_path: Path, health: str
) -> None:
    del databases
    url = health.replace("127.0.0.1", "{pod}") + "/up"
    at = restored_traffic(tmp_path, url)
    at.namespace.by_selector = {**at.namespace.by_selector, "api": [pod("api-1")]}
    assert at.prove("serving", serving.prove) is None
    at.namespace.by_selector = {**at.namespace.by_selector, "api": ()}
    assert refused(at).keys() == {"serving.rollout:api", "serving.health:api"}
    assert at.problems["serving.health:api"]["found"] == "no pod to ask"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:1/up"])
def test_a_url_that_is_no_answering_one_is_not_healthy(databases: Databases, tmp_path: Path, url: str) -> None:
    del databases
    assert refused(restored_traffic(tmp_path, url)).keys() == {"serving.health:api"}


def test_a_waived_check_is_not_waited_for_and_stays_on_record(databases: Databases, tmp_path: Path) -> None:
    databases.there[SOURCE_HOST] = (WRITER,)
    at = restored_traffic(tmp_path, waive={"serving.elsewhere": KNOWN})
    assert at.prove("serving", serving.prove, seconds=3600) is None
    assert at.last["waived"] == {"serving.elsewhere": KNOWN}


def test_a_secret_that_was_put_back_is_noticed_at_once_and_after_a_while(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = restored_traffic(tmp_path)
    at.namespace.url = URL
    fixes = refused(at)
    assert fixes.keys() == {"serving.secret:database-credentials"}
    assert fixes["serving.secret:database-credentials"].startswith("kubectl -n shop-prod get secret")
    later = restored_traffic(
        tmp_path / "later", secret=SecretKey("database-credentials", "DATABASE_URL", watch_seconds=1)
    )
    later.namespace.url, later.namespace.later = URL, [SWITCHED_URL] * 2  # for the database's name, and at the end
    error = later.prove("serving", serving.prove, seconds=60)
    assert error is not None
    assert later.problems.keys() == {"serving.secret:database-credentials"}
    assert f"names {SOURCE_HOST}:5432" in error
