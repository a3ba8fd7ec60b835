"""Checks that are a .sql file: those of sql/checks/, and a team's own from any folder.

The query answers with one row for each thing that it looked at. Its column `ok` says whether that is as it should be
(null: can't be said); the other columns tell a person which thing it is: keys, never data. Over the query, in lines
that begin with `--:`, stands in TOML what the check needs to be one (sql/checks/README.md has the list).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from validation.expectations.model import SqlCheck
from validation.expectations.reader import SectionReader
from validation.problems import Problem, Problems
from validation.sql import sql_file
from validation.sql.queries import FOLDER
from validation.sql.sql_file import SqlFile
from validation.verdict import Severity, Verdict

KEYS = (
    "things",
    "needed",
    "fix",
    "severity",
    "inconclusive",
    "nothing",
    "timeout_seconds",
    "each",
    "extension",
    "from_version",
    "settings",
    "as_in_source",
)
RESTORE_POINT = "restore_point"


@cache
def built_in() -> tuple[SqlCheck, ...]:
    """Those of this package."""
    problems = Problems()
    found = read_folder(FOLDER / "checks", problems)
    if problems.found:
        raise ValueError("\n".join(problem.line for problem in problems.found))
    return found


@cache
def lists() -> Mapping[str, SqlFile]:
    """What `each` can name, with the queries that list the things."""
    return MappingProxyType({path.stem: sql_file.read(path) for path in sorted((FOLDER / "each").glob("*.sql"))})


def read_folder(folder: Path, problems: Problems) -> tuple[SqlCheck, ...]:
    """The checks of all .sql files in the folder, by name; every mistake is added to the problems."""
    paths = sorted(folder.glob("*.sql"))
    if not paths:
        problems.add(str(folder), "no .sql file", "a folder of checks", "correct the path, or add a check")
    found = (_read(path, problems) for path in paths)
    return tuple(check for check in found if check is not None)


def parse(name: str, text: str, problems: Problems) -> SqlCheck | None:
    """One check; None, and the problems, when it can't be used."""
    before = len(problems.found)
    try:
        file = sql_file.parse(name, text)
    except tomllib.TOMLDecodeError as error:
        problems.found.append(Problem(name, str(error), "TOML behind --:", "correct the line"))
        return None
    check = _check(file, SectionReader.of(name, file.head, KEYS, problems))
    return check if len(problems.found) == before else None


def _read(path: Path, problems: Problems) -> SqlCheck | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.add(str(path), type(error).__name__, "a readable file in UTF-8", "correct the file")
        return None
    return parse(path.stem, text, problems)


def _check(file: SqlFile, head: SectionReader) -> SqlCheck:
    severity = _one_of(head, "severity", Severity) or Severity.BLOCKING
    check = SqlCheck(
        name=file.name,
        query=file.body,
        things=head.text("things", required=True) or "",
        needed=head.text("needed", required=True) or "",
        fix=head.text("fix", required=True) or "",
        severity=severity,
        inconclusive=_one_of(head, "inconclusive", Severity) or severity,
        nothing=Verdict.PASS if _word(head, "nothing", ("pass", "inconclusive")) == "pass" else Verdict.INCONCLUSIVE,
        timeout_seconds=head.number("timeout_seconds", above=True),
        each=_word(head, "each", lists().keys()),
        extension=head.text("extension"),
        from_version=head.whole("from_version") or 0,
        settings=tuple(sorted((key, str(value)) for key, value in head.section("settings", None).values.items())),
        as_in_source=_one_of(head, "as_in_source", Severity) or Severity.BLOCKING,
    )
    _refuse(check, head)
    return check


def _refuse(check: SqlCheck, head: SectionReader) -> None:
    if not re.search(r"\bok\b", check.query):
        needed = "a query with a column ok"
        head.problems.add(check.name, check.query[:40] or "no query", needed, "select ... as ok, <keys> from ...")
    if ";" in _without_texts(check.query):
        head.problems.add(check.name, ";", "one statement", "make a file of each")
    if check.each is None and (unknown := check.placeholders - known(check)):
        fix = f"one of {', '.join(sorted(known(check)))}, or each = ... for those of a list"
        head.problems.add(check.name, f"{{{min(unknown)}}}", "a placeholder that is filled in", fix)


def known(check: SqlCheck) -> frozenset[str]:
    """The placeholders that are filled in for every check; those of its list come on top."""
    return frozenset({RESTORE_POINT, *([check.extension] if check.extension else [])})


def _without_texts(query: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*", "", query)


def _one_of(head: SectionReader, key: str, kind: type[Severity]) -> Severity | None:
    word = _word(head, key, [str(value) for value in kind])
    return kind(word) if word is not None else None


def _word(head: SectionReader, key: str, words: Collection[str]) -> str | None:
    word = head.text(key)
    if word is None or word in words:
        return word
    head.refuse(key, f"one of {', '.join(sorted(words))}", "correct it")
    return None
