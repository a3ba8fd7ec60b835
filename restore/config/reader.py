"""Reads values from outside into a pydantic model, and says what is wrong with them: found, needed, fix."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from restore.config import json_schema
from restore.errors import Problem
from restore.model.field_types import Fault, shown
from restore.redaction import MASK

PLAIN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
TOP_LEVEL = re.compile(r"(?:[a-z]+:)?[A-Za-z0-9_-]+", re.ASCII)
UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
KEY = "[key]"
"""The last part of pydantic's location when a name, not its value, is wrong."""

Model = TypeVar("Model", bound=BaseModel)
Location = Sequence[str | int]


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Returns the known words that the word was probably meant to be, best first."""
    spelling = {name.lower(): name for name in known}
    return [spelling[match] for match in difflib.get_close_matches(word.lower(), list(spelling), count, 0.5)]


def read(
    model: type[Model],
    values: Mapping[str, Any],
    *,
    namespace: str = "",
    secret_keys: Collection[str] = (),
    context: Mapping[str, Any] | None = None,
) -> tuple[Model | None, tuple[Problem, ...]]:
    """Returns the model of these values, or all that is wrong with them. Values of secret keys are never shown."""
    try:
        return model.model_validate(values, context=dict(context or {})), ()
    except ValidationError as error:
        schema = schema_of(model)
        faults = error.errors(include_url=False)
        return None, tuple(_problem(schema, namespace, secret_keys, fault) for fault in faults)


@lru_cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _problem(schema: json_schema.Node, namespace: str, secret_keys: Collection[str], error: Any) -> Problem:
    location: tuple[str | int, ...] = error["loc"]
    names_key = location[-1:] == (KEY,)
    location = location[:-1] if names_key else location
    path = path_of(location, namespace)
    if error["type"] in UNKNOWN:
        return _unknown(schema, path, location, namespace)
    fault = error.get("ctx", {}).get("error")
    if not isinstance(fault, Fault):
        node = json_schema.at(schema, location)
        fault = Fault(json_schema.expected(node), fix=_command(path, node))
    if path_of(location[:1], namespace) in secret_keys:
        return refusal(path, MASK, fault.needed)
    fix = removal(path) if names_key else fault.fix
    return refusal(path, fault.found or shown(error["input"]), fault.needed, fix)


def _unknown(schema: json_schema.Node, path: str, location: Location, namespace: str) -> Problem:
    known = list(json_schema.at(schema, location[:-1]).get("properties", {}))
    near = nearest(str(location[-1]), known, 1)
    listed = f"one of {', '.join(sorted(known)) or 'none'}"
    needed = f"{path_of((*location[:-1], near[0]), namespace)}, perhaps" if near else listed
    return refusal(path, "a key that this program doesn't know", needed, removal(path))


def _command(path: str, node: json_schema.Node) -> str:
    """Returns the command that sets a value of this kind."""
    match node:
        case {"enum": [*_, last]}:
            return f"{setting(path)} {last}"
        case {"type": "array"}:
            return f"{setting(f'{path}[0]')} <value>"
        case {"type": "object"}:
            return f"pulumi config set --path '{path}.<field>' <value>"
        case _:
            return ""


def refusal(path: str, found: str, needed: str, fix: str = "") -> Problem:
    """Returns the problem of one key; the fix is the command that sets it where no other is given."""
    return Problem(f"config {path}", found, needed, fix or f"{setting(path)} <value>")


def path_of(location: Location, namespace: str = "") -> str:
    """Returns the location as `pulumi config set --path` reads it."""
    path = f"{namespace}:" if namespace else ""
    for part in location:
        if isinstance(part, int) or not PLAIN.fullmatch(part):
            path += f"[{json.dumps(part)}]"
        else:
            path += part if not path or path.endswith(":") else f".{part}"
    return path


def setting(path: str) -> str:
    """Returns the beginning of the command that sets a key; the value follows."""
    return f"pulumi config set {_argument(path)}"


def removal(path: str) -> str:
    """Returns the command that takes a key away."""
    return f"pulumi config rm {_argument(path)}"


def _argument(path: str) -> str:
    return path if TOP_LEVEL.fullmatch(path) else f"--path {shlex.quote(path)}"
