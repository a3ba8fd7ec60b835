"""What the application must be able to do, tried with its own login in a transaction that is rolled back.

Each statement writes nothing, and is refused all the same where a privilege is missing. What must be possible is what
the same role may do in the source, and what the expectations declare of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from psycopg import sql

from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.connect.query import Answer, Question, Side
from validation.expectations.model import Role
from validation.expectations.privileges import Privilege, Scope
from validation.expectations.table_names import Table
from validation.sql.queries import query
from validation.verdict import Severity

SELECT, INSERT, UPDATE, DELETE, USAGE = "select", "insert", "update", "delete", "usage"
TRIED = (SELECT, INSERT, UPDATE, DELETE, USAGE)
NEEDED = "what the application does every day"
DENIED = "docs/checks.md: grant it to its role; rights given since the restore point are lost"
NOTHING_SAID = "docs/checks.md: give the source to compare with, or declare what the role may do"
May = Mapping[Table, Sequence[str]]
"""Privileges in small letters by table, `usage` by sequence."""


def build_tables_question() -> Question:
    """Asks the candidate for the tables and what trying a statement on each needs."""
    return Question("candidate:application-tables", query("application_tables", own_relations=query("own_relations")))


def may_question(role: str) -> Question:
    """Asks the source what the role may do there."""
    statement = query("application_may", own_relations=query("own_relations"), role=sql.Literal(role))
    return Question("source:application-may", statement, Side.SOURCE)


def may(answer: Answer) -> dict[Table, tuple[str, ...]]:
    """Reads the answer to `may_question`: privileges in capitals, by table."""
    return {Table(row["schema"], row["name"]): tuple(row["may"]) for row in answer.row["objects"]}


def read_columns(answer: Answer) -> dict[Table, tuple[str, ...]]:
    """Reads the answer to `build_tables_question`: the columns that statements can set, by table."""
    return {Table(row["schema"], row["name"]): tuple(row["columns"]) for row in answer.row["tables"]}


def select_declared(
    roles: Sequence[Role], role: str, here: Mapping[Table, Sequence[str]]
) -> dict[Table, tuple[str, ...]]:
    """Returns what the expectations say that the role may do with tables and sequences."""
    privileges: dict[Table, tuple[str, ...]] = {}
    for privilege in (privilege for expected in roles if expected.name == role for privilege in expected.may):
        words = tuple(word.lower() for word in privilege.words if word.lower() in TRIED)
        privileges = merge_privileges(privileges, dict.fromkeys(_select_covered(privilege, here), words))
    return privileges


def _select_covered(privilege: Privilege, here: Mapping[Table, Sequence[str]]) -> Sequence[Table]:
    if isinstance(privilege.on, Table):
        return [privilege.on]
    return [table for table in here if privilege.scope is Scope.ALL_TABLES and table.schema == privilege.on]


def merge_privileges(first: May, second: May) -> dict[Table, tuple[str, ...]]:
    """Returns everything that either of them allows."""
    return {
        table: tuple(dict.fromkeys((*first.get(table, ()), *second.get(table, ()))))
        for table in first.keys() | second.keys()
    }


def build_checks(privileges: May, here: Mapping[Table, Sequence[str]]) -> Iterator[Check]:
    """Yields one check for each privilege on each table; without any, that nothing says what the application must
    do."""
    if not any(privileges.values()):
        judgement = judge_inconclusive("nothing says what its role must do", NEEDED, NOTHING_SAID)
        yield build_settled("application", judgement, Severity.ADVISORY)
    for table, words in sorted(privileges.items()):
        for privilege in words:
            if privilege == USAGE:
                yield _build_usage_check(table)
            elif table in here and (statement := _build_statement(privilege, table, here[table])):
                yield _build_trial_check(f"application:{table}({privilege})", statement)


def _build_trial_check(name: str, statement: sql.Composed) -> Check:
    def judge(_: Sequence[Answer]) -> Judgement:
        return judge_passed("tried, and rolled back", NEEDED)

    return Check(name, judge, (Question(name, statement, Side.APPLICATION),), NEEDED)


def _build_usage_check(sequence: Table) -> Check:
    """Asked and not tried: a value that a sequence gave doesn't come back with a rollback."""
    name = f"application:{sequence}({USAGE})"

    def judge(answers: Sequence[Answer]) -> Judgement:
        if not answers[0].row["may"]:
            return judge_failed(f"no right to use sequence {sequence}", NEEDED, DENIED)
        return judge_passed("granted", NEEDED)

    statement = query("application_usage", sequence=sql.Literal(sequence.identifier.as_string(None)))
    return Check(name, judge, (Question(name, statement, Side.APPLICATION),), NEEDED)


def _build_statement(privilege: str, table: Table, settable: Sequence[str]) -> sql.Composed | None:
    """A statement that reads or writes no row, or None where the table has no column to set."""
    name = table.identifier
    if privilege == SELECT:
        return query("application_select", table=name)
    if privilege == DELETE:
        return query("application_delete", table=name)
    if not settable:
        return None
    if privilege == UPDATE:
        return query("application_update", table=name, column=sql.Identifier(settable[0]))
    columns = sql.SQL(", ").join(map(sql.Identifier, settable))
    nulls = sql.SQL(", ").join([sql.NULL] * len(settable))
    return query("application_insert", table=name, columns=columns, nulls=nulls)
