"""The schema of a database as text that can be compared: {section: {identity: definition}}.

Each section is a query in sql/schema/, wrapped in sql/schema_section.sql; adding one takes a file. It holds no data
and no secret: of function bodies and of applications' own settings only hashes. Definitions are printed by the
server, so two major versions of PostgreSQL may word the same thing differently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import LiteralString, cast

from psycopg import sql

from validation.connect.query import Answer, Answers, Question, Side
from validation.sql import sql_file
from validation.sql.queries import FOLDER, query
from validation.sql.sql_file import SqlFile
from validation.verdict import Severity

SchemaSection = Mapping[str, str]
LONGEST = 160
"""Characters of a definition in a line of a diff; a changed one is cut around the first difference."""


class ChangeKind(StrEnum):
    """How an object differs from what is wanted."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED = "changed"


@dataclass(frozen=True, order=True)
class Change:
    """One object that isn't as wanted; `wanted` is empty for an extra one, `found` for a missing one."""

    section: str
    identity: str
    kind: ChangeKind
    wanted: str = ""
    found: str = ""

    def __str__(self) -> str:
        if self.kind is ChangeKind.CHANGED:
            expected, actual = _cut_around(self.wanted, self.found)
            return f"{self.identity} changed: wanted `{expected}`, found `{actual}`"
        return f"{self.identity} {self.kind}: `{_cut(self.wanted or self.found)}`"


@dataclass(frozen=True)
class SchemaSnapshot:
    """The sections that could be read. Equal schemas have equal fingerprints and digests."""

    sections: Mapping[str, SchemaSection] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def digest(self) -> str:
        """SHA-256 over everything, in hex."""
        text = json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, dict[str, str]]:
        """Returns {section: {identity: definition}}, sorted."""
        return {name: dict(sorted(section.items())) for name, section in sorted(self.sections.items())}

    @classmethod
    def from_json(cls, data: Mapping[str, Mapping[str, str]]) -> SchemaSnapshot:
        """Reads what `as_json` returned."""
        return cls({name: dict(section) for name, section in data.items()})


@cache
def read_files() -> Mapping[str, SqlFile]:
    """Returns the sections by name, with the heads of their files."""
    return MappingProxyType({path.stem: sql_file.read(path) for path in sorted((FOLDER / "schema").glob("*.sql"))})


def choose_severity(section: str) -> Severity:
    """Returns what a difference in this section counts for: the `severity` over its query, BLOCKING without."""
    return Severity(read_files()[section].head.get("severity", Severity.BLOCKING))


def build_question(section: str, side: Side = Side.CANDIDATE) -> Question:
    """Builds the question for one section."""
    body = sql.SQL(cast(LiteralString, read_files()[section].body))
    return Question(
        f"{side}:schema:{section}", query("schema_section", own_relations=query("own_relations"), section=body), side
    )


def build_questions(side: Side = Side.CANDIDATE) -> tuple[Question, ...]:
    """Builds the questions for a whole schema."""
    return tuple(build_question(section, side) for section in read_files())


def read_section(answer: Answer) -> SchemaSection:
    """Returns the answer to `build_question`, {identity: definition}."""
    return {identity: definition or "" for identity, definition in answer.row["items"].items()}


def read(answers: Answers, side: Side = Side.CANDIDATE) -> SchemaSnapshot:
    """Returns the sections that were answered: one that is missing here could not be read, and proves nothing."""
    outcomes = {name: answers.get(build_question(name, side).id) for name in read_files()}
    return SchemaSnapshot(
        {name: read_section(answer) for name, answer in outcomes.items() if isinstance(answer, Answer)}
    )


def diff(expected: SchemaSnapshot, actual: SchemaSnapshot) -> tuple[Change, ...]:
    """Returns what differs in the sections that both have, sorted by section and identity."""
    both = sorted(expected.sections.keys() & actual.sections.keys())
    return tuple(change for name in both for change in compare(name, expected.sections[name], actual.sections[name]))


def compare(name: str, expected: SchemaSection, actual: SchemaSection) -> Iterator[Change]:
    """Yields what differs within one section, sorted by identity."""
    for identity in sorted(expected.keys() | actual.keys()):
        if identity not in actual:
            yield Change(name, identity, ChangeKind.MISSING, wanted=expected[identity])
        elif identity not in expected:
            yield Change(name, identity, ChangeKind.EXTRA, found=actual[identity])
        elif expected[identity] != actual[identity]:
            yield Change(name, identity, ChangeKind.CHANGED, expected[identity], actual[identity])


def as_text(changes: tuple[Change, ...]) -> str:
    """Returns a diff for people, one line for an object, in groups by section; empty without changes."""
    lines: list[str] = []
    for change in changes:
        heading = f"{change.section}:"
        if heading not in lines:
            lines.append(heading)
        lines.append(f"  {change}")
    return "\n".join(lines) + ("\n" if lines else "")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _cut_around(expected: str, actual: str) -> tuple[str, str]:
    """Both definitions, long ones from a little before their first difference."""
    if max(len(expected), len(actual)) <= LONGEST:
        return expected, actual
    same = next(
        (i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b), min(len(expected), len(actual))
    )
    start = max(0, same - 40)
    dots = "..." if start else ""
    return _cut(dots + expected[start:]), _cut(dots + actual[start:])
