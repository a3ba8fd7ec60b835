"""Patches against a real API server: what pulumi-kubernetes 4.34.2 was measured to do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.machine.processes import wait_until
from sandbox.standins.plugin.property_values import Properties, is_secret, reveal, secret
from tests.support import documented_role
from tests.support.standins.kube_cluster import Namespace, deployment
from tests.support.standins.plugin_client import CallFailed, Plugin, urn

pytestmark = pytest.mark.xdist_group("cluster")

DEPLOYMENT = "kubernetes:apps/v1:DeploymentPatch"
SECRET = "kubernetes:core/v1:SecretPatch"
FREEZE, CREDENTIALS = urn(DEPLOYMENT, "freeze"), urn(SECRET, "credentials")


def pinned(namespace: str, name: str, manager: str = "restore", **annotations: str) -> Properties:
    marks = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {
        "name": name,
        "namespace": namespace,
        "annotations": {"pulumi.com/patchFieldManager": manager, "pulumi.com/patchForce": "true", **marks},
    }


def replicas(namespace: Namespace, count: int, **annotations: str) -> Properties:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": pinned(namespace.name, "indexer", **annotations),
        "spec": {"replicas": count},
    }


def url(namespace: Namespace, value: str, name: str = "credentials") -> Properties:
    data = {"DATABASE_URL": base64.b64encode(value.encode()).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": pinned(namespace.name, name),
        "data": secret(data),
    }


def test_freezing_is_said_to_be_done_while_pods_still_run(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 0))
    assert identity == f"{namespace.name}/indexer"
    assert state["spec"]["replicas"] == 0
    assert state["__fieldManager"] == "restore"
    assert state["__initialApiVersion"] == "apps/v1"
    assert state["__inputs"] == replicas(namespace, 0)
    assert state["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


def test_an_unforced_patch_is_refused_and_changes_nothing(kubernetes: Plugin, namespace: Namespace) -> None:
    inputs = replicas(namespace, 0)
    del inputs["metadata"]["annotations"]["pulumi.com/patchForce"]
    with pytest.raises(CallFailed) as caught:
        kubernetes.create(FREEZE, inputs)
    assert str(caught.value) == (
        f'resource "{FREEZE}" was not successfully created by the Kubernetes API server: server-side apply field '
        "conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
        "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources for troubleshooting "
        'help\nThe resource managed by field manager "restore" had an apply conflict: Apply failed with 1 conflict: '
        'conflict with "kubectl": .spec.replicas'
    )
    assert namespace.get("deployments", "indexer")["spec"]["replicas"] == 2


def test_thawing_waits_until_the_pods_are_available(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 0))
    state = kubernetes.update(FREEZE, identity, state, replicas(namespace, 2))
    assert state["status"]["availableReplicas"] == 2
    assert state["__inputs"]["spec"] == {"replicas": 2}


def test_leaving_sets_one_replica_and_keeps_no_ownership(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 0))
    kubernetes.delete(FREEZE, identity, state)
    live = namespace.get("deployments", "indexer")
    assert live["spec"]["replicas"] == 1
    assert "restore" not in {entry["manager"] for entry in live["metadata"]["managedFields"]}


def test_drift_shows_after_a_read_and_not_before(kubernetes: Plugin, namespace: Namespace) -> None:
    wanted = replicas(namespace, 0)
    identity, state = kubernetes.create(FREEZE, wanted)
    namespace.apply(deployment(namespace.name, 2), manager="kubectl", force=True)
    assert kubernetes.diff(FREEZE, identity, state, wanted, wanted).detailed == {}
    read, drifted, inputs = kubernetes.read(FREEZE, identity, state, wanted)
    assert read == identity
    assert inputs["spec"] == {"replicas": 2}
    assert kubernetes.diff(FREEZE, identity, drifted, wanted, inputs).detailed == {"spec.replicas": "UPDATE"}


def test_a_rollout_that_fails_is_saved_with_its_reasons(kubernetes: Plugin, namespace: Namespace) -> None:
    crash = {"name": "writer", "env": [{"name": "MODE", "value": "crash"}]}
    inputs = replicas(namespace, 2)
    inputs["spec"]["template"] = {"spec": {"containers": [crash]}}
    with pytest.raises(CallFailed) as caught:
        kubernetes.create(FREEZE, inputs, timeout=6)
    assert str(caught.value) == (
        f'resource "{FREEZE}" was successfully created, but the Kubernetes API server reported that it failed to '
        "fully initialize or become live: 'indexer' timed out waiting to be Ready"
    )
    assert caught.value.id == f"{namespace.name}/indexer"
    assert caught.value.state["__inputs"] == inputs
    assert "Minimum number of Pods" in caught.value.reasons[1]
    assert any("CrashLoopBackOff" in reason for reason in caught.value.reasons)
    assert any("exit code 3" in reason for reason in caught.value.reasons)


def test_skip_await_returns_before_the_rollout(kubernetes: Plugin, namespace: Namespace) -> None:
    inputs = replicas(namespace, 3, skipAwait="true")
    _, state = kubernetes.create(FREEZE, inputs)
    assert state["status"].get("availableReplicas", 0) < 3


@pytest.fixture
def operator(start: Callable[..., Plugin], namespace: Namespace) -> Plugin:
    """A plugin with the rights of docs/permissions.md, about to be stopped: whatever waits without an end is told."""
    names = {"database-credentials": "credentials"}
    rules = documented_role.rules("restore-preview", "restore", renamed=names)
    plugin = start("kubernetes")
    plugin.configure(kubeconfig=namespace.limited_to(rules))
    plugin.cancel()
    return plugin


def test_without_a_right_of_its_await_alone_a_freeze_hangs_with_the_pods_gone(
    operator: Plugin, namespace: Namespace
) -> None:
    """pulumi-kubernetes 4580: its informers begin before its timer does."""
    with pytest.raises(CallFailed, match="Resource operation was cancelled for 'indexer'"):
        operator.create(FREEZE, replicas(namespace, 0), timeout=1)
    assert namespace.get("deployments", "indexer")["spec"]["replicas"] == 0


def test_the_documented_rights_are_enough_for_patches_that_skip_the_await(
    operator: Plugin, namespace: Namespace
) -> None:
    wanted = replicas(namespace, 0, skipAwait="true")
    identity, state = operator.create(FREEZE, wanted)
    state = operator.update(FREEZE, identity, state, replicas(namespace, 2, skipAwait="true"))
    assert operator.read(FREEZE, identity, state, wanted)[2]["spec"] == {"replicas": 2}
    identity, state = operator.create(CREDENTIALS, url(namespace, "postgres://new"))
    operator.update(CREDENTIALS, identity, state, url(namespace, "postgres://newer"))
    assert operator.read(CREDENTIALS, identity, state, url(namespace, "x"))[0] == identity


def test_cancel_ends_an_await_and_saves_what_was_done(kubernetes: Plugin, namespace: Namespace) -> None:
    inputs = replicas(namespace, 2)
    inputs["spec"]["template"] = {"spec": {"containers": [{"name": "writer", "image": "nowhere/absent:1"}]}}
    kubernetes.cancel()
    with pytest.raises(CallFailed, match="Resource operation was cancelled for 'indexer'") as caught:
        kubernetes.create(FREEZE, inputs)
    assert caught.value.id == f"{namespace.name}/indexer"


def test_a_missing_deployment_is_found_out_by_up_alone(kubernetes: Plugin, namespace: Namespace) -> None:
    inputs = replicas(namespace, 0)
    inputs["metadata"]["name"] = "absent"
    assert kubernetes.create(FREEZE, inputs, preview=True) == ("", inputs)
    with pytest.raises(CallFailed, match=r"spec\.selector: Required value"):
        kubernetes.create(FREEZE, inputs)


def test_a_deployment_deleted_behind_the_patch_leaves_the_state(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 0))
    namespace.delete_deployment("indexer")
    assert kubernetes.read(FREEZE, identity, state)[0] == ""
    with pytest.raises(CallFailed) as caught:
        kubernetes.update(FREEZE, identity, state, replicas(namespace, 2))
    assert str(caught.value).endswith('unable to get cluster state: deployments.apps "indexer" not found')
    kubernetes.delete(FREEZE, identity, state)
    assert not namespace.exists("deployments", "indexer")


def test_a_secret_patch_changes_its_key_alone_and_stays_secret(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(CREDENTIALS, url(namespace, "postgres://new"))
    data = namespace.get("secrets", "credentials")["data"]
    assert base64.b64decode(data["DATABASE_URL"]) == b"postgres://new"
    assert data["JWT_SECRET"] == "and0"
    assert is_secret(state["data"])
    assert is_secret(state["__inputs"]["data"])
    assert reveal(state["data"]) == data
    again = kubernetes.update(CREDENTIALS, identity, state, url(namespace, "postgres://newer"))
    assert is_secret(again["data"])
    assert reveal(again["data"])["DATABASE_URL"] == base64.b64encode(b"postgres://newer").decode()


def test_a_secret_patch_makes_a_missing_secret(kubernetes: Plugin, namespace: Namespace) -> None:
    kubernetes.create(CREDENTIALS, url(namespace, "x", name="absent"))
    live = namespace.get("secrets", "absent")
    assert (live["type"], set(live["data"])) == ("Opaque", {"DATABASE_URL"})


def test_leaving_a_secret_patch_deletes_the_key(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(CREDENTIALS, url(namespace, "postgres://new"))
    kubernetes.delete(CREDENTIALS, identity, state)
    assert set(namespace.get("secrets", "credentials")["data"]) == {"JWT_SECRET"}


def test_a_changed_manager_gives_its_earlier_fields_back(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 0))
    news = replicas(namespace, 0)
    news["metadata"]["annotations"]["pulumi.com/patchFieldManager"] = "another"
    state = kubernetes.update(FREEZE, identity, state, news)
    live = namespace.get("deployments", "indexer")
    owners = {entry["manager"] for entry in live["metadata"]["managedFields"] if entry["operation"] == "Apply"}
    assert ("another" in owners, "restore" in owners) == (True, False)
    assert live["spec"]["replicas"] == 0
    assert state["__fieldManager"] == "another"


def test_a_preview_of_an_update_touches_nothing(kubernetes: Plugin, namespace: Namespace) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 2))
    planned = kubernetes.update(FREEZE, identity, state, replicas(namespace, 0), preview=True)
    assert planned["spec"]["replicas"] == 0
    assert namespace.get("deployments", "indexer")["spec"]["replicas"] == 2


@pytest.fixture
def unreachable(start: Callable[..., Plugin], kubeconfig: Path, tmp_path: Path) -> Callable[..., Plugin]:
    """A plugin whose API server does not answer."""
    gone = tmp_path / "kubeconfig"
    gone.write_text(_elsewhere(kubeconfig.read_text()))

    def plugin(**environment: str) -> Plugin:
        started = start("kubernetes", **environment)
        started.configure(kubeconfig=str(gone))
        return started

    return plugin


def _elsewhere(content: str) -> str:
    import yaml

    config: Any = yaml.safe_load(content)
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    return yaml.safe_dump(config)


def test_without_a_cluster_previews_are_green_and_updates_say_why(
    unreachable: Callable[..., Plugin], namespace: Namespace
) -> None:
    plugin, inputs = unreachable(), replicas(namespace, 0)
    state = {**inputs, "__inputs": inputs, "__fieldManager": "restore"}
    identity = f"{namespace.name}/indexer"
    assert plugin.create(FREEZE, inputs, preview=True) == ("", inputs)
    assert plugin.update(FREEZE, identity, state, replicas(namespace, 2), preview=True) == replicas(namespace, 2)
    with pytest.raises(CallFailed) as caught:
        plugin.create(FREEZE, inputs)
    assert str(caught.value) == (
        "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: "
        'Get "https://127.0.0.1:1/openapi/v2?timeout=32s": dial tcp 127.0.0.1:1: connect: connection refused'
    )
    with pytest.raises(CallFailed, match="failed to read resource state due to unreachable cluster"):
        plugin.read(FREEZE, identity, state, inputs)
    with pytest.raises(CallFailed, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        plugin.delete(FREEZE, identity, state)


def test_delete_unreachable_forgets_and_touches_nothing(
    unreachable: Callable[..., Plugin], kubernetes: Plugin, namespace: Namespace
) -> None:
    identity, state = kubernetes.create(FREEZE, replicas(namespace, 0))
    unreachable(PULUMI_K8S_DELETE_UNREACHABLE="true").delete(FREEZE, identity, state)
    assert namespace.get("deployments", "indexer")["spec"]["replicas"] == 0


def test_a_real_cluster_is_never_spoken_to(start: Callable[..., Plugin], kubeconfig: Path) -> None:
    plugin = start("kubernetes")
    config = _elsewhere(kubeconfig.read_text()).replace("127.0.0.1:1", "prod.example.com")
    with pytest.raises(CallFailed, match="loopback API server only"):
        plugin.configure(kubeconfig=config)
    assert any("install the real plugin" in reason for reason in plugin.check_config(kubeconfig=config))


def test_quiet_comes_after_the_await(kubernetes: Plugin, namespace: Namespace) -> None:
    kubernetes.create(FREEZE, replicas(namespace, 0))

    def quiet() -> bool:
        status = namespace.get("deployments", "indexer")["status"]
        return not status.get("replicas") and not status.get("terminatingReplicas")

    wait_until(quiet, 30, "no pods, terminating ones included")
