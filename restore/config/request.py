"""The part of the configuration that asks for one restore: what to restore, to when, and who uses it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo

from restore.config.reader import build_refusal, build_remove_command
from restore.errors import Problem
from restore.model.field_types import refuse_faulty
from restore.model.identifiers import (
    MAX_ID,
    MAX_INSTANCE,
    MAX_SNAPSHOT,
    find_dump_fault,
    find_id_fault,
    find_instance_fault,
    find_snapshot_fault,
)
from restore.model.request import LATEST, Method
from restore.units import TIME_FORMAT
from validation.keyed.fields import Fault
from validation.problems import show_value

RFC3339 = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
OF_METHOD: Mapping[str, Method] = {
    "snapshot": Method.SNAPSHOT,
    "foreignSnapshot": Method.SNAPSHOT,
    "time": Method.PITR,
    "backupOf": Method.PITR,
    "dump": Method.DUMP,
}
"""Keys that mean something for one method only."""


def _parse_time(value: Any, info: ValidationInfo) -> datetime | str:
    """Returns a whole second of the past in UTC, or LATEST. The validation's context has `now`."""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    if text == LATEST:
        return LATEST
    now: datetime = info.context["now"] if info.context else datetime.now(UTC)
    fix = build_time_command(now)
    match = RFC3339.fullmatch(text)
    if not match:
        raise Fault("RFC 3339 with a zone, such as 2026-11-22T14:30:00Z, or latest", found=show_value(text), fix=fix)
    second = f"{match['day']}T{match['clock']}"
    if not match["zone"]:
        fix = f"pulumi config set time {second}Z, if that is UTC"
        raise Fault("a zone: Z for UTC, or an offset such as +01:00", found=f"{show_value(text)}: no zone", fix=fix)
    if (match["fraction"] or "").strip("0"):
        found = f"{show_value(text)}: a part of a second"
        fix = f"pulumi config set time {second}{match['zone']}"
        raise Fault("whole seconds: RDS restores to the second", found=found, fix=fix)
    try:
        moment = datetime.fromisoformat(second + match["zone"].upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Fault("a time that exists", found=f"{show_value(text)}: no such date or time", fix=fix) from error
    if moment > now:
        found = f"{moment:{TIME_FORMAT}}: in the future (now {now:{TIME_FORMAT}})"
        raise Fault("a time in the past, before the damage", found=found, fix=fix)
    return moment


def build_time_command(now: datetime) -> str:
    return f"pulumi config set time {now:%Y-%m-%d}T<hour>:<minute>:<second>Z"


RestoreId = Annotated[
    str,
    refuse_faulty(
        find_id_fault,
        f"1-{MAX_ID} lower-case letters, digits and single hyphens, a letter first",
        fix="pulumi config set id inc-1234",
    ),
]
SnapshotName = Annotated[
    str,
    refuse_faulty(
        lambda text: None if text == LATEST else find_snapshot_fault(text),
        f"an identifier of at most {MAX_SNAPSHOT} characters as `python -m restore options` lists them, or latest",
    ),
]
DumpKey = Annotated[
    str, refuse_faulty(find_dump_fault, "the key of a dump as `python -m restore options` lists them, or latest")
]
InstanceName = Annotated[
    str,
    refuse_faulty(
        find_instance_fault,
        f"at most {MAX_INSTANCE} lower-case letters, digits and single hyphens, a letter first",
    ),
]
Time = Annotated[datetime | str, PlainValidator(_parse_time, json_schema_input_type=str)]


def find_contradictions(keys: Mapping[str, Any]) -> Iterable[Problem]:
    """Yields the keys of a request that don't go together; `keys` are those that say anything but their default."""
    if "id" not in keys:
        yield from _find_without_id(keys)
    elif keys.get("method") in tuple(Method):
        yield from _find_of_other_method(keys, Method(keys["method"]))
    if "drillOf" in keys and "traffic" in keys:
        needed = "source: a drill moves no traffic"
        yield build_refusal("traffic", f"{keys['traffic']}, in the stack of a drill", needed, "python -m restore drill")
    if keys.get("snapshot") == LATEST and "foreignSnapshot" in keys:
        needed = "with foreignSnapshot one snapshot by name: latest means the newest of the source itself"
        yield build_refusal("snapshot", LATEST, needed)
    if keys.get("time") == LATEST and "backupOf" in keys:
        needed = "with backupOf one time: latest means the last second of the source itself"
        yield build_refusal("time", LATEST, needed)


def _find_without_id(keys: Mapping[str, Any]) -> Iterable[Problem]:
    if left := [key for key in ("method", *OF_METHOD, "traffic") if key in keys]:
        yield build_refusal(
            "id",
            f"not set, while {', '.join(left)} {'is' if len(left) == 1 else 'are'} set",
            "the name of the restore that they belong to",
            f"pulumi config set id <name>, or {'; '.join(build_remove_command(key) for key in left)}",
        )


def _find_of_other_method(keys: Mapping[str, Any], method: Method) -> Iterable[Problem]:
    for key, owner in OF_METHOD.items():
        if owner is not method and key in keys:
            yield build_refusal(
                key,
                f"set, while method is {method}",
                f"{key} belongs to method {owner}",
                f"{build_remove_command(key)}, or pulumi config set method {owner}",
            )
