"""Leaves a restore that is over: out of the state, its databases untouched, what it held handed back.

The order makes a killed run safe to repeat: hand back, mark the candidate closed, take it out of the state, then
tidy the configuration. Every step finds out for itself whether it is already done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from restore.config.keys import RESTORE_KEYS
from restore.dependents.infrastructure import TakeOver, describe_take_over
from restore.errors import Problem, Refused
from restore.lifecycle import pending
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ID, TAG_CLOSED, TAG_SOURCE
from restore.model.rds import Instance
from restore.model.request import Cutover, Request, Settings, Traffic

WAIVERS = "restore:waive"
OF_ONE_RESTORE = frozenset([WAIVERS, *(f"restore:{name}" for name in RESTORE_KEYS)])
"""What belongs to one restore: a waiver in the next incident would be one that nobody gave."""
STACK_TYPE = "pulumi:pulumi:Stack"
PREVENTION = "restore:index:Prevention"
"""The component of what watches over the backups: it is no part of a restore, and stays."""
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"


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
    take_over: str = ""
    """How the team's infrastructure code takes over the instance that serves; empty where that is the source."""
    names: tuple[str, ...] = ()
    """With cutover rename, what each of the two instances is called, and stays."""
    unrecoverable: str = ""
    """That the database which serves can't be recovered to a point in time yet; empty where it can."""
    replicated_to: str = ""
    """The region to which backups of the former source are replicated, and none of the database that serves; empty
    where the source serves."""
    renamed: bool = False
    """Whether the database that serves has the former source's name: the replication in the state is then of another
    instance than its ARN says."""

    @property
    def drops_replication(self) -> bool:
        return self.renamed and bool(self.replicated_to)


def plan(
    request: Request,
    inventory: Inventory,
    serves: Traffic | None,
    config_keys: Sequence[str],
    settings: Settings,
) -> Closing:
    """Returns what `close` will do. Raises Refused while the applications are stopped or half-way: a restore is over
    when somebody serves. Those of a region that stands by for another were stopped before it, and may stay so."""
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
        remove=tuple(key for key in config_keys if key in OF_ONE_RESTORE or key in _list_keys_of_left_source(serves)),
        suspended=tuple(f"{w.kind} {w.name}: {w.resume}" for w in inventory.cluster.writers if w.resume),
        take_over=_take_over(settings, request, candidate) if serves is Traffic.RESTORED else "",
        names=describe_names(request, inventory),
        unrecoverable=describe_unrecoverable(candidate if serves is Traffic.RESTORED else inventory.local_source),
        replicated_to=_find_replication(settings) if serves is Traffic.RESTORED else "",
        renamed=request.cutover is Cutover.RENAME,
    )


def _find_replication(settings: Settings) -> str:
    return (settings.prevention and settings.prevention.replicate_to) or ""


def _list_keys_of_left_source(serves: Traffic) -> frozenset[str]:
    """What says where the source was: the restored database, the next one's source, is in the stack's region."""
    return frozenset({"restore:sourceRegion"}) if serves is Traffic.RESTORED else frozenset()


def _take_over(settings: Settings, request: Request, candidate: Instance | None) -> str:
    """What the code has is the source that this restore began with, whatever that is called by now."""
    former = candidate.tags.get(TAG_SOURCE) if candidate else None
    if candidate is None or former is None:
        return ""
    renamed = candidate.identifier == settings.source
    return describe_take_over(settings.infrastructure, TakeOver(former, candidate, request.id, renamed))


def describe_names(request: Request, inventory: Inventory) -> tuple[str, ...]:
    """Says which name each database keeps after a cutover by name; nothing for a cutover by secret."""
    if request.cutover is not Cutover.RENAME:
        return ()
    pair = (("source", inventory.source), ("restored database", inventory.candidate))
    return tuple(
        f"The {role} is {instance.identifier} ({instance.resource_id}), and keeps that name."
        for role, instance in pair
        if instance
    )


def describe_unrecoverable(serving: Instance | None) -> str:
    """Says that the database that serves can't be recovered to a point in time yet; "" where it can."""
    recoverability = describe_recoverability(serving) if serving else None
    return recoverability.text if recoverability and not recoverability.recoverable else ""


def ignore_closing_tag(inventory: Inventory) -> Inventory:
    """Returns the inventory with the candidate's closing tag left out: a run that was killed after it must see who
    serves."""
    candidate = inventory.candidate
    if candidate is None:
        return inventory
    tags = {name: value for name, value in candidate.tags.items() if name != TAG_CLOSED}
    return replace(inventory, candidate=replace(candidate, tags=tags))


def remove_resources(state: Mapping[str, Any], *, drops_replication: bool = False) -> dict[str, Any]:
    """Returns the state with the stack itself and the prevention alone: Pulumi forgets, and deletes nothing. Without
    the replication of backups, on request: the next `up` then begins that of the instance which has the name by now.

    What killed runs left pending goes along: of receipts and patches nothing exists elsewhere, databases and snapshots
    are found by their names. Raises Refused for an operation on anything else: the state then doesn't know what exists.
    """
    if problems := pending.list_unknown_problems(pending.read_pending(state)):
        raise Refused(problems)
    emptied = pending.remove_pending(state)
    deployment = cast("dict[str, Any]", emptied["deployment"])
    resources = cast("list[dict[str, Any]]", deployment.get("resources") or [])
    watching = [
        resource
        for resource in resources
        if PREVENTION in str(resource.get("urn")) and not (drops_replication and resource["type"] == REPLICATION)
    ]
    kept_providers = {str(resource.get("provider", "")).rpartition("::")[0] for resource in watching}
    kept = [
        resource
        for resource in resources
        if resource["type"] == STACK_TYPE or resource in watching or resource.get("urn") in kept_providers
    ]
    urns = {resource.get("urn") for resource in kept}
    return {
        **emptied,
        "deployment": {**deployment, "resources": [_remove_lost(resource, urns) for resource in kept]},
    }


def _remove_lost(resource: Mapping[str, Any], urns: Collection[object]) -> dict[str, Any]:
    """Returns a resource that stays, without what it says of those that go."""
    if resource["type"] == STACK_TYPE:
        return {**resource, "outputs": {}}
    waited = [urn for urn in resource.get("dependencies") or () if urn in urns]
    inputs = cast("Mapping[str, Sequence[str] | None]", resource.get("propertyDependencies") or {})
    by_input = {name: [urn for urn in of or () if urn in urns] for name, of in inputs.items()}
    return {**resource, "dependencies": waited, "propertyDependencies": by_input}


def describe_pending(state: Mapping[str, Any], inventory: Inventory) -> list[str]:
    """Returns a line for each thing that leaves the state as a pending operation."""
    operations = pending.read_pending(state)
    return [*pending.describe_harmless(operations), *pending.describe_in_aws(operations, inventory)]


def render(closing: Closing, pending_lines: Sequence[str] = ()) -> str:
    """Returns what close is about to do, for an 80-column terminal."""
    lines = [
        f"Closing restore {closing.id}; {describe_serving(closing.serves)}.",
        "No database, snapshot or backup is changed or deleted.",
    ]
    if closing.deployments:
        lines.append(f"Replicas handed back to their former manager: {', '.join(closing.deployments)}")
    if closing.secret:
        lines.append("The connection secret's key is handed back; its value stays.")
    lines += closing.names
    if closing.suspended:
        lines += ["Still suspended; to let it go on:", *(f"  {line}" for line in closing.suspended)]
    lines.append("Everything of this restore leaves the Pulumi state (and stays in AWS and Kubernetes).")
    lines += (f"Cleared from the state, {line}" for line in pending_lines)
    if closing.unrecoverable:
        lines += ["", f"WARNING: {closing.unrecoverable}", "Closing now forgets the way back to the source.", ""]
    if closing.replicated_to:
        lines += [
            f"No backup of the restored database is in {closing.replicated_to} until the next `pulumi up` begins their",
            "replication; that of the former source goes on (docs/prevention.md).",
        ]
    if closing.take_over:
        lines += ["", closing.take_over]
    lines += [f"config: {key} = {value}" for key, value in closing.set.items()]
    if closing.remove:
        lines.append(f"config removed: {', '.join(closing.remove)}")
    return "\n".join(lines)


def describe_serving(traffic: Traffic) -> str:
    """Returns who serves the applications at the close, in the README's words."""
    if traffic is Traffic.FROZEN:
        return "no application runs in this region"
    return f"the applications serve from the {'restored database' if traffic is Traffic.RESTORED else 'source'}"
