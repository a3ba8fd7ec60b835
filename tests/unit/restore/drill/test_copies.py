"""Copies of the applications: what they keep, and what could do harm and isn't copied."""

from __future__ import annotations

from typing import Any

from restore.drill.copies import Place, close_network, copy_deployment, copy_object, encode_values, list_needed

PLACE = Place("shop-drill", "drill-1")
ORIGINAL: dict[str, Any] = {
    "metadata": {"name": "api", "namespace": "shop", "uid": "1", "labels": {"app": "api"}, "annotations": {"a": "b"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "api"}},
        "template": {
            "metadata": {"labels": {"app": "api"}, "annotations": {"restore.pulumi/endpoint": "x", "checksum": "1"}},
            "spec": {
                "serviceAccountName": "api",
                "nodeName": "node-1",
                "hostNetwork": True,
                "priorityClassName": "high",
                "imagePullSecrets": [{"name": "registry"}],
                "containers": [
                    {
                        "name": "api",
                        "image": "shop/api:7",
                        "env": [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "URL"}}}],
                        "envFrom": [{"configMapRef": {"name": "settings"}}],
                    }
                ],
                "volumes": [
                    {"name": "disk", "persistentVolumeClaim": {"claimName": "uploads"}},
                    {"name": "host", "hostPath": {"path": "/var/run"}},
                    {"name": "keys", "secret": {"secretName": "keys"}},
                ],
            },
        },
    },
    "status": {"readyReplicas": 3},
}


def copied() -> dict[str, Any]:
    return copy_deployment(PLACE, ORIGINAL)


def test_a_copy_starts_nothing_before_it_is_switched() -> None:
    assert copied()["spec"]["replicas"] == 0


def test_a_copy_selects_its_own_pods_alone() -> None:
    spec = copied()["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert spec["selector"]["matchLabels"]["restore.pulumi/drill"] == "drill-1"
    assert copied()["metadata"]["namespace"] == "shop-drill"


def test_a_copy_has_no_rights_no_disk_and_no_node_of_production() -> None:
    pod = copied()["spec"]["template"]["spec"]
    assert not pod.keys() & {"serviceAccountName", "nodeName", "hostNetwork", "priorityClassName"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["volumes"][:2] == [{"name": "disk", "emptyDir": {}}, {"name": "host", "emptyDir": {}}]
    assert pod["volumes"][2] == {"name": "keys", "secret": {"secretName": "keys"}}
    assert pod["containers"] == ORIGINAL["spec"]["template"]["spec"]["containers"]


def test_the_marks_of_a_real_restore_are_not_copied() -> None:
    assert copied()["spec"]["template"]["metadata"]["annotations"] == {"checksum": "1"}


def test_the_original_is_left_as_it_is() -> None:
    copied()
    assert ORIGINAL["spec"]["template"]["spec"]["serviceAccountName"] == "api"


def test_all_that_a_pod_is_given_comes_along() -> None:
    needed = {("Secret", "db"), ("ConfigMap", "settings"), ("Secret", "keys"), ("Secret", "registry")}
    assert list_needed([ORIGINAL]) == needed


def test_a_copied_secret_holds_the_same_bytes_and_belongs_to_the_drill() -> None:
    metadata: dict[str, Any] = {"name": "db", "uid": "2", "ownerReferences": [{"kind": "ExternalSecret"}]}
    item: dict[str, Any] = {"metadata": metadata, "data": {"URL": "eA=="}, "type": "Opaque"}
    assert copy_object(PLACE, "Secret", item) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop-drill", "labels": PLACE.labels},
        "data": {"URL": "eA=="},
        "type": "Opaque",
    }


def test_a_switched_value_is_written_as_kubernetes_keeps_it() -> None:
    assert encode_values({"URL": "postgresql://x"}) == {"data": {"URL": "cG9zdGdyZXNxbDovL3g="}}


def test_the_network_leads_to_name_servers_and_the_restored_database_alone() -> None:
    policy = close_network(PLACE, {"10.0.0.7", "2001:db8::7"}, 5432)
    assert policy["spec"]["podSelector"] == {"matchLabels": {"restore.pulumi/drill": "drill-1"}}
    assert policy["spec"]["policyTypes"] == ["Egress"]
    names, database = policy["spec"]["egress"]
    assert names == {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    assert database["ports"] == [{"port": 5432, "protocol": "TCP"}]
    assert [rule["ipBlock"]["cidr"] for rule in database["to"]] == ["10.0.0.7/32", "2001:db8::7/128"]
