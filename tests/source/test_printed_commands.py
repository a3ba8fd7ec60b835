"""A command that is printed at 3 a.m. sets a key that exists, in the form in which the CLI takes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from restore.config.keys import AwsKeys, Keys, KubernetesKeys
from restore.config.reader import LIKE_A_SECRET
from sandbox.machine.layout import CHECKOUT
from validation.keyed import json_schema, reader
from validation.keyed.json_schema import Node

HOLE = "\0"
"""Stands for what an f-string fills in."""
COMMAND = re.compile(
    r"pulumi config (set|rm) (--plaintext |--secret )?(--path )?"
    r"(?:'([^']*)'|\"([^\"]*)\"|((?!--)[^\s`;,)\"]+))(?: +(\S+))?"
)
SEGMENT = re.compile(r"""\.?([^.\[\]]+)|\[["']?([^\]"']+)["']?\]""")
SCHEMA = reader.build_json_schema(Keys)
KEYS = json_schema.find_properties(SCHEMA, SCHEMA)
FOREIGN = {
    f"{namespace}:{name}"
    for namespace, model in (("aws", AwsKeys), ("kubernetes", KubernetesKeys))
    for name in json_schema.find_properties(reader.build_json_schema(model), reader.build_json_schema(model))
}


def texts(file: Path) -> Iterator[str]:
    """String literals of Python files, f-strings with a HOLE for each value; other files as they are."""
    if file.suffix != ".py":
        yield file.read_text()
        return
    tree = ast.parse(file.read_text())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def faults(text: str) -> list[str]:
    return [f"{match[0]!r}: {fault}" for match in COMMAND.finditer(text) if (fault := fault_of(match))]


def fault_of(match: re.Match[str]) -> str:
    verb, kind, by_path, *quoted, value = match.groups()
    path = next(part for part in quoted if part)
    if verb == "set" and not kind and (LIKE_A_SECRET.search(path) or path.startswith("waive")):
        return "the CLI refuses it without --plaintext or --secret, where the value is hard to guess"
    if path.startswith((HOLE, "<")) or path in FOREIGN:
        return ""
    segments = [first or second for first, second in SEGMENT.findall(path)]
    key = KEYS.get(segments[0])
    if key is None:
        return f"no key {segments[0]}"
    if len(segments) == 1:
        return value_fault(segments[0], key, value) if verb == "set" else ""
    return "a field needs --path" if not by_path else field_fault(segments)


def field_fault(segments: list[str]) -> str:
    """A name of the team's own comes first where the key's own keys are names."""
    key = KEYS[segments[0]]
    fields = json_schema.find_properties(SCHEMA, key)
    asked = segments[2:] if isinstance(key.get("additionalProperties"), Mapping) else segments[1:]
    known = not asked or not fields or asked[0] in fields or HOLE in asked[0] or asked[0].startswith("<")
    return "" if known else f"{segments[0]} has no field {asked[0]}"


def value_fault(name: str, key: Node, value: str | None) -> str:
    if key.get("type") == "object" or json_schema.find_properties(SCHEMA, key):
        return "an object is set by the path of a field"
    plain = (value or "").rstrip(".,;:)`")
    choices = json_schema.resolve(SCHEMA, key).get("enum")
    unknown = choices and plain and plain[0] not in f"<{HOLE}" and plain not in choices
    return f"{name} is never {plain}" if unknown else ""


def sources() -> list[Path]:
    code = [file for package in ("restore", "validation") for file in (CHECKOUT / package).rglob("*.py")]
    return sorted([*code, *(CHECKOUT / "docs").glob("*.md"), *CHECKOUT.glob("*.md"), *CHECKOUT.glob("Pulumi*.yaml")])


def test_every_printed_command_sets_a_key_that_exists() -> None:
    written = [(file, text) for file in sources() for text in texts(file)]
    assert sum(len(COMMAND.findall(text)) for _, text in written) > 80
    assert [f"{file.relative_to(CHECKOUT)}: {fault}" for file, text in written for fault in faults(text)] == []


@pytest.mark.parametrize(
    "command",
    [
        "pulumi config set login.secret <name>",
        "pulumi config set --plaintext --path login.secret <name>",
        "pulumi config set --plaintext login.secretId <name>",
        "pulumi config set --path login.secretId <name>",
        'pulumi config set --path \'waive["validated.rows:public.tokens"]\' "<reason>"',
        "pulumi config set --path 'apps[\"\0\"].count' 2",
        "pulumi config set trafic frozen",
        "pulumi config set traffic restore",
        "pulumi config set login postgres",
        "pulumi config rm secret.keys",
    ],
)
def test_a_command_that_does_nothing_is_noticed(command: str) -> None:
    assert len(faults(f"fix: {command}; then pulumi up")) == 1


@pytest.mark.parametrize(
    "command",
    [
        "pulumi config set --plaintext --path login.secretId <name>",
        "pulumi config set --path 'apps[\"\0\"].replicas' <number>",
        "pulumi config set --path 'backups.skip[0]' <kind>",
        'pulumi config set --plaintext --path \'waive["conformed.\0"]\' "<reason>"',
        "pulumi config set aws:region us-east-1",
        "pulumi config set traffic restored (or source)",
        "pulumi config set \0 \0",
        "pulumi config rm time",
    ],
)
def test_a_command_that_works_is_not(command: str) -> None:
    assert faults(f"fix: {command}; then pulumi up") == []
