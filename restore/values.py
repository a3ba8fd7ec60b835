"""Typed values out of a configuration: numbers that came as text or float, objects that came as JSON."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from restore.errors import Problem

LONGEST_SHOWN = 60
PLAIN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def shown(value: Any) -> str:
    """The value for a message, on one line and never longer than is useful."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."
    return json.dumps(cut, ensure_ascii=False) if isinstance(value, str) else cut


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known words that the word was probably meant to be, best first."""
    spelling = {name.lower(): name for name in known}
    return [spelling[match] for match in difflib.get_close_matches(word.lower(), list(spelling), count, 0.5)]


class Reader:
    """Takes the values of one object; all that is wrong is added to `problems`, and a default returned instead.

    None, an empty string and an absent key are the same: not set.
    """

    def __init__(self, values: Mapping[str, Any], problems: list[Problem], path: str = ""):
        self.values = values
        self.problems = problems
        self.path = path

    def name(self, key: str) -> str:
        """The key's path, as `pulumi config set --path` reads it."""
        if not self.path:
            return key
        return f"{self.path}.{key}" if PLAIN.fullmatch(key) else f"{self.path}[{json.dumps(key)}]"

    def is_set(self, key: str) -> bool:
        value = self.values.get(key)
        return value is not None and value != ""

    def refuse(self, key: str, found: str, needed: str, fix: str = "") -> None:
        path = self.name(key)
        self.problems.append(Problem(f"config {path}", found, needed, fix or f"{setting(path)} <value>"))

    def text(self, key: str, default: str = "") -> str:
        value = self.values.get(key)
        if value is None or value == "":
            return default
        if isinstance(value, datetime):
            return value.isoformat()
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.refuse(key, shown(value), "a text")
            return default
        return value.strip() if isinstance(value, str) else f"{value:g}"

    def integer(self, key: str, lowest: int, highest: int) -> int | None:
        value = self.values.get(key)
        if value is None or value == "":
            return None
        number = _whole(value)
        if number is None or not lowest <= number <= highest:
            self.refuse(key, shown(value), f"a whole number from {lowest} to {highest}")
            return None
        return number

    def boolean(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is None or value == "":
            return None
        words = {"true": True, "false": False}
        known = value if isinstance(value, bool) else words.get(str(value).strip().lower())
        if known is None:
            self.refuse(key, shown(value), "true or false")
        return known

    def strings(self, key: str) -> tuple[str, ...] | None:
        value = self.decoded(key)
        if value is None or value == "":
            return None
        if isinstance(value, list):
            items = cast("list[Any]", value)
            if all(isinstance(item, str) and item.strip() for item in items):
                return tuple(str(item).strip() for item in items)
        self.refuse(key, shown(value), "a list of texts", f"{setting(f'{self.name(key)}[0]')} <value>")
        return None

    def mapping(self, key: str) -> dict[str, Any] | None:
        """An object, or JSON text of one; None when it isn't set."""
        value = self.decoded(key)
        if value is None or value == "":
            return None
        if isinstance(value, Mapping):
            return {str(name): item for name, item in cast("Mapping[Any, Any]", value).items()}
        self.refuse(key, shown(value), "an object", f"pulumi config set --path '{self.name(key)}.<field>' <value>")
        return None

    def section(self, key: str, known: Iterable[str]) -> Reader:
        """A reader of the object under this key; fields that aren't known are refused."""
        reader = Reader(self.mapping(key) or {}, self.problems, self.name(key))
        reader.refuse_unknown(known)
        return reader

    def refuse_unknown(self, known: Iterable[str], besides: Iterable[str] = ()) -> None:
        """Notes every key that isn't known, with the nearest one; those `besides` are somebody else's business."""
        names, passed = list(known), {*besides}
        for key in self.values:
            if key not in names and key not in passed:
                near = nearest(key, names, 1)
                known_ones = ", ".join(sorted(names)) or "none"
                meant = f"{self.name(near[0])}, perhaps" if near else f"one of {known_ones}"
                self.refuse(key, "a key that this program doesn't know", meant, removal(self.name(key)))

    def equals(self, key: str, value: Any) -> bool:
        """Whether the key has this value, as such or as text."""
        return self.values.get(key) == value or self.decoded(key) == value

    def decoded(self, key: str) -> Any:
        """The value as it is, or as its JSON says where it is the text of some."""
        value = self.values.get(key)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else None
        except ValueError:
            return value


def setting(path: str) -> str:
    """The beginning of the command that sets a key; the value follows."""
    return f"pulumi config set {_argument(path)}"


def removal(path: str) -> str:
    """The command that takes a key away."""
    return f"pulumi config rm {_argument(path)}"


def _argument(path: str) -> str:
    return path if PLAIN.fullmatch(path) else f"--path {shlex.quote(path)}"


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
        return int(number) if number.is_integer() else None
    except (TypeError, ValueError, OverflowError):
        return None
