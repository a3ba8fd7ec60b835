"""Copies of the applications for the scratch namespace, and the network policy that closes them in. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast

from restore.kubernetes.other_writers import MANAGED_BY
from restore.kubernetes.references import list_uses
from restore.model.labels import LABEL_DRILL

JsonBody = dict[str, Any]
OURS = "restore.pulumi/"
"""What the program's own annotations begin with."""
OF_NODE = ("persistentVolumeClaim", "hostPath", "ephemeral")
"""Volumes that a copy can't have, or must not share: it gets an empty one instead."""
NOT_COPIED = (
    "serviceAccountName",
    "serviceAccount",
    "nodeName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "priorityClassName",
    "priority",
    "affinity",
    "topologySpreadConstraints",
    "ephemeralContainers",
)
"""Fields of a pod that belong to its place: rights, the node's own network, and what it is to stand beside."""
POLICY = "restore-drill"
DNS = 53


@dataclass(frozen=True)
class Place:
    """Where the copies of one drill are."""

    namespace: str
    drill_id: str

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL_DRILL: self.drill_id, MANAGED_BY[0]: MANAGED_BY[1]}

    @property
    def selector(self) -> str:
        return f"{LABEL_DRILL}={self.drill_id}"


def copy_deployment(place: Place, item: Mapping[str, Any]) -> JsonBody:
    """Returns a copy of a Deployment with no replicas: without its rights, its node and its disks."""
    spec = cast("JsonBody", item["spec"])
    template = cast("JsonBody", spec["template"])
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _build_metadata(place, item),
        "spec": {
            "replicas": 0,
            "selector": _narrow(place, spec["selector"]),
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {
                    "labels": {**_read_texts(template, "labels"), **place.labels},
                    "annotations": _keep_foreign(_read_texts(template, "annotations")),
                },
                "spec": _copy_pod_spec(cast("JsonBody", template["spec"])),
            },
        },
    }


def _narrow(place: Place, selector: JsonBody) -> JsonBody:
    """Returns a selector of this drill's pods alone."""
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), LABEL_DRILL: place.drill_id}}


def _copy_pod_spec(spec: JsonBody) -> JsonBody:
    kept = {key: value for key, value in spec.items() if key not in NOT_COPIED}
    if volumes := cast("list[JsonBody]", spec.get("volumes") or []):
        kept["volumes"] = [_replace_volume(volume) for volume in volumes]
    return {**kept, "automountServiceAccountToken": False}


def _replace_volume(volume: JsonBody) -> JsonBody:
    return {"name": volume["name"], "emptyDir": {}} if any(kind in volume for kind in OF_NODE) else volume


def _build_metadata(place: Place, item: Mapping[str, Any]) -> JsonBody:
    name = item["metadata"]["name"]
    return {"name": name, "namespace": place.namespace, "labels": {**_read_texts(item, "labels"), **place.labels}}


def _read_texts(item: Mapping[str, Any], field: str) -> dict[str, str]:
    metadata = cast("JsonBody", item.get("metadata") or {})
    return dict(cast("Mapping[str, str]", metadata.get(field) or {}))


def _keep_foreign(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in annotations.items() if not name.startswith(OURS)}


def copy_object(place: Place, kind: str, item: Mapping[str, Any]) -> JsonBody:
    """Returns a copy of a Secret or ConfigMap, byte for byte what it holds."""
    held = {field: item[field] for field in ("data", "binaryData", "type") if item.get(field)}
    return {"apiVersion": "v1", "kind": kind, "metadata": _build_metadata(place, item), **held}


def list_needed(deployments: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Returns the kind and name of each ConfigMap and Secret that these Deployments' pods get, or are pulled with."""
    needed: set[tuple[str, str]] = set()
    for item in deployments:
        spec = cast("JsonBody", item["spec"]["template"]["spec"])
        needed |= {(use.kind, use.name) for use in list_uses(spec)}
        pulled = cast("list[JsonBody]", spec.get("imagePullSecrets") or [])
        needed |= {("Secret", str(secret["name"])) for secret in pulled}
    return needed


def encode_values(values: Mapping[str, str]) -> JsonBody:
    """Returns the merge patch that writes these values into a Secret."""
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}


def close_network(place: Place, addresses: Iterable[str], port: int) -> JsonBody:
    """Returns the NetworkPolicy by which the drill's pods reach name servers, the restored database, and nothing else
    (Kubernetes, "Network Policies": what no rule lists is denied). `port` is TCP."""
    blocks = [{"ipBlock": {"cidr": f"{address}/{ip_address(address).max_prefixlen}"}} for address in sorted(addresses)]
    names = [{"port": DNS, "protocol": protocol} for protocol in ("UDP", "TCP")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": POLICY, "namespace": place.namespace, "labels": place.labels},
        "spec": {
            "podSelector": {"matchLabels": {LABEL_DRILL: place.drill_id}},
            "policyTypes": ["Egress"],
            "egress": [{"ports": names}, {"to": blocks, "ports": [{"port": port, "protocol": "TCP"}]}],
        },
    }
