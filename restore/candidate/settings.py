"""The settings that the candidate is to have: the source's, then the overrides, made fit for RDS. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, cast

from restore.candidate import new_instance
from restore.candidate.source_region import localize
from restore.config.keys import to_camel_case
from restore.model.context import RestoreContext
from restore.model.rds import InstanceSettings
from restore.model.restore_source import RestoreSource

REQUIRED = ("instance_class", "db_subnet_group_name", "vpc_security_group_ids")
"""What neither a snapshot nor an automated backup knows."""


GP3_LIMIT = 400
"""GiB below which gp3 of PostgreSQL takes no IOPS or throughput (User Guide, "gp3 storage")."""


PROVISIONED = ("io1", "io2")


PYTHON_NAMES: Mapping[str, str] = {to_camel_case(field.name): field.name for field in fields(InstanceSettings)}


def read_overrides(context: RestoreContext) -> dict[str, Any]:
    """Returns the configured overrides by InstanceSettings' names."""
    return {PYTHON_NAMES[name]: value for name, value in context.settings.instance.items()}


def choose_target_settings(context: RestoreContext, origin: RestoreSource) -> InstanceSettings:
    """Returns what the candidate is to have; a field that stays None isn't passed to RDS, nor compared afterwards."""
    base = context.source.settings if context.source else _find_remains(context, origin)
    set_by_hand = read_overrides(context)
    if context.source_region and not context.candidate:
        base = localize(context, base, set_by_hand.get("db_subnet_group_name") or base.db_subnet_group_name)
    settings = replace(base, **({"deletion_protection": True} | set_by_hand))
    for fit in (_fit_size, _fit_rates, _fit_insights):
        settings = fit(settings, set_by_hand, origin)
    return settings if "max_allocated_storage" in set_by_hand else new_instance.add_growth(settings, origin)


def freeze_settings(settings: InstanceSettings) -> str:
    """Returns the settings as text, to be kept from the candidate's creation on."""
    return json.dumps(asdict(settings), sort_keys=True)


def thaw_settings(text: str, by_hand: Mapping[str, Any]) -> InstanceSettings:
    """Returns the settings that were kept, with what the key `instance` says by now; fields of later versions stay
    unset.

    Raises ValueError for a text that holds none."""
    values = cast("Mapping[str, Any]", json.loads(text))
    kept = {field.name: values[field.name] for field in fields(InstanceSettings) if field.name in values}
    lists = {name: tuple(cast("list[str]", value)) for name, value in kept.items() if isinstance(value, list)}
    changed = {PYTHON_NAMES[name]: value for name, value in by_hand.items()}
    return replace(InstanceSettings(), **{**kept, **lists, **changed})


def _find_remains(context: RestoreContext, origin: RestoreSource) -> InstanceSettings:
    """Returns what is left of the settings of an instance that is gone."""
    return context.candidate.settings if context.candidate else origin.settings


def _fit_size(settings: InstanceSettings, set_by_hand: Mapping[str, Any], origin: RestoreSource) -> InstanceSettings:
    """Storage can't be less than the recovery point's; the limit of its growth must be above it, or unset."""
    size = settings.allocated_storage
    if "allocated_storage" not in set_by_hand:
        size = max(size or 0, origin.storage) or None
    limit = settings.max_allocated_storage
    if limit is not None and size is not None and limit <= size and "max_allocated_storage" not in set_by_hand:
        limit = None
    return replace(settings, allocated_storage=size, max_allocated_storage=limit)


def _fit_rates(settings: InstanceSettings, set_by_hand: Mapping[str, Any], origin: RestoreSource) -> InstanceSettings:
    """IOPS and throughput only where the storage type takes them: RDS reports them for every type."""
    del origin
    takes_iops = settings.storage_type in PROVISIONED or is_large_gp3(settings)
    dropped: dict[str, Any] = {}
    if not takes_iops and "iops" not in set_by_hand:
        dropped["iops"] = None
    if not is_large_gp3(settings) and "storage_throughput" not in set_by_hand:
        dropped["storage_throughput"] = None
    return replace(settings, **dropped)


def is_large_gp3(settings: InstanceSettings) -> bool:
    """Tells whether the storage is gp3 of GP3_LIMIT GiB or more."""
    return settings.storage_type == "gp3" and (settings.allocated_storage or 0) >= GP3_LIMIT


def _fit_insights(
    settings: InstanceSettings, set_by_hand: Mapping[str, Any], origin: RestoreSource
) -> InstanceSettings:
    del set_by_hand, origin
    if settings.performance_insights_enabled:
        return settings
    return replace(settings, performance_insights_kms_key_id=None, performance_insights_retention_period=None)
