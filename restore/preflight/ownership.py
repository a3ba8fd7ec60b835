"""Rules about who holds what: identifiers, recovery points and instances stay those of one restore. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from restore.cutover import traffic
from restore.errors import Problem
from restore.model.context import RestoreContext
from restore.model.identifiers import MAX_INSTANCE, find_instance_fault
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ID, TAG_CLOSED, TAG_DUMP, TAG_ID, TAG_POINT, TAG_SOURCE, TAG_STACK
from restore.model.request import LATEST, Method, Settings
from restore.recovery_points.resolve import resolve
from restore.recovery_points.snapshots import find_snapshot


def list_open_ids(settings: Settings, inventory: Inventory) -> set[str]:
    """Returns the ids of this stack's restores that aren't closed."""
    own = (instance for instance in inventory.open_restores if instance.tags.get(TAG_STACK) == settings.stack)
    return {instance.tags.get(TAG_ID, instance.identifier) for instance in own}


def list_holders(inventory: Inventory) -> set[str]:
    """Returns the ids of the restores that hold Deployments or the secret."""
    cluster = inventory.cluster
    notes: list[Mapping[str, str]] = [
        deployment.annotations for deployment in cluster.deployments.values() if deployment
    ]
    notes += [cluster.secret.annotations] if cluster.secret else []
    return {note[ANNOTATION_ID] for note in notes if note.get(ANNOTATION_ID)}


def check_no_other_restore_open(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a second restore of this stack, by its tags or by what it holds in the cluster."""
    for restore_id in sorted(
        (list_open_ids(context.settings, context.inventory) | list_holders(context.inventory)) - {context.request.id}
    ):
        yield Problem(
            f"restore {context.request.id}",
            f"restore {restore_id} of this stack is still open",
            "one open restore at a time",
            f"python -m restore close {restore_id} (the databases stay), or pulumi config set id {restore_id}",
        )


def check_identifier_fits(context: RestoreContext) -> Iterable[Problem]:
    fault = find_instance_fault(context.candidate_name)
    if fault:
        needed = f"at most {MAX_INSTANCE} lower-case letters, digits and single hyphens for <source>-<id>"
        yield Problem("config id", f"{context.candidate_name}: {fault}", needed, "pulumi config set id <a shorter one>")


def check_candidate_not_renamed(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a candidate that was renamed. A restore has one instance: under another name it would be made a second
    time."""
    for instance in context.inventory.open_restores:
        names = (context.candidate_name, context.settings.source)  # of cutover rename, the second
        if context.is_ours(instance.tags) and instance.identifier not in names:
            yield Problem(
                f"instance {instance.identifier}",
                f"was made by restore {context.request.id}, whose instance is called {context.candidate_name} now",
                "the same source and identifier from beginning to end",
                "pulumi config set source <name that the restore began with>, or pulumi config set id <another one>",
            )


def build_retag_command(context: RestoreContext, arn: str, tags: Mapping[str, str]) -> str:
    """Returns the command that hands a restore over to this stack after `pulumi stack rename`; empty for another's
    restore."""
    pinned = tags.get(TAG_SOURCE)
    same_source = pinned is None or context.source is None or pinned == context.source.resource_id
    if tags.get(TAG_ID) != context.request.id or not tags.get(TAG_STACK) or not same_source:
        return ""
    tag = shlex.quote(f"Key={TAG_STACK},Value={context.settings.stack}")
    command = f"aws rds add-tags-to-resource --region {context.settings.region} --resource-name {arn} --tags {tag}"
    return f"if this stack was called {tags[TAG_STACK]} before (docs/troubleshooting.md): {command}; otherwise: "


def check_identifier_free(context: RestoreContext) -> Iterable[Problem]:
    """Refuses an instance of somebody else's under the candidate's name: it is never made part of a restore, nor a
    reason not to leave it."""
    instance = context.inventory.candidate
    if not instance or context.candidate:
        return
    subject, fix = f"instance {instance.identifier}", "pulumi config set id <another one>"
    if not context.is_ours(instance.tags):
        if traffic.leaves_candidate(context):
            return
        whose = instance.tags.get(TAG_STACK)
        text = f"exists, and belongs to stack {whose}" if whose else "exists, and no restore made it"
        fix = build_retag_command(context, instance.arn, instance.tags) + fix
        yield Problem(subject, text, f"a free identifier, or one tagged for restore {context.request.id}", fix)
    else:
        text = f"was made by this restore, which was closed {instance.tags[TAG_CLOSED]}"
        yield Problem(subject, text, "another id for another restore", fix)


def check_safety_name_free(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a snapshot of the safety snapshot's name that another restore took, or that failed."""
    snapshot = context.inventory.safety_snapshot
    if not snapshot:
        return
    subject, fix = f"snapshot {snapshot.identifier}", "pulumi config set id <another one>"
    if not context.is_ours(snapshot.tags):
        fix = build_retag_command(context, snapshot.arn, snapshot.tags) + fix
        yield Problem(subject, "exists, and this restore didn't take it", "a free identifier", fix)
    elif snapshot.status == "failed":
        yield Problem(
            subject,
            "status failed",
            "a safety snapshot that holds the source's data",
            f"aws rds delete-db-snapshot --db-snapshot-identifier {snapshot.identifier}; "
            f"pulumi refresh --yes --target '**safety-{context.request.id}'; pulumi up",
        )


def check_recovery_point_unchanged(context: RestoreContext) -> Iterable[Problem]:
    """Refuses another recovery point than the candidate was made from, as its tag has it."""
    made_from = context.candidate.tags.get(TAG_POINT) if context.candidate else None
    if made_from is None or _is_same_point(context, made_from):
        return
    yield Problem(
        f"restore {context.request.id}",
        f"its instance {context.candidate_name} was made from {made_from}, "
        f"now {context.request.recovery_point} is asked for",
        "one recovery point for one id",
        f"pulumi config set id <another one>, or set the configuration back to {made_from}",
    )


def _is_same_point(context: RestoreContext, made_from: str) -> bool:
    requested = context.request.recovery_point
    method, _, point = made_from.partition(":")
    wanted_method, _, wanted_point = requested.partition(":")
    if method != wanted_method:
        return False
    if wanted_point == LATEST or point == wanted_point:
        return True
    if method == Method.DUMP:
        return False  # keys in S3 differ by case, identifiers in RDS don't
    if point.lower() == wanted_point.lower():
        return True
    snapshot = find_snapshot(context.inventory, wanted_point)
    return snapshot is not None and snapshot is find_snapshot(context.inventory, point)


def check_dump_still_pinned(context: RestoreContext) -> Iterable[Problem]:
    """Refuses another dump than the one that the restore began with: which bytes were meant stands on the candidate
    alone: the object of that key may be another one by now."""
    origin = resolve(context).origin if context.candidate else None
    if context.candidate and origin and origin.point.method is Method.DUMP and origin.point.dump is None:
        yield Problem(
            f"instance {context.candidate_name}",
            f"tag {TAG_DUMP} is missing or damaged ({context.candidate.tags.get(TAG_DUMP, 'none')!r})",
            "`<begun> <stored> <bucket> <version id>` of the dump, as the evidence of gate scanned has them",
            f"set it again: aws rds add-tags-to-resource --resource-name {context.candidate.arn} --tags "
            f"'Key={TAG_DUMP},Value=...', or pulumi config set id <another one>",
        )


def check_source_unchanged(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a source of the same name that isn't the instance (DbiResourceId) with which the restore began."""
    pinned = context.candidate.tags.get(TAG_SOURCE) if context.candidate else None
    if pinned and context.source and pinned != context.source.resource_id:
        yield Problem(
            f"instance {context.settings.source}",
            f"is {context.source.resource_id} now; this restore began with {pinned} under that name",
            "the same instance from beginning to end",
            "pulumi config set source <the present name of the other>, or close this restore: python -m restore close",
        )
