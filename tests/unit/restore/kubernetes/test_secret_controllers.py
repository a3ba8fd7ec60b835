"""A controller that would put the former URL back after the switch is known by each of its marks, paused or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from restore.kubernetes.api import ReadObject
from restore.kubernetes.secret_controllers import find_secret_controllers, list_secret_writers
from restore.model.cluster import Writer

KEY = "DATABASE_URL"
NAME = "database-credentials"
HERE = "namespaces/prod"
EXTERNAL = f"/apis/external-secrets.io/v1/{HERE}/externalsecrets"
OLDER = f"/apis/external-secrets.io/v1beta1/{HERE}/externalsecrets"
VAULT = f"/apis/secrets.hashicorp.com/v1beta1/{HERE}"
CLASSES = f"/apis/secrets-store.csi.x-k8s.io/v1/{HERE}/secretproviderclasses"
SEALED = f"/apis/bitnami.com/v1alpha1/{HERE}/sealedsecrets"
STOPPED = {"spec": {"replicas": 0}, "status": {}}
EXTERNAL_DEPLOYMENT = "/apis/apps/v1/namespaces/external-secrets/deployments/external-secrets"


def secret(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": NAME, **metadata}, "data": {KEY: ""}}


def written_by(manager: str, key: str = KEY) -> list[dict[str, Any]]:
    fields: dict[str, Any] = {"f:data": {".": {}, f"f:{key}": {}}}
    return [{"manager": manager, "operation": "Update", "fieldsV1": fields}]


def owner(kind: str, name: str = "db", **more: bool) -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", **more}]


def writers(
    item: dict[str, Any], reads: Mapping[str, Any] | None = None, deployment: str | None = None
) -> tuple[Writer, ...]:
    """`reads`: objects, or what became of reading them, by path."""
    controllers = find_secret_controllers(item, "prod", KEY, deployment)
    known = {path: read if isinstance(read, ReadObject) else ReadObject(read) for path, read in (reads or {}).items()}
    return list_secret_writers(item, "prod", controllers, known)


def external(policy: str) -> dict[str, Any]:
    return {"metadata": {"name": "db"}, "spec": {"refreshInterval": "0", "target": {"creationPolicy": policy}}}


OWNED = secret(ownerReferences=owner("ExternalSecret", controller=True))
MERGED = secret(
    labels={"reconcile.external-secrets.io/managed": "true"},
    managedFields=written_by("externalsecrets.external-secrets.io/db"),
)
LABELLED = secret(labels={"reconcile.external-secrets.io/managed": "true"})
IN_VAULT = secret(ownerReferences=owner("VaultStaticSecret"), labels={"app.kubernetes.io/managed-by": "hashicorp-vso"})
IN_CSI = secret(ownerReferences=owner("ReplicaSet"), labels={"secrets-store.csi.k8s.io/managed": "true"})
IS_SEALED = secret(ownerReferences=owner("SealedSecret", controller=True))
VAULT_PATH, SEALED_PATH = f"{VAULT}/vaultstaticsecrets/db", f"{SEALED}/db"


@pytest.mark.parametrize(
    ("item", "name", "policy"), [(OWNED, "db", "Owner"), (MERGED, "db", "Merge"), (LABELLED, NAME, "Orphan")]
)
def test_external_secrets_puts_a_secret_back_under_each_policy(item: dict[str, Any], name: str, policy: str) -> None:
    """Also with `refreshInterval: 0`: that only ends the reading of the store."""
    (only,) = writers(item, {f"{EXTERNAL}/{name}": external(policy)})
    assert (only.kind, only.name, only.blocking) == ("ExternalSecret", name, True)
    assert only.stop == (
        f"kubectl --namespace prod patch externalsecret {name} --type merge "
        """--patch '{"spec":{"target":{"creationPolicy":"None"}}}', or for all Secrets of the cluster: """
        "kubectl --namespace external-secrets scale deployment external-secrets --replicas=0"
    )


def test_an_external_secret_that_writes_nothing_or_whose_controller_is_stopped_is_paused() -> None:
    (none,) = writers(OWNED, {f"{EXTERNAL}/db": external("None")})
    (stopped,) = writers(OWNED, {f"{EXTERNAL}/db": external("Owner"), EXTERNAL_DEPLOYMENT: STOPPED})
    assert not none.blocking
    assert not stopped.blocking
    assert none.resume.endswith('{"spec":{"target":{"creationPolicy":"Owner"}}}\'')


def test_a_controller_whose_last_pod_still_ends_is_not_stopped() -> None:
    ending = {"spec": {"replicas": 0}, "status": {"replicas": 1}}
    assert writers(OWNED, {f"{EXTERNAL}/db": external("Owner"), EXTERNAL_DEPLOYMENT: ending})[0].blocking


def test_a_controller_of_another_name_is_found_by_the_configuration() -> None:
    path = "/apis/apps/v1/namespaces/platform/deployments/eso"
    (only,) = writers(OWNED, {f"{EXTERNAL}/db": external("Owner"), path: STOPPED}, "platform/eso")
    assert not only.blocking


def test_an_older_release_of_external_secrets_is_asked_by_its_own_version() -> None:
    (only,) = writers(OWNED, {f"{OLDER}/db": external("None")})
    assert not only.blocking


@pytest.mark.parametrize("item", [OWNED, MERGED, IN_VAULT, IS_SEALED])
def test_marks_of_a_controller_whose_object_is_gone_stop_nobody(item: dict[str, Any]) -> None:
    assert writers(item) == ()


@pytest.mark.parametrize(
    ("item", "path"),
    [(OWNED, f"{EXTERNAL}/db"), (IN_VAULT, VAULT_PATH), (IN_CSI, CLASSES), (IS_SEALED, SEALED_PATH)],
)
def test_a_right_that_is_missing_is_told_apart_from_a_controller_that_works(item: dict[str, Any], path: str) -> None:
    (only,) = writers(item, {path: ReadObject(forbidden=True)})
    assert only.blocking
    assert "can't be read, the right is missing (docs/permissions.md)" in only.detail


@pytest.mark.parametrize(
    ("spec", "paused"),
    [
        ({"hmacSecretData": True, "refreshAfter": "30s"}, False),
        ({"refreshAfter": "30s", "hmacSecretData": False}, False),
        ({}, False),  # hmacSecretData is true by default: drift is looked for every minute
        ({"hmacSecretData": False}, True),
    ],
)
def test_vault_is_paused_when_nothing_has_it_look_again(spec: dict[str, Any], paused: bool) -> None:
    (only,) = writers(IN_VAULT, {VAULT_PATH: {"metadata": {"name": "db"}, "spec": spec}})
    assert only.blocking is not paused
    assert paused or "patch vaultstaticsecret db --type merge" in only.stop


def test_a_dynamic_secret_of_vault_stops_only_with_its_controller() -> None:
    item = secret(ownerReferences=owner("VaultDynamicSecret"))
    path = f"{VAULT}/vaultdynamicsecrets/db"
    (only,) = writers(item, {path: {"metadata": {"name": "db"}, "spec": {"hmacSecretData": False}}})
    assert only.blocking
    assert only.stop.endswith("scale deployment vault-secrets-operator-controller-manager --replicas=0")


def test_the_csi_driver_is_paused_when_no_class_writes_the_secret() -> None:
    def classes(of: str) -> dict[str, Any]:
        return {"items": [{"metadata": {"name": "store"}, "spec": {"secretObjects": [{"secretName": of}]}}]}

    (writing,) = writers(IN_CSI, {CLASSES: classes(NAME)})
    assert writing.stop.startswith("kubectl --namespace prod patch secretproviderclass store --type json")
    assert not writers(IN_CSI, {CLASSES: classes("another")})[0].blocking


@pytest.mark.parametrize(
    "item", [IS_SEALED, secret(annotations={"sealedsecrets.bitnami.com/managed": "true"})], ids=["owner", "annotation"]
)
def test_a_sealed_secret_comes_back_until_its_controller_is_stopped(item: dict[str, Any]) -> None:
    name = "db" if item is IS_SEALED else NAME
    sealed = {f"{SEALED}/{name}": {"metadata": {"name": name}, "spec": {}}}
    (only,) = writers(item, sealed)
    assert only.stop.endswith("kubectl --namespace kube-system scale deployment sealed-secrets-controller --replicas=0")
    where = "/apis/apps/v1/namespaces/kube-system/deployments/sealed-secrets-controller"
    assert not writers(item, {**sealed, where: STOPPED})[0].blocking


@pytest.mark.parametrize(
    "annotation", ["replicator.v1.mittwald.de/replicate-from", "reflector.v1.k8s.emberstack.com/reflects"]
)
def test_a_copy_of_another_secret_is_told_with_the_command_that_ends_the_copying(annotation: str) -> None:
    (only,) = writers(secret(annotations={annotation: "platform/db"}))
    assert (only.kind, only.name, only.blocking) == ("Secret", "platform/db", True)
    assert only.stop == f"kubectl --namespace prod annotate secret {NAME} {annotation}-"


def test_a_controller_that_is_not_known_is_told_by_its_field_manager_or_as_owner() -> None:
    (manager,) = writers(secret(managedFields=written_by("acme-secret-sync")))
    assert (manager.kind, manager.name, manager.blocking) == ("field manager", "acme-secret-sync", True)
    assert "pulumi config set --plaintext --path secret.controller" in manager.stop
    (owning,) = writers(secret(ownerReferences=owner("OnePasswordItem"), managedFields=written_by("manager")))
    assert (owning.kind, owning.name) == ("OnePasswordItem", "db")
    where = "/apis/apps/v1/namespaces/acme/deployments/sync"
    assert not writers(secret(managedFields=written_by("acme")), {where: STOPPED}, "acme/sync")[0].blocking


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "Helm", "pulumi-kubernetes-1a2b", "pulumi-restore"])
def test_tools_that_people_run_are_no_controllers(manager: str) -> None:
    assert writers(secret(managedFields=written_by(manager))) == ()


def test_who_has_written_another_key_is_no_matter() -> None:
    assert writers(secret(managedFields=written_by("acme-secret-sync", "OTHER"))) == ()


def test_an_owner_that_only_says_when_the_secret_ends_is_no_controller() -> None:
    assert writers(secret(ownerReferences=owner("Deployment"))) == ()
