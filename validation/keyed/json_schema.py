"""Looks into a JSON Schema as pydantic makes it, and its tables in Markdown. Pure; knows nothing of this program."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, cast

from validation.generated_files import render_markdown_table

Node = Mapping[str, Any]
Location = tuple[str | int, ...]


def resolve(schema: Node, node: Node) -> dict[str, Any]:
    """Returns the node with what it refers to, or the one branch that isn't null, merged below its own words."""
    branches = cast("list[Node]", node.get("anyOf", []))
    references: list[Node] = [schema["$defs"][name.rpartition("/")[2]] for name in [node.get("$ref", "")] if name]
    base = next((branch for branch in (*references, *branches) if branch.get("type") != "null"), None)
    return {**resolve(schema, base), **node} if base else dict(node)


def find_entry(schema: Node, node: Node) -> Node:
    """Returns the object that each item of a list or each named value of an object is; the node itself where it is
    neither."""
    children: Node | bool = node.get("items") or node.get("additionalProperties", False)
    below = {} if isinstance(children, bool) else resolve(schema, children)
    return below if "properties" in below else node


def find_properties(schema: Node, node: Node) -> dict[str, dict[str, Any]]:
    """Returns the fields of an object, or of each of its named objects."""
    fields: Mapping[str, Node] = find_entry(schema, node).get("properties", {})
    return {name: resolve(schema, field) for name, field in fields.items()}


def find_node(schema: Node, location: Location) -> dict[str, Any]:
    """Returns the node of a location: names of fields and numbers of items; an empty one where the schema says
    nothing."""
    node = resolve(schema, schema)
    for part in location:
        below = "items" if isinstance(part, int) else "additionalProperties"
        step: Node | bool = node.get("properties", {}).get(part) or node.get(below) or {}
        node = {} if isinstance(step, bool) else resolve(schema, step)
    return node


def describe_expected(node: Node) -> str:
    """Returns what a value must be, in words."""
    if choices := [str(choice) for choice in node.get("enum", [])]:
        return f"one of {', '.join(choices)}"
    match node.get("type"):
        case "integer" | "number" as number:
            return f"a {'whole ' if number == 'integer' else ''}number{_describe_bounds(node)}"
        case "boolean":
            return "true or false"
        case "array":
            return f"a {describe_kind(node)}{', at least one' * bool(node.get('minItems'))}"
        case "object":
            return "an object"
        case _:
            return str(node.get("const", "a string that isn't empty" if node.get("pattern") == r"\S" else "a string"))


def _describe_bounds(node: Node) -> str:
    match node:
        case {"minimum": low, "maximum": high}:
            return f" from {low} to {high}"
        case {"minimum": low}:
            return f" of at least {low:g}"
        case {"exclusiveMinimum": low}:
            return f" above {low:g}"
        case _:
            return ""


def render_table(fields: Mapping[str, Node], first: str, required: Collection[str] = ()) -> str:
    """Returns a Markdown table of fields with their types, defaults and meanings."""
    rows = (
        (
            f"`{name}`",
            describe_kind(node),
            "required" if name in required else describe_default(node),
            describe_meaning(node),
        )
        for name, node in fields.items()
    )
    return render_markdown_table((first, "type", "default", "meaning"), rows)


def describe_kind(node: Node) -> str:
    """Returns the type of a value in words: `string`, `list of strings`."""
    if node.get("type") == "array":
        items: Node = node.get("items", {})
        return f"list of {'objects' if '$ref' in items else describe_kind(items) + 's'}"
    return str(node.get("type", "string"))


def describe_default(node: Node) -> str:
    """Returns the default as the document has it, for a cell of a table; `not set` for none."""
    value = node.get("default")
    if value is None or value == "" or isinstance(value, dict | list):
        return "not set"
    return f"`{value if isinstance(value, str) else f'{value:g}' if isinstance(value, float) else json.dumps(value)}`"


def find_description(node: Node) -> str:
    """Returns the description on one line; "" without one."""
    return " ".join(str(node.get("description", "")).split())


def describe_meaning(node: Node) -> str:
    """Returns the description with choices, bounds and examples, for a cell of a table."""
    choices = ", ".join(f"`{choice}`" for choice in node.get("enum") or node.get("items", {}).get("enum", []))
    bounds = f"From {node['minimum']} to {node['maximum']}." if node.get("maximum", 2**31) < 2**31 - 1 else ""
    examples = ", ".join(f"`{example}`" for example in node.get("examples", []))
    parts = (
        find_description(node),
        f"One of {choices}." if choices else "",
        bounds,
        f"Example: {examples}." * bool(examples),
    )
    text = " ".join(part for part in parts if part)
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
