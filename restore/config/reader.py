"""Reads the configuration of a stack, and words what is wrong with it: the command that sets or removes the key."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from restore.errors import Problem
from restore.redaction import MASK
from validation.keyed import reader
from validation.keyed.json_schema import Location, Node
from validation.keyed.reader import KeyFault, Mistake
from validation.problems import show_value

PLAIN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
LIKE_A_SECRET = re.compile("(?i)passwd|pass|password|pwd|secret|token")
"""Keys of which the Pulumi CLI refuses to set a value that is hard to guess, unless it is told --secret or --plaintext
(pulumi/pulumi, pkg/cmd/pulumi/config/config.go, `looksLikeSecret`)."""
TOP_LEVEL = re.compile(r"(?:[a-z]+:)?[A-Za-z0-9_-]+", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)


def read(
    model: type[Model],
    values: Mapping[str, Any],
    *,
    namespace: str = "",
    secret_keys: Collection[str] = (),
    context: Mapping[str, Any] | None = None,
) -> tuple[Model | None, tuple[Problem, ...]]:
    """Returns the model of these values, or all that is wrong with them. Values of secret keys are never shown."""
    return reader.read(model, values, partial(_build_problem, namespace, secret_keys), context)


def _build_problem(namespace: str, secret_keys: Collection[str], fault: KeyFault) -> Problem:
    path = format_path(fault.location, namespace)
    if fault.mistake is Mistake.UNKNOWN:
        near = format_path((*fault.location[:-1], fault.near), namespace)
        needed = f"{near}, perhaps" if fault.near else fault.needed
        return build_refusal(path, "a key that this program doesn't know", needed, build_remove_command(path))
    if format_path(fault.location[:1], namespace) in secret_keys:
        return build_refusal(path, MASK, fault.needed)
    fix = (
        build_remove_command(path) if fault.mistake is Mistake.NAME else fault.fix or _format_command(path, fault.node)
    )
    return build_refusal(path, fault.found or show_value(fault.value), fault.needed, fix)


def _format_command(path: str, node: Node) -> str:
    """Returns the command that sets a value of this kind."""
    match node:
        case {"enum": [*_, last]}:
            return f"{build_set_command(path)} {last}"
        case {"type": "array"}:
            return f"{build_set_command(f'{path}[0]')} <value>"
        case {"type": "object"}:
            return f"pulumi config set {_choose_flag(path)}--path '{path}.<field>' <value>"
        case _:
            return ""


def build_refusal(path: str, found: str, needed: str, fix: str = "") -> Problem:
    """Returns the problem of one key; the fix is the command that sets it where no other is given."""
    return Problem(f"config {path}", found, needed, fix or f"{build_set_command(path)} <value>")


def format_path(location: Location, namespace: str = "") -> str:
    """Returns the location as `pulumi config set --path` reads it."""
    path = f"{namespace}:" if namespace else ""
    for part in location:
        if isinstance(part, int) or not PLAIN.fullmatch(part):
            path += f"[{json.dumps(part)}]"
        else:
            path += part if not path or path.endswith(":") else f".{part}"
    return path


def build_set_command(path: str) -> str:
    """Returns the beginning of the command that sets a key; the value follows."""
    return f"pulumi config set {_choose_flag(path)}{_format_argument(path)}"


def _choose_flag(path: str) -> str:
    if not LIKE_A_SECRET.search(path):
        return ""
    return "--secret " if path.startswith("notify.") else "--plaintext "


def build_remove_command(path: str) -> str:
    """Returns the command that takes a key away."""
    return f"pulumi config rm {_format_argument(path)}"


def _format_argument(path: str) -> str:
    return path if TOP_LEVEL.fullmatch(path) else f"--path {shlex.quote(path)}"
