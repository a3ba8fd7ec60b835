"""Rules about the AWS account: it has room for what is to be made, so that nothing stops for what AWS refuses.

Only for a candidate that is still to be made; what couldn't be asked is told in the preview. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from restore.candidate.settings import choose_target_settings
from restore.config.keys import SAFETY_CHECK
from restore.errors import Problem
from restore.model import waivers
from restore.model.capacity import GONE, ROOM_CHECK, USABLE_KEY, Capacity, Offer, Subnet
from restore.model.context import RestoreContext
from restore.model.rds import InstanceSettings
from restore.model.request import Traffic
from restore.model.restore_source import RestoreSource
from restore.recovery_points.resolve import resolve

# Quota codes: AWS General Reference, "Amazon RDS endpoints and quotas"
INSTANCES = ("DBInstances", "L-7B6409FD", "DB instances")
STORAGE = ("AllocatedStorage", "L-7ADDB58A", "GiB of storage")
SNAPSHOTS = ("ManualSnapshots", "L-272F1212", "manual snapshots")


def check_instance_quota(context: RestoreContext) -> Iterable[Problem]:
    if _find_candidate_to_make(context):
        yield from _check_quota(context, INSTANCES, 1, f"room for {context.candidate_name}")


def check_storage_quota(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a candidate for whose storage (GiB) the quota has no room."""
    new_instance = _find_candidate_to_make(context)
    if new_instance:
        origin, settings = new_instance
        size = settings.allocated_storage or origin.storage
        yield from _check_quota(context, STORAGE, size, f"{size} GiB for {context.candidate_name}")


def check_snapshot_quota(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a full quota of snapshots: the safety snapshot is taken when the applications have stopped: too late to
    find that it can't be."""
    snapshot_ahead = context.request.traffic is not Traffic.SOURCE and context.local_source and not context.safety
    if snapshot_ahead and SAFETY_CHECK not in context.settings.waive:
        without = f'; or, to do without: pulumi config set --plaintext --path waive.{SAFETY_CHECK} "<reason>"'
        yield from _check_quota(context, SNAPSHOTS, 1, f"room for {context.safety_name}", without)


def check_copy_quota(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a full quota of snapshots: a copied one counts as a manual one (RDS User Guide, "Copying a DB snapshot
    for Amazon RDS")."""
    made = _find_candidate_to_make(context)
    if made and made[0].point.copy_of and not context.copy:
        yield from _check_quota(context, SNAPSHOTS, 1, f"room for {context.copy_name}")


def _check_quota(
    context: RestoreContext, quota: tuple[str, str, str], more: int, needed: str, otherwise: str = ""
) -> Iterable[Problem]:
    name, code, what = quota
    quotas = context.inventory.capacity.quotas if context.inventory.capacity else None
    used_of = quotas.get(name) if quotas else None
    if used_of and used_of.left < more:
        raised = used_of.used + more
        problem = Problem(
            f"account quota {name}",
            f"{used_of.used} of {used_of.most} {what} are taken",
            needed,
            "aws service-quotas request-service-quota-increase --service-code rds "
            f"--quota-code {code} --desired-value {raised}; or delete what nobody needs any more{otherwise}",
        )
        yield from _yield_unless_waived(context, name, problem)


def _yield_unless_waived(context: RestoreContext, what: str, problem: Problem) -> Iterable[Problem]:
    """Yields the problem, with the command that lets it pass, unless that was given: what AWS tells may be old."""
    check = f"{ROOM_CHECK}:{what}"
    if not waivers.is_waived(check, context.settings.waive):
        yield waivers.add_command(problem, check)


def _find_candidate_to_make(context: RestoreContext) -> tuple[RestoreSource, InstanceSettings] | None:
    """The recovery point, and the settings of the candidate that is to be made of it; None for none."""
    origin = None if context.candidate else resolve(context).origin
    return (origin, choose_target_settings(context, origin)) if origin else None


def check_class_orderable(context: RestoreContext) -> Iterable[Problem]:
    """Yields a class that RDS creates no instance of, or not with the wanted storage."""
    new_instance, capacity = _find_candidate_to_make(context), context.inventory.capacity
    if not new_instance or not capacity or capacity.offers is None:
        return
    origin, settings = new_instance
    listing = (
        "aws rds describe-orderable-db-instance-options --engine postgres --query "
        "'OrderableDBInstanceOptions[].[DBInstanceClass,StorageType]' --output text"
    )
    if not capacity.offers:
        yield from _yield_unless_waived(
            context,
            "class",
            Problem(
                "config instance.instanceClass",
                f"RDS creates no {settings.instance_class} in {context.settings.region}",
                "a class that can be ordered",
                f"pulumi config set --path instance.instanceClass <class>; to see which: {listing}",
            ),
        )
    elif not _select_fitting(capacity, origin, settings):
        types = ", ".join(sorted({offer.storage_type for offer in capacity.offers}))
        yield from _yield_unless_waived(
            context,
            "storage-type",
            Problem(
                "config instance.storageType",
                f"RDS creates no {settings.instance_class} with {settings.storage_type} storage",
                f"one of {types}",
                f"pulumi config set --path instance.storageType <type>; to see which: {listing}",
            ),
        )


def _select_fitting(capacity: Capacity, origin: RestoreSource, settings: InstanceSettings) -> Sequence[Offer]:
    """What can be ordered as wanted; of a version that can't be ordered any more, as any other."""
    offers = capacity.offers or ()
    exact = [offer for offer in offers if offer.version == origin.engine_version] or offers
    return [offer for offer in exact if settings.storage_type in (None, offer.storage_type)]


def check_place_for_instance(context: RestoreContext) -> Iterable[Problem]:
    """Refuses subnets without a place for the instance: it needs a subnet with a free address in a zone that has its
    class; Multi-AZ needs two zones."""
    new_instance, capacity = _find_candidate_to_make(context), context.inventory.capacity
    if not new_instance or not capacity or not capacity.subnets:
        return
    origin, settings = new_instance
    fitting = _select_fitting(capacity, origin, settings)
    if capacity.offers is not None and not fitting:
        return  # said by class_orderable
    offered = {zone for offer in fitting for zone in offer.zones}
    reachable = [subnet for subnet in capacity.subnets if not fitting or subnet.zone in offered]
    needed = 2 if settings.multi_az else 1
    problem = None
    if len(_list_zones(reachable)) < needed:
        there = ", ".join(sorted(_list_zones(capacity.subnets)))
        found = f"its subnets are in {there}; {settings.instance_class} can be ordered in {', '.join(sorted(offered))}"
        problem = ("zones", _build_no_place(settings, found, "and one more", "subnets", zones=needed))
    elif len(_list_zones(subnet for subnet in reachable if subnet.free != 0)) < needed:
        full = ", ".join(subnet.identifier for subnet in reachable if subnet.free == 0)
        found = f"no free address in {full}"
        problem = (
            "addresses",
            _build_no_place(settings, found, "and a larger one", "subnets with a free address", zones=needed),
        )
    if problem:
        yield from _yield_unless_waived(context, *problem)


def _build_no_place(settings: InstanceSettings, found: str, more: str, what: str, *, zones: int) -> Problem:
    group = settings.db_subnet_group_name
    single = "; or: pulumi config set --path instance.multiAz false" if zones > 1 else ""
    return Problem(
        "config instance.dbSubnetGroupName",
        f"{group}: {found}",
        f"{what} in {'two zones that have' if zones > 1 else 'a zone that has'} {settings.instance_class}",
        f"aws rds modify-db-subnet-group --db-subnet-group-name {group} --subnet-ids <those of now {more}>; "
        f"or: pulumi config set --path instance.dbSubnetGroupName <group>{single}",
    )


def _list_zones(subnets: Iterable[Subnet]) -> set[str]:
    return {subnet.zone for subnet in subnets}


def check_keys_usable(context: RestoreContext) -> Iterable[Problem]:
    """Refuses keys that RDS can't use: such a restore ends in inaccessible-encryption-credentials (RDS User Guide,
    "Viewing Amazon RDS DB instance status"), or isn't accepted."""
    capacity = context.inventory.capacity
    if not _find_candidate_to_make(context) or not capacity or not capacity.keys:
        return
    for key in capacity.keys.values():
        if key.state != USABLE_KEY:
            needed = "a KMS key that RDS can use"
            problem = Problem(f"key {key.arn}", key.state, needed, _build_way_out(key.arn, key.state))
            yield from _yield_unless_waived(context, key.arn, problem)


def _build_way_out(key: str, state: str) -> str:
    enable = f"aws kms enable-key --key-id {key}"
    if state == "PendingDeletion":
        return f"aws kms cancel-key-deletion --key-id {key}; {enable}"
    if state == GONE:
        return "python -m restore options (of a recovery point with another key)"
    return enable if state == "Disabled" else f"aws kms describe-key --key-id {key}"


def list_unasked_lines(context: RestoreContext) -> Iterable[str]:
    """Yields what nobody could ask before the first application stops."""
    capacity = context.inventory.capacity or Capacity()
    for name, why in capacity.unasked.items():
        yield f"note: not asked: {name} ({why}); docs/permissions.md has the right"
