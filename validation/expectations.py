"""Reads expectations from a TOML file or a plain mapping; all mistakes are reported at once.

[server]                                  # optional: what the server says about itself
version = 17
database = "ghost_protocol"

[tables.users]                            # rows:  absolute, or relative to the source
min = 1000
at_least_of_source = 0.9

[[must_exist]]
table = "users"
key = { id = "known-user-id" }

[[freshness]]                             # newest value in [T - tolerance, T]
table = "transactions"
column = "created_at"
tolerance_seconds = 300

[migrations]
last = "20260301120000_add_contracts"

[[not_null]]
table = "users"
columns = ["email"]

required = ["rows", "freshness"]          # at the top: families that must be declared
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from validation.expected import (
    DECLARABLE,
    PRISMA_MIGRATIONS,
    Expectations,
    Freshness,
    Limits,
    Migrations,
    MustExist,
    NotNull,
    RowRange,
    Server,
)
from validation.names import Table
from validation.reading import Problem, Problems, Section, literal, table_name

KEYS = ("server", "tables", "must_exist", "freshness", "migrations", "not_null", "required", "limits")
Entry = TypeVar("Entry")
RANGE = ("min", "max", "at_least_of_source", "at_most_of_source")


class ExpectationsError(ValueError):
    """All that is wrong with the expectations."""

    def __init__(self, origin: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join((f"{origin} can't be used:", *(f"  {problem}" for problem in problems))))


def load(path: Path) -> Expectations:
    """Reads a TOML file. Raises ExpectationsError, also for a file that isn't there."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem(str(path), error.strerror or str(error), "a readable file", "correct the path")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = Problem(str(path), str(error), "TOML in UTF-8", "correct the line")
    else:
        return from_mapping(data, str(path))
    raise ExpectationsError(str(path), (problem,))


def from_mapping(data: Mapping[str, object], origin: str = "the expectations") -> Expectations:
    """Reads the same content from a mapping. Raises ExpectationsError."""
    problems = Problems()
    top = Section.of("", data, KEYS, problems)
    expectations = Expectations(
        server=_server(top),
        tables=MappingProxyType(dict(_tables(top))),
        must_exist=_distinct(top, "must_exist", [_must_exist(s) for s in _each(top, "must_exist")]),
        freshness=_distinct(top, "freshness", [_freshness(s) for s in _each(top, "freshness")]),
        migrations=_migrations(top) if "migrations" in top.values else None,
        not_null=_distinct(top, "not_null", [_not_null(s) for s in _each(top, "not_null")]),
        required=_required(top),
        limits=_limits(top),
    )
    if problems.found:
        raise ExpectationsError(origin, tuple(problems.found))
    return expectations


LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "must_exist": ("table", "key"),
        "freshness": ("table", "column", "tolerance_seconds", "ahead_seconds"),
        "not_null": ("table", "columns"),
    }
)


def _each(top: Section, key: str) -> list[Section]:
    return list(top.sections(key, LISTS[key]))


def _distinct(top: Section, key: str, items: list[Entry | None]) -> tuple[Entry, ...]:
    kept = tuple(item for item in items if item is not None)
    if len(set(kept)) != len(kept):
        top.problems.add(key, "the same entry twice", "different entries", "remove one")
    return kept


def _server(top: Section) -> Server:
    section = top.section("server", ("version", "database"))
    version = section.values.get("version")
    if isinstance(version, str) and version.isdecimal():
        return Server(int(version), section.text("database"))
    return Server(section.whole("version", least=9), section.text("database"))


def _tables(top: Section) -> list[tuple[Table, RowRange]]:
    tables = top.section("tables", None)
    ranges: dict[Table, RowRange] = {}
    for name in tables.values:
        table = table_name(name, tables.path(name), top.problems)
        wanted = _range(tables.section(name, RANGE))
        if table in ranges:
            top.problems.add(tables.path(name), name, "each table once", "remove one of the two")
        if table is not None:
            ranges[table] = wanted
    return list(ranges.items())


def _range(section: Section) -> RowRange:
    wanted = RowRange(
        section.whole("min"),
        section.whole("max"),
        section.number("at_least_of_source"),
        section.number("at_most_of_source"),
    )
    if not section.values:
        fix = "add min, max, at_least_of_source or at_most_of_source"
        section.problems.add(section.where, "no bound", "at least one", fix)
    for low, high, keys in (
        (wanted.min, wanted.max, "min and max"),
        (wanted.at_least_of_source, wanted.at_most_of_source, "at_least_of_source and at_most_of_source"),
    ):
        if low is not None and high is not None and low > high:
            section.problems.add(section.where, f"{low:g} to {high:g}", f"{keys} in this order", "swap them")
    return wanted


def _must_exist(section: Section) -> MustExist | None:
    table = section.table()
    key = section.section("key", None)
    if not key.values:
        section.refuse("key", "columns and values", 'write key = { id = "..." }')
    values = {column: literal(value) for column, value in key.values.items()}
    for column, value in values.items():
        if value is None:
            key.refuse(column, "a text, number, boolean or time", "write the value as text")
    pairs = tuple((column, value) for column, value in values.items() if value is not None)
    return None if table is None or not pairs else MustExist(table, pairs)


def _freshness(section: Section) -> Freshness | None:
    table, column = section.table(), section.text("column", required=True)
    tolerance = section.number("tolerance_seconds", required=True)
    ahead = section.number("ahead_seconds")
    if table is None or column is None or tolerance is None:
        return None
    return Freshness(table, column, tolerance, ahead or 0.0)


def _migrations(top: Section) -> Migrations:
    section = top.section("migrations", ("table", "last", "applied"))
    table = section.table(required=False) or PRISMA_MIGRATIONS
    last = section.text("last")
    applied = section.texts("applied", required=True) if "applied" in section.values else None
    if last is not None and applied and last not in applied:
        section.refuse("last", "one of applied", "add it to applied")
    return Migrations(table, last, applied)


def _not_null(section: Section) -> NotNull | None:
    table, columns = section.table(), section.texts("columns", required=True)
    return NotNull(table, columns) if table is not None and columns else None


def _required(top: Section) -> tuple[str, ...]:
    required = top.texts("required")
    for family in required:
        if family not in DECLARABLE:
            top.problems.add("required", family, f"of {', '.join(DECLARABLE)}", "correct the name")
    return required


def _limits(top: Section) -> Limits:
    section = top.section("limits", ("statement_seconds", "budget_seconds", "workers"))
    standard = Limits()
    return Limits(
        section.number("statement_seconds", above=True) or standard.statement_seconds,
        section.number("budget_seconds", above=True) or standard.budget_seconds,
        section.whole("workers", least=1) or standard.workers,
    )
