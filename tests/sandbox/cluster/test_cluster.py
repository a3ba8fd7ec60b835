"""The cluster behaves as the real one where a restore depends on it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.machine.processes import wait_until
from tests.support.sandbox.running_cluster import NAMESPACE, WAIT, Json, RunningCluster, deployment, job, secret

LOOP = "while :; do sleep 0.2; done"
FROM_SECRET = [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "PASSWORD"}}}]


def test_zero_replicas_means_no_pod_and_no_process(cluster: RunningCluster) -> None:
    cluster.kube.create(deployment("frozen", LOOP, 3))
    cluster.wait_ready("frozen", 3)
    assert len(cluster.cluster.leftovers()) >= 3
    cluster.kube.scale("frozen", NAMESPACE, 0)

    def status() -> dict[str, Any]:
        return cluster.kube.request("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/frozen")["status"]

    wait_until(lambda: status().get("terminatingReplicas") == 0 and "replicas" not in status(), WAIT, "no replicas")
    wait_until(lambda: not cluster.pods("frozen"), WAIT, "no pods")
    assert cluster.cluster.leftovers() == []


def test_a_changed_secret_reaches_a_pod_only_by_a_restart(cluster: RunningCluster) -> None:
    cluster.kube.create(secret("one"))
    cluster.kube.create(deployment("reader", f"echo password $PASSWORD; {LOOP}", 1, env=FROM_SECRET))
    cluster.wait_ready("reader", 1)
    first = cluster.pods("reader")[0]
    cluster.wait_log(first, "password one")
    cluster.kube.patch("Secret", NAMESPACE, "login", {"stringData": {"PASSWORD": "two"}})
    assert cluster.pods("reader")[0]["metadata"]["uid"] == first["metadata"]["uid"]
    annotation = {"metadata": {"annotations": {"restore/checksum": "2"}}}
    cluster.kube.patch("Deployment", NAMESPACE, "reader", {"spec": {"template": annotation}})

    def replaced() -> bool:
        return all(pod["metadata"]["uid"] != first["metadata"]["uid"] for pod in cluster.pods("reader"))

    wait_until(replaced, WAIT, "a new pod")
    cluster.wait_ready("reader", 1)
    cluster.wait_log(cluster.pods("reader")[0], "password two")
    cluster.kube.delete("Deployment", NAMESPACE, "reader")


def test_a_pod_sees_what_its_manifest_promises(cluster: RunningCluster) -> None:
    cluster.kube.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": NAMESPACE},
            "data": {"MODE": "live"},
        }
    )
    cluster.kube.create({**secret("three"), "metadata": {"name": "all", "namespace": NAMESPACE}})
    fields = {"NAME": "metadata.name", "ADDRESS": "status.podIP"}
    cluster.kube.create(
        job(
            "sees",
            'echo "$MODE $ALL_PASSWORD $NAME $ADDRESS $1"; psql --version',
            args=["sh", "given"],
            envFrom=[{"prefix": "ALL_", "secretRef": {"name": "all"}}],
            env=[
                {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "MODE"}}},
                *({"name": n, "valueFrom": {"fieldRef": {"fieldPath": path}}} for n, path in fields.items()),
            ],
        )
    )
    wait_job(cluster, "sees", "succeeded")
    pod = cluster.pods("sees")[0]
    expected = f"live three {pod['metadata']['name']} {pod['status']['podIP']} given"
    assert cluster.log(pod).splitlines()[0] == expected
    assert "psql (PostgreSQL)" in cluster.log(pod)


BUNDLE = "-----BEGIN CERTIFICATE-----\n" * 6000
"""As long as AWS's global bundle: 168 kB."""


def volume(name: str, **secret: Any) -> Json:
    return {"name": "files", "secret": {"secretName": name, **secret}}


def reading(name: str, script: str, mode: int, **container: Any) -> Json:
    """A Job of a user that isn't root, with two keys of a Secret as files below /etc/restore."""
    made = job(
        name, script, volumeMounts=[{"name": "files", "mountPath": "/etc/restore", "readOnly": True}], **container
    )
    items = [{"key": "BUNDLE", "path": "root.pem"}, {"key": "SMALL", "path": "below/small"}]
    spec = made["spec"]["template"]["spec"]
    spec["volumes"] = [volume("files", items=items, defaultMode=mode)]
    spec["securityContext"] = {"runAsUser": 65534}
    return made


@pytest.fixture
def files(cluster: RunningCluster) -> Iterator[None]:
    metadata = {"name": "files", "namespace": NAMESPACE}
    data = {"BUNDLE": BUNDLE, "SMALL": "small", "HIDDEN": "hidden"}
    cluster.kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    yield
    cluster.kube.delete("Secret", NAMESPACE, "files")


def test_a_mounted_secret_is_files_of_any_length_and_of_the_keys_it_names(cluster: RunningCluster, files: None) -> None:
    listing = "ls -a /etc/restore/; echo /etc/restored"
    script = f'wc -c < "$FILE"; cat /etc/restore/below/small; echo; {listing}; ls -lL "$FILE"'
    environment = [{"name": "FILE", "value": "/etc/restore/root.pem"}]
    cluster.kube.create(reading("mounted", script, 0o444, env=environment))
    wait_job(cluster, "mounted", "succeeded")
    said = cluster.log(cluster.pods("mounted")[0]).splitlines()
    assert said[:2] == [str(len(BUNDLE)), "small"]
    assert {".", "..", "..data", "below", "root.pem"} <= {*said[2:-2]}
    assert "HIDDEN" not in said
    assert said[-2] == "/etc/restored"
    assert said[-1].startswith("-r--")


def test_a_mode_that_leaves_the_user_out_is_no_permission(cluster: RunningCluster, files: None) -> None:
    cluster.kube.create(reading("unreadable", 'ls -lL "/etc/restore/root.pem"', 0o440))
    wait_job(cluster, "unreadable", "succeeded")
    assert cluster.log(cluster.pods("unreadable")[0]).startswith("----------")


def test_a_volume_of_a_missing_secret_keeps_the_pod_waiting_and_says_so(cluster: RunningCluster) -> None:
    cluster.kube.create(reading("early", "cat /etc/restore/below/small", 0o444))

    def events() -> str:
        found = cluster.kube.request("GET", f"/api/v1/namespaces/{NAMESPACE}/events")["items"]
        return " ".join(item["message"] for item in found if item["reason"] == "FailedMount")

    wait_until(
        lambda: 'MountVolume.SetUp failed for volume "files" : secrets "files" not found' in events(),
        WAIT,
        "FailedMount",
    )
    assert cluster.pods("early")[0]["status"]["phase"] == "Pending"
    metadata = {"name": "files", "namespace": NAMESPACE}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"BUNDLE": "b", "SMALL": "late"}}
    cluster.kube.create(made)
    wait_job(cluster, "early", "succeeded")
    assert cluster.log(cluster.pods("early")[0]) == "late\n"
    cluster.kube.delete("Secret", NAMESPACE, "files")


def test_the_files_of_a_pod_go_with_it(cluster: RunningCluster, files: None) -> None:
    folder = cluster.layout.cluster / "volumes"
    cluster.kube.create(reading("goes", "cat /etc/restore/below/small", 0o444))
    wait_job(cluster, "goes", "succeeded")
    (pod,) = cluster.pods("goes")
    mounted = folder / pod["metadata"]["uid"]
    assert mounted.exists()
    cluster.kube.delete("Job", NAMESPACE, "goes")
    cluster.kube.delete("Pod", NAMESPACE, pod["metadata"]["name"])
    wait_until(lambda: not mounted.exists(), WAIT, "the files to go")


def test_a_variable_longer_than_linux_allows_starts_nothing(cluster: RunningCluster, files: None) -> None:
    source = {"secretKeyRef": {"name": "files", "key": "BUNDLE"}}
    cluster.kube.create(job("long", "echo started", env=[{"name": "BUNDLE", "valueFrom": source}]))
    wait_job(cluster, "long", "failed")
    state = cluster.pods("long")[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (state["reason"], "argument list too long" in state["message"]) == ("StartError", True)


def test_a_failing_job_is_failed_and_its_log_is_kept(cluster: RunningCluster) -> None:
    cluster.kube.create(job("fails", "echo broken; exit 7"))
    wait_job(cluster, "fails", "failed")
    pod = cluster.pods("fails")[0]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7
    assert cluster.log(pod) == "broken\n"


def test_an_unknown_image_never_runs(cluster: RunningCluster) -> None:
    cluster.kube.create(deployment("unknown", LOOP, 1, image="registry.invalid/else:1"))

    def reasons() -> list[str]:
        statuses: list[Json] = [
            c for pod in cluster.pods("unknown") for c in pod["status"].get("containerStatuses", [])
        ]
        return [c["state"].get("waiting", {}).get("reason", "") for c in statuses]

    wait_until(lambda: reasons() == ["ImagePullBackOff"], WAIT, "ImagePullBackOff")
    cluster.kube.delete("Deployment", NAMESPACE, "unknown")


def test_a_killed_cluster_leaves_no_process_and_comes_back_with_its_pods(
    make_cluster: Callable[[], RunningCluster],
) -> None:
    cluster = make_cluster()
    cluster.kube.create(deployment("stays", LOOP, 2))
    cluster.kube.create(job("done", "echo result"))
    cluster.wait_ready("stays", 2)
    wait_job(cluster, "done", "succeeded")
    before = {pod["metadata"]["uid"] for pod in cluster.pods("stays")}
    cluster.stop(signal.SIGKILL)
    cluster.cluster.remove_leftovers()
    wait_until(lambda: not cluster.cluster.leftovers(), WAIT, "no process left")
    cluster.start()

    def restarted() -> bool:
        counts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in cluster.pods("stays")]
        return len(counts) == 2 and all(counts)

    wait_until(restarted, WAIT, "restarted containers")
    cluster.wait_ready("stays", 2)
    assert {pod["metadata"]["uid"] for pod in cluster.pods("stays")} == before
    assert cluster.log(cluster.pods("done")[0]) == "result\n"
    cluster.stop()
    assert cluster.cluster.leftovers() == []


def test_clusters_side_by_side_share_no_address(
    cluster: RunningCluster, make_cluster: Callable[[], RunningCluster]
) -> None:
    other = make_cluster()
    for one in (cluster, other):
        one.kube.create(deployment("beside", LOOP, 3))
    for one in (cluster, other):
        one.wait_ready("beside", 3)
    addresses = [pod["status"]["podIP"] for one in (cluster, other) for pod in one.pods("beside")]
    assert len(set(addresses)) == 6
    assert cluster.cluster.server != other.cluster.server


def wait_job(cluster: RunningCluster, name: str, state: str) -> None:
    def ended() -> bool:
        return bool(
            cluster.kube.request("GET", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{name}")["status"].get(state)
        )

    wait_until(ended, WAIT, f"job {name} {state}")
