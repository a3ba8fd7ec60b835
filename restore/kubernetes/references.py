"""Where else the applications' pods are told a database: their environment, ConfigMaps and Secrets. Pure.

Values are kept to be searched for hosts, and never shown.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from restore.model.cluster import Reference

KubeObject = Mapping[str, Any]
CONFIG_MAP, SECRET = "ConfigMap", "Secret"
LISTS = ("initContainers", "containers", "ephemeralContainers")
SOURCES = (
    (CONFIG_MAP, "configMapKeyRef", "configMapRef", "configMap", "name"),
    (SECRET, "secretKeyRef", "secretRef", "secret", "secretName"),
)
"""Of each kind: what one variable, all variables and a volume call it, and the name's field in a volume."""
SECRETS_STORE = "secrets-store.csi.k8s.io"
"""Secrets Store CSI Driver, "Usage": the driver of the volume, and the class among its attributes."""
VAULT_AGENT = "vault.hashicorp.com/agent-inject"
"""Vault, "Agent Sidecar Injector annotations": of the pods."""


@dataclass(frozen=True, order=True)
class Use:
    """An object that pods get values of; `key` None: all that it holds."""

    kind: str
    name: str
    key: str | None = None

    def format_path(self, namespace: str) -> str:
        return f"/api/v1/namespaces/{namespace}/{self.kind.lower()}s/{self.name}"


def list_uses(pod_spec: KubeObject) -> set[Use]:
    """Returns the ConfigMaps and Secrets that a pod gets: by variable, all variables, volume or projected volume."""
    names: set[Use] = set()
    for container in _list_containers(pod_spec):
        for variable in _list_items(container, "env"):
            names |= set(_list_named(cast("KubeObject", variable.get("valueFrom") or {}), 1, "name"))
        for source in _list_items(container, "envFrom"):
            names |= set(_list_named(source, 2, "name"))
    for volume in _list_items(pod_spec, "volumes"):
        names |= set(_list_named(volume, 3, None))
        projected = cast("KubeObject", volume.get("projected") or {})
        for source in _list_items(projected, "sources"):
            names |= set(_list_named(source, 3, "name"))
    return names


def list_unreadable(pod_spec: KubeObject, annotations: Mapping[str, str]) -> Iterator[str]:
    """Returns what brings the pods values of another place than the cluster, which this program doesn't ask."""
    for volume in _list_items(pod_spec, "volumes"):
        csi = cast("KubeObject", volume.get("csi") or {})
        if csi.get("driver") == SECRETS_STORE:
            attributes = cast("KubeObject", csi.get("volumeAttributes") or {})
            yield f"SecretProviderClass {attributes.get('secretProviderClass', volume.get('name'))}"
    if annotations.get(VAULT_AGENT, "").lower() == "true":
        yield "what the Vault Agent writes"


def _list_containers(pod_spec: KubeObject) -> Iterator[KubeObject]:
    return (container for name in LISTS for container in _list_items(pod_spec, name))


def _list_items(node: KubeObject, field: str) -> Sequence[KubeObject]:
    return cast("Sequence[KubeObject]", node.get(field) or ())


def _list_named(node: KubeObject, form: int, name_field: str | None) -> Iterator[Use]:
    for source in SOURCES:
        named = cast("KubeObject | None", node.get(source[form]))
        if named is None:
            continue
        name = str(named.get(name_field or source[4]) or named.get("name") or "")
        keys = [str(named["key"])] if named.get("key") else [str(item["key"]) for item in _list_items(named, "items")]
        yield from (Use(source[0], name, key) for key in keys or [None])


def read_values(kind: str, item: KubeObject) -> dict[str, str]:
    """Returns what a ConfigMap or Secret holds, as text; bytes that are none are left out."""
    data = cast("Mapping[str, str]", item.get("data") or {})
    if kind == CONFIG_MAP:
        return {key: str(value) for key, value in data.items()}
    return {key: text for key, value in data.items() if (text := _decode(value)) is not None}


def _decode(value: str) -> str | None:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def find_references(
    app: str, pod_spec: KubeObject, objects: Mapping[str, KubeObject], namespace: str, switched: Collection[Use]
) -> Iterator[Reference]:
    """Returns each value that the pods of a Deployment get, but those that the switch writes itself.

    `objects`: the ConfigMaps and Secrets that could be read, by path.
    """
    for container in _list_containers(pod_spec):
        for variable in _list_items(container, "env"):
            if variable.get("value"):
                yield Reference(app, f"env/{variable['name']}", str(variable["value"]))
        words = [str(word) for field in ("command", "args") for word in container.get(field) or ()]
        if words:
            yield Reference(app, f"args/{container['name']}", " ".join(words))
    for use in sorted(list_uses(pod_spec), key=lambda use: (use.kind, use.name, use.key or "")):
        texts = read_values(use.kind, objects.get(use.format_path(namespace), {}))
        for key, text in texts.items():
            if use.key in (None, key) and Use(use.kind, use.name, key) not in switched:
                yield Reference(app, f"{use.kind}/{use.name}/{key}", text)
