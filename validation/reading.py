"""Reads nested mappings that people wrote, and collects every mistake instead of stopping at the first."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import cast

from validation.names import Table


@dataclass(frozen=True)
class Problem:
    where: str
    found: str
    needed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, needs {self.needed}; {self.fix}"


@dataclass
class Problems:
    found: list[Problem] = field(default_factory=list[Problem])

    def add(self, where: str, found: object, needed: str, fix: str) -> None:
        self.found.append(Problem(where, shown(found), needed, fix))


def shown(value: object) -> str:
    """The value in a message: short, and without control characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Section:
    """One mapping of the file, the keys it may have, and where it stands."""

    where: str
    values: Mapping[str, object]
    problems: Problems

    @classmethod
    def of(cls, where: str, value: object, known: Collection[str] | None, problems: Problems) -> Section:
        """Refuses what is no mapping, and keys that aren't `known` (None: any)."""
        if not isinstance(value, Mapping):
            problems.add(where, value, "a table of keys and values", "write [section] and key = value")
            return cls(where, {}, problems)
        pairs = cast(Mapping[object, object], value)
        section = cls(where, {str(key): item for key, item in pairs.items()}, problems)
        for key in section.values if known is not None else ():
            if key not in cast(Collection[str], known):
                section.refuse_key(key, cast(Collection[str], known))
        return section

    def refuse_key(self, key: str, known: Collection[str]) -> None:
        near = difflib.get_close_matches(key, known, n=1)
        fix = f"did you mean {near[0]}?" if near else "remove it"
        self.problems.add(self.path(key), key, f"one of {', '.join(sorted(known))}", fix)

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def refuse(self, key: str, needed: str, fix: str) -> None:
        self.problems.add(self.path(key), self.values.get(key, "nothing"), needed, fix)

    def section(self, key: str, known: Collection[str] | None) -> Section:
        return Section.of(self.path(key), self.values.get(key, {}), known, self.problems)

    def sections(self, key: str, known: Collection[str]) -> Iterator[Section]:
        for position, item in enumerate(self.list(key), 1):
            section = Section.of(f"{self.path(key)} #{position}", item, known, self.problems)
            if isinstance(item, Mapping):
                yield section

    def list(self, key: str) -> Sequence[object]:
        value = self.values.get(key, [])
        if isinstance(value, list | tuple):
            return cast(Sequence[object], value)
        self.refuse(key, "a list", f"write [[{key}]], or a list in [ ]")
        return ()

    def text(self, key: str, *, required: bool = False) -> str | None:
        value = self.values.get(key)
        if value is None:
            if required:
                self.refuse(key, "a text", f'add {key} = "..."')
            return None
        if isinstance(value, str) and value.strip():
            return value
        self.refuse(key, "a text that isn't empty", "put it in double quotes")
        return None

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of different texts; with `required` not an empty one."""
        items = self.list(key)
        texts = tuple(item for item in items if isinstance(item, str) and item.strip())
        if len(texts) != len(items) or len(set(texts)) != len(texts):
            self.refuse(key, "a list of different texts", 'write ["one", "two"]')
            return ()
        if required and not items and not self._is_refused(key):
            self.refuse(key, "a list with at least one text", 'write ["one", "two"]')
        return texts

    def number(self, key: str, *, least: float = 0.0, above: bool = False, required: bool = False) -> float | None:
        """A finite number, at least `least`, or greater than it when `above`."""
        value = self.values.get(key)
        needed = f"a number {'above' if above else 'of at least'} {least:g}"
        if value is None:
            if required:
                self.refuse(key, needed, f"add {key} = ...")
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
            if math.isfinite(number) and (number > least if above else number >= least):
                return number
        self.refuse(key, needed, "correct it")
        return None

    def whole(self, key: str, *, least: int = 0) -> int | None:
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.refuse(key, f"a whole number of at least {least}", "correct it")
        return None

    def table(self, key: str = "table", *, required: bool = True) -> Table | None:
        name = self.text(key, required=required)
        return None if name is None else table_name(name, self.path(key), self.problems)

    def _is_refused(self, key: str) -> bool:
        return any(problem.where == self.path(key) for problem in self.problems.found)


def table_name(text: str, where: str, problems: Problems) -> Table | None:
    try:
        return Table.parse(text)
    except ValueError as error:
        problems.add(where, text, str(error).removeprefix("needs "), "correct the name")
        return None


def literal(value: object) -> str | None:
    """A value of a key as text that PostgreSQL reads back, or None when it is no plain value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str | int | float):
        return str(value)
    return None
