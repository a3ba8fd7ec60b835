"""Reads nested mappings that people wrote, and collects every mistake instead of stopping at the first."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any, cast

from validation.expectations.keys import Key, KeyType, SectionSchema
from validation.expectations.model import Privilege
from validation.expectations.privileges import parse
from validation.expectations.table_names import Table
from validation.problems import Problems


@dataclass(frozen=True)
class SectionReader:
    """One mapping of the file, the keys it may have, and where it stands."""

    where: str
    values: Mapping[str, object]
    problems: Problems

    @classmethod
    def of(cls, where: str, value: object, known: Collection[str] | None, problems: Problems) -> SectionReader:
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

    def section(self, key: str, known: Collection[str] | None) -> SectionReader:
        return SectionReader.of(self.path(key), self.values.get(key, {}), known, self.problems)

    def part(self, part: SectionSchema) -> dict[str, Any]:
        """The values of a [section]."""
        return self.section(part.name, part.known).read(part)

    def sections(self, key: str, known: Collection[str]) -> Iterator[SectionReader]:
        """The entries of a [[list]], without those that are no section."""
        for position, item in enumerate(self.list(key), 1):
            section = SectionReader.of(f"{self.path(key)} #{position}", item, known, self.problems)
            if isinstance(item, Mapping):
                yield section

    def parts(self, part: SectionSchema) -> list[tuple[SectionReader, dict[str, Any]]]:
        """The values of each entry of a [[list]], with the section they stand in."""
        return [(section, section.read(part)) for section in self.sections(part.name, part.known)]

    def named(self, part: SectionSchema) -> list[tuple[str, dict[str, Any]]]:
        """The values of each [section.NAME]."""
        all_ = self.section(part.name, None)
        return [(name, all_.section(name, part.known).read(part)) for name in all_.values]

    def plain(self, part: SectionSchema) -> list[tuple[str, str]]:
        """The names and values of a section of plain values, those that are right."""
        all_ = self.section(part.name, None)
        pairs = ((name, all_.value(Key(name, part.values, ""))) for name in all_.values)
        return [(name, value) for name, value in pairs if value is not None]

    def read(self, part: SectionSchema) -> dict[str, Any]:
        """The value of each key, None for what isn't there or was refused."""
        values = {key.name: self.value(key) for key in part.keys}
        if part.any_of and not self.values and not self.problems.of(self.where):
            self.problems.add(self.where, "nothing", f"at least one of {', '.join(part.any_of)}", "add one")
        return values

    def value(self, key: Key) -> Any:
        """The value of a key as its kind wants it, None when it isn't there or was refused."""
        return READ[key.kind](self, key)

    def list(self, key: str) -> Sequence[object]:
        value = self.values.get(key, [])
        if isinstance(value, list | tuple):
            return cast(Sequence[object], value)
        self.refuse(key, "a list", f"write [[{key}]], or a list in [ ]")
        return ()

    def text(self, key: str, *, required: bool = False, choices: Collection[str] = ()) -> str | None:
        value = self.values.get(key)
        if value is None:
            if required:
                self.refuse(key, "a text", f'add {key} = "..."')
        elif not isinstance(value, str) or not value.strip():
            self.refuse(key, "a text that isn't empty", "put it in double quotes")
        elif choices and value not in choices:
            self.refuse(key, f"one of {', '.join(choices)}", "correct it")
        else:
            return value
        return None

    def texts(
        self, key: str, *, least: int = 0, required: bool = False, choices: Collection[str] = ()
    ) -> tuple[str, ...]:
        """A list of different texts; empty when it isn't there or was refused."""
        if key not in self.values and not required:
            return ()
        items = self.list(key)
        texts = tuple(item for item in items if isinstance(item, str) and item.strip())
        if len(texts) != len(items) or len(set(texts)) != len(texts):
            self.refuse(key, "a list of different texts", 'write ["one", "two"]')
        elif len(texts) < least and not self.problems.of(self.path(key)):
            self.refuse(key, "a list with at least one text", 'write ["one", "two"]')
        elif choices and not set(texts) <= set(choices):
            self.refuse(key, f"of {', '.join(choices)}", "correct the names")
        else:
            return texts
        return ()

    def privileges(self, key: str) -> tuple[Privilege, ...]:
        found: list[Privilege] = []
        for text in self.texts(key):
            try:
                found.append(parse(text))
            except ValueError as error:
                self.problems.add(self.path(key), text, str(error).removeprefix("needs "), "write it as GRANT does")
        return tuple(found)

    def columns(self, key: str) -> tuple[tuple[str, str], ...]:
        """Columns and their values as text that the server reads."""
        section = self.section(key, None)
        if not section.values and not self.problems.of(self.path(key)):
            self.refuse(key, "columns and values", f'write {key} = {{ id = "..." }}')
        pairs = ((column, section.literal(column)) for column in section.values)
        return tuple((column, value) for column, value in pairs if value is not None)

    def literal(self, key: str) -> str | None:
        value = literal(self.values.get(key))
        if value is None and key in self.values:
            self.refuse(key, "a text, number, boolean or time", "write the value as text")
        return value

    def boolean(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(key, "true or false", "write it without quotes")
        return None

    def version(self, key: str, *, least: int) -> int | None:
        value = self.values.get(key)
        if isinstance(value, str) and value.isdecimal() and int(value) >= least:
            return int(value)
        return self.whole(key, least=least)

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


READ: Mapping[KeyType, Callable[[SectionReader, Key], Any]] = MappingProxyType(
    {
        KeyType.TEXT: lambda s, k: s.text(k.name, required=k.required, choices=k.choices),
        KeyType.TEXTS: lambda s, k: s.texts(k.name, least=int(k.least), required=k.required, choices=k.choices) or None,
        KeyType.NUMBER: lambda s, k: s.number(k.name, least=k.least, above=k.above, required=k.required),
        KeyType.WHOLE: lambda s, k: s.whole(k.name, least=int(k.least)),
        KeyType.VERSION: lambda s, k: s.version(k.name, least=int(k.least)),
        KeyType.BOOLEAN: lambda s, k: s.boolean(k.name),
        KeyType.TABLE: lambda s, k: s.table(k.name, required=k.required),
        KeyType.COLUMNS: lambda s, k: s.columns(k.name),
        KeyType.PRIVILEGES: lambda s, k: s.privileges(k.name),
        KeyType.PLAIN: lambda s, k: s.literal(k.name),
    }
)


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
