"""A controller that does with a Secret what sealed-secrets does.

Source: bitnami-labs/sealed-secrets, pkg/controller/controller.go. It unseals when it starts, when a SealedSecret's spec
changes and when the Secret is deleted; a changed Secret alone it doesn't see. So the Secret comes back at the next
start of the controller: when its pod moves to another node, or is upgraded.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet

from sandbox.application.kubernetes_api import Json
from sandbox.trouble.controllers.loop import SECRETS, Controller, say
from sandbox.trouble.custom_resources import SEALED_SECRET, annotations_of, owner

MANAGER = "controller"
KEY_NAMESPACE, KEY = "kube-system", "sealed-secrets-key"


def run(controller: Controller) -> None:
    seen: dict[str, Json] = {}
    controller.run(lambda: reconcile(controller, seen))


def reconcile(controller: Controller, seen: dict[str, Json]) -> None:
    """`seen`: the specs that were unsealed since the controller's start."""
    for sealed in controller.kube.request("GET", SEALED_SECRET.path())["items"]:
        name = sealed["metadata"]["name"]
        secret = controller.secret(name)
        if seen.get(name) != sealed["spec"] or secret is None:
            unseal(controller, sealed, secret)
            seen[name] = sealed["spec"]


def unseal(controller: Controller, sealed: Json, secret: Json | None) -> None:
    name, key = sealed["metadata"]["name"], private_key(controller)
    data = {item: key.decrypt(text.encode()).decode() for item, text in sealed["spec"]["encryptedData"].items()}
    if secret is not None and not managed(sealed, secret):
        say(f'Resource "{name}" already exists and is not managed by SealedSecret')
        return
    metadata: Json = {"name": name, "ownerReferences": [owner(sealed, controller=True)]}
    metadata |= sealed["spec"].get("template", {}).get("metadata", {})
    body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
    method, path = ("PUT", f"{SECRETS}/{name}") if secret else ("POST", SECRETS)
    controller.kube.request(method, path, body=body, query={"fieldManager": MANAGER})
    say(f"{name} unsealed")


def private_key(controller: Controller) -> Fernet:
    """In a Secret of the controller's namespace, as the real one's; symmetric, unlike that."""
    secret = controller.kube.get("Secret", KEY_NAMESPACE, KEY) or {}
    return Fernet(base64.b64decode(secret["data"]["tls.key"]))


def managed(sealed: Json, secret: Json) -> bool:
    metadata, uid = secret["metadata"], sealed["metadata"]["uid"]
    owned = any(reference["uid"] == uid for reference in metadata.get("ownerReferences", []))
    return owned or annotations_of(secret).get("sealedsecrets.bitnami.com/managed") == "true"
