"""Property paths: `a.b[0]["c.d"]`, as in ignoreChanges, replaceOnChanges and `config --path`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from sandbox.standins.engine.property_values import Value

Path: TypeAlias = list[str | int]

PART = re.compile(r'\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.\[\]]+)')


def parse(text: str) -> Path:
    return [int(index) if index else quoted or plain for index, quoted, plain in PART.findall(text)]


def get(value: Value, path: Sequence[str | int]) -> Value:
    """The value at a path; None where there is none."""
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def put(value: Value, path: Sequence[str | int], new: Value) -> None:
    """Sets the value at a path in place, making what is missing on the way.

    Raises ValueError where the path doesn't fit what is there.
    """
    for key, following in pairwise(path):
        value = _step(value, key, [] if isinstance(following, int) else {})
    last = path[-1]
    if isinstance(value, dict) and isinstance(last, str):
        value[last] = new
    elif isinstance(value, list) and isinstance(last, int) and last <= len(value):
        value[last : last + 1] = [new]
    else:
        raise ValueError(f"{last!r} doesn't name a place in the value that is there")


def _step(value: Value, key: str | int, container: Value) -> Value:
    if isinstance(value, dict) and isinstance(key, str):
        return value.setdefault(key, container)
    if isinstance(value, list) and isinstance(key, int) and key <= len(value):
        if key == len(value):
            value.append(container)
        return value[key]
    raise ValueError(f"{key!r} doesn't name a place in the value that is there")


def remove(value: Value, path: Sequence[str | int]) -> None:
    """Removes the value at a path in place; nothing happens where there is none."""
    holder, last = get(value, path[:-1]), path[-1]
    if isinstance(holder, dict) and isinstance(last, str):
        holder.pop(last, None)
    elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        del holder[last]


def covers(pattern: Sequence[str | int], path: Sequence[str | int]) -> bool:
    """Whether a pattern (in which `*` stands for any key) and a path agree as far as both go."""
    return all(a in ("*", b) for a, b in zip(pattern, path, strict=False))
