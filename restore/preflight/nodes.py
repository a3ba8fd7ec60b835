"""Whether the nodes have room for the replicas that come back, as far as they could be asked. Pure.

An autoscaler of nodes may remove those that a freeze has emptied, and bring them again: so this is a reason not to stop
anything, and afterwards only told; gate `serving` waits, with the scheduler's own reason. Looked at are what nodes have
and pods reserve, cordons, taints, node selectors and node affinities; not what pods say of each other (spread,
anti-affinity), volumes, priorities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from restore.cutover.deployments import read_recorded_replicas
from restore.errors import Problem
from restore.model import waivers
from restore.model.capacity import ROOM_CHECK
from restore.model.cluster import Deployment
from restore.model.context import RestoreContext
from restore.model.nodes import Amounts, Node, PodNeeds, Requirement, Taint, Toleration
from restore.model.request import Traffic
from restore.units import format_size

NODES_CHECK = f"{ROOM_CHECK}:nodes"
CORDON = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
KEEPS_OUT = ("NoSchedule", "NoExecute")
CORDONED, FULL = "cordoned", "full"


@dataclass(frozen=True)
class Shortage:
    """An application of which not all pods find a node."""

    app: str
    text: str


class Places:
    """The nodes with what is left on each; pods are placed one by one."""

    def __init__(self, context: RestoreContext):
        room = context.inventory.nodes
        self._nodes = room.nodes if room else ()
        self._pods = room.pods if room else ()
        self._namespace = context.settings.namespace
        self._left = {item.name: dict(item.allocatable) for item in self._nodes}
        for pod in self._pods:
            self._take(pod.node, pod.requests)

    def list_nodes_of(self, deployment: Deployment) -> list[str]:
        """Returns the nodes of its pods, one for each."""
        return [pod.node for pod in self._pods if pod.deployment == (self._namespace, deployment.name)]

    def find_shortage(self, deployment: Deployment, replicas: int) -> Shortage | None:
        """Places what the application needs besides the pods that could stay where they are; None when all have a node.

        A pod could stay on any node that isn't cordoned: what runs there was let in, by whomever.
        """
        refusals = {item.name: find_refusal(item, deployment.needs) for item in self._nodes}
        placed = sum(refusals.get(name, CORDONED) != CORDONED for name in self.list_nodes_of(deployment))
        while placed < replicas and self._place(deployment.needs, refusals):
            placed += 1
        if placed >= replicas:
            return None
        return Shortage(deployment.name, _describe_room(placed, replicas, deployment.needs, refusals))

    def _place(self, needs: PodNeeds, refusals: dict[str, str]) -> bool:
        for item in self._nodes:
            if refusals[item.name]:
                continue
            if not item.allocatable or fits(self._left[item.name], needs.requests):
                self._take(item.name, needs.requests)
                return True
            refusals[item.name] = FULL
        return False

    def _take(self, name: str, requests: Amounts) -> None:
        left = self._left.get(name, {})
        for resource, amount in requests.items():
            left[resource] = left.get(resource, Decimal()) - amount


def fits(left: Amounts, requests: Amounts) -> bool:
    return all(left.get(name, Decimal()) >= amount for name, amount in requests.items() if amount)


def find_refusal(node: Node, needs: PodNeeds) -> str:
    """Says why the scheduler gives the pod no place on this node, whatever it has free; empty when it may."""
    taints = (CORDON, *node.taints) if node.cordoned else node.taints
    kept_out = [taint for taint in taints if taint.effect in KEEPS_OUT and not _is_tolerated(taint, needs.tolerations)]
    if kept_out:
        return CORDONED if CORDON in kept_out else f"tainted {kept_out[0].key}"
    selected = all(node.labels.get(key) == value for key, value in needs.selector.items())
    chosen = not needs.terms or any(all(_holds(line, node) for line in term) for term in needs.terms)
    return "" if selected and chosen else "not chosen by the pods' node selector or affinity"


def _is_tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    return any(
        item.effect in ("", taint.effect)
        and (item.key == taint.key or (not item.key and item.any_value))
        and (item.any_value or item.value == taint.value)
        for item in tolerations
    )


def _holds(line: Requirement, node: Node) -> bool:
    value = node.labels.get(line.key)
    match line.operator:
        case "In":
            return value in line.values
        case "NotIn":
            return value not in line.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True  # Gt and Lt: not looked at


def _describe_room(placed: int, replicas: int, needs: PodNeeds, refusals: dict[str, str]) -> str:
    reasons = Counter(reason for reason in refusals.values() if reason)
    named = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    cpu, memory = needs.requests.get("cpu"), needs.requests.get("memory")
    each = ", ".join([*([f"{cpu.normalize():f} CPU"] if cpu else []), *([format_size(int(memory))] if memory else [])])
    asked = f" ({each} each)" if each else ""
    return f"room for {placed} of {replicas} pods{asked}; of {len(refusals)} nodes: {named or 'none takes them'}"


def find_shortages(context: RestoreContext) -> tuple[Shortage, ...]:
    """Counts them of the applications, in their order; none where the nodes couldn't be asked.

    Of one that runs its pods of now count, for those alone would be missed; of one at zero all that come back.
    """
    room = context.inventory.nodes
    if room is None or room.unasked:
        return ()
    places = Places(context)
    by_app = [
        places.find_shortage(
            deployment,
            len(places.list_nodes_of(deployment))
            if deployment.replicas
            else read_recorded_replicas(context, app, deployment) or 0,
        )
        for app, deployment in context.apps
    ]
    return tuple(shortage for shortage in by_app if shortage)


def check_replicas_have_nodes(context: RestoreContext) -> Iterable[Problem]:
    """Refuses before anything stops: pods that run on nodes that take no others wouldn't come back."""
    runs = any(deployment.replicas for _, deployment in context.apps)
    if context.request.traffic is not Traffic.FROZEN or not runs or _is_waived(context):
        return
    for item in find_shortages(context):
        problem = Problem(
            f"deployment {item.app}",
            item.text,
            "a node for each pod that comes back; an autoscaler of nodes may bring them",
            "kubectl get nodes; kubectl uncordon <node>; pulumi preview",
        )
        yield waivers.add_command(problem, NODES_CHECK)


def _is_waived(context: RestoreContext) -> bool:
    return waivers.is_waived(NODES_CHECK, context.settings.waive)


def list_node_lines(context: RestoreContext) -> Iterable[str]:
    """Says what couldn't be asked, and what is short where it refuses nothing."""
    room = context.inventory.nodes
    if room is None:
        return
    if room.unasked:
        yield f"note: not asked: room on the nodes ({room.unasked}); docs/permissions.md has the right"
    for item in find_shortages(context):
        yield f"note: {item.app}: {item.text}; serving waits for nodes that an autoscaler may bring"
