"""A controller that does with a Secret what the Vault Secrets Operator does for a VaultStaticSecret.

Source: hashicorp/vault-secrets-operator, controllers/vaultstaticsecret_controller.go and helpers/secrets.go. It watches
no Secret: it looks every `refreshAfter` (a minute where that is empty and `hmacSecretData` is on), and puts back what
has drifted. Without either it writes only when the VaultStaticSecret changes: that is how an operator pauses it.
Vault's own part is played by AWS Secrets Manager.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

from sandbox.application.kubernetes_api import Json
from sandbox.trouble.controllers.external_secrets import duration
from sandbox.trouble.controllers.loop import SECRETS, Controller, say
from sandbox.trouble.custom_resources import VAULT_STATIC_SECRET, owner

LABELS = {
    "app.kubernetes.io/name": "vault-secrets-operator",
    "app.kubernetes.io/managed-by": "hashicorp-vso",
    "app.kubernetes.io/component": "secret-sync",
}
OWNER_UID = "secrets.hashicorp.com/vso-ownerRefUID"
MANAGER = "vault-secrets-operator"
DRIFT_SECONDS = 60.0


def run(controller: Controller) -> None:
    looks: dict[str, float] = {}
    controller.run(lambda: reconcile(controller, looks))


def reconcile(controller: Controller, looks: dict[str, float]) -> None:
    """`looks`: when each VaultStaticSecret is due again."""
    for static in controller.kube.request("GET", VAULT_STATIC_SECRET.path())["items"]:
        name, generation = static["metadata"]["name"], static["metadata"]["generation"]
        changed = static.get("status", {}).get("lastGeneration") != generation
        if not changed and time.monotonic() < looks.get(name, 0.0):
            continue
        pause = horizon(static["spec"])
        if changed or pause:
            synchronize(controller, static, changed=changed)
        looks[name] = time.monotonic() + (pause or float("inf"))


def horizon(spec: Json) -> float | None:
    """Seconds until the next look; None for none."""
    if spec.get("refreshAfter"):
        return duration(spec["refreshAfter"]).total_seconds()
    return DRIFT_SECONDS if spec.get("hmacSecretData", True) else None


def synchronize(controller: Controller, static: Json, *, changed: bool) -> None:
    spec, name = static["spec"], static["spec"]["destination"]["name"]
    stored: Any = json.loads(controller.aws.secrets.get_secret_value(SecretId=spec["path"])["SecretString"])
    raw = {**stored, "_raw": json.dumps({"data": stored})}
    data = {key: base64.b64encode(str(value).encode()).decode() for key, value in raw.items()}
    secret = controller.secret(name)
    same = secret is not None and secret.get("data") == data
    if changed or not same or not spec.get("hmacSecretData", True):
        replace(controller, static, secret, data)
        say(f"{name} written")
    mac = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    status = {"lastGeneration": static["metadata"]["generation"], "secretMAC": mac}
    path = VAULT_STATIC_SECRET.path(static["metadata"]["name"]) + "/status"
    controller.kube.request("PATCH", path, body={"status": status})


def replace(controller: Controller, static: Json, secret: Json | None, data: dict[str, str]) -> None:
    """The whole Secret: data, labels, and the owner, which isn't named as its controller."""
    name = static["spec"]["destination"]["name"]
    labels = {**LABELS, OWNER_UID: static["metadata"]["uid"]}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner(static, controller=False)]}
    body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
    method, path = ("PUT", f"{SECRETS}/{name}") if secret else ("POST", SECRETS)
    controller.kube.request(method, path, body=body, query={"fieldManager": MANAGER})
