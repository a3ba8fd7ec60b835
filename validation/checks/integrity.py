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
from validation.schema.sample import BY_INDEX, Runs, Sampling, compose_sampled, is_small, measure_chance
from validation.sql.queries import query
from validation.terminal import format_number
from validation.verdict import Severity

OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
NO_ORPHANS = "every row has the row it refers to"


def build_checks(catalog: Catalog, sampling: Sampling | None = None) -> Iterator[Check]:
    """Yields a check for each sequence that fills a column, and for each foreign key. With `sampling`, of large tables
    some rows are looked up."""
    for use in catalog.sequences:
        yield build_sequence_check(use, choose_values(use, catalog, sampling))
    for key in catalog.foreign_keys:
        facts = catalog.by_name.get(key.child)
        yield build_foreign_key_check(key, facts.key if facts else (), choose_children(key, catalog, sampling))


def choose_values(use: SequenceUse, catalog: Catalog, sampling: Sampling | None) -> tuple[Runs, ...]:
    """Returns what is read of a column that a sequence fills; empty where an index tells its furthest value, or all of
    it is read."""
    facts = catalog.by_name.get(use.table)
    if sampling is None or facts is None or use.column in facts.ordered or is_small(facts.leaves):
        return ()
    return tuple(sampling.choose_runs(leaf) for leaf in facts.leaves)


def choose_children(key: ForeignKey, catalog: Catalog, sampling: Sampling | None) -> tuple[Runs, ...]:
    """Returns the rows that are looked up in the table that they refer to; empty where it is all of them."""
    child, parent = catalog.by_name.get(key.child), catalog.by_name.get(key.parent)
    if sampling is None or child is None or parent is None or (is_small(child.leaves) and is_small(parent.leaves)):
        return ()
    leaves = [leaf for leaf in child.leaves if key.child_partitioned or leaf.table == key.child]
    return sampling.share_lookups(leaves, sum(leaf.blocks for leaf in parent.leaves))


def build_sequence_check(use: SequenceUse, sampled: Sequence[Runs] = ()) -> Check:
    """Builds the check of a sequence. One behind its column makes the next inserts fail, or collide where there is no
    unique key. `sampled` is what is read of the column, where that isn't all."""
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
        read = " in the rows that were read" if sampled else ""
        found = f"{use.sequence} gives {following:,} next, the column has {_format_value(furthest)}{read}"
        behind = furthest is not None and (following - furthest) * use.increment <= 0
        if behind:
            return judge_failed(
                found,
                needed,
                "docs/checks.md: setval() past the column's value before anybody writes",
            )
        return judge_passed(found, needed)

    parts = {
        "extreme": sql.SQL("max") if use.increment > 0 else sql.SQL("min"),
        "column": sql.Identifier(use.column),
        "sequence": use.sequence.identifier,
    }
    if sampled:
        rows = compose_sampled(sampled, (use.column,))
        pages = sum(part.blocks for part in sampled)
        question = Question(f"{name}:{use.sequence}", query("sample_sequence", rows=rows, **parts), cost=pages)
        return Check(name, judge, (question,), needed, chance=measure_chance(sampled))
    question = Question(f"{name}:{use.sequence}", query("sequence", table=use.table.identifier, **parts))
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


def build_foreign_key_check(key: ForeignKey, primary: Sequence[str], looked_up: Sequence[Runs] = ()) -> Check:
    """Builds the check that no row lacks its counterpart. It judges the rows themselves: a constraint can be NOT VALID,
    or have been bypassed by a session with session_replication_role (PostgreSQL, "Client Connection Defaults").
    `looked_up` are the rows that are judged, where these aren't all."""
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
        of = f" among {format_number(int(answers[0].row['probed']), 'row')} that were looked up" if looked_up else ""
        return judge_passed(f"no row without its counterpart{of}", NO_ORPHANS)

    parts = _compose_parts(key)
    shown = tuple(dict.fromkeys((*(primary or ("ctid",)), *key.child_columns)))
    tables = tuple(dict.fromkeys((str(key.child), str(key.parent))))
    if looked_up:
        parts["child"] = compose_sampled(looked_up, (*primary, *key.child_columns))
        pages = sum(part.pages for part in looked_up)
        question = Question(name, query("sample_foreign_key", **parts), cost=pages, settings=BY_INDEX, reads=tables)
        examples = Question(
            f"examples:{name}",
            query("foreign_key_examples", keys=compose_key(shown), **parts),
            cost=pages,
            settings=BY_INDEX,
        )
        chance = measure_chance(looked_up)
        return Check(name, judge, (question,), NO_ORPHANS, examples, severity, chance=chance)
    question = Question(name, query("foreign_key", **parts), cost=key.pages, reads=tables)
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
