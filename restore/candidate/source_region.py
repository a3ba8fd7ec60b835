"""The settings of a source in another region, made fit for the stack's own: what has an identity in one region only is
found here by its name, or left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from restore.model.context import RestoreContext
from restore.model.rds import InstanceSettings
from restore.model.region import Places, SecurityGroup

DEFAULT_GROUP = "default:"
OF_ITS_REGION = ("performance_insights_kms_key_id", "domain", "domain_iam_role_name")
"""What names something of the source's region that has no namesake elsewhere: a key, a directory."""


def localize(context: RestoreContext, settings: InstanceSettings, subnet_group: str | None) -> InstanceSettings:
    """Returns what of the source's settings holds in the stack's region too.

    Subnet and parameter groups keep their names. Security groups are those of the same names in the VPC of
    `subnet_group`. An option group of one's own is left out: those of PostgreSQL hold no options (RDS User Guide,
    "Working with option groups")."""
    option_group = settings.option_group_name
    return replace(
        settings,
        vpc_security_group_ids=_find_security_groups(context, settings, subnet_group),
        option_group_name=option_group if option_group and option_group.startswith(DEFAULT_GROUP) else None,
        **dict.fromkeys(OF_ITS_REGION),
    )


def _find_security_groups(
    context: RestoreContext, settings: InstanceSettings, subnet_group: str | None
) -> tuple[str, ...]:
    places = context.inventory.places
    if places is None:
        return settings.vpc_security_group_ids
    found = [find_security_group(places, name, subnet_group) for name in list_security_group_names(context, settings)]
    return tuple(group.identifier for group in found if group)


def list_security_group_names(context: RestoreContext, settings: InstanceSettings) -> Iterable[str]:
    """Yields the names of these security groups of the source's region; the id of one whose name isn't known."""
    region = context.source_region
    for group in settings.vpc_security_group_ids:
        yield region.security_groups.get(group, group) if region else group


def find_security_group(places: Places, name: str, subnet_group: str | None) -> SecurityGroup | None:
    """Returns the security group of this name in the VPC of a subnet group; in any, where that isn't known."""
    vpc = places.subnet_groups.get(subnet_group or "")
    named = [group for group in places.security_groups if group.name == name and (vpc is None or group.vpc == vpc)]
    return named[0] if len(named) == 1 else None


def list_left_out(context: RestoreContext) -> tuple[str, ...]:
    """Returns the names of the source's settings that a restore into this region does without."""
    source = context.source
    if source is None or context.source_region is None:
        return ()
    group = source.settings.option_group_name or DEFAULT_GROUP
    names = [name for name in OF_ITS_REGION if getattr(source.settings, name)]
    return (*names, *(() if group.startswith(DEFAULT_GROUP) else ("option_group_name",)))
