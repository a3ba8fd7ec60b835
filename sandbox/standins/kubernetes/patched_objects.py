"""Patched objects as data: which kinds, their inputs, outputs and differences. Measured on pulumi-kubernetes 4.34.2."""

from __future__ import annotations

import base64
import copy
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from sandbox.standins.plugin.interface import Call, Checked, CheckFailure, Difference
from sandbox.standins.plugin.property_values import Properties, block, has_unknown, is_secret, reveal, secret

FIELD_MANAGER = "pulumi.com/patchFieldManager"
FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"
IDENTITY = ("apiVersion", "kind", "metadata.name", "metadata.namespace")


@dataclass(frozen=True)
class Kind:
    type: str
    api_version: str
    name: str
    prefix: str
    plural: str

    def path(self, namespace: str, name: str) -> str:
        return f"{self.prefix}/namespaces/{namespace}/{self.plural}/{name}"


DEPLOYMENT = Kind("kubernetes:apps/v1:DeploymentPatch", "apps/v1", "Deployment", "/apis/apps/v1", "deployments")
SECRET = Kind("kubernetes:core/v1:SecretPatch", "v1", "Secret", "/api/v1", "secrets")
OWN_CONFIG_MAP = Kind("kubernetes:core/v1:ConfigMap", "v1", "ConfigMap", "/api/v1", "configmaps")
OWN_CRON_JOB = Kind("kubernetes:batch/v1:CronJob", "batch/v1", "CronJob", "/apis/batch/v1", "cronjobs")
OWN = (OWN_CONFIG_MAP, OWN_CRON_JOB)
"""Objects of the program's own, which go when their resource goes."""


def metadata(inputs: Properties) -> Properties:
    return block(reveal(inputs.get("metadata")))


def annotation(inputs: Properties, key: str) -> str:
    return str(block(metadata(inputs).get("annotations")).get(key) or "")


def checked(kind: Kind, call: Call, namespace: str) -> Checked:
    inputs = copy.deepcopy({key: value for key, value in call.raw.items() if value is not None})
    inputs.setdefault("apiVersion", kind.api_version)
    inputs.setdefault("kind", kind.name)
    named = cast("Properties", inputs.setdefault("metadata", {}))
    failures: list[CheckFailure] = []
    if not is_secret(named):
        named.setdefault("namespace", namespace)
    if not metadata(inputs).get("name"):
        failures.append(CheckFailure("metadata.name", "patch resources require the `.metadata.name` field to be set"))
    if "stringData" in inputs:
        inputs["data"] = _encoded(inputs.pop("stringData"), inputs.get("data"))
    return Checked(sealed(kind, inputs), failures)


def _encoded(plain: Any, data: Any) -> Any:
    """stringData as the API server would store it, beside what data there is."""
    merged = block(reveal(data)).copy()
    for key, value in cast("Properties", reveal(plain)).items():
        merged[key] = value if has_unknown(value) else base64.b64encode(str(value).encode()).decode()
    return merged


def difference(state: Properties, old_inputs: Properties, news: Properties) -> Difference:
    """Inputs against inputs: what happened in the cluster since is not seen without a refresh."""
    olds = cast("Properties", state.get("__inputs") or old_inputs)
    detailed = dict(_changes("", olds, news))
    for path in IDENTITY:
        if path in detailed:
            detailed[path] += "_REPLACE"
    return Difference(detailed)


def _changes(path: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        olds, news = cast("Properties", old), cast("Properties", new)
        for key in sorted({*olds, *news}):
            yield from _changes(f"{path}.{key}" if path else key, olds.get(key), news.get(key))
    elif old != new:
        yield path, "ADD" if old is None else "DELETE" if new is None else "UPDATE"


def manager(inputs: Properties, state: Properties | None = None) -> str:
    """The field manager: pinned by annotation, otherwise the one this resource already has, otherwise a random one."""
    random_name = f"pulumi-kubernetes-{secrets.token_hex(4)}"
    return annotation(inputs, FIELD_MANAGER) or str((state or {}).get("__fieldManager") or random_name)


def outputs(kind: Kind, live: Properties, inputs: Properties, field_manager: str) -> Properties:
    """The live object, and beside it what was asked for and by whom; a Secret's data is secret in both."""
    state = {
        **live,
        "__fieldManager": field_manager,
        "__initialApiVersion": kind.api_version,
        "__inputs": sealed(kind, inputs),
    }
    return sealed(kind, state)


def sealed(kind: Kind, properties: Properties) -> Properties:
    if kind is not SECRET or not properties.get("data"):
        return properties
    return {**properties, "data": secret(properties["data"])}


def relinquishing(kind: Kind, inputs: Properties) -> Properties:
    """An application of nothing: the manager gives up every field it owns."""
    named = metadata(inputs)
    identity = {"name": named["name"], "namespace": named["namespace"]}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": identity}


def pruned(inputs: Any, live: Any) -> Any:
    """The patched fields with the values they have now."""
    if isinstance(inputs, dict) and isinstance(live, dict):
        fields, values = cast("Properties", inputs), cast("Properties", live)
        return {key: pruned(value, values[key]) for key, value in fields.items() if key in values}
    return live
