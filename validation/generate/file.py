"""A survey as a first file of expectations, with comments that say what to do with it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from validation.baseline.model import TableState
from validation.expectations.model import PRISMA_MIGRATIONS, Role
from validation.expectations.table_names import Table
from validation.generate.survey import Survey
from validation.schema.catalog import TableFacts
from validation.terminal import make_printable
from validation.times import format_rfc3339_micros

PLAIN = re.compile(r"[A-Za-z0-9_-]+")
KEPT = 0.9
"""Part of today's rows that a restore must have: a table may lose some on a normal day."""
HEAD = """\
What a restored copy of this database must hold: checked by `python -m validation run`.
Written from {database} at {taken}. It passes there; read it, correct it, and put it under review.
docs/expectations.md has every key. What is commented out needs a decision of yours.
"""


def render(survey: Survey) -> str:
    """Returns the whole file; reading it gives no mistake."""
    parts = (
        _render_head(survey),
        _render_tables(survey),
        _render_freshness(survey),
        _must_exist(survey),
        _render_migrations(survey.migrations),
        _render_pairs("settings", survey.settings, "Settings that a restore must not change."),
        _render_extensions(survey.extensions),
        *(_render_role(role) for role in survey.roles),
    )
    written = ("\n".join(part) for part in parts)
    return "\n\n".join(part for part in written if part) + "\n"


def format_string(value: str) -> str:
    """Returns a text as a TOML basic string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def format_key(name: str) -> str:
    """Returns a name as a TOML key."""
    return name if PLAIN.fullmatch(name) else format_string(name)


def _format_table(table: Table) -> str:
    """As people write it in this file."""
    return table.name if table.schema == "public" and PLAIN.fullmatch(table.name) else str(table)


def _format_comment(line: str) -> str:
    return make_printable(f"# {line}").replace("\n", " ")


def _render_head(survey: Survey) -> Iterator[str]:
    baseline = survey.baseline
    for line in HEAD.splitlines():
        yield _format_comment(line.format(database=baseline.database, taken=format_rfc3339_micros(baseline.taken)))
    declared = ["rows", *(["migrations"] if survey.migrations else [])]
    yield ""
    yield f"required = [{', '.join(format_string(family) for family in declared)}]"
    yield ""
    yield "[server]"
    yield f"version = {baseline.server_version.partition('.')[0]}"
    yield f"database = {format_string(baseline.database)}"


def _render_tables(survey: Survey) -> Iterator[str]:
    yield _format_comment(f"Rows: {KEPT:.0%} of today's. With a baseline, at_least_of_baseline = 0.99 follows growth.")
    for table, state in survey.baseline.tables.items():
        yield ""
        yield _format_comment(f"{state.rows:,} rows at {format_rfc3339_micros(survey.baseline.taken)}")
        yield f"[tables.{format_key(_format_table(table))}]"
        yield f"min = {max(min(state.rows, 1), int(state.rows * KEPT))}"


def _render_freshness(survey: Survey) -> Iterator[str]:
    yield _format_comment("Newest values against the restore point (run --restore-point; a restore always gives it).")
    yield _format_comment(
        "Which of these does the application write all day? Uncomment them, and set how old they may be."
    )
    for table, state in survey.baseline.tables.items():
        past = {column: at for column, at in state.newest.items() if at <= survey.baseline.taken}
        if past and table != PRISMA_MIGRATIONS:
            column = max(past, key=lambda name: past[name])
            age = survey.baseline.taken - past[column]
            yield from _render_suggested(
                "freshness",
                f"table = {format_string(_format_table(table))}",
                f"column = {format_string(column)}",
                f"tolerance_seconds = {_choose_tolerance(age)}",
            )


def _choose_tolerance(age: timedelta) -> int:
    """Twice the age, of five minutes at least, in whole minutes."""
    return 60 * max(5, round(2 * age.total_seconds() / 60))


def _must_exist(survey: Survey) -> Iterator[str]:
    yield _format_comment(
        "Rows that everybody knows, by their keys: an administrator, a first customer. Fill in, uncomment."
    )
    keyed = [facts for facts in survey.catalog.tables if facts.key and not facts.partition]
    for facts in sorted(keyed, key=lambda f: (-_choose_rows(survey.baseline.tables.get(f.table)), f.table))[:3]:
        yield from _render_suggested(
            "must_exist", f"table = {format_string(_format_table(facts.table))}", f"key = {{ {_format_values(facts)} }}"
        )


def _choose_rows(state: TableState | None) -> int:
    return state.rows if state else 0


def _format_values(facts: TableFacts) -> str:
    return ", ".join(f'{format_key(column)} = "..."' for column in facts.key)


def _render_suggested(section: str, *lines: str) -> Iterator[str]:
    yield "#"
    yield _format_comment(f"[[{section}]]")
    yield from (_format_comment(line) for line in lines)


def _render_migrations(applied: Sequence[str]) -> Iterator[str]:
    if applied:
        yield _format_comment(
            'Exactly these. In the application\'s repository, rather: directory = "prisma/migrations"'
        )
        yield "[migrations]"
        yield f"applied = [\n{''.join(f'  {format_string(name)},' + chr(10) for name in applied)}]"


def _render_pairs(section: str, values: Mapping[str, str], comment: str) -> Iterator[str]:
    if values:
        yield _format_comment(comment)
        yield f"[{section}]"
        yield from (f"{format_key(name)} = {format_string(value)}" for name, value in values.items())


def _render_extensions(extensions: Mapping[str, str]) -> Iterator[str]:
    if extensions:
        yield _format_comment(
            'Any version will do: a new instance can bring a later one. To require this one, write it instead of "any".'
        )
        yield "[extensions]"
        yield from (f'{format_key(name)} = "any"  {_format_comment(version)}' for name, version in extensions.items())


def _render_role(role: Role) -> Iterator[str]:
    yield f"[roles.{format_key(role.name)}]"
    yield "login = true"
    yield "superuser = false"
    if role.may:
        yield f"may = [\n{''.join(f'  {format_string(str(privilege))},' + chr(10) for privilege in role.may)}]"
