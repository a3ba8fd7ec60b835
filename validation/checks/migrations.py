"""V.3, the schema's version: Prisma's migrations table.

Prisma leaves a row without finished_at when a migration broke off, and sets rolled_back_at when somebody
ran `migrate resolve --rolled-back`; a later run of the same migration has a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from validation.baseline.faults import Fault, FaultList, Faults
from validation.checks.check import Check, Judgement, judge_failed, judge_passed
from validation.checks.common import build_missing_column, build_missing_table
from validation.connect.query import Answer, Question
from validation.expectations.model import PRISMA_MIGRATIONS, Migrations
from validation.schema.catalog import Catalog
from validation.sql.queries import query
from validation.terminal import format_number
from validation.verdict import Severity

COLUMNS = ("migration_name", "checksum", "started_at", "finished_at", "rolled_back_at")
Migration = Mapping[str, Any]


def build_checks(catalog: Catalog, declared: Migrations | None) -> Iterator[Check]:
    """Yields the checks. Broken-off migrations are looked for wherever Prisma's table is, the applied ones where
    declared."""
    if declared is None and PRISMA_MIGRATIONS not in catalog.by_name:
        return
    expected = declared or Migrations()
    facts = catalog.by_name.get(expected.table)
    absent = [column for column in COLUMNS if facts and column not in facts.columns]
    if facts is None:
        yield build_missing_table("migrations", expected.table)
    elif absent:
        yield build_missing_column("migrations", ", ".join(absent))
    else:
        yield _build_migrations_check(expected)
        if expected.checksums:
            yield _build_checksums_check(expected)


def _build_migrations_check(expected: Migrations) -> Check:
    needed = _describe_needed(expected)

    def judge(answers: Sequence[Answer]) -> Judgement:
        migrations: list[Migration] = answers[0].row["migrations"]
        applied_names = find_applied(migrations)
        problems = [*find_incomplete(migrations, applied_names), *_find_unexpected(applied_names, expected)]
        if problems:
            fix = "docs/checks.md: another recovery point, or finish it with prisma migrate resolve"
            return judge_failed("; ".join(problems), needed, fix)
        return judge_passed(
            f"{format_number(len(applied_names), 'migration')} applied, last {applied_names[-1]}", needed
        )

    return Check("migrations", judge, (_build_question(expected),), needed, faults=_build_fault_list(expected))


def _build_fault_list(expected: Migrations) -> FaultList:
    """What is declared decides, whatever the source has."""

    def read(answer: Answer) -> Faults:
        migrations: list[Migration] = answer.row["migrations"]
        applied_names = find_applied(migrations)
        listed = [Fault(text, {"migration": text}) for text in find_incomplete(migrations, applied_names)]
        listed += [Fault(text, {"migration": text}, decides=True) for text in _find_unexpected(applied_names, expected)]
        return Faults(len(listed), tuple(listed))

    question = replace(_build_question(expected), id=f"faults:migrations:{expected.table}")
    return FaultList("migrations, not as they should be", question, read)


def _build_checksums_check(expected: Migrations) -> Check:
    """Advisory: a script that was edited after it was applied says nothing of the data, but somebody should know."""
    checksums = dict(expected.checksums)
    needed = "the checksums of the folder's migration.sql files"

    def judge(answers: Sequence[Answer]) -> Judgement:
        migrations: list[Migration] = [m for m in answers[0].row["migrations"] if m["rolled_back"] is None]
        edited = [m["name"] for m in migrations if m["name"] in checksums and m["checksum"] not in checksums[m["name"]]]
        if edited:
            fix = "docs/checks.md: is this the release that wrote this database? compare the scripts"
            return judge_failed(
                f"another script than that of {', '.join(dict.fromkeys(edited))} was applied", needed, fix
            )
        return judge_passed(f"the scripts of {format_number(len(checksums), 'migration')}", needed)

    return Check("migration-checksums", judge, (_build_question(expected),), needed, severity=Severity.ADVISORY)


def _build_question(expected: Migrations) -> Question:
    return Question("migrations", query("migrations", table=expected.table.identifier))


def find_applied(migrations: Sequence[Migration]) -> list[str]:
    """Returns the names of the applied migrations in the order in which they were finished."""
    complete = [m for m in migrations if m["finished"] is not None and m["rolled_back"] is None]
    complete.sort(key=lambda m: (m["finished"], m["started"], m["name"]))
    return list(dict.fromkeys(m["name"] for m in complete))


def find_broken(migrations: Sequence[Migration]) -> list[str]:
    """Returns what is unfinished, or rolled back and not applied by a later run."""
    applied_names = set(find_applied(migrations))
    unfinished = {m["name"] for m in migrations if m["finished"] is None and m["rolled_back"] is None}
    back = {m["name"] for m in migrations if m["rolled_back"] is not None} - applied_names
    return [f"{name} is unfinished" for name in sorted(unfinished)] + [
        f"{name} was rolled back" for name in sorted(back - unfinished)
    ]


def find_incomplete(migrations: Sequence[Migration], applied_names: Sequence[str]) -> list[str]:
    """Returns what is `broken`, or that nothing is applied at all."""
    return [*find_broken(migrations), *([] if applied_names else ["no migration is applied"])]


def _find_unexpected(applied_names: Sequence[str], expected: Migrations) -> list[str]:
    problems: list[str] = []
    if expected.last is not None and applied_names and applied_names[-1] != expected.last:
        problems.append(f"last applied is {applied_names[-1]}")
    if expected.applied is not None:
        problems += [f"{name} is not applied" for name in expected.applied if name not in applied_names]
        problems += [f"{name} is applied but not expected" for name in applied_names if name not in expected.applied]
    return problems


def _describe_needed(expected: Migrations) -> str:
    parts = ["all finished, none rolled back"]
    if expected.last is not None:
        parts.append(f"last {expected.last}")
    if expected.applied is not None:
        parts.append(f"exactly the {format_number(len(expected.applied), 'migration')} that are declared")
    return "; ".join(parts)
