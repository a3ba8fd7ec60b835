"""V.3, "no obvious data corruption": foreign keys by anti-join, and sequences. Needs no declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import LiteralString, cast

from psycopg import sql

from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.checks.common import build_fault_list, compose_key
from validation.connect.query import Answer, Question
from validation.expectations.table_names import quote
from validation.schema.catalog import Catalog, ForeignKey, SequenceUse
from validation.sql.queries import query
from validation.terminal import format_number
from validation.verdict import Severity

OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
NO_ORPHANS = "every row has the row it refers to"


def build_checks(catalog: Catalog) -> Iterator[Check]:
    """Yields a check for each sequence that fills a column, and for each foreign key."""
    for use in catalog.sequences:
        yield build_sequence_check(use)
    for key in catalog.foreign_keys:
        facts = catalog.by_name.get(key.child)
        yield build_foreign_key_check(key, facts.key if facts else ())


def build_sequence_check(use: SequenceUse) -> Check:
    """Builds the check of a sequence. One behind its column makes the next inserts fail, or collide where there is no
    unique key."""
    name = f"sequence:{use.table}.{quote(use.column)}"
    needed = "the next value beyond every value in the column"
    if use.cycles or not use.number:
        why = "it cycles" if use.cycles else "the column is no number"
        judgement = judge_inconclusive(
            f"{use.sequence} can't be compared: {why}",
            needed,
            "docs/checks.md: look at it by hand",
        )
        return build_settled(name, judgement, Severity.ADVISORY)

    def judge(answers: Sequence[Answer]) -> Judgement:
        row = answers[0].row
        following = int(row["last_value"]) + (use.increment if row["is_called"] else 0)
        furthest = row["furthest"]
        found = f"{use.sequence} gives {following:,} next, the column has {_format_value(furthest)}"
        behind = furthest is not None and (following - furthest) * use.increment <= 0
        if behind:
            return judge_failed(
                found,
                needed,
                "docs/checks.md: setval() past the column's value before anybody writes",
            )
        return judge_passed(found, needed)

    statement = query(
        "sequence",
        extreme=sql.SQL("max") if use.increment > 0 else sql.SQL("min"),
        column=sql.Identifier(use.column),
        table=use.table.identifier,
        sequence=use.sequence.identifier,
    )
    question = Question(f"{name}:{use.sequence}", statement)
    ahead = query(
        "faults_of_sequence",
        label=sql.Literal(use.column),
        column=sql.Identifier(use.column),
        table=use.table.identifier,
        beyond=sql.SQL(">=") if use.increment > 0 else sql.SQL("<="),
        increment=sql.Literal(use.increment),
        sequence=use.sequence.identifier,
    )
    things = f"values of {use.table}.{quote(use.column)} that {use.sequence} has yet to pass"
    return Check(name, judge, (question,), needed, faults=build_fault_list(question.id, things, ahead, question))


def build_foreign_key_check(key: ForeignKey, primary: Sequence[str]) -> Check:
    """Builds the check that no row lacks its counterpart. It judges the rows themselves: a constraint can be NOT VALID,
    or have been bypassed by a session with session_replication_role (PostgreSQL, "Client Connection Defaults")."""
    name = f"foreign-key:{key.child}.{quote(key.name)}"
    severity = Severity.BLOCKING if key.enforced else Severity.ADVISORY
    operators = [name for _, name in key.operators]
    if key.period or not all(OPERATOR.fullmatch(operator) for operator in operators):
        what = "a foreign key over periods" if key.period else f"operators {operators}"
        fix = "docs/checks.md: check it by hand, then waive with the outcome as reason"
        return build_settled(
            name, judge_inconclusive(f"{what}, which this check can't judge", NO_ORPHANS, fix), severity
        )

    def judge(answers: Sequence[Answer]) -> Judgement:
        orphans = int(answers[0].row["orphans"])
        if orphans:
            kind = "" if key.validated else " (NOT VALID)"
            found = f"{format_number(orphans, 'row')} of {key.child} without their row in {key.parent}{kind}"
            return judge_failed(
                found,
                NO_ORPHANS,
                "docs/checks.md: choose a recovery point before the rows were lost, or repair them",
            )
        return judge_passed("no row without its counterpart", NO_ORPHANS)

    parts = _compose_parts(key)
    shown = tuple(dict.fromkeys((*(primary or ("ctid",)), *key.child_columns)))
    question = Question(name, query("foreign_key", **parts), cost=key.pages)
    told = (sql.SQL("{}::text").format(sql.Identifier("c", column)) for column in (*primary, *key.child_columns))
    orphans = query("faults_of_foreign_key", columns=sql.SQL(", ").join(told), keys=compose_key(shown), **parts)
    things = f"rows of {key.child} without their row in {key.parent}"
    return Check(
        name,
        judge,
        (question,),
        NO_ORPHANS,
        Question(f"examples:{name}", query("foreign_key_examples", keys=compose_key(shown), **parts)),
        severity,
        # Every key of a live database each night would cost too much: a baseline has those where orphans are expected
        faults=build_fault_list(name, things, orphans, question, recorded=not key.validated),
    )


def _compose_parts(key: ForeignKey) -> dict[str, sql.Composable]:
    """The anti-join's parts, with the operators and the parent's collations, as the constraint itself compares."""
    columns = zip(key.parent_columns, key.operators, key.child_columns, key.collations, strict=True)
    match = (
        sql.SQL("{} operator({}.{}) {}{}").format(
            sql.Identifier("p", theirs),
            sql.Identifier(schema),
            sql.SQL(cast(LiteralString, operator)),
            sql.Identifier("c", ours),
            sql.SQL(" collate {}").format(sql.Identifier(*collation)) if collation else sql.SQL(""),
        )
        for theirs, (schema, operator), ours, collation in columns
    )
    filled = (sql.SQL("{} is not null").format(sql.Identifier("c", column)) for column in key.child_columns)
    return {
        "child": _compose_relation(key.child.identifier, partitioned=key.child_partitioned),
        "parent": _compose_relation(key.parent.identifier, partitioned=key.parent_partitioned),
        "applies": sql.SQL("({})").format((sql.SQL(" or ") if key.full else sql.SQL(" and ")).join(filled)),
        "match": sql.SQL(" and ").join(match),
    }


def _compose_relation(identifier: sql.Identifier, *, partitioned: bool) -> sql.Composable:
    return identifier if partitioned else sql.SQL("only {}").format(identifier)


def _format_value(furthest: object) -> str:
    return "no value" if furthest is None else f"{furthest}"
