"""Property values and their changes as lines of text, the way Pulumi prints them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sandbox.standins.engine.property_values import MASK, UNKNOWN, Props, Value

STEP = "    "


def scalar(value: Value) -> str:
    if value is None:
        return "<null>"
    if value == UNKNOWN:
        return "[unknown]"
    return MASK if value == MASK else json.dumps(value, ensure_ascii=False)


def render(value: Value, indent: str = "", mark: str = "") -> list[str]:
    """A value as lines; the first has no indentation."""
    if not isinstance(value, (dict, list)) or not value:
        return ["{}" if value == {} else "[]" if value == [] else scalar(value)]
    keyed = isinstance(value, dict)
    items = sorted(value.items()) if isinstance(value, dict) else [(f"[{i}]", v) for i, v in enumerate(value)]
    inner, width = indent + STEP, max(len(k) for k, _ in items) if keyed else 0
    lines = ["{" if keyed else "["]
    for key, child in items:
        first, *more = render(child, inner, mark)
        lines += [f"{_marked(inner, mark)}{key:{width}}: {first}", *more]
    return [*lines, indent + ("}" if keyed else "]")]


def _marked(indent: str, mark: str) -> str:
    return f"{indent[:-2]}{mark} " if mark else indent


def properties(props: Mapping[str, Value], indent: str) -> list[str]:
    """A map's properties, one below the other."""
    width = max(map(len, props), default=0)
    lines: list[str] = []
    for key, value in sorted(props.items()):
        first, *more = render(value, indent)
        lines += [f"{indent}{key:{width}}: {first}", *more]
    return lines


def changes(old: Props, new: Props, indent: str = "", width: int = 0) -> list[str]:
    """Lines for the properties that differ between two maps (both already redacted)."""
    keys = sorted({*old, *new} - {"__defaults"})
    keys = [k for k in keys if old.get(k) != new.get(k) or (k in old) != (k in new)]
    width = max(width, *map(len, keys), 0) if keys else 0
    lines: list[str] = []
    for key in keys:
        name = f"{key:{width}}"
        if key in old and key in new:
            lines += _change(name, old[key], new[key], indent)
        else:
            mark, value = ("+", new[key]) if key in new else ("-", old[key])
            first, *more = render(value, indent, mark)
            lines += [f"{_marked(indent, mark)}{name}: {first}", *more]
    return lines


def _change(name: str, before: Value, after: Value, indent: str) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [f"{_marked(indent, '~')}{name}: {{", *changes(before, after, indent + STEP), indent + "}"]
    first, *more = render(before, indent, "-") if isinstance(before, list) else [scalar(before)]
    last = render(after, indent, "+")
    lines = [f"{_marked(indent, '~')}{name}: {first}", *more]
    lines[-1] += f" => {last[0]}"
    return lines + last[1:]


def short_diff(old: Props, new: Props, keys: list[str]) -> str:
    """`[diff: +added-deleted~updated]` for the named top-level keys; "" when nothing is named."""
    groups: dict[str, list[str]] = {"+": [], "-": [], "~": []}
    for key in sorted({k.partition(".")[0].partition("[")[0] for k in keys}):
        groups["+" if key not in old else "-" if key not in new else "~"].append(key)
    text = "".join(sign + ",".join(names) for sign, names in groups.items() if names)
    return f" [diff: {text}]" if text else ""
