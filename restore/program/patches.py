"""Server-side apply patches of the Deployments' replicas and of the connection secret, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from restore.model.labels import (
    ANNOTATION_ENDPOINT,
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_PREVIOUS,
    ANNOTATION_PREVIOUS_ALSO,
    ANNOTATION_REAPPLIED,
    ANNOTATION_REPLICAS,
    ANNOTATION_SERVED,
    FIELD_MANAGER,
)
from restore.model.planned import AppPlan, Plan

PROVIDER = {
    "pulumi.com/patchForce": "true",
    "pulumi.com/patchFieldManager": FIELD_MANAGER,
    # The provider's await proves less than `quiesced` and `serving` do, and where a right is missing (to list pods,
    # replica sets, volume claims) it hangs for ever, with the applications stopped (pulumi-kubernetes 4580). It reads
    # this from the inputs, so that a team's own Pulumi program goes on awaiting; on the object it does nothing, and
    # `close` removes it with all annotations of our field manager.
    "pulumi.com/skipAwait": "true",
}
"""Annotations that tell the provider how to patch (pulumi.com, Kubernetes provider, "Pulumi annotations")."""


def declare_deployments(
    plan: Plan, namespace: str, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
) -> list[k8s.apps.v1.DeploymentPatch]:
    """Declares one patch per Deployment, which holds replicas and the pods' endpoint together: updated at every move,
    never removed."""
    return [declare_deployment(plan.id, namespace, app, parent, depends_on) for app in plan.apps]


def declare_deployment(
    restore_id: str, namespace: str, app: AppPlan, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
) -> k8s.apps.v1.DeploymentPatch:
    """Returns the annotations of a patch: what was found at the first freeze stands in annotations written by the same
    patch, so that it survives a kill and a lost state."""
    annotations = {
        **PROVIDER,
        ANNOTATION_ID: restore_id,
        ANNOTATION_REPLICAS: str(app.recorded_replicas),
        ANNOTATION_MANAGER: app.former_manager or "",
        ANNOTATION_REAPPLIED: app.reapplied,
        **({ANNOTATION_PREVIOUS: str(app.endpoint)} if app.database else {}),
        **({ANNOTATION_SERVED: app.served} if app.served else {}),
    }
    return k8s.apps.v1.DeploymentPatch(
        app.name,
        metadata=k8s.meta.v1.ObjectMetaPatchArgs(name=app.name, namespace=namespace, annotations=annotations),
        spec=k8s.apps.v1.DeploymentSpecPatchArgs(
            replicas=app.replicas,
            template=k8s.core.v1.PodTemplateSpecPatchArgs(
                metadata=k8s.meta.v1.ObjectMetaPatchArgs(annotations={ANNOTATION_ENDPOINT: app.pod_annotation})
            ),
        ),
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=True, depends_on=depends_on),
    )


def declare_secrets(
    plan: Plan, namespace: str, parent: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
) -> list[k8s.core.v1.SecretPatch]:
    """Returns the keys of the applications' Secret that name the database; every other key stays whose it is. Empty
    while it was never switched."""
    secret = plan.secret
    if secret is None:
        return []
    annotations = {
        **PROVIDER,
        ANNOTATION_ID: plan.id,
        ANNOTATION_PREVIOUS: str(secret.previous),
        ANNOTATION_MANAGER: secret.former_manager or "",
        ANNOTATION_REAPPLIED: secret.reapplied,
        **({ANNOTATION_PREVIOUS_ALSO: json.dumps(dict(secret.previous_also))} if secret.previous_also else {}),
    }
    patch = k8s.core.v1.SecretPatch(
        secret.name,
        metadata=k8s.meta.v1.ObjectMetaPatchArgs(name=secret.name, namespace=namespace, annotations=annotations),
        string_data={key: pulumi.Output.secret(value) for key, value in secret.values.items()},
        opts=pulumi.ResourceOptions(parent=parent, retain_on_delete=True, depends_on=depends_on),
    )
    return [patch]


def keep_way_back(plan: Plan, parent: pulumi.Resource) -> list[pulumi.Stash]:
    """Returns the key's value before this restore, encrypted in the state; a Stash keeps its first value for ever.
    Empty while the secret was never switched."""
    secret = plan.secret
    if secret is None:
        return []
    also = {"values": dict(secret.original_values)} if len(secret.original_values) > 1 else {}
    way_back = pulumi.Stash(
        f"way-back-{plan.id}",
        input=pulumi.Output.secret({"secret": secret.name, "key": secret.key, "url": secret.original_url, **also}),
        opts=pulumi.ResourceOptions(parent=parent, ignore_changes=["input"]),
    )
    return [way_back]
