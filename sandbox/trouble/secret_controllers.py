"""Controllers that put the application's Secret back, each with its marks on the Secret and its own way of pausing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet

from sandbox.application import names
from sandbox.application.kubernetes_api import Json
from sandbox.machine.processes import wait_until
from sandbox.trouble.controllers.csi_driver import MANAGED as CSI_MANAGED
from sandbox.trouble.controllers.external_secrets import DATA_HASH, MANAGED
from sandbox.trouble.controllers.sealed_secrets import KEY, KEY_NAMESPACE
from sandbox.trouble.custom_resources import (
    EXTERNAL_SECRET,
    POD_STATUS,
    PROVIDER_CLASS,
    SEALED_SECRET,
    SECRET_STORE,
    VAULT_STATIC_SECRET,
    install,
    post,
    remove,
)
from sandbox.trouble.stage import SECONDS, Memory, Stage, Trouble

STORED = "ghost-protocol/sandbox/application"
"""The application's secret in AWS Secrets Manager: what the controllers take for the truth."""
NAME = names.SECRET
ORPHAN_INTERVAL, INTERVAL = "5s", "1h0m0s"
VAULT_OPERATOR = "vault-secrets-operator-controller-manager"
"""The name that its Helm chart gives its Deployment."""
SEALED_ANNOTATION = "sealedsecrets.bitnami.com/managed"


def secret(stage: Stage) -> Json:
    live = stage.kube.get("Secret", names.NAMESPACE, NAME)
    if live is None:
        raise RuntimeError(f"no Secret {NAME} in {names.NAMESPACE}: python -m sandbox up")
    return live


def store(stage: Stage) -> list[str]:
    """Puts what the Secret says into Secrets Manager, as a team does that begins with such a controller; its keys."""
    values = {key: base64.b64decode(value).decode() for key, value in secret(stage)["data"].items()}
    stage.aws.secrets.create_secret(Name=STORED, SecretString=json.dumps(values))
    return sorted(values)


def leave(stage: Stage, memory: Memory, *paths: str) -> None:
    """The controller goes, the Secret stays as it is and bears no marks of it, its objects go."""
    stage.stop(memory["controller"])
    odd = secret(stage)["data"].keys() - set(memory["keys"])
    marks = {"labels": None, "annotations": None, "ownerReferences": None}
    body = {"metadata": marks, "data": dict.fromkeys(odd)}
    stage.kube.patch("Secret", names.NAMESPACE, NAME, body)
    for path in paths:
        remove(stage.kube, path)
    stage.aws.secrets.delete_secret(SecretId=STORED, ForceDeleteWithoutRecovery=True)


def wait_marked(stage: Stage, kind: str, mark: str) -> None:
    """Until the controller has taken the Secret over."""
    wait_until(lambda: mark in secret(stage)["metadata"].get(kind, {}), SECONDS, f"{mark} on the Secret", 0.05)


def external_secret(policy: str) -> Callable[[Stage], Memory]:
    def play(stage: Stage) -> Memory:
        install(stage.kube, SECRET_STORE, EXTERNAL_SECRET)
        keys = store(stage)
        provider = {"provider": {"aws": {"service": "SecretsManager", "region": names.REGION}}}
        post(stage.kube, SECRET_STORE.path(), SECRET_STORE.object("aws", provider))
        taken = [names.SECRET_KEY] if policy == "Merge" else keys
        spec = {
            "refreshPolicy": "Periodic",
            "refreshInterval": ORPHAN_INTERVAL if policy == "Orphan" else INTERVAL,
            "secretStoreRef": {"kind": "SecretStore", "name": "aws"},
            "target": {"name": NAME, "creationPolicy": policy, "deletionPolicy": "Retain"},
            "data": [{"secretKey": key, "remoteRef": {"key": STORED, "property": key}} for key in taken],
        }
        post(stage.kube, EXTERNAL_SECRET.path(), EXTERNAL_SECRET.object(NAME, spec))
        controller = stage.start("external-secrets", "external-secrets")
        if policy != "None":
            wait_marked(stage, "labels", MANAGED)
            wait_marked(stage, "annotations", DATA_HASH)
        return {"controller": controller, "keys": keys}

    return play


def leave_external_secret(stage: Stage, memory: Memory) -> None:
    leave(stage, memory, EXTERNAL_SECRET.path(NAME), SECRET_STORE.path("aws"))


def vault_secret(stage: Stage) -> Memory:
    install(stage.kube, VAULT_STATIC_SECRET)
    keys = store(stage)
    spec = {
        "type": "kv-v2",
        "mount": "kv",
        "path": STORED,
        "refreshAfter": "2s",
        "hmacSecretData": True,
        "destination": {"name": NAME, "create": True, "overwrite": True},
    }
    post(stage.kube, VAULT_STATIC_SECRET.path(), VAULT_STATIC_SECRET.object(NAME, spec))
    controller = stage.start("vault-secrets", "vault-secrets-operator-system", VAULT_OPERATOR)
    wait_marked(stage, "labels", "secrets.hashicorp.com/vso-ownerRefUID")
    return {"controller": controller, "keys": keys}


def leave_vault_secret(stage: Stage, memory: Memory) -> None:
    leave(stage, memory, VAULT_STATIC_SECRET.path(NAME))


def provider_class(stage: Stage) -> Memory:
    install(stage.kube, PROVIDER_CLASS, POD_STATUS)
    keys = store(stage)
    objects = [{"objectName": f"{STORED}:{key}", "key": key} for key in keys]
    spec: Json = {"provider": "aws", "secretObjects": [{"secretName": NAME, "type": "Opaque", "data": objects}]}
    post(stage.kube, PROVIDER_CLASS.path(), PROVIDER_CLASS.object(NAME, spec))
    controller = stage.start("csi-driver", "kube-system", "csi-secrets-store")
    wait_marked(stage, "labels", CSI_MANAGED)
    return {"controller": controller, "keys": keys}


def leave_provider_class(stage: Stage, memory: Memory) -> None:
    statuses: Any = stage.kube.request("GET", POD_STATUS.path())["items"]
    paths = [POD_STATUS.path(status["metadata"]["name"]) for status in statuses]
    leave(stage, memory, PROVIDER_CLASS.path(NAME), *paths)


def sealed_secret(stage: Stage) -> Memory:
    install(stage.kube, SEALED_SECRET)
    keys, key = store(stage), Fernet.generate_key()
    label = {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}
    stage.kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": KEY, "namespace": KEY_NAMESPACE, "labels": label},
            "stringData": {"tls.key": key.decode()},
        }
    )
    managed = {"metadata": {"annotations": {SEALED_ANNOTATION: "true"}}}
    stage.kube.patch("Secret", names.NAMESPACE, NAME, managed)
    sealed = {item: Fernet(key).encrypt(text.encode()).decode() for item, text in secret(stage)["data"].items()}
    spec = {"encryptedData": sealed, "template": {**managed, "type": "Opaque"}}
    post(stage.kube, SEALED_SECRET.path(), SEALED_SECRET.object(NAME, spec))
    controller = stage.start("sealed-secrets", KEY_NAMESPACE, "sealed-secrets-controller")
    wait_until(lambda: bool(secret(stage)["metadata"].get("ownerReferences")), SECONDS, "the Secret unsealed", 0.05)
    return {"controller": controller, "keys": keys}


def leave_sealed_secret(stage: Stage, memory: Memory) -> None:
    leave(stage, memory, SEALED_SECRET.path(NAME))
    stage.kube.delete("Secret", KEY_NAMESPACE, KEY)


ES_PAUSE = "it stops with kubectl --namespace external-secrets scale deployment external-secrets --replicas=0"
TROUBLES = (
    Trouble(
        "external-secret-owner",
        "External Secrets (creationPolicy Owner) owns the Secret and puts it back at once, also with refreshInterval 0:"
        f" {ES_PAUSE}.",
        external_secret("Owner"),
        leave_external_secret,
    ),
    Trouble(
        "external-secret-orphan",
        "External Secrets (creationPolicy Orphan) writes the Secret again at each refresh, and is named as no owner:"
        f" its refreshInterval is {ORPHAN_INTERVAL}, 0 or refreshPolicy CreatedOnce pauses it.",
        external_secret("Orphan"),
        leave_external_secret,
    ),
    Trouble(
        "external-secret-merge",
        "External Secrets (creationPolicy Merge) puts its one key of the Secret back at once, and is named as no owner:"
        f" {ES_PAUSE}.",
        external_secret("Merge"),
        leave_external_secret,
    ),
    Trouble(
        "external-secret-none",
        "An ExternalSecret with creationPolicy None names the Secret, and never writes it: no reason to refuse.",
        external_secret("None"),
        leave_external_secret,
    ),
    Trouble(
        "vault-secret",
        "The Vault Secrets Operator owns the Secret without being its controller, and puts it back every 2 s: it pauses"
        " with hmacSecretData false and no refreshAfter in the VaultStaticSecret.",
        vault_secret,
        leave_vault_secret,
    ),
    Trouble(
        "csi-secret",
        "The Secrets Store CSI driver patches the Secret while any pod mounts its class, so from the first pod that"
        " comes back: SecretProviderClass with secretObjects, the owners are ReplicaSets.",
        provider_class,
        leave_provider_class,
    ),
    Trouble(
        "sealed-secret",
        "A SealedSecret owns the Secret: a change stays until its controller starts again (kubectl --namespace"
        " kube-system rollout restart deployment sealed-secrets-controller), then the Secret comes back.",
        sealed_secret,
        leave_sealed_secret,
    ),
)
