"""Looks into a JSON Schema as pydantic makes it, and its tables in Markdown. Pure; knows nothing of this program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

Node = Mapping[str, Any]


def resolved(schema: Node, node: Node) -> dict[str, Any]:
    """The node with what it refers to, or the one branch that isn't null, merged below its own words."""
    branches = cast("list[Node]", node.get("anyOf", []))
    references: list[Node] = [schema["$defs"][name.rpartition("/")[2]] for name in [node.get("$ref", "")] if name]
    base = next((branch for branch in (*references, *branches) if branch.get("type") != "null"), None)
    return {**resolved(schema, base), **node} if base else dict(node)


def properties(schema: Node, node: Node) -> dict[str, dict[str, Any]]:
    """The fields of an object, or of each of its named objects."""
    each: Node | bool = node.get("additionalProperties", False)
    holder = node if isinstance(each, bool) else resolved(schema, each)
    fields: Mapping[str, Node] = holder.get("properties", {})
    return {name: resolved(schema, field) for name, field in fields.items()}


def at(schema: Node, location: Sequence[str | int]) -> dict[str, Any]:
    """The node of a location: names of fields and numbers of items; an empty one where the schema says nothing."""
    node = resolved(schema, schema)
    for part in location:
        below = "items" if isinstance(part, int) else "additionalProperties"
        step: Node | bool = node.get("properties", {}).get(part) or node.get(below) or {}
        node = {} if isinstance(step, bool) else resolved(schema, step)
    return node


def expected(node: Node) -> str:
    """What a value must be, in words."""
    if choices := [str(choice) for choice in node.get("enum", [])]:
        return f"one of {', '.join(choices)}"
    match node.get("type"):
        case "integer":
            return f"a whole number from {node.get('minimum')} to {node.get('maximum')}"
        case "boolean":
            return "true or false"
        case "array":
            return f"a {kind(node)}"
        case "object":
            return "an object"
        case _:
            return str(node.get("const", "a string"))


def table(fields: Mapping[str, Node], first: str) -> str:
    """A Markdown table of fields with their types, defaults and meanings."""
    rows = [f"| `{name}` | {kind(node)} | {default(node)} | {meaning(node)} |" for name, node in fields.items()]
    return "\n".join([f"| {first} | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def kind(node: Node) -> str:
    if node.get("type") == "array":
        items: Node = node.get("items", {})
        return f"list of {'object' if '$ref' in items else items.get('type', 'string')}s"
    return str(node.get("type", "string"))


def default(node: Node) -> str:
    value = node.get("default")
    if value is None or value == "" or isinstance(value, dict | list):
        return "not set"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def description(node: Node) -> str:
    return " ".join(str(node.get("description", "")).split())


def meaning(node: Node) -> str:
    choices = ", ".join(f"`{choice}`" for choice in node.get("enum", []))
    bounds = f"From {node['minimum']} to {node['maximum']}." if node.get("maximum", 2**31) < 2**31 - 1 else ""
    examples = ", ".join(f"`{example}`" for example in node.get("examples", []))
    parts = (
        description(node),
        f"One of {choices}." if choices else "",
        bounds,
        f"Example: {examples}." * bool(examples),
    )
    text = " ".join(part for part in parts if part)
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
