"""Past updates: what is recorded of one, and how it is shown."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from sandbox.standins.engine import STAND_IN, VERSION
from sandbox.standins.engine.options import Options
from sandbox.standins.engine.property_values import Props, Value, as_object, parse_json
from sandbox.standins.engine.state.stack import Stack
from sandbox.standins.engine.state.stack_settings import entry as config_entry

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ORDER = (
    "version",
    "kind",
    "startTime",
    "message",
    "environment",
    "config",
    "result",
    "endTime",
    "resourceChanges",
)


def entry(stack: Stack, options: Options, started: int, result: str, changes: Mapping[str, int]) -> Props:
    """The record of an update; `started` in Unix seconds. Secrets of the configuration stay sealed."""
    machine = platform.machine()
    environment: Props = {
        "exec.kind": options.exec_kind,
        "pulumi.engine": STAND_IN,
        "pulumi.version": f"v{VERSION}",
        "pulumi.os": platform.system().lower(),
        "pulumi.arch": ARCHITECTURES.get(machine, machine),
        "runtime.name": "python",
        "runtime.version": platform.python_version(),
        "runtime.executable": sys.executable,
    }
    return {
        "kind": options.kind,
        "startTime": started,
        "message": options.message,
        "environment": environment,
        "config": {key: _recorded(value) for key, value in stack.settings.merged().items()},
        "version": 0,
        "result": result,
        "endTime": int(time.time()),
        "resourceChanges": {**changes},
    }


def _recorded(value: Value) -> Value:
    return value if isinstance(value, (dict, list)) else config_entry(value, None).text


def shown(stack: Stack, show_secrets: bool) -> list[Props]:
    """Past updates as `stack history --json` writes them, the latest first."""
    return [_shown(stack, update, show_secrets) for update in stack.history()]


def _shown(stack: Stack, update: Props, show_secrets: bool) -> Props:
    config: Props = {}
    for key, value in sorted(as_object(update.get("config")).items()):
        config[key] = shown_entry(stack, value, show_secrets)
    times = {name: _stamp(cast(int, update[name])) for name in ("startTime", "endTime")}
    record = {**update, **times, "config": config}
    return {name: record.get(name) for name in ORDER}


def shown_entry(stack: Stack, value: Value, show_secrets: bool) -> Props:
    """One configuration value as the JSON listings write it: a secret without its value unless asked for."""
    entry = config_entry(value, stack.crypter if show_secrets else None)
    if entry.secret and not show_secrets:
        return {"secret": True}
    result: Props = {"value": entry.text}
    if entry.is_object:
        result["objectValue"] = parse_json(entry.text)
    result["secret"] = entry.secret
    return result


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def as_text(update: Props) -> str:
    """One update for a person."""
    environment = "\n".join(f"    {k}: {v}" for k, v in as_object(update.get("environment")).items())
    counts = as_object(update.get("resourceChanges"))
    signs = "".join(f"{sign}{counts.get(op, 0)}" for sign, op in (("+", "create"), ("-", "delete"), ("~", "update")))
    return (
        f"Version: {update.get('version')}\nUpdateKind: {update.get('kind')}\nStatus: {update.get('result')}\n"
        f"Message: {update.get('message')}\n{signs} {counts.get('same', 0)} Updated {update.get('startTime')}\n"
        f"{environment}\n"
    )
