"""Which dump is meant, and what an instance for it needs: version, storage, encryption. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import fields, replace

from restore.errors import Problem
from restore.model.context import RestoreContext
from restore.model.dump import DumpObject, DumpVersion
from restore.model.planned import RecoveryPoint
from restore.model.rds import InstanceSettings
from restore.model.request import Method
from restore.model.restore_source import Resolution, RestoreSource
from restore.recovery_points.point_in_time import list_pitr_windows

GIB = 1 << 30


SMALLEST_GIB = 20


ROOM = 3.0
"""Bytes of storage for each byte of SQL: rows, their indexes, WAL while loading, and a quarter to spare."""


DEFAULTS = InstanceSettings(storage_type="gp3", publicly_accessible=False, backup_retention_period=7)
"""For what nothing is known of: the runbook's, and what RDS would choose by the VPC or the age of the account."""


VERSION = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


def resolve_dump(context: RestoreContext) -> Resolution:
    """Returns the dump that was looked up, and what can be made of it; or the reasons why not."""
    choice = context.inventory.dump
    if choice is None or choice.dump is None:
        # Not looked up: an instance that isn't ours has the candidate's name, which is another rule's refusal
        return Resolution(None, choice.problems if choice else ())
    problems = (*choice.problems, *_find_dump_problems(context, choice.dump))
    return Resolution(None, problems) if problems else Resolution(_build_origin(context, choice.dump))


def _find_dump_problems(context: RestoreContext, dump: DumpObject) -> Iterable[Problem]:
    version = read_dump_version(context, dump)
    if not version:
        needed = "a dump of pg_dump that says which server it was taken from, or a source of the same version"
        yield Problem(
            f"dump {dump.url}", "it doesn't tell the server's version", needed, "pulumi config set dump <key>"
        )
    elif choose_engine_version(version, context.inventory.orderable_versions) is None:
        offered = ", ".join(sorted(context.inventory.orderable_versions, key=_parse_numbers)) or "none"
        yield Problem(
            f"dump {dump.url}",
            f"taken from PostgreSQL {version}; the region creates {offered}",
            f"a version {_parse_numbers(version)[0]}.x that is not older than {version}",
            f"into an instance of a later major version: python -m restore.dumps load {dump.url} --to-env TARGET_URL",
        )


def read_dump_version(context: RestoreContext, dump: DumpObject) -> str:
    """Returns the server's version that the dump tells, without a distributor's suffix, or the living source's."""
    version = VERSION.match(dump.server_version)
    if version:
        return version[0]
    return context.source.engine_version if context.source else ""


def choose_engine_version(least_version: str, offered: Iterable[str]) -> str | None:
    """Returns the newest minor of the wanted version's major; never an older one than wanted."""
    least = _parse_numbers(least_version)
    fitting = [
        version for version in offered if _parse_numbers(version)[:1] == least[:1] and _parse_numbers(version) >= least
    ]
    return max(fitting, key=_parse_numbers, default=None)


def _parse_numbers(version: str) -> tuple[int, ...]:
    numbers = VERSION.match(version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()


def estimate_storage_gib(dump: DumpObject) -> int:
    """Returns the GiB that the loaded database needs, with headroom."""
    return max(SMALLEST_GIB, math.ceil(dump.size * max(dump.expansion, 1.0) * ROOM / GIB))


def _build_origin(context: RestoreContext, dump: DumpObject) -> RestoreSource:
    settings = read_remains(context)
    return RestoreSource(
        point=RecoveryPoint(
            method=Method.DUMP,
            dump=DumpVersion(dump.bucket, dump.key, dump.version),
            source_resource_id=context.source.resource_id if context.source else None,
            tag=f"{Method.DUMP}:{dump.key}",
            at=dump.at,
            until=max(dump.at, dump.modified),
        ),
        engine_version=choose_engine_version(read_dump_version(context, dump), context.inventory.orderable_versions),
        storage=estimate_storage_gib(dump),
        encrypted=True,
        kms_key_id=find_key(context),
        settings=settings,
        storage_type=settings.storage_type,
    )


def find_key(context: RestoreContext) -> str | None:
    """Returns the KMS key of the source, or of what is left of it; None for the account's aws/rds key. A key of another
    region encrypts nothing here."""
    if context.local_source:
        return context.local_source.kms_key_id
    if context.source_region and context.settings.copy.kms_key_id:
        return context.settings.copy.kms_key_id
    own = [
        snapshot
        for snapshot in context.inventory.snapshots
        if snapshot.source_identifier == context.settings.source and snapshot.encrypted
    ]
    kept = [*list_pitr_windows(context.inventory, context.settings.source), *own]
    return next((backup.kms_key_id for backup in kept if backup.kms_key_id), None)


def read_remains(context: RestoreContext) -> InstanceSettings:
    """Returns what a retained automated backup still knows of a source that is gone, over the defaults."""
    kept = list_pitr_windows(context.inventory, context.settings.source)
    remaining = kept[0].settings if kept and not context.local_source else InstanceSettings()
    values = {field.name: getattr(remaining, field.name) for field in fields(InstanceSettings)}
    return replace(DEFAULTS, **{name: value for name, value in values.items() if value not in (None, ())})
