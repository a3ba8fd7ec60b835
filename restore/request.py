"""The part of the configuration that asks for one restore: what to restore, to when, and who uses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from restore import schema
from restore.durations import TIME_FORMAT
from restore.identifiers import MAX_ID, MAX_SNAPSHOT, dump_fault, id_fault, snapshot_fault
from restore.model import LATEST, Method, Request, Traffic
from restore.values import Reader, removal, shown

RFC3339 = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
OF_METHOD: Mapping[str, Method] = {
    "snapshot": Method.SNAPSHOT,
    "foreignSnapshot": Method.SNAPSHOT,
    "time": Method.PITR,
    "dump": Method.DUMP,
}
"""Keys that mean something for one method only."""
LATER_CUTOVERS = {"rename": "switching by renaming the instances"}


def read_request(reader: Reader, now: datetime) -> Request | None:
    """The restore that is asked for; None when none is, or when it can't be read (the reader has the problems)."""
    traffic = _choice(reader, "traffic", Traffic.SOURCE, {})
    _choice(reader, "cutover", "secret", LATER_CUTOVERS)
    if not reader.is_set("id"):
        _refuse_without_id(reader)
        return None
    restore_id = _id(reader)
    method = _choice(reader, "method", "", {})
    foreign = bool(reader.boolean("foreignSnapshot"))
    if method:
        _refuse_of_other_method(reader, Method(method))
    snapshot = _snapshot(reader, foreign) if method == Method.SNAPSHOT else None
    time = _time(reader, now) if method == Method.PITR else None
    dump = _dump(reader) if method == Method.DUMP else None
    if not (restore_id and method and traffic and (snapshot or time or dump)):
        return None
    return Request(
        id=restore_id,
        method=Method(method),
        traffic=Traffic(traffic),
        snapshot=snapshot,
        time=time,
        dump=dump,
        foreign_snapshot=foreign,
        incident=reader.text("incident") or None,
    )


def _choice(reader: Reader, key: str, default: str, later: Mapping[str, str]) -> str | None:
    """One of the key's choices; None, with the problem noted, for anything else."""
    choices = list(schema.BY_NAME[key].choices)
    value = reader.text(key, default)
    if value in choices:
        return value
    needed = f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if value in later:
        needed += f" ({later[value]} is not in this version)"
    reader.refuse(key, shown(value) if value else "not set", needed, f"pulumi config set {key} {choices[-1]}")
    return None


def _given(reader: Reader, key: str) -> bool:
    """Whether the key says anything but its default (a schema's default arrives like a value)."""
    value = reader.values.get(key)
    return reader.is_set(key) and str(value).lower() != str(schema.BY_NAME[key].default).lower()


def _refuse_without_id(reader: Reader) -> None:
    left = [key for key in ("method", *OF_METHOD, "traffic") if _given(reader, key)]
    if left:
        reader.refuse(
            "id",
            f"not set, while {', '.join(left)} {'is' if len(left) == 1 else 'are'} set",
            "the name of the restore that they belong to",
            f"pulumi config set id <name>, or {'; '.join(removal(key) for key in left)}",
        )


def _refuse_of_other_method(reader: Reader, method: Method) -> None:
    for key, owner in OF_METHOD.items():
        if owner is not method and _given(reader, key):
            reader.refuse(
                key,
                f"set, while method is {method}",
                f"{key} belongs to method {owner}",
                f"{removal(key)}, or pulumi config set method {owner}",
            )


def _id(reader: Reader) -> str | None:
    value = reader.text("id")
    fault = id_fault(value)
    if not fault:
        return value
    needed = f"1-{MAX_ID} lower-case letters, digits and single hyphens, a letter first"
    reader.refuse("id", f"{shown(value)}: {fault}", needed, "pulumi config set id inc-1234")
    return None


def _snapshot(reader: Reader, foreign: bool) -> str | None:
    value = reader.text("snapshot")
    needed = f"an identifier of at most {MAX_SNAPSHOT} characters as `python -m restore options` lists them, or latest"
    if not value:
        reader.refuse("snapshot", "not set", needed, "pulumi config set snapshot latest")
        return None
    if value == LATEST and foreign:
        needed = "with foreignSnapshot one snapshot by name: latest means the newest of the source itself"
        reader.refuse("snapshot", LATEST, needed)
        return None
    fault = snapshot_fault(value)
    if fault:
        reader.refuse("snapshot", f"{shown(value)}: {fault}", needed)
        return None
    return value


def _dump(reader: Reader) -> str | None:
    value = reader.text("dump")
    needed = "the key of a dump as `python -m restore options` lists them, or latest"
    if not value:
        reader.refuse("dump", "not set", needed, "pulumi config set dump latest")
        return None
    fault = dump_fault(value)
    if fault:
        reader.refuse("dump", f"{shown(value)}: {fault}", needed)
        return None
    return value


def _time(reader: Reader, now: datetime) -> datetime | str | None:
    text = reader.text("time")
    if text == LATEST:
        return LATEST
    if not text:
        _refuse_time(reader, "not set", "RFC 3339 with a zone, or latest", now)
        return None
    match = RFC3339.fullmatch(text)
    if not match:
        _refuse_time(reader, shown(text), "RFC 3339 with a zone, such as 2026-11-22T14:30:00Z, or latest", now)
        return None
    if not match["zone"]:
        example = f"pulumi config set time {match['day']}T{match['clock']}Z, if that is UTC"
        reader.refuse("time", f"{shown(text)}: no zone", "a zone: Z for UTC, or an offset such as +01:00", example)
        return None
    return _moment(reader, match, now)


def _moment(reader: Reader, match: re.Match[str], now: datetime) -> datetime | None:
    if (match["fraction"] or "").strip("0"):
        whole = f"{match['day']}T{match['clock']}{match['zone']}"
        found = f"{shown(match[0])}: a part of a second"
        reader.refuse("time", found, "whole seconds: RDS restores to the second", f"pulumi config set time {whole}")
        return None
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['clock']}{match['zone'].upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        _refuse_time(reader, f"{shown(match[0])}: no such date or time", "a time that exists", now)
        return None
    if moment > now:
        found = f"{moment:{TIME_FORMAT}}: in the future (now {now:{TIME_FORMAT}})"
        _refuse_time(reader, found, "a time in the past, before the damage", now)
        return None
    return moment


def _refuse_time(reader: Reader, found: str, needed: str, now: datetime) -> None:
    reader.refuse("time", found, needed, f"pulumi config set time {now:%Y-%m-%d}T<hour>:<minute>:<second>Z")
