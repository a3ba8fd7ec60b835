"""A controller that does with a Secret what the Secrets Store CSI driver does for `secretObjects`.

Source: kubernetes-sigs/secrets-store-csi-driver, controllers/secretproviderclasspodstatus_controller.go (label, owners)
and pkg/rotation (with --enable-secret-rotation a Secret that differs from the store is patched at each poll). It only
works while a pod mounts the class: with every application at zero nothing is put back, with the first pod it is.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from sandbox.application.kubernetes_api import Json
from sandbox.application.names import NAMESPACE
from sandbox.trouble.controllers.loop import SECRETS, Controller, say
from sandbox.trouble.custom_resources import POD_STATUS, PROVIDER_CLASS, post

MANAGED = "secrets-store.csi.k8s.io/managed"
NODE = "internal.secrets-store.csi.k8s.io/node-name"
MANAGER = "secrets-store-csi"
POLL_SECONDS = 1.0
"""The driver's own default is two minutes (--rotation-poll-interval)."""


def run(controller: Controller) -> None:
    controller.run(lambda: reconcile(controller), POLL_SECONDS)


def reconcile(controller: Controller) -> None:
    pods = [pod for pod in controller.kube.list("Pod", NAMESPACE, "app") if pod["status"].get("phase") == "Running"]
    for provider_class in controller.kube.request("GET", PROVIDER_CLASS.path())["items"]:
        mounting = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        for pod in mounting:
            record_mount(controller, provider_class, pod)
        objects: list[Json] = provider_class["spec"].get("secretObjects", [])
        for secret_object in objects if mounting else ():
            synchronize(controller, secret_object, mounting)


def record_mount(controller: Controller, provider_class: Json, pod: Json) -> None:
    """One SecretProviderClassPodStatus for a pod and a class, owned by the pod."""
    name, metadata = provider_class["metadata"]["name"], pod["metadata"]
    owned = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    node = pod["spec"].get("nodeName", "")
    status = {"podName": metadata["name"], "secretProviderClassName": name, "mounted": True}
    body = POD_STATUS.object(f"{metadata['name']}-{NAMESPACE}-{name}", {}, status=status)
    del body["spec"]
    body["metadata"] |= {"labels": {NODE: node}, "ownerReferences": [owned]}
    post(controller.kube, POD_STATUS.path(), body, MANAGER)


def synchronize(controller: Controller, secret_object: Json, pods: list[Json]) -> None:
    name = secret_object["secretName"]
    data = {item["key"]: stored(controller, item["objectName"]) for item in secret_object["data"]}
    secret = controller.secret(name)
    owners = [owner for pod in pods for owner in references(pod)]
    owners = list({owner["uid"]: owner for owner in owners}.values())
    metadata: Json = {"name": name, "labels": {MANAGED: "true"}, "ownerReferences": owners}
    if secret is None:
        body = {"apiVersion": "v1", "kind": "Secret", "type": secret_object["type"], "metadata": metadata, "data": data}
        post(controller.kube, SECRETS, body, MANAGER)
        say(f"{name} created")
    elif any(secret["data"].get(key) != value for key, value in data.items()) or not owned_by(secret, owners):
        body = {"metadata": metadata, "data": data}
        controller.kube.patch("Secret", NAMESPACE, name, body, MANAGER)
        say(f"{name} patched")


def owned_by(secret: Json, owners: list[Json]) -> bool:
    present = {reference["uid"] for reference in secret["metadata"].get("ownerReferences", [])}
    return {owner["uid"] for owner in owners} <= present


def references(pod: Json) -> list[Json]:
    """The pod's owners, none of them as the Secret's controller."""
    keys = ("apiVersion", "kind", "name", "uid")
    return [{key: owner[key] for key in keys} for owner in pod["metadata"].get("ownerReferences", [])]


def stored(controller: Controller, object_name: str) -> str:
    """A property of the store's JSON, named as `secret:property`, in base64."""
    secret, _, key = object_name.rpartition(":")
    values: Any = json.loads(controller.aws.secrets.get_secret_value(SecretId=secret)["SecretString"])
    return base64.b64encode(str(values[key]).encode()).decode()
