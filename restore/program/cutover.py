"""Who serves: the Deployments' replicas and the connection secret, as server-side apply patches of just these."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from restore.model.labels import (
    ANNOTATION_ENDPOINT,
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_PREVIOUS,
    ANNOTATION_REAPPLIED,
    ANNOTATION_REPLICAS,
    FIELD_MANAGER,
)
from restore.model.planned import AppPlan, Plan, SecretPlan

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


def declare_deployment(
    plan: Plan, namespace: str, app: AppPlan, depends_on: Sequence[pulumi.Resource]
) -> k8s.apps.v1.DeploymentPatch:
    """One patch holds replicas and the pods' endpoint together: updated through frozen and restored, never removed.

    What was found first stands in annotations written by the same patch, so it survives a kill and a lost state.
    """
    notes = {
        ANNOTATION_ID: plan.id,
        ANNOTATION_REPLICAS: str(app.recorded_replicas),
        ANNOTATION_MANAGER: app.former_manager or "",
        ANNOTATION_REAPPLIED: app.reapplied,
    }
    return k8s.apps.v1.DeploymentPatch(
        f"{app.name}-{plan.id}",
        metadata=k8s.meta.v1.ObjectMetaPatchArgs(name=app.name, namespace=namespace, annotations={**PROVIDER, **notes}),
        spec=k8s.apps.v1.DeploymentSpecPatchArgs(
            replicas=app.replicas,
            template=k8s.core.v1.PodTemplateSpecPatchArgs(
                metadata=k8s.meta.v1.ObjectMetaPatchArgs(annotations={ANNOTATION_ENDPOINT: str(app.endpoint)})
            ),
        ),
        opts=pulumi.ResourceOptions(retain_on_delete=True, depends_on=depends_on),
    )


def declare_secret(
    plan: Plan, namespace: str, secret: SecretPlan, depends_on: Sequence[pulumi.Resource]
) -> k8s.core.v1.SecretPatch:
    """One key of the applications' Secret; every other key stays whose it is."""
    notes = {
        ANNOTATION_ID: plan.id,
        ANNOTATION_PREVIOUS: str(secret.previous),
        ANNOTATION_MANAGER: secret.former_manager or "",
        ANNOTATION_REAPPLIED: secret.reapplied,
    }
    return k8s.core.v1.SecretPatch(
        f"{secret.name}-{plan.id}",
        metadata=k8s.meta.v1.ObjectMetaPatchArgs(
            name=secret.name, namespace=namespace, annotations={**PROVIDER, **notes}
        ),
        string_data={secret.key: pulumi.Output.secret(secret.url)},
        opts=pulumi.ResourceOptions(retain_on_delete=True, depends_on=depends_on),
    )


def keep_way_back(plan: Plan, secret: SecretPlan) -> pulumi.Stash:
    """The key's value before this restore, encrypted in the state; a Stash keeps its first value for ever."""
    return pulumi.Stash(
        f"way-back-{plan.id}",
        input=pulumi.Output.secret({"secret": secret.name, "key": secret.key, "url": secret.original_url}),
        opts=pulumi.ResourceOptions(ignore_changes=["input"]),
    )
