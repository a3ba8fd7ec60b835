"""Reads expectations from a TOML file or a plain mapping; all mistakes are reported at once.

The sections and their keys stand in `validation.schema`, documented in docs/expectations.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from validation.expectations import keys, prisma, sql_checks
from validation.expectations.model import (
    PRISMA_MIGRATIONS,
    Expectations,
    Extension,
    Freshness,
    Limits,
    Migrations,
    MustExist,
    MustNotExist,
    NotNull,
    Role,
    RowRange,
    Server,
    Setting,
    SqlCheck,
)
from validation.expectations.reader import SectionReader, table_name
from validation.expectations.table_names import Table
from validation.problems import Problem, Problems

Entry = TypeVar("Entry")
ANY = "any"


class ExpectationsError(ValueError):
    """All that is wrong with the expectations."""

    def __init__(self, origin: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        heading = f"{origin} can't be used (all keys: docs/expectations.md):"
        super().__init__("\n".join((heading, *(f"  {problem.line}" for problem in problems))))


def load(path: Path, instead: Mapping[str, object] | None = None) -> Expectations:
    """Reads a TOML file; a section of `instead` takes the whole place of the file's.

    Raises ExpectationsError, also for a file that isn't there.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem(str(path), error.strerror or str(error), "a readable file", "correct the path")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = Problem(str(path), str(error), "TOML in UTF-8", "correct the line")
    else:
        return from_mapping({**data, **(instead or {})}, str(path), path.parent)
    raise ExpectationsError(str(path), (problem,))


def from_mapping(data: Mapping[str, object], origin: str = "the expectations", folder: Path = Path()) -> Expectations:
    """Reads the same content from a mapping; paths in it are relative to `folder`. Raises ExpectationsError."""
    problems = Problems()
    known = (*(key.name for key in keys.TOP), *(part.name for part in keys.PARTS))
    top = SectionReader.of("", data, known, problems)
    expectations = Expectations(
        server=Server(**top.part(keys.SERVER)),
        tables=MappingProxyType(dict(_tables(top))),
        must_exist=_distinct(top, "must_exist", _complete(MustExist, top.parts(keys.MUST_EXIST))),
        must_not_exist=_distinct(top, "must_not_exist", _complete(MustNotExist, top.parts(keys.MUST_NOT_EXIST))),
        freshness=_distinct(top, "freshness", _complete(Freshness, top.parts(keys.FRESHNESS))),
        migrations=_migrations(top, folder) if "migrations" in top.values else None,
        not_null=_distinct(top, "not_null", _complete(NotNull, top.parts(keys.NOT_NULL))),
        settings=tuple(Setting(name.lower(), _on_or_off(value)) for name, value in top.plain(keys.SETTINGS)),
        extensions=tuple(
            Extension(name, None if version == ANY else version) for name, version in top.plain(keys.EXTENSIONS)
        ),
        roles=tuple(Role(name, **_given(values)) for name, values in top.named(keys.ROLES)),
        sql_checks=tuple(_sql_checks(top, folder)),
        required=top.value(keys.REQUIRED) or (),
        limits=Limits(**_given(top.part(keys.LIMITS))),
    )
    if problems.found:
        raise ExpectationsError(origin, tuple(problems.found))
    return expectations


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that were written: of the others the defaults count."""
    return {name: value for name, value in values.items() if value is not None}


def _complete(made: type[Entry], entries: Iterable[tuple[SectionReader, Mapping[str, Any]]]) -> list[Entry]:
    """Entries of this kind, without those that lack something: what is wrong with them is said already."""
    return [made(**_given(values)) for section, values in entries if not section.problems.within(section.where)]


def _distinct(top: SectionReader, key: str, items: list[Entry]) -> tuple[Entry, ...]:
    if len(set(items)) != len(items):
        top.problems.add(key, "the same entry twice", "different entries", "remove one")
    return tuple(items)


def _tables(top: SectionReader) -> list[tuple[Table, RowRange]]:
    ranges: dict[Table, RowRange] = {}
    for name, values in top.named(keys.TABLES):
        where = f"tables.{name}"
        table = table_name(name, where, top.problems)
        wanted = RowRange(**values)
        _refuse_swapped(wanted, where, top.problems)
        if table in ranges:
            top.problems.add(where, name, "each table once", "remove one of the two")
        if table is not None:
            ranges[table] = wanted
    return list(ranges.items())


def _refuse_swapped(wanted: RowRange, where: str, problems: Problems) -> None:
    for low, high, names in (
        (wanted.min, wanted.max, "min and max"),
        (wanted.at_least_of_source, wanted.at_most_of_source, "at_least_of_source and at_most_of_source"),
        (wanted.at_least_of_baseline, wanted.at_most_of_baseline, "at_least_of_baseline and at_most_of_baseline"),
    ):
        if low is not None and high is not None and low > high:
            problems.add(where, f"{low:g} to {high:g}", f"{names} in this order", "swap them")


def _migrations(top: SectionReader, folder: Path) -> Migrations:
    section = top.section(keys.MIGRATIONS.name, keys.MIGRATIONS.known)
    values = section.read(keys.MIGRATIONS)
    table, last, applied = values["table"] or PRISMA_MIGRATIONS, values["last"], values["applied"]
    checksums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    if values["directory"] and "applied" in section.values:
        section.refuse("directory", "either applied or directory", "remove one of the two")
    elif values["directory"]:
        checksums = _directory(section, folder / values["directory"])
        applied = tuple(name for name, _ in checksums) or None
    if last is not None and applied and last not in applied:
        section.refuse("last", "one of those that are applied", "correct it, or add it to applied")
    return Migrations(table, last, applied, checksums)


def _directory(section: SectionReader, directory: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    try:
        return prisma.migrations(directory)
    except (OSError, ValueError) as error:
        section.problems.add(section.path("directory"), str(error), "Prisma's folder of migrations", "correct the path")
        return ()


def _sql_checks(top: SectionReader, folder: Path) -> Iterator[SqlCheck]:
    """The checks of all folders. Two of one name, or of a built-in one's, could not be told apart in a report."""
    taken = {check.name for check in sql_checks.built_in()}
    for name in top.value(keys.SQL_CHECKS) or ():
        for check in sql_checks.read_folder(folder / name, top.problems):
            if check.name in taken:
                top.problems.add("sql_checks", check.name, "a name that no other check has", "rename the file")
            taken.add(check.name)
            yield check


def _on_or_off(value: str) -> str:
    """A boolean of TOML as the server prints it."""
    return {"true": "on", "false": "off"}.get(value, value)
