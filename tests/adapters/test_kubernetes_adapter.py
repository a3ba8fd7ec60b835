"""The cluster as the program reads and leaves it, on a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError, TemporaryError
from restore.kubernetes import Api
from restore.model.labels import (
    ANNOTATION_ENDPOINT,
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_REPLICAS,
    FIELD_MANAGER,
)
from restore.model.request import SecretKey
from tests.support import documented_role
from tests.support.sandbox.adapter_sandbox import STUBBORN, Home, changed, container, deployment, until


def frozen(replicas: int) -> dict[str, Any]:
    """What the program's patch of a Deployment is."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "indexer",
            "annotations": {ANNOTATION_ID: "inc-1", ANNOTATION_REPLICAS: "2", ANNOTATION_MANAGER: "kubectl/Update"},
        },
        "spec": {"replicas": replicas, "template": {"metadata": {"annotations": {ANNOTATION_ENDPOINT: "h:5432"}}}},
    }


def test_the_namespace_is_read_in_one_go(home: Home) -> None:
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container("sleep 60")]}}}}
    secret: dict[str, Any] = {"envFrom": [{"secretRef": {"name": "credentials"}}]}
    home.create("/apis/apps/v1", "deployments", deployment("reports", 1, **secret))
    schedule = {"schedule": "0 3 * * *", "jobTemplate": job}
    home.create("/apis/batch/v1", "cronjobs", {"metadata": {"name": "nightly"}, "spec": schedule})
    found = home.namespace.read_cluster(["indexer", "nothing"], SecretKey("credentials", "URL"))
    assert found.deployments["nothing"] is None
    indexer = found.deployments["indexer"]
    assert indexer
    assert (indexer.replicas, indexer.ready, indexer.replicas_manager) == (2, 2, "kubectl/Update")
    assert [(item.kind, item.name) for item in found.writers] == [("CronJob", "nightly"), ("Deployment", "reports")]
    assert found.secret
    assert (found.secret.url, found.secret.keys) == ("old", ("KEY", "URL"))


def test_an_absent_secret_and_an_absent_key_are_told_apart(home: Home) -> None:
    assert home.namespace.read_connection_secret(SecretKey("nothing", "URL")) is None
    found = home.namespace.read_connection_secret(SecretKey("credentials", "NOTHING"))
    assert found
    assert found.url is None


def test_a_pod_that_ends_slowly_is_seen_until_it_is_gone(home: Home) -> None:
    home.create("/apis/apps/v1", "deployments", deployment("slow", 1, STUBBORN))
    until(lambda: home.ready("slow") == 1, "the slow pod")
    path = f"/apis/apps/v1/namespaces/{home.name}/deployments/slow"
    home.api.patch(path, {"spec": {"replicas": 0}}, "merge")
    until(lambda: [pod.terminating for pod in home.namespace.list_pods("app=slow")] == [True], "its termination")
    found = home.namespace.read_deployments(["slow"])["slow"]
    assert found
    assert found.replicas == 0, "the Deployment alone looks as if nobody could write"
    until(lambda: not home.namespace.list_pods("app=slow"), "its end")


def test_handing_back_keeps_replicas_pods_and_the_former_manager(home: Home) -> None:
    home.apply("/apis/apps/v1", "deployments", frozen(0))
    until(lambda: not home.namespace.list_pods("app=indexer"), "no pod")
    held = home.namespace.read_deployments(["indexer"])["indexer"]
    assert held
    assert held.replicas_manager == f"{FIELD_MANAGER}/Apply"
    home.apply("/apis/apps/v1", "deployments", frozen(2))
    until(lambda: home.ready("indexer") == 2, "2 pods")
    pods = [pod.uid for pod in home.namespace.list_pods("app=indexer")]
    assert home.namespace.hand_back_deployment("indexer") is True
    assert home.namespace.hand_back_deployment("indexer") is False
    left = home.namespace.read_deployments(["indexer"])["indexer"]
    assert left
    assert (left.replicas, left.replicas_manager) == (2, "kubectl/Update")
    assert ANNOTATION_ID not in left.annotations
    assert left.template_annotations == {ANNOTATION_ENDPOINT: "h:5432"}
    assert [pod.uid for pod in home.namespace.list_pods("app=indexer")] == pods


def test_handing_a_secret_back_keeps_its_value_and_the_other_keys(home: Home) -> None:
    notes = {ANNOTATION_ID: "inc-1", ANNOTATION_MANAGER: "kubectl/Update"}
    item = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "credentials", "annotations": notes},
        "data": {"URL": "bmV3"},
    }
    home.apply("/api/v1", "secrets", item)
    assert home.namespace.hand_back_secret(SecretKey("credentials", "URL")) is True
    found = home.namespace.read_connection_secret(SecretKey("credentials", "URL"))
    assert found
    assert (found.url, found.key_manager, found.annotations) == ("new", "kubectl/Update", {})
    assert found.keys == ("KEY", "URL")


def test_handing_back_what_is_not_there_is_nothing(home: Home) -> None:
    assert home.namespace.hand_back_deployment("nothing") is False
    assert home.namespace.hand_back_secret(SecretKey("nothing", "URL")) is False


def test_the_api_is_probed_before_any_plan_is_shown(kubeconfig: Path) -> None:
    assert Api(str(kubeconfig)).probe()
    with pytest.raises(TemporaryError, match="no answer"):
        changed(kubeconfig, server="https://127.0.0.1:1").probe()
    with pytest.raises(PermanentError, match="kubectl auth whoami"):
        changed(kubeconfig, {"token": "wrong"}).probe()
    with pytest.raises(PermanentError, match="kubeconfig"):
        Api(str(kubeconfig.parent / "nothing")).probe()


def test_a_preview_needs_no_more_than_the_documented_rights(home: Home, kubeconfig: Path) -> None:
    limited = Api(home.limited_to(kubeconfig, documented_role.rules("restore-preview")))
    found = Home(limited, home.name).namespace.read_cluster(["indexer"], SecretKey("credentials", "URL"))
    assert found.deployments["indexer"]
    assert found.secret


def test_what_the_operator_may_not_read_is_named(home: Home, kubeconfig: Path) -> None:
    limited = Api(home.limited_to(kubeconfig, []))
    with pytest.raises(PermanentError, match=r'cannot list resource "deployments"(?s:.*)docs/permissions\.md'):
        Home(limited, home.name).namespace.read_deployments(["indexer"])
