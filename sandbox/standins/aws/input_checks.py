"""Inputs as the provider accepts them: defaults filled in, names made up, mistakes refused in its words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sandbox.standins.aws.property_schema import RESTORE_TO_POINT_IN_TIME, Property
from sandbox.standins.plugin.interface import Call, Checked, CheckFailure
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, has_unknown, reveal

LOG_EXPORTS = frozenset(
    [
        "agent",
        "alert",
        "audit",
        "diag.log",
        "error",
        "general",
        "iam-db-auth-error",
        "listener",
        "notify.log",
        "oemagent",
        "postgresql",
        "slowquery",
        "trace",
        "upgrade",
    ]
)
MONITORING_INTERVALS = (0, 1, 5, 10, 15, 30, 60)
CONFLICTS = (
    ("identifier", "identifierPrefix"),
    ("password", "manageMasterUserPassword"),
    ("restoreToPointInTime", "snapshotIdentifier"),
)


def checked(
    properties: Mapping[str, Property],
    call: Call,
    default_tags: Mapping[str, str],
    validate: Callable[[Properties], Iterator[tuple[str, str]]],
    region: str,
    named: str | None = None,
) -> Checked:
    """The inputs with the provider's defaults, and what is wrong with them.

    `named` is the property that gets a made-up name when the program gives none; `region` the only one served.
    """
    inputs = {key: value for key, value in call.raw.items() if value is not None and key != "__defaults"}
    failures = [
        CheckFailure(key, _examine(reason, call.name, key)) for key, reason in _problems(properties, inputs, region)
    ]
    filled: Properties = {
        key: declared.default
        for key, declared in properties.items()
        if declared.default is not None and key not in inputs
    }
    if named and named not in inputs and f"{named}Prefix" not in inputs:
        filled[named] = _made_up(call, named)
    failures += [CheckFailure(key, _examine(reason, call.name, key)) for key, reason in validate({**inputs, **filled})]
    if default_tags and not has_unknown(inputs.get("tags")):
        inputs["tags"] = {**default_tags, **cast("Properties", inputs.get("tags") or {})}
    return Checked({**inputs, **filled, "__defaults": sorted(filled)}, failures)


def _problems(properties: Mapping[str, Property], inputs: Properties, region: str) -> Iterator[tuple[str, str]]:
    if inputs.get("region", region) not in (region, UNKNOWN):
        yield "region", f"stand-in provider serves {region} alone: configure a provider of that region"
    for key in inputs:
        if key not in properties or not properties[key].input:
            yield key, f"stand-in provider has no property {key}: install the real plugin"
    for key, declared in properties.items():
        if declared.required and key not in inputs:
            argument = snake(key)
            yield key, f'Missing required argument. The argument "{argument}" is required, but no definition was found.'


def _examine(reason: str, name: str, key: str) -> str:
    return f"{reason}. Examine values at '{name}.{key}'."


def _made_up(call: Call, named: str) -> str:
    """The earlier made-up name, otherwise the resource's name and seven characters that the engine's seed decides."""
    old = call.old_inputs
    if named in cast("list[str]", old.get("__defaults") or []) and old.get(named):
        return str(old[named])
    suffix = hashlib.sha256(call.seed or call.urn.encode()).hexdigest()[:7]
    return f"{call.name.lower()}-{suffix}"


def instance_problems(inputs: Properties) -> Iterator[tuple[str, str]]:
    values = {key: reveal(value) for key, value in inputs.items() if not has_unknown(value)}
    for first, second in CONFLICTS:
        if first in values and second in values:
            yield first, f'Conflicting configuration arguments. "{snake(first)}": conflicts with {snake(second)}'
    yield from _identifier_problems("identifier", values.get("identifier"))
    yield from _final_snapshot_problems(values.get("finalSnapshotIdentifier"))
    yield from _range_problems(values)
    if isinstance(block := values.get("restoreToPointInTime"), dict):
        yield from _point_in_time_problems(cast("Properties", block))


def _identifier_problems(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, str):
        return
    name = snake(key)
    if not re.fullmatch(r"[0-9a-z-]+", value):
        yield key, f'only lowercase alphanumeric characters and hyphens allowed in "{name}"'
    if not re.match(r"[a-z]", value):
        yield key, f'first character of "{name}" must be a letter'
    if "--" in value:
        yield key, f'"{name}" cannot contain two consecutive hyphens'
    if value.endswith("-"):
        yield key, f'"{name}" cannot end with a hyphen'


def _final_snapshot_problems(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, str):
        return
    rules = (
        (r"[A-Za-z].*", "must begin with alphabetic character"),
        (r"[0-9A-Za-z-]+", "must only contain alphanumeric characters and hyphens"),
        (r"(?!.*--).*", "cannot contain two consecutive hyphens"),
        (r"(.*[^-])?", "cannot end in a hyphen"),
    )
    for pattern, text in rules:
        if not re.fullmatch(pattern, value):
            yield "finalSnapshotIdentifier", f"invalid value for final_snapshot_identifier ({text})"


def _range_problems(values: Properties) -> Iterator[tuple[str, str]]:
    if isinstance(days := values.get("backupRetentionPeriod"), int) and not 0 <= days <= 35:
        yield (
            "backupRetentionPeriod",
            f"expected backup_retention_period to be in the range (0 - 35), got {days}",
        )
    seconds = values.get("monitoringInterval")
    if seconds is not None and seconds not in MONITORING_INTERVALS:
        yield (
            "monitoringInterval",
            f"expected monitoring_interval to be one of {_go(MONITORING_INTERVALS)}, got {seconds}",
        )
    for export in cast("list[str]", values.get("enabledCloudwatchLogsExports") or []):
        if export not in LOG_EXPORTS:
            allowed = " ".join(f'"{name}"' for name in sorted(LOG_EXPORTS))
            yield (
                "enabledCloudwatchLogsExports",
                f"expected enabled_cloudwatch_logs_exports to be one of [{allowed}], got {export}",
            )


def _point_in_time_problems(block: Properties) -> Iterator[tuple[str, str]]:
    key = "restoreToPointInTime"
    for name in block:
        if name not in RESTORE_TO_POINT_IN_TIME:
            yield key, f"Invalid or unknown key {name}"
    if block.get("restoreTime") and block.get("useLatestRestorableTime"):
        yield (
            key,
            'Conflicting configuration arguments. "restore_to_point_in_time.0.restore_time": conflicts with '
            "restore_to_point_in_time.0.use_latest_restorable_time",
        )
    if isinstance(moment := block.get("restoreTime"), str):
        try:
            zoned = datetime.fromisoformat(moment).tzinfo is not None
        except ValueError:
            zoned = False
        if not zoned:
            yield key, '"restore_time" must be in RFC3339 time format "2006-01-02T15:04:05Z07:00"'


def _go(values: Sequence[int]) -> str:
    return f"[{' '.join(map(str, values))}]"


def snake(key: str) -> str:
    """The Terraform name of a property: dbName -> db_name."""
    return re.sub(r"(?=[A-Z])", "_", key).lower()
