"""Checks that are a .sql file: those of sql/checks/, and a team's own from any folder.

The query answers with one row for each thing that it looked at. Its column `ok` says whether that is as it should be
(null: can't be said); the other columns tell a person which thing it is: keys, never data. Over the query, in lines
that begin with `--:`, stands in TOML what the check needs to be one (sql/checks/README.md has the list).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from validation.expectations.field_types import NumberAbove0, String, Whole, build_problem
from validation.keyed import reader
from validation.keyed.fields import DocumentSection, Fault, FaultsInside, read_as
from validation.keyed.reader import KeyFault
from validation.problems import Problem, show_value
from validation.sql import sql_file
from validation.sql.queries import FOLDER
from validation.verdict import Severity, Verdict

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
"""What is filled in where a check's query has it."""
RESTORE_POINT = "restore_point"
SettingValues = tuple[tuple[str, str], ...]


@cache
def read_lists() -> Mapping[str, sql_file.SqlFile]:
    """Returns what `each` can name, with the queries that list the things."""
    return MappingProxyType({path.stem: sql_file.read(path) for path in sorted((FOLDER / "each").glob("*.sql"))})


def _check_list_name(each: str) -> str:
    if each not in read_lists():
        raise Fault(f"one of {', '.join(read_lists())}", fix="correct it")
    return each


def _parse_settings(values: Mapping[str, Any]) -> SettingValues:
    return tuple(sorted((name, str(value)) for name, value in values.items()))


@dataclass(frozen=True, kw_only=True)
class SqlCheckHead(DocumentSection):
    """What stands over a query, and how its answer is judged (sql/checks/README.md)."""

    things: String
    needed: String
    fix: String
    severity: Severity = Severity.BLOCKING
    """Of a FAIL."""
    inconclusive: Annotated[Severity, Field(default_factory=lambda head: head["severity"])]
    """Of an INCONCLUSIVE; without it as `severity`."""
    nothing: Annotated[
        Verdict,
        read_as(Annotated[Literal["pass", "inconclusive"], AfterValidator(lambda word: Verdict(word.upper()))]),
    ] = Verdict.INCONCLUSIVE
    """The verdict when there was nothing to look at."""
    timeout_seconds: NumberAbove0 | None = None
    each: Annotated[String, AfterValidator(_check_list_name)] | None = None
    """A list of things in sql/each/, each of which is asked for by itself."""
    extension: String | None = None
    """An extension whose functions the query calls."""
    from_version: Whole = 0
    settings: Annotated[
        tuple[tuple[str, str], ...], read_as(Annotated[Mapping[str, Any], AfterValidator(_parse_settings)])
    ] = ()
    """Settings that hold for this query alone."""
    as_in_source: Severity = Severity.BLOCKING
    """Of what the source, or without one the baseline, has wrong in the same place."""


@dataclass(frozen=True, kw_only=True)
class SqlCheck(SqlCheckHead):
    """A query, and how its answer is judged."""

    name: str
    query: str

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(PLACEHOLDER.findall(self.query))


@cache
def read_built_in() -> tuple[SqlCheck, ...]:
    """Returns the checks of this package. Raises ValueError with every mistake in them."""
    problems: list[Problem] = []
    checks = read_folder(FOLDER / "checks", problems)
    if problems:
        raise ValueError("\n".join(problem.line for problem in problems))
    return checks


@cache
def read_sampled() -> Mapping[str, SqlCheck]:
    """Returns, by name, what the checks of this package that read a whole table ask of a sample of a large one. Raises
    ValueError with every mistake in them."""
    problems: list[Problem] = []
    checks = read_folder(FOLDER / "sampled", problems)
    if problems:
        raise ValueError("\n".join(problem.line for problem in problems))
    return MappingProxyType({check.name: check for check in checks})


def read_folders(folders: Iterable[Path]) -> tuple[SqlCheck, ...]:
    """Returns the checks of all folders. Raises FaultsInside with every mistake in them.

    Two checks of one name, or of a built-in one's, could not be told apart in a report.
    """
    problems: list[Problem] = []
    checks = [check for folder in folders for check in read_folder(folder, problems)]
    names = Counter(check.name for check in (*read_built_in(), *checks))
    repeated = (show_value(name) for name, count in names.items() if count > 1)
    needed = "a name that no other check has"
    problems += (Problem("sql_checks", name, needed, "rename the file") for name in repeated)
    if problems:
        raise FaultsInside(problems)
    return tuple(checks)


def read_folder(folder: Path, problems: list[Problem]) -> tuple[SqlCheck, ...]:
    """Returns the checks of all .sql files in the folder, by name; every mistake is added to the problems."""
    paths = sorted(folder.glob("*.sql"))
    if not paths:
        problems.append(Problem(str(folder), "no .sql file", "a folder of checks", "correct the path, or add a check"))
    checks = (_read(path, problems) for path in paths)
    return tuple(check for check in checks if check is not None)


def _read(path: Path, problems: list[Problem]) -> SqlCheck | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), type(error).__name__, "a readable file in UTF-8", "correct the file"))
        return None
    return parse(path.stem, text, problems)


def parse(name: str, text: str, problems: list[Problem]) -> SqlCheck | None:
    """Returns the check of a file's text; None, and its problems, when it can't be used."""
    try:
        file = sql_file.parse(name, text)
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(name, str(error), "TOML behind --:", "correct the line"))
        return None
    head, mistakes = reader.read(SqlCheckHead, file.head, partial(_build_problem, name))
    mistakes += tuple(_find_query_problems(file))
    check = SqlCheck(name=name, query=file.body, **vars(head)) if head else None
    mistakes += tuple(_find_placeholder_problems(check)) if check else ()
    problems += mistakes
    return None if mistakes else check


def _build_problem(name: str, fault: KeyFault) -> Problem:
    problem = build_problem(fault)
    return replace(problem, subject=f"{name}.{problem.subject}")


def _find_query_problems(file: sql_file.SqlFile) -> Iterator[Problem]:
    if not re.search(r"\bok\b", file.body):
        fix = "select ... as ok, <keys> from ..."
        yield Problem(file.name, show_value(file.body[:40] or "no query"), "a query with a column ok", fix)
    if ";" in _remove_literals(file.body):
        yield Problem(file.name, ";", "one statement", "make a file of each")


def _find_placeholder_problems(check: SqlCheck) -> Iterator[Problem]:
    if check.each is None and (unknown := check.placeholders - list_placeholders(check)):
        fix = f"one of {', '.join(sorted(list_placeholders(check)))}, or each = ... for those of a list"
        yield Problem(check.name, f"{{{min(unknown)}}}", "a placeholder that is filled in", fix)


def list_placeholders(check: SqlCheck) -> frozenset[str]:
    """Returns the placeholders that are filled in for every check; those of its list come on top."""
    return frozenset({RESTORE_POINT, *([check.extension] if check.extension else [])})


def _remove_literals(query: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*", "", query)
