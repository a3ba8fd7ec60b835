"""The settings that the candidate is to have: the source's, then the overrides, made fit for RDS. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, cast

from restore import fresh
from restore.case import Case
from restore.errors import Problem
from restore.model import InstanceSettings
from restore.origin import Origin
from restore.schema import camel_case

REQUIRED = ("instance_class", "db_subnet_group_name", "vpc_security_group_ids")
"""What neither a snapshot nor an automated backup knows."""
GP3_LIMIT = 400
"""GiB below which gp3 of PostgreSQL takes no IOPS or throughput (User Guide, "gp3 storage")."""
PROVISIONED = ("io1", "io2")
PYTHON_NAMES: Mapping[str, str] = {camel_case(field.name): field.name for field in fields(InstanceSettings)}


def overrides(case: Case) -> dict[str, Any]:
    """The configured overrides by InstanceSettings' names."""
    return {PYTHON_NAMES[name]: value for name, value in case.settings.instance.items()}


def wanted_settings(case: Case, origin: Origin) -> InstanceSettings:
    """What the candidate is to have; a field that stays None isn't passed to RDS, nor compared afterwards."""
    base = case.source.settings if case.source else _remains(case, origin)
    set_by_hand = overrides(case)
    settings = replace(base, **({"deletion_protection": True} | set_by_hand))
    for fit in (_fit_size, _fit_rates, _fit_insights):
        settings = fit(settings, set_by_hand, origin)
    return settings if "max_allocated_storage" in set_by_hand else fresh.with_growth(settings, origin)


def frozen(settings: InstanceSettings) -> str:
    """The settings as text, to be kept from the candidate's creation on."""
    return json.dumps(asdict(settings), sort_keys=True)


def thawed(text: str, by_hand: Mapping[str, Any]) -> InstanceSettings:
    """The settings that were kept, with what the key `instance` says by now; fields of later versions stay unset.

    Raises ValueError for a text that holds none."""
    known = cast("Mapping[str, Any]", json.loads(text))
    kept = {field.name: known[field.name] for field in fields(InstanceSettings) if field.name in known}
    lists = {name: tuple(cast("list[str]", value)) for name, value in kept.items() if isinstance(value, list)}
    changed = {PYTHON_NAMES[name]: value for name, value in by_hand.items()}
    return replace(InstanceSettings(), **{**kept, **lists, **changed})


def _remains(case: Case, origin: Origin) -> InstanceSettings:
    """What is left of the settings of an instance that is gone."""
    return case.candidate.settings if case.candidate else origin.settings


def _fit_size(settings: InstanceSettings, set_by_hand: Mapping[str, Any], origin: Origin) -> InstanceSettings:
    """Storage can't be less than the recovery point's; the limit of its growth must be above it, or unset."""
    size = settings.allocated_storage
    if "allocated_storage" not in set_by_hand:
        size = max(size or 0, origin.storage) or None
    limit = settings.max_allocated_storage
    if limit is not None and size is not None and limit <= size and "max_allocated_storage" not in set_by_hand:
        limit = None
    return replace(settings, allocated_storage=size, max_allocated_storage=limit)


def _fit_rates(settings: InstanceSettings, set_by_hand: Mapping[str, Any], origin: Origin) -> InstanceSettings:
    """IOPS and throughput only where the storage type takes them: RDS reports them for every type."""
    del origin
    takes_iops = settings.storage_type in PROVISIONED or _large_gp3(settings)
    dropped: dict[str, Any] = {}
    if not takes_iops and "iops" not in set_by_hand:
        dropped["iops"] = None
    if not _large_gp3(settings) and "storage_throughput" not in set_by_hand:
        dropped["storage_throughput"] = None
    return replace(settings, **dropped)


def _large_gp3(settings: InstanceSettings) -> bool:
    return settings.storage_type == "gp3" and (settings.allocated_storage or 0) >= GP3_LIMIT


def _fit_insights(settings: InstanceSettings, set_by_hand: Mapping[str, Any], origin: Origin) -> InstanceSettings:
    del set_by_hand, origin
    if settings.performance_insights_enabled:
        return settings
    return replace(settings, performance_insights_kms_key_id=None, performance_insights_retention_period=None)


def setting_problems(case: Case, origin: Origin) -> Iterable[Problem]:
    """What RDS would refuse, or would quietly make worse; only a candidate that is still to be made is judged."""
    settings = wanted_settings(case, origin)
    yield from _missing(case, settings)
    yield from _too_small(settings, origin)
    yield from _unfit_rates(case, settings, origin)
    yield from _encryption_lost(case, origin)
    yield from _other_major(case, origin)


def _missing(case: Case, settings: InstanceSettings) -> Iterable[Problem]:
    missing = [camel_case(name) for name in REQUIRED if not getattr(settings, name)]
    if missing and not case.source:
        fixes = "; ".join(f"pulumi config set --path instance.{_first(name)} <value>" for name in missing)
        found = f"the source is gone, and nothing says its {', '.join(missing)}"
        yield Problem("config instance", found, "these settings: a restore gets RDS's defaults else", fixes)


def _first(name: str) -> str:
    return f"{name}[0]" if name.endswith("Ids") else name


def _too_small(settings: InstanceSettings, origin: Origin) -> Iterable[Problem]:
    size = settings.allocated_storage
    if size is not None and size < origin.storage:
        yield Problem(
            "config instance.allocatedStorage",
            f"{size} GiB",
            f"at least the recovery point's {origin.storage} GiB: storage can't shrink",
            f"pulumi config set --path instance.allocatedStorage {origin.storage}",
        )


def _unfit_rates(case: Case, settings: InstanceSettings, origin: Origin) -> Iterable[Problem]:
    by_hand = overrides(case)
    rates = [name for name in ("iops", "storage_throughput") if by_hand.get(name) is not None]
    if rates and settings.storage_type == "gp3" and not _large_gp3(settings):
        names = ", ".join(f"instance.{camel_case(name)}" for name in rates)
        yield Problem(
            f"config {names}",
            f"set, with gp3 storage of {settings.allocated_storage} GiB",
            f"at least {GP3_LIMIT} GiB: RDS takes no IOPS or throughput for smaller gp3 storage",
            "; ".join(f"pulumi config rm --path instance.{camel_case(name)}" for name in rates),
        )
    same_type = settings.storage_type == origin.storage_type and origin.storage_type in PROVISIONED
    if same_type and origin.iops and settings.iops is not None and settings.iops < origin.iops:
        yield Problem(
            "config instance.iops",
            f"{settings.iops} with {settings.storage_type}",
            f"at least the snapshot's {origin.iops}",
            f"pulumi config set --path instance.iops {origin.iops}",
        )


def _encryption_lost(case: Case, origin: Origin) -> Iterable[Problem]:
    source, snapshot = case.source, origin.point.snapshot
    if source and source.storage_encrypted and snapshot and not origin.encrypted:
        copy = (
            f"aws rds copy-db-snapshot --source-db-snapshot-identifier {snapshot} "
            f"--target-db-snapshot-identifier <name> --kms-key-id {source.kms_key_id or '<key>'}; "
            "pulumi config set snapshot <name>"
        )
        needed = "an encrypted one, as the source is: a restore has its snapshot's encryption"
        yield Problem(f"snapshot {snapshot}", "not encrypted", needed, copy)


def major(version: str | None) -> str:
    """`17` of `17.10`."""
    return re.split(r"[.]", version or "", maxsplit=1)[0]


def _other_major(case: Case, origin: Origin) -> Iterable[Problem]:
    source = case.source
    if not source or not origin.engine_version or major(source.engine_version) == major(origin.engine_version):
        return
    inherited = [
        name
        for name in ("parameter_group_name", "option_group_name")
        if name not in overrides(case) and getattr(source.settings, name)
    ]
    if inherited:
        yield Problem(
            "recovery point",
            f"PostgreSQL {origin.engine_version}, while the source is {source.engine_version}",
            f"groups of family postgres{major(origin.engine_version)}: the source's belong to another major version",
            "; ".join(f"pulumi config set --path instance.{camel_case(name)} <group>" for name in inherited),
        )
