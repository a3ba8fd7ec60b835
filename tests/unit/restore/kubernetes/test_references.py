"""Every way in which a pod is told an address is searched, and only names are ever told."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from restore.kubernetes.references import Use, find_references, list_unreadable, list_uses
from restore.model.cluster import Reference

HOST = "shop.abc.us-east-1.rds.amazonaws.com"
URL = f"postgresql://u:hidden@{HOST}:5432/shop"
SETTINGS = {"metadata": {"name": "settings"}, "data": {"READ_URL": URL, "COLOUR": "blue"}}
OTHER = {"metadata": {"name": "other"}, "data": {"DIRECT_URL": base64.b64encode(URL.encode()).decode(), "KEY": "/w=="}}
OBJECTS = {"/api/v1/namespaces/prod/configmaps/settings": SETTINGS, "/api/v1/namespaces/prod/secrets/other": OTHER}


def places(pod_spec: dict[str, Any], *switched: Use) -> list[str]:
    found = find_references("api", pod_spec, OBJECTS, "prod", switched)
    return [reference.place for reference in found if reference.names(HOST)]


def containers(kind: str = "containers", **fields: Any) -> dict[str, Any]:
    return {kind: [{"name": "app", **fields}]}


def variable(form: str, name: str, key: str) -> dict[str, Any]:
    return {"env": [{"name": "X", "valueFrom": {form: {"name": name, "key": key}}}]}


@pytest.mark.parametrize(
    ("pod_spec", "place"),
    [
        (containers(env=[{"name": "READ_HOST", "value": HOST}]), "env/READ_HOST"),
        (containers(command=["migrate"], args=["--url", URL]), "args/app"),
        (containers(command=["sh", "-c", f"psql -h {HOST}"]), "args/app"),
        (containers("initContainers", env=[{"name": "MIGRATE", "value": URL}]), "env/MIGRATE"),
        (containers(**variable("configMapKeyRef", "settings", "READ_URL")), "ConfigMap/settings/READ_URL"),
        (containers(**variable("secretKeyRef", "other", "DIRECT_URL")), "Secret/other/DIRECT_URL"),
        (containers(envFrom=[{"configMapRef": {"name": "settings"}}]), "ConfigMap/settings/READ_URL"),
        (containers("initContainers", envFrom=[{"secretRef": {"name": "other"}}]), "Secret/other/DIRECT_URL"),
        ({"volumes": [{"configMap": {"name": "settings"}}]}, "ConfigMap/settings/READ_URL"),
        ({"volumes": [{"secret": {"secretName": "other"}}]}, "Secret/other/DIRECT_URL"),
        ({"volumes": [{"projected": {"sources": [{"secret": {"name": "other"}}]}}]}, "Secret/other/DIRECT_URL"),
    ],
)
def test_no_way_to_be_told_an_address_is_overlooked(pod_spec: dict[str, Any], place: str) -> None:
    assert places(pod_spec) == [place]


@pytest.mark.parametrize(
    "pod_spec",
    [
        containers(env=[{"name": "X", "value": f"my-{HOST}"}, {"name": "Y", "value": f"{HOST}.example"}]),
        containers(**variable("configMapKeyRef", "settings", "COLOUR")),
        {"volumes": [{"configMap": {"name": "settings", "items": [{"key": "COLOUR", "path": "c"}]}}]},
        containers(**variable("secretKeyRef", "missing", "DIRECT_URL")),
    ],
)
def test_another_host_and_another_key_are_no_reference(pod_spec: dict[str, Any]) -> None:
    assert places(pod_spec) == []


def test_what_the_switch_writes_itself_is_no_other_place() -> None:
    pod_spec = containers(envFrom=[{"secretRef": {"name": "other"}}])
    assert places(pod_spec, Use("Secret", "other", "DIRECT_URL")) == []


def test_a_value_never_stands_in_a_text_of_a_reference() -> None:
    assert "hidden" not in repr(Reference("api", "env/X", URL))


def test_only_objects_that_pods_get_are_read() -> None:
    assert list_uses(containers(**variable("secretKeyRef", "other", "KEY"))) == {Use("Secret", "other", "KEY")}


def test_what_comes_from_outside_of_the_cluster_is_said_and_not_taken_for_nothing() -> None:
    attributes = {"secretProviderClass": "shop-database"}
    csi = {"volumes": [{"name": "db", "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": attributes}}]}
    assert list(list_unreadable(csi, {})) == ["SecretProviderClass shop-database"]
    assert list(list_unreadable({}, {"vault.hashicorp.com/agent-inject": "true"})) == ["what the Vault Agent writes"]
    disk: dict[str, Any] = {
        "volumes": [{"name": "cache", "csi": {"driver": "ebs.csi.aws.com"}}, {"name": "tmp", "emptyDir": {}}]
    }
    assert list(list_unreadable(disk, {"vault.hashicorp.com/agent-inject": "false"})) == []
