"""Whatever writes beside the apps, or brings them back, is found and named with the command that stops it."""

from __future__ import annotations

from typing import Any

import pytest

from restore.kubernetes import gitops
from restore.kubernetes.api import ReadObject
from restore.kubernetes.other_writers import (
    Workloads,
    find_writers,
    list_other_workloads,
    list_pod_writers,
    references_secret,
)
from restore.kubernetes.scheduling import parse_node_pod
from restore.model.cluster import Writer

APPS = ("api-gateway", "indexer")
SECRET = "database-credentials"
TOLD = {"containers": [{"env": [{"name": "DIRECT_URL", "value": "postgresql://source/shop"}]}]}
PAUSED = {"annotations": {"autoscaling.keda.sh/paused": "true"}}
WITH_SECRET = {"containers": [{"envFrom": [{"secretRef": {"name": SECRET}}]}]}


def item(name: str, spec: dict[str, Any], status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "spec": spec, "status": status or {}}


def found(**lists: Any) -> tuple[Writer, ...]:
    return find_writers(Workloads(**lists), "prod", APPS, SECRET)


def template(pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"template": {"spec": pod}, **spec}


def target(name: str, kind: str = "Deployment") -> dict[str, Any]:
    return {"scaleTargetRef": {"kind": kind, "name": name}}


def test_an_autoscaler_is_told_but_stops_nobody_because_it_rests_at_zero() -> None:
    (only,) = found(autoscalers=[item("a", target("indexer")), item("b", target("somebody-else"))])
    assert (only.kind, only.name, only.blocking) == ("HorizontalPodAutoscaler", "a", False)


def test_keda_brings_pods_back_from_zero_unless_paused() -> None:
    held = {"annotations": {"autoscaling.keda.sh/paused-replicas": "0"}}
    spec = {"scaleTargetRef": {"name": "indexer"}}
    items = [item("free", spec), item("paused", spec, **PAUSED), item("held", spec, **held)]
    assert {one.name: one.blocking for one in found(scaled_objects=items)} == {
        "free": True,
        "paused": False,
        "held": False,
    }


def test_keda_that_holds_replicas_above_zero_is_no_pause() -> None:
    held = {"annotations": {"autoscaling.keda.sh/paused-replicas": "3"}}
    (only,) = found(scaled_objects=[item("held", {"scaleTargetRef": {"name": "indexer"}}, **held)])
    assert only.blocking


def test_a_cron_job_blocks_until_it_is_suspended() -> None:
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": template(WITH_SECRET)}}
    only, resting = found(cron_jobs=[item("nightly", spec), item("resting", {**spec, "suspend": True})])
    assert only.blocking
    assert not resting.blocking
    assert resting.resume.endswith("""patch cronjob resting --patch '{"spec":{"suspend":false}}'""")
    assert only.detail == f"starts Jobs at '0 3 * * *', with the secret {SECRET}"
    assert only.stop == 'kubectl --namespace prod patch cronjob nightly --patch \'{"spec":{"suspend":true}}\''


@pytest.mark.parametrize(
    ("status", "spec", "running"),
    [
        ({"active": 1}, {}, True),
        ({}, {}, True),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, {}, False),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, {}, False),
        ({}, {"suspend": True}, False),
        ({"terminating": 1}, {"suspend": True}, True),
        ({"conditions": [{"type": "Failed", "status": "True"}], "active": 1}, {}, True),
    ],
)
def test_a_job_blocks_as_long_as_a_pod_of_it_may_write(status: Any, spec: Any, running: bool) -> None:
    listed = found(jobs=[item("import", {**spec, **template(WITH_SECRET)}, status)])
    assert any(one.blocking for one in listed) is running


def test_what_never_gets_the_secret_is_told_and_blocks_nobody() -> None:
    """A namespace's backup of files or certificate renewal writes to no database."""
    other = template({"containers": [{}]})
    listed = found(
        cron_jobs=[item("certificates", {"schedule": "0 3 * * *", "jobTemplate": {"spec": other}})],
        jobs=[item("thumbnails", other, {"active": 1})],
        scaled_jobs=[item("mails", {"jobTargetRef": other})],
    )
    assert [(one.name, one.blocking) for one in listed] == [
        ("mails", False),
        ("certificates", False),
        ("thumbnails", False),
    ]
    assert found(cron_jobs=[item("resting", {"suspend": True, "jobTemplate": {"spec": other}})]) == ()


def test_scaled_jobs_cron_workflows_and_workflows_write_until_they_are_suspended() -> None:
    paused = {"annotations": {"autoscaling.keda.sh/paused": "true"}}
    jobs = {"jobTargetRef": template(WITH_SECRET)}
    workflow = {"workflowSpec": {"templates": [{"container": WITH_SECRET["containers"][0]}]}}
    listed = found(
        scaled_jobs=[item("reindex", jobs), item("paused", jobs, **paused)],
        cron_workflows=[item("report", workflow), item("resting", {**workflow, "suspend": True})],
        workflows=[item("running", workflow["workflowSpec"]), item("done", {}, {"phase": "Succeeded"})],
    )
    assert {one.name: one.blocking for one in listed} == {
        "reindex": True,
        "paused": False,
        "report": True,
        "resting": False,
        "running": True,
    }
    assert all(one.resume for one in listed if not one.blocking)


def test_a_workflow_whose_template_stands_elsewhere_may_use_the_secret() -> None:
    elsewhere = {"workflowTemplateRef": {"name": "nightly"}}
    assert found(cron_workflows=[item("report", {"workflowSpec": elsewhere})])[0].blocking
    assert found(workflows=[item("report-1", elsewhere, {"phase": "Running"})])[0].blocking


def test_a_rollout_that_runs_the_pods_of_an_application_makes_the_freeze_stop_nothing() -> None:
    reference = {"replicas": 2, "workloadRef": {"kind": "Deployment", "name": "indexer"}}
    (only,) = found(rollouts=[item("indexer", reference)])
    assert only.blocking
    assert "its replicas stop nothing" in only.detail
    (stopped,) = found(rollouts=[item("indexer", {**reference, "replicas": 0})])
    assert not stopped.blocking
    assert found(rollouts=[item("own", template(WITH_SECRET))])[0].blocking
    assert found(rollouts=[item("other", template({"containers": [{}]}))]) == ()


def test_a_knative_service_is_told_once_and_not_as_its_deployment() -> None:
    labels = {"serving.knative.dev/service": "webhooks"}
    (only,) = found(
        knative_services=[item("webhooks", template(WITH_SECRET))],
        deployments=[item("webhooks-00001-deployment", template(WITH_SECRET), labels=labels)],
    )
    assert (only.kind, only.name, only.blocking) == ("KnativeService", "webhooks", True)


def test_what_else_runs_is_searched_for_the_source_as_well() -> None:
    listed = list_other_workloads(
        Workloads(
            deployments=[item("indexer", template({})), item("reports", template({})), item("off", {"replicas": 0})],
            cron_jobs=[item("nightly", {"jobTemplate": {"spec": template({})}}), item("resting", {"suspend": True})],
            jobs=[item("import", {}, {"active": 1}), item("done", {"suspend": True})],
            scaled_jobs=[item("worker", {"jobTargetRef": template(TOLD)}), item("paused", {}, **PAUSED)],
            rollouts=[item("canary", template(TOLD)), item("none", template(TOLD, replicas=0))],
            knative_services=[item("hook", template(TOLD))],
        ),
        APPS,
    )
    assert {(kind, name): spec for kind, name, spec in listed} == {
        ("Deployment", "reports"): {},
        ("CronJob", "nightly"): {},
        ("Job", "import"): {},
        ("ScaledJob", "worker"): TOLD,
        ("Rollout", "canary"): TOLD,
        ("KnativeService", "hook"): TOLD,
    }


def test_our_own_job_is_no_foreign_writer() -> None:
    ours = item("restore-x", {}, {"active": 1}, labels={"app.kubernetes.io/managed-by": "pulumi-restore"})
    assert found(jobs=[ours]) == ()


def test_another_workload_with_the_same_secret_blocks() -> None:
    items = [item("reports", template(WITH_SECRET, replicas=2)), item("indexer", template(WITH_SECRET, replicas=2))]
    (only,) = found(deployments=items)
    assert (only.kind, only.name, only.blocking) == ("Deployment", "reports", True)
    assert "kubectl --namespace prod scale deployment reports --replicas=0" in only.stop


def test_a_stateful_set_and_a_daemon_set_with_the_secret_block() -> None:
    items = [item("writer", template(WITH_SECRET))]
    assert [one.kind for one in found(stateful_sets=items, daemon_sets=items)] == ["StatefulSet", "DaemonSet"]


def test_a_workload_at_zero_or_without_the_secret_is_left_alone() -> None:
    items = [item("resting", template(WITH_SECRET, replicas=0)), item("web", template({"containers": [{}]}))]
    assert found(deployments=items) == ()


@pytest.mark.parametrize(
    "pod",
    [
        {"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": SECRET, "key": "URL"}}}]}]},
        {"containers": [{"envFrom": [{"secretRef": {"name": SECRET}}]}]},
        {"initContainers": [{"envFrom": [{"secretRef": {"name": SECRET}}]}]},
        {"volumes": [{"secret": {"secretName": SECRET}}]},
        {"volumes": [{"projected": {"sources": [{"secret": {"name": SECRET}}]}}]},
    ],
)
def test_no_way_to_get_the_secret_is_overlooked(pod: dict[str, Any]) -> None:
    assert references_secret(pod, SECRET)
    assert not references_secret(pod, "another")


# Argo CD, Flux, controllers


def owned(**metadata: Any) -> dict[str, Any]:
    return item("indexer", {}, **metadata)


def writer(owned_item: dict[str, Any], **states: Any) -> tuple[Writer, ...]:
    reads = {path: ReadObject(state) for path, state in states.items()}
    return gitops.list_writers([("Deployment", owned_item)], "prod", reads)


ARGO = owned(annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:prod/indexer"})
ARGO_PATH = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop"
FLUX_LABELS = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
FLUX_PATH = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps"


def test_argo_cd_undoes_a_freeze() -> None:
    (only,) = writer(ARGO)
    assert (only.kind, only.name, only.blocking) == ("ArgoCD", "shop", True)
    assert only.stop == "argocd app set argocd/shop --sync-policy none"


def test_argo_cd_that_syncs_only_by_hand_is_told_but_does_not_block() -> None:
    (only,) = writer(ARGO, **{ARGO_PATH: {"metadata": {}, "spec": {"syncPolicy": {}}}})
    assert not only.blocking


@pytest.mark.parametrize(
    "policy", [{"automated": {}}, {"automated": {"selfHeal": True}}, {"automated": {"prune": True}}]
)
def test_argo_cd_with_automatic_sync_blocks(policy: dict[str, Any]) -> None:
    assert writer(ARGO, **{ARGO_PATH: {"metadata": {}, "spec": {"syncPolicy": policy}}})[0].blocking


def test_an_argo_cd_application_elsewhere_is_looked_for_there() -> None:
    found = gitops.find_owners(
        "Deployment", owned(annotations={"argocd.argoproj.io/tracking-id": "team_shop:apps/Deployment:p/i"}), "prod"
    )
    assert found[0].path == "/apis/argoproj.io/v1alpha1/namespaces/team/applications/shop"


def test_the_instance_label_alone_is_helm_s_and_no_sign_of_argo_cd() -> None:
    labels = {"app.kubernetes.io/instance": "shop"}
    assert writer(owned(labels=labels)) == ()
    (only,) = writer(owned(labels=labels, managedFields=[{"manager": "argocd-controller", "operation": "Apply"}]))
    assert only.name == "shop"


def test_flux_undoes_a_freeze_unless_suspended() -> None:
    item = owned(labels=FLUX_LABELS)
    (only,) = writer(item)
    assert (only.kind, only.blocking) == ("Flux", True)
    assert only.stop == "flux suspend kustomization apps --namespace flux-system"
    assert not writer(item, **{FLUX_PATH: {"spec": {"suspend": True}}})[0].blocking
    assert writer(item, **{FLUX_PATH: {"spec": {}}})[0].blocking


def test_flux_told_on_the_object_to_leave_it_alone_is_no_writer() -> None:
    notes = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}
    assert writer(owned(labels=FLUX_LABELS, annotations=notes)) == ()


def test_a_helm_release_is_suspended_by_its_own_command() -> None:
    (only,) = writer(owned(labels={"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "infra"}))
    assert only.stop == "flux suspend helmrelease shop --namespace infra"


def test_a_right_that_is_missing_is_told_apart_from_a_controller_that_works() -> None:
    reads = {ARGO_PATH: ReadObject(forbidden=True), FLUX_PATH: ReadObject(forbidden=True)}
    for item in (ARGO, owned(labels=FLUX_LABELS)):
        (only,) = gitops.list_writers([("Deployment", item)], "prod", reads)
        assert only.blocking
        assert "can't be read, the right is missing (docs/permissions.md, namespace" in only.detail
    (gone,) = writer(ARGO)
    assert "its own object is not in namespace argocd" in gone.detail


def test_what_is_suspended_says_how_it_goes_on() -> None:
    (argo,) = writer(ARGO, **{ARGO_PATH: {"metadata": {}, "spec": {}}})
    assert argo.resume == "argocd app set argocd/shop --sync-policy automated"
    (flux,) = writer(owned(labels=FLUX_LABELS), **{FLUX_PATH: {"spec": {"suspend": True}}})
    assert flux.resume == "flux resume kustomization apps --namespace flux-system"
    assert writer(ARGO)[0].resume == ""


def test_one_owner_of_several_objects_is_said_once() -> None:
    items = [("Deployment", ARGO), ("Secret", {**ARGO, "metadata": {**ARGO["metadata"], "name": "credentials"}})]
    (only,) = gitops.list_writers(items, "prod", {})
    assert "Deployment indexer, Secret credentials" in only.detail


def pod(name: str, kind: str = "", **status: Any) -> Any:
    owners = [{"kind": kind, "name": "of-pod", "controller": True}] if kind else []
    container = {"name": "c", "envFrom": [{"secretRef": {"name": SECRET}}]}
    spec = {"containers": [container]}
    return parse_node_pod({"metadata": {"name": name, "ownerReferences": owners}, "spec": spec, "status": status})


def test_a_pod_of_no_workload_that_is_looked_at_is_named_because_no_scaling_stops_it() -> None:
    pods = [pod("psql"), pod("etl", "SparkApplication"), pod("api", "ReplicaSet"), pod("old", phase="Succeeded")]
    writers = list_pod_writers(pods, "prod", SECRET)
    assert [(writer.kind, writer.name, writer.blocking) for writer in writers] == [
        ("Pod", "psql", True),
        ("Pod", "etl", True),
    ]
    assert "somebody has made it by hand" in writers[0].detail
    assert "SparkApplication/of-pod keeps it" in writers[1].detail
    assert list_pod_writers([pod("psql")], "prod", "other") == ()
