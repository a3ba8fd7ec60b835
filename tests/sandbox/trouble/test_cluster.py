"""Each trouble of cluster and applications shows in the real API server and in the database's own sessions."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest

from sandbox.application import names
from sandbox.application.kubernetes_api import ClusterError, Json
from sandbox.machine.processes import wait_until
from sandbox.runtime.lifecycle import remains
from sandbox.trouble import catalogue
from sandbox.trouble.account import SECOND_KEY
from sandbox.trouble.controllers import external_secrets, sealed_secrets, vault_secrets
from sandbox.trouble.controllers.argo import SKIP, heal
from sandbox.trouble.controllers.autoscalers import PAUSED, scale_object
from sandbox.trouble.controllers.loop import Controller
from sandbox.trouble.custom_resources import (
    APPLICATION,
    CRON_WORKFLOW,
    EXTERNAL_SECRET,
    KNATIVE_SERVICE,
    ROLLOUT,
    SCALED_JOB,
    SCALED_OBJECT,
    SECRET_STORE,
    VAULT_STATIC_SECRET,
    Kind,
)
from sandbox.trouble.databases import master
from sandbox.trouble.secret_controllers import secret
from sandbox.trouble.stage import Stage
from tests.sandbox.trouble.conftest import Whole, played

pytestmark = pytest.mark.slow  # a sample of these troubles is played by the end-to-end tests
APP = "indexer"
WAIT = 60.0
OTHER = base64.b64encode(b"postgresql://elsewhere").decode()


def soon(holds: Callable[[], bool], what: str) -> None:
    wait_until(holds, WAIT, what, 0.05)


def replicas(stage: Stage) -> int:
    deployment: Any = stage.kube.get("Deployment", names.NAMESPACE, APP)
    return deployment["spec"]["replicas"]


def value(stage: Stage) -> str:
    return secret(stage)["data"][names.SECRET_KEY]


def change(stage: Stage) -> str:
    """What a switch does to the Secret; the value before it."""
    before = value(stage)
    stage.kube.patch("Secret", names.NAMESPACE, names.SECRET, {"data": {names.SECRET_KEY: OTHER}}, "restore")
    return before


def put_back(stage: Stage, before: str) -> None:
    """Puts the value back by hand, where nothing else did."""
    stage.kube.patch("Secret", names.NAMESPACE, names.SECRET, {"data": {names.SECRET_KEY: before}})


def managers(stage: Stage) -> set[str]:
    return {entry["manager"] for entry in secret(stage)["metadata"]["managedFields"]}


def edit(stage: Stage, kind: Kind, name: str, body: Json) -> None:
    stage.kube.request("PATCH", kind.path(name), body=body)


def scale_controller(stage: Stage, namespace: str, name: str, count: int) -> None:
    """What an operator does who stops or restarts a controller; its pod is gone, or there, afterwards."""
    stage.kube.scale(name, namespace, count)
    soon(lambda: len(stage.kube.list("Pod", namespace, f"app={name}")) == count, f"{count} pods of {name}")


@pytest.mark.parametrize("policy", ["owner", "merge"])
def test_external_secrets_puts_a_secret_back_until_it_is_stopped(whole: Whole, policy: str) -> None:
    with played(whole.layout, f"external-secret-{policy}") as stage:
        edit(stage, EXTERNAL_SECRET, names.SECRET, {"spec": {"refreshInterval": "0"}})
        before = change(stage)
        soon(lambda: value(stage) == before, "the Secret put back")
        metadata = secret(stage)["metadata"]
        assert metadata["labels"]["reconcile.external-secrets.io/managed"] == "true"
        assert f"externalsecrets.external-secrets.io/{names.SECRET}" in managers(stage)
        controlled = [o["kind"] for o in metadata.get("ownerReferences", []) if o.get("controller")]
        assert controlled == (["ExternalSecret"] if policy == "owner" else [])
        scale_controller(stage, "external-secrets", "external-secrets", 0)
        change(stage)
        assert value(stage) == OTHER
        put_back(stage, before)


def test_external_secrets_writes_an_orphan_at_the_next_refresh_unless_that_is_off(whole: Whole) -> None:
    with played(whole.layout, "external-secret-orphan") as stage:
        assert "ownerReferences" not in secret(stage)["metadata"]
        edit(stage, EXTERNAL_SECRET, names.SECRET, {"spec": {"refreshInterval": "1s"}})
        before = change(stage)
        soon(lambda: value(stage) == before, "the Secret written at the refresh")
        scale_controller(stage, "external-secrets", "external-secrets", 0)
        edit(stage, EXTERNAL_SECRET, names.SECRET, {"spec": {"refreshPolicy": "CreatedOnce"}})
        change(stage)
        external_secrets.reconcile(Controller(whole.layout, {}))
        assert value(stage) == OTHER
        put_back(stage, before)


def test_an_external_secret_that_writes_nothing_leaves_no_mark(whole: Whole) -> None:
    with played(whole.layout, "external-secret-none") as stage:
        soon(lambda: len(stage.kube.list("Pod", "external-secrets")) == 1, "the controller")
        before = change(stage)
        assert "reconcile.external-secrets.io/managed" not in secret(stage)["metadata"].get("labels", {})
        assert stage.kube.request("GET", SECRET_STORE.path("aws"))["spec"]["provider"]["aws"]
        put_back(stage, before)


def test_vault_puts_a_secret_back_as_its_owner_but_not_its_controller(whole: Whole) -> None:
    with played(whole.layout, "vault-secret") as stage:
        before = change(stage)
        soon(lambda: value(stage) == before, "the Secret put back")
        metadata = secret(stage)["metadata"]
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "hashicorp-vso"
        assert [(o["kind"], o.get("controller")) for o in metadata["ownerReferences"]] == [("VaultStaticSecret", None)]
        assert "vault-secrets-operator" in managers(stage)
        scale_controller(stage, "vault-secrets-operator-system", "vault-secrets-operator-controller-manager", 0)
        edit(stage, VAULT_STATIC_SECRET, names.SECRET, {"spec": {"refreshAfter": None, "hmacSecretData": False}})
        vault_secrets.reconcile(Controller(whole.layout, {}), {})  # once more, as its specification has changed
        change(stage)
        vault_secrets.reconcile(Controller(whole.layout, {}), {})
        assert value(stage) == OTHER
        put_back(stage, before)


def test_the_csi_driver_patches_a_secret_whose_owners_are_replica_sets(whole: Whole) -> None:
    with played(whole.layout, "csi-secret") as stage:
        before = change(stage)
        soon(lambda: value(stage) == before, "the Secret patched")
        metadata = secret(stage)["metadata"]
        assert metadata["labels"]["secrets-store.csi.k8s.io/managed"] == "true"
        assert {o["kind"] for o in metadata["ownerReferences"]} == {"ReplicaSet"}


def test_a_sealed_secret_comes_back_with_its_controllers_next_start(whole: Whole) -> None:
    controller = ("kube-system", "sealed-secrets-controller")
    with played(whole.layout, "sealed-secret") as stage:
        before = change(stage)
        scale_controller(stage, *controller, 0)
        assert value(stage) == OTHER
        sealed_secrets.reconcile(Controller(whole.layout, {}), {})  # what it does when it starts
        assert value(stage) == before
        assert [o["kind"] for o in secret(stage)["metadata"]["ownerReferences"]] == ["SealedSecret"]


def test_a_secret_bears_no_mark_of_a_controller_that_is_gone(whole: Whole) -> None:
    metadata = secret(whole.stage)["metadata"]
    assert not metadata.keys() & {"labels", "annotations", "ownerReferences"}
    assert whole.stage.application.writing()


def test_an_autoscaler_scales_what_comes_back_from_zero(whole: Whole) -> None:
    with played(whole.layout, "autoscaler") as stage:
        stage.kube.scale(APP, names.NAMESPACE, 0)
        soon(lambda: scaled_manager(stage) == "kubectl-scale" and replicas(stage) == 0, "zero")
        wait_until(lambda: not stage.kube.list("Pod", names.NAMESPACE, f"app={APP}"), WAIT, "its pods ended", 0.1)
        stage.kube.scale(APP, names.NAMESPACE, 2)
        soon(lambda: replicas(stage) == 4, "scaled up")


def scaled_manager(stage: Stage) -> str:
    deployment: Any = stage.kube.get("Deployment", names.NAMESPACE, APP)
    entries = deployment["metadata"]["managedFields"]
    return next((e["manager"] for e in entries if "f:replicas" in e["fieldsV1"].get("f:spec", {})), "")


def test_keda_brings_a_deployment_back_from_zero_until_it_is_paused(whole: Whole) -> None:
    with played(whole.layout, "keda-object") as stage:
        soon(lambda: stage.kube.get("HorizontalPodAutoscaler", names.NAMESPACE, f"keda-hpa-{APP}") is not None, "HPA")
        stage.kube.scale(APP, names.NAMESPACE, 0)
        soon(lambda: replicas(stage) == 2, "scaled from zero")
        scale_controller(stage, "keda", "keda-operator", 0)
        edit(stage, SCALED_OBJECT, APP, {"metadata": {"annotations": {PAUSED: "true"}}})
        stage.kube.scale(APP, names.NAMESPACE, 0)
        scale_object(Controller(whole.layout, {}), stage.kube.request("GET", SCALED_OBJECT.path(APP)))
        assert replicas(stage) == 0
    whole.stage.kube.scale(APP, names.NAMESPACE, 2)


def connections(stage: Stage, application: str) -> int:
    statement = b"SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s"
    with master(stage) as session:
        return session.execute(statement, [f"{application}%"]).fetchall()[0][0]


WRITERS = {"reindex": SCALED_JOB, "nightly-report": CRON_WORKFLOW, "webhooks": KNATIVE_SERVICE}


def test_writers_that_are_no_deployment_of_the_team_have_sessions(whole: Whole) -> None:
    stage = whole.stage
    with ExitStack() as troubles:
        for name in ("keda-job", "cron-workflow", "knative-service"):
            troubles.enter_context(played(whole.layout, name))
        for writer, kind in WRITERS.items():
            assert stage.kube.request("GET", kind.path(writer))["spec"]
            soon(lambda writer=writer: connections(stage, writer) > 0, f"a session of {writer}")
    for writer in WRITERS:
        soon(lambda writer=writer: connections(stage, writer) == 0, f"no session of {writer}")


def test_a_rollout_runs_the_pods_of_a_deployment_at_zero(whole: Whole) -> None:
    with played(whole.layout, "rollout") as stage:
        assert replicas(stage) == 0
        assert stage.kube.request("GET", ROLLOUT.path(APP))["spec"]["workloadRef"]["name"] == APP
        soon(lambda: connections(stage, f"{APP}-5f8c7d9b4") == 2, "two pods of the Rollout")
    soon(lambda: replicas(whole.stage) == 2, "the Deployment again")


def test_argo_cd_heals_a_deployment_unless_it_is_told_to_skip(whole: Whole) -> None:
    with played(whole.layout, "argo-application") as stage:
        stage.kube.scale(APP, names.NAMESPACE, 0)
        soon(lambda: replicas(stage) == 2, "healed")
        scale_controller(stage, "argocd", "argocd-application-controller", 0)
        path = APPLICATION.path("ghost-protocol", "argocd")
        stage.kube.request("PATCH", path, body={"metadata": {"annotations": {SKIP: "true"}}})
        stage.kube.scale(APP, names.NAMESPACE, 1)
        heal(Controller(whole.layout, {}), {APP: 2})
        assert replicas(stage) == 1
    whole.stage.kube.scale(APP, names.NAMESPACE, 2)


def test_a_pod_on_a_dead_node_terminates_for_ever(whole: Whole) -> None:
    def terminating() -> int:
        deployment: Any = whole.stage.kube.get("Deployment", names.NAMESPACE, APP)
        return deployment["status"].get("terminatingReplicas", 0)

    with played(whole.layout, "dead-node") as stage:
        pod: Any = stage.kube.get("Pod", names.NAMESPACE, f"{APP}-lost")
        assert pod["metadata"]["deletionTimestamp"]
        assert pod["status"]["phase"] == "Running"
        soon(lambda: terminating() == 1, "a terminating replica")
    soon(lambda: terminating() == 0, "none")


def addresses(stage: Stage) -> set[str]:
    """Where the application's sessions come from."""
    with master(stage) as session:
        statement = b"SELECT DISTINCT host(client_addr) FROM pg_stat_activity WHERE usename = %s"
        return {row[0] for row in session.execute(statement, [names.APP_USER])}


def test_sessions_come_from_the_proxys_address(whole: Whole) -> None:
    with played(whole.layout, "proxy") as stage:
        pods = stage.kube.list("Pod", "pgbouncer", "app=pgbouncer")
        soon(lambda: addresses(stage) == {pods[0]["status"]["podIP"]}, "every session through the proxy")
        assert stage.application.writing()


def test_lazy_pools_have_no_session_before_a_request(whole: Whole) -> None:
    with played(whole.layout, "lazy-pools") as stage:
        soon(lambda: addresses(stage) == set(), "nobody connected")
        pod = stage.kube.list("Pod", names.NAMESPACE, f"app={APP}")[0]
        asked = HTTPConnection(pod["status"]["podIP"], names.HEALTH_PORT, timeout=5)
        asked.request("GET", "/work")
        assert asked.getresponse().status in (200, 503)
        asked.close()
        soon(lambda: addresses(stage) != set(), "somebody connected")
        soon(lambda: addresses(stage) == set(), "nobody connected again")


def test_the_source_is_named_in_other_places(whole: Whole) -> None:
    stage = whole.stage
    host = str(urlsplit(stage.application.database_url() or "").hostname)
    with played(whole.layout, "other-key"), played(whole.layout, "config-map"), played(whole.layout, "environment"):
        assert host in base64.b64decode(secret(stage)["data"]["DIRECT_URL"]).decode()
        settings: Any = stage.kube.get("ConfigMap", names.NAMESPACE, "reporting-settings")
        assert host in settings["data"]["READ_URL"]
        deployment: Any = stage.kube.get("Deployment", names.NAMESPACE, APP)
        known = {entry["name"]: entry for entry in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert {"DIRECT_URL", "READ_URL", "READ_HOST"} <= known.keys()
        assert known["READ_HOST"]["value"] == host
    assert "DIRECT_URL" not in secret(stage)["data"]


@pytest.mark.parametrize(("name", "key"), [("separate-keys", "DB_HOST"), ("jdbc-url", "SPRING_DATASOURCE_URL")])
def test_applications_write_without_a_url_of_their_own(whole: Whole, name: str, key: str) -> None:
    with played(whole.layout, name) as stage:
        data = secret(stage)["data"]
        assert key in data
        assert names.SECRET_KEY not in data
        assert stage.application.writing()
    assert names.SECRET_KEY in secret(whole.stage)["data"]


def test_an_immutable_secret_refuses_a_patch(whole: Whole) -> None:
    with played(whole.layout, "immutable-secret") as stage:
        with pytest.raises(ClusterError) as refused:
            change(stage)
        assert refused.value.status == 422
    assert "immutable" not in secret(whole.stage)


def test_a_dropped_database_and_a_changed_password_are_mended(whole: Whole) -> None:
    stage = whole.stage
    parts = urlsplit(stage.application.database_url() or "")
    refused = pytest.raises(psycopg.OperationalError, match="password authentication failed")
    with played(whole.layout, "changed-application-password"), refused:
        login(stage)
    with played(whole.layout, "dropped-database"), pytest.raises(psycopg.OperationalError, match="does not exist"):
        login(stage)
    assert urlsplit(stage.application.database_url() or "") == parts
    login(stage)


def login(stage: Stage) -> None:
    from sandbox.application.deploy import application_login

    application_login(stage.application.database_url() or "", "test").close()


def test_another_key_is_of_another_account_with_the_same_names(whole: Whole) -> None:
    with played(whole.layout, "second-account") as stage:

        def client(service: str) -> Any:
            return cast("Any", boto3).client(
                service,
                endpoint_url=stage.layout.aws_endpoint,
                region_name=names.REGION,
                aws_access_key_id=SECOND_KEY,
                aws_secret_access_key="second",
            )

        other = client("rds").describe_db_instances(DBInstanceIdentifier=names.INSTANCE)["DBInstances"][0]
        account = client("sts").get_caller_identity()["Account"]
        assert account in other["DBInstanceArn"]
        assert account != stage.aws.sts.get_caller_identity()["Account"]
        assert other["DbiResourceId"] != stage.describe()["DbiResourceId"]
        assert other["Endpoint"] != stage.describe()["Endpoint"]


def test_the_command_lists_plays_and_ends_troubles_and_nothing_is_left(whole: Whole) -> None:
    listed = whole.run("trouble")
    assert all(f" {name} " in listed for name in catalogue.TROUBLES)
    assert "python -m sandbox trouble kerberos --off" in whole.run("trouble", "kerberos")
    assert "* kerberos" in whole.run("trouble")
    assert json.loads((whole.layout.root / "trouble.json").read_text()).keys() == {"kerberos"}
    whole.run("trouble", "kerberos", "--off")
    assert "not played" in whole.run("doctor")
    catalogue.play(whole.layout, "keda-object")
    whole.run("down")
    assert remains(whole.layout) == []
