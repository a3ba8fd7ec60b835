"""A controller that does with a Secret what the External Secrets Operator does, under each creationPolicy.

Source: external-secrets/external-secrets, pkg/controllers/externalsecret: labels, annotations, field manager, and when
a Secret is written again. It watches the Secrets that bear its label, so that a changed one is put back at once, also
with `refreshInterval: 0` or `refreshPolicy: CreatedOnce`: those only end the reading of the store. An Orphan is left
as it is until the next refresh.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.application.kubernetes_api import Json
from sandbox.application.names import NAMESPACE
from sandbox.trouble.controllers.loop import SECRETS, Controller, say
from sandbox.trouble.custom_resources import EXTERNAL_SECRET, annotations_of, labels_of, owner, post

PREFIX = "reconcile.external-secrets.io"
MANAGED, CREATED_BY, DATA_HASH = f"{PREFIX}/managed", f"{PREFIX}/created-by", f"{PREFIX}/data-hash"
MANAGER = "externalsecrets.external-secrets.io/{name}"
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DEFAULT_INTERVAL = "1h"


def run(controller: Controller) -> None:
    controller.run(lambda: reconcile(controller))


def reconcile(controller: Controller) -> None:
    for external in controller.kube.request("GET", EXTERNAL_SECRET.path())["items"]:
        policy = policy_of(external)
        secret = controller.secret(target_of(external))
        if policy == "None" or (policy == "Merge" and secret is None):
            continue
        if due(external, datetime.now(UTC)) or not valid(secret, policy):
            write(controller, external, secret, values(controller, external))


def policy_of(external: Json) -> str:
    return str(external["spec"].get("target", {}).get("creationPolicy", "Owner"))


def target_of(external: Json) -> str:
    return str(external["spec"].get("target", {}).get("name") or external["metadata"]["name"])


def due(external: Json, now: datetime) -> bool:
    """Whether the store is to be read again (shouldRefresh)."""
    status, policy = external.get("status", {}), external["spec"].get("refreshPolicy", "Periodic")
    if not status.get("syncedResourceVersion") or not status.get("refreshTime"):
        return True
    if policy == "CreatedOnce":
        return False
    if status["syncedResourceVersion"] != version_of(external):
        return True
    interval = duration(str(external["spec"].get("refreshInterval", DEFAULT_INTERVAL)))
    if policy == "OnChange" or not interval:
        return False
    return datetime.fromisoformat(status["refreshTime"]) + interval <= now


def duration(text: str) -> timedelta:
    """A duration as Go writes it: 1h0m0s, 30s, 0."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))


def version_of(external: Json) -> str:
    metadata = external["metadata"]
    return f"{metadata['generation']}-{hashed([metadata.get('labels'), metadata.get('annotations')])}"


def valid(secret: Json | None, policy: str) -> bool:
    """Whether the Secret is as this controller left it (isSecretValid)."""
    if secret is None:
        return False
    if policy == "Orphan":
        return True
    labelled = labels_of(secret).get(MANAGED) == "true"
    return labelled and annotations_of(secret).get(DATA_HASH) == hashed(secret.get("data", {}))


def hashed(value: object) -> str:
    return hashlib.sha3_224(json.dumps(value, sort_keys=True).encode()).hexdigest()


def values(controller: Controller, external: Json) -> dict[str, str]:
    """What the store (AWS Secrets Manager) says, in base64, by key of the Secret."""
    read: dict[str, str] = {}
    for entry in external["spec"].get("data", []):
        remote = entry["remoteRef"]
        stored: Any = json.loads(controller.aws.secrets.get_secret_value(SecretId=remote["key"])["SecretString"])
        read[str(entry["secretKey"])] = base64.b64encode(str(stored[remote["property"]]).encode()).decode()
    return read


def write(controller: Controller, external: Json, secret: Json | None, data: dict[str, str]) -> None:
    name, policy = target_of(external), policy_of(external)
    manager = MANAGER.format(name=external["metadata"]["name"])
    if policy == "Merge":
        whole = {**(secret or {}).get("data", {}), **data}
        note = {"labels": {MANAGED: "true"}, "annotations": {DATA_HASH: hashed(whole)}}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, **note}, "data": data}
        controller.kube.apply(f"{SECRETS}/{name}", body, manager)
    else:
        update(controller, external, secret, data, manager)
    say(f"{name} written ({policy})")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    ready = {"type": "Ready", "status": "True", "reason": "SecretSynced", "lastTransitionTime": now}
    status = {"refreshTime": now, "syncedResourceVersion": version_of(external), "conditions": [ready]}
    path = EXTERNAL_SECRET.path(external["metadata"]["name"]) + "/status"
    controller.kube.request("PATCH", path, body={"status": {**status, "binding": {"name": name}}})


def update(controller: Controller, external: Json, secret: Json | None, data: dict[str, str], manager: str) -> None:
    """Create or Update, as controller-runtime's client does it; an Owner is named as the Secret's controller."""
    name = target_of(external)
    written: Json = secret or {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque"}
    metadata = written["metadata"]
    labels, notes = {**labels_of(written)}, {**annotations_of(written)}
    labels[MANAGED], notes[DATA_HASH] = "true", hashed(data)
    if policy_of(external) == "Owner":
        labels[CREATED_BY] = hashed(f"{NAMESPACE}/{external['metadata']['name']}")
        metadata["ownerReferences"] = [owner(external, controller=True)]
    body = {**written, "metadata": {**metadata, "labels": labels, "annotations": notes}, "data": data}
    if secret is None:
        post(controller.kube, SECRETS, body, manager)
    else:
        controller.kube.request("PUT", f"{SECRETS}/{name}", body=body, query={"fieldManager": manager})
