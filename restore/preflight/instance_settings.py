"""Rules about the candidate's settings: what RDS would refuse, or would quietly make worse. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from restore.candidate.settings import (
    GP3_LIMIT,
    PROVISIONED,
    REQUIRED,
    choose_target_settings,
    is_large_gp3,
    read_overrides,
)
from restore.config.keys import to_camel_case
from restore.errors import Problem
from restore.model.context import RestoreContext
from restore.model.rds import InstanceSettings
from restore.model.restore_source import RestoreSource


def find_setting_problems(context: RestoreContext, origin: RestoreSource) -> Iterable[Problem]:
    """Yields what RDS would refuse, or would quietly make worse; only a candidate that is still to be made is
    judged."""
    settings = choose_target_settings(context, origin)
    yield from _find_missing(context, settings)
    yield from _find_too_small(settings, origin)
    yield from _find_unfit_rates(context, settings, origin)
    yield from _find_lost_encryption(context, origin)
    yield from _find_other_major(context, origin)


def _find_missing(context: RestoreContext, settings: InstanceSettings) -> Iterable[Problem]:
    region = context.source_region
    required = (*REQUIRED, "parameter_group_name") if region else REQUIRED
    missing = [to_camel_case(name) for name in required if not getattr(settings, name)]
    if missing and not context.source:
        fixes = "; ".join(f"pulumi config set --path instance.{_format_key(name)} <value>" for name in missing)
        gone = f"the source's region {region.name} doesn't say" if region else "the source is gone, and nothing says"
        found = f"{gone} its {', '.join(missing)}"
        yield Problem("config instance", found, "these settings: a restore gets RDS's defaults else", fixes)


def _format_key(name: str) -> str:
    return f"{name}[0]" if name.endswith("Ids") else name


def _find_too_small(settings: InstanceSettings, origin: RestoreSource) -> Iterable[Problem]:
    size = settings.allocated_storage
    if size is not None and size < origin.storage:
        yield Problem(
            "config instance.allocatedStorage",
            f"{size} GiB",
            f"at least the recovery point's {origin.storage} GiB: storage can't shrink",
            f"pulumi config set --path instance.allocatedStorage {origin.storage}",
        )


def _find_unfit_rates(context: RestoreContext, settings: InstanceSettings, origin: RestoreSource) -> Iterable[Problem]:
    by_hand = read_overrides(context)
    rates = [name for name in ("iops", "storage_throughput") if by_hand.get(name) is not None]
    if rates and settings.storage_type == "gp3" and not is_large_gp3(settings):
        names = ", ".join(f"instance.{to_camel_case(name)}" for name in rates)
        yield Problem(
            f"config {names}",
            f"set, with gp3 storage of {settings.allocated_storage} GiB",
            f"at least {GP3_LIMIT} GiB: RDS takes no IOPS or throughput for smaller gp3 storage",
            "; ".join(f"pulumi config rm --path instance.{to_camel_case(name)}" for name in rates),
        )
    same_type = settings.storage_type == origin.storage_type and origin.storage_type in PROVISIONED
    if same_type and origin.iops and settings.iops is not None and settings.iops < origin.iops:
        yield Problem(
            "config instance.iops",
            f"{settings.iops} with {settings.storage_type}",
            f"at least the snapshot's {origin.iops}",
            f"pulumi config set --path instance.iops {origin.iops}",
        )


def _find_lost_encryption(context: RestoreContext, origin: RestoreSource) -> Iterable[Problem]:
    source, snapshot = context.source, origin.point.snapshot
    if source and source.storage_encrypted and snapshot and not origin.encrypted:
        copy = (
            f"aws rds copy-db-snapshot --source-db-snapshot-identifier {snapshot} "
            f"--target-db-snapshot-identifier <name> --kms-key-id {source.kms_key_id or '<key>'}; "
            "pulumi config set snapshot <name>"
        )
        needed = "an encrypted one, as the source is: a restore has its snapshot's encryption"
        yield Problem(f"snapshot {snapshot}", "not encrypted", needed, copy)


def parse_major(version: str | None) -> str:
    """Returns `17` of `17.10`."""
    return re.split(r"[.]", version or "", maxsplit=1)[0]


def _find_other_major(context: RestoreContext, origin: RestoreSource) -> Iterable[Problem]:
    source = context.source
    major = parse_major(origin.engine_version)
    if not source or not major or parse_major(source.engine_version) == major:
        return
    inherited = [
        name
        for name in ("parameter_group_name", "option_group_name")
        if name not in read_overrides(context) and getattr(source.settings, name)
    ]
    if inherited:
        yield Problem(
            f"recovery point {origin.point.tag}",
            f"PostgreSQL {origin.engine_version}, while the source is {source.engine_version}",
            f"groups of family postgres{major}: the source's belong to another major version",
            "; ".join(f"pulumi config set --path instance.{to_camel_case(name)} <group>" for name in inherited),
        )
