"""When a Deployment counts as rolled out, and what is told when it doesn't get there."""

from __future__ import annotations

from sandbox.standins.plugin.property_values import Properties, block, items

TOLD = frozenset(
    ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "RunContainerError", "StartError"]
)
WATCHED = (
    "/apis/apps/v1/namespaces/{namespace}/deployments",
    "/apis/apps/v1/namespaces/{namespace}/replicasets",
    "/api/v1/namespaces/{namespace}/pods",
    "/api/v1/namespaces/{namespace}/persistentvolumeclaims",
)
"""What pulumi-kubernetes watches of a Deployment's rollout (provider/pkg/await/deployment.go)."""
TOO_FEW = "Minimum number of Pods to consider the application live was not attained"


def is_ready(live: Properties) -> bool:
    """Zero replicas are ready at once, while their pods may still run: the await is no proof of quiet."""
    if is_scaled_to_zero(live):
        return True
    replicas = int(live["spec"].get("replicas", 1))
    status = block(live.get("status"))
    if int(status.get("observedGeneration") or 0) < int(live["metadata"].get("generation") or 0):
        return False
    updated, total = int(status.get("updatedReplicas") or 0), int(status.get("replicas") or 0)
    return updated >= replicas and total <= updated and int(status.get("availableReplicas") or 0) >= replicas


def is_scaled_to_zero(live: Properties) -> bool:
    return int(live["spec"].get("replicas", 1)) == 0


def reasons(pods: list[Properties]) -> list[str]:
    return [TOO_FEW, *(line for pod in pods for line in _pod_reasons(pod))]


def _pod_reasons(pod: Properties) -> list[str]:
    where = f"[Pod {pod['metadata'].get('namespace')}/{pod['metadata']['name']}]"
    reasons: list[str] = []
    for container in items(block(pod.get("status")).get("containerStatuses")):
        waiting = block(block(container.get("state")).get("waiting"))
        if waiting.get("reason") not in TOLD:
            continue
        reasons.append(f"{where}: [{waiting['reason']}] {waiting.get('message', '')}".rstrip())
        if ended := block(block(container.get("lastState")).get("terminated")):
            cause = f"{ended.get('reason', 'Error')}: exit code {ended.get('exitCode')}"
            reasons.append(
                f"{where}: container {container.get('name')!r} terminated at {ended.get('finishedAt')} ({cause})"
            )
    return reasons


def selector(live: Properties) -> str:
    labels = block(block(live["spec"]["selector"]).get("matchLabels"))
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
