"""Leaves a restore that is over: out of the state, its databases untouched, what it held handed back.

The order makes a killed run safe to repeat: hand back, mark the candidate closed, take it out of the state, then
tidy the configuration. Every step finds out for itself whether it is already done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from restore.config.keys import RESTORE_KEYS
from restore.errors import Problem, Refused
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ID, TAG_CLOSED
from restore.model.rds import Instance
from restore.model.request import Request, Traffic

WAIVERS = "restore:waive"
OF_ONE_RESTORE = frozenset([WAIVERS, *(f"restore:{name}" for name in RESTORE_KEYS)])
"""What belongs to one restore: a waiver in the next incident would be one that nobody gave."""
CLEAR_PENDING = "pulumi refresh --clear-pending-creates --yes --target '**pulumi:pulumi:Stack::**'"
"""Clears what a killed run left pending, and refreshes no more than the stack itself: a refresh of all would have the
next `up` undo what an autoscaler has set since."""
KEPT_TYPES = frozenset({"pulumi:pulumi:Stack"})


@dataclass(frozen=True)
class Closing:
    """What `close` will do."""

    id: str
    serves: Traffic
    deployments: tuple[str, ...]
    """Held by this restore: to be handed back."""
    secret: bool
    candidate_arn: str | None
    """To be tagged as closed; None when it is already, or was never made."""
    set: Mapping[str, str]
    remove: tuple[str, ...]
    suspended: tuple[str, ...] = ()
    """What was stopped for the restore, or before it, and still is: each with the command that lets it go on."""
    unrecoverable: str = ""
    """That the database which serves can't be recovered to a point in time yet; empty where it can."""


def plan(request: Request, inventory: Inventory, serves: Traffic | None, config_keys: Sequence[str]) -> Closing:
    """Raises Refused while the applications are stopped or half-way: a restore is over when somebody serves. Those of a
    region that stands by for another were stopped before it, and may stay so."""
    if serves is None or (serves is Traffic.FROZEN and inventory.source_region is None):
        raise Refused(
            [
                Problem(
                    f"restore {request.id}",
                    f"traffic is {serves or 'half-way between two states'}",
                    "applications that serve from one database",
                    "pulumi config set traffic restored (or source); pulumi up; python -m restore close",
                )
            ]
        )
    held = tuple(
        name
        for name, deployment in inventory.cluster.deployments.items()
        if deployment and deployment.annotations.get(ANNOTATION_ID) == request.id
    )
    secret = inventory.cluster.secret
    candidate = inventory.candidate
    return Closing(
        id=request.id,
        serves=serves,
        deployments=held,
        secret=secret is not None and secret.annotations.get(ANNOTATION_ID) == request.id,
        candidate_arn=candidate.arn if candidate and TAG_CLOSED not in candidate.tags else None,
        set={"restore:source": candidate.identifier} if candidate and serves is Traffic.RESTORED else {},
        remove=tuple(key for key in config_keys if key in OF_ONE_RESTORE or key in _of_the_source_left(serves)),
        suspended=tuple(f"{w.kind} {w.name}: {w.resume}" for w in inventory.cluster.writers if w.resume),
        unrecoverable=describe_unrecoverable(candidate if serves is Traffic.RESTORED else inventory.local_source),
    )


def _of_the_source_left(serves: Traffic) -> frozenset[str]:
    """What says where the source was: the restored database, the next one's source, is in the stack's region."""
    return frozenset({"restore:sourceRegion"}) if serves is Traffic.RESTORED else frozenset()


def describe_unrecoverable(serving: Instance | None) -> str:
    recoverability = describe_recoverability(serving) if serving else None
    return recoverability.text if recoverability and not recoverability.recoverable else ""


def as_if_open(inventory: Inventory) -> Inventory:
    """Returns the inventory with the candidate's closing tag left out: a run that was killed after it must see who
    serves."""
    candidate = inventory.candidate
    if candidate is None:
        return inventory
    tags = {name: value for name, value in candidate.tags.items() if name != TAG_CLOSED}
    return replace(inventory, candidate=replace(candidate, tags=tags))


def without_resources(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state with the stack itself and nothing else: Pulumi forgets, and deletes nothing.

    Raises Refused when operations are pending: the state then doesn't know what exists.
    """
    deployment = cast("dict[str, Any]", state["deployment"])
    pending = cast("list[dict[str, Any]]", deployment.get("pending_operations") or [])
    if pending:
        urns = ", ".join(str(operation["resource"]["urn"]).rpartition("::")[2] for operation in pending)
        raise Refused(
            [
                Problem(
                    "stack state",
                    f"operations pending: {urns}",
                    "a state that knows what exists",
                    f"{CLEAR_PENDING}; pulumi up; python -m restore close",
                )
            ]
        )
    resources = cast("list[dict[str, Any]]", deployment.get("resources") or [])
    kept: list[dict[str, Any]] = [
        {**resource, "outputs": {}} for resource in resources if resource["type"] in KEPT_TYPES
    ]
    return {**state, "deployment": {**deployment, "resources": kept}}


def render(closing: Closing) -> str:
    """Returns what close is about to do, for an 80-column terminal."""
    lines = [
        f"Closing restore {closing.id}; {describe_serving(closing.serves)}.",
        "No database, snapshot or backup is changed or deleted.",
    ]
    if closing.deployments:
        lines.append(f"Replicas handed back to their former manager: {', '.join(closing.deployments)}")
    if closing.secret:
        lines.append("The connection secret's key is handed back; its value stays.")
    if closing.suspended:
        lines += ["Still suspended; to let it go on:", *(f"  {line}" for line in closing.suspended)]
    lines.append("Everything of this restore leaves the Pulumi state (and stays in AWS and Kubernetes).")
    if closing.unrecoverable:
        lines += ["", f"WARNING: {closing.unrecoverable}", "Closing now forgets the way back to the source.", ""]
    lines += [f"config: {key} = {value}" for key, value in closing.set.items()]
    if closing.remove:
        lines.append(f"config removed: {', '.join(closing.remove)}")
    return "\n".join(lines)


def describe_serving(traffic: Traffic) -> str:
    if traffic is Traffic.FROZEN:
        return "no application runs in this region"
    return f"the applications serve from the {'restored database' if traffic is Traffic.RESTORED else 'source'}"
