"""Checks that are .sql files: their queries completed, their answers judged, all in one way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import LiteralString, cast

from psycopg import sql

from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.checks.common import build_fault_list, read_example
from validation.connect.query import BORROWED, Answer, Question, Row
from validation.expectations.sql_checks import PLACEHOLDER, RESTORE_POINT, SqlCheck, read_built_in
from validation.expectations.table_names import quote
from validation.schema.catalog import list_question
from validation.sql.queries import query
from validation.verdict import Severity, Verdict

Pieces = Mapping[str, sql.Composable]

AMCHECK = "amcheck"
"""Its functions call what a table brings along with the rights of the table's owner, not of the caller (CVE-2022-1552,
fixed in PostgreSQL 14.3, 13.7, 12.11, 11.16 and 10.21). Of the checks that come along, whose queries read nothing but
the catalogs besides, that makes those with this extension safe for any login."""


@dataclass(frozen=True)
class QueryContext:
    """What queries are completed with: `listed` are the things by list, `extensions` the schema of each."""

    listed: Mapping[str, Sequence[Row]]
    extensions: Mapping[str, str]
    version: int
    restore_point: datetime | None = None


def build_checks(checks: Sequence[SqlCheck], around: QueryContext) -> Iterator[Check]:
    """Yields the checks of all files: one for each, or one for each thing of its list."""
    return chain.from_iterable(_build_checks_of_file(check, around) for check in checks)


def _build_checks_of_file(check: SqlCheck, around: QueryContext) -> Iterator[Check]:
    missing = _find_missing(check, around)
    if missing:
        found, fix = missing
        yield build_settled(check.name, judge_inconclusive(found, check.needed, fix), check.inconclusive)
    elif check.each is None:
        yield _complete(check, check.name, _list_pieces(check, around))
    elif check.each not in around.listed:
        yield _build_unlisted_check(check, check.each)
    elif things := around.listed[check.each]:
        for thing in sorted(things, key=lambda thing: [str(part) for part in thing["subject"]]):
            yield _build_check_of_thing(check, thing, around)
    else:
        yield build_settled(check.name, _judge_nothing(check), check.inconclusive)


def _find_missing(check: SqlCheck, around: QueryContext) -> tuple[str, str] | None:
    """What the check can't do without, and how it is had."""
    if around.version < check.from_version:
        return f"PostgreSQL {around.version}", f"it needs PostgreSQL {check.from_version}: look at it by hand"
    if RESTORE_POINT in check.placeholders and around.restore_point is None:
        return "no time to compare with", "give the restore point; for `latest` the time at which writing had stopped"
    return None


def _build_unlisted_check(check: SqlCheck, name: str) -> Check:
    """Without an answer to what there is, the question for it says why."""
    question = list_question(name)
    return Check(check.name, lambda _: _judge_nothing(check), (question,), check.needed, severity=check.inconclusive)


def _build_check_of_thing(check: SqlCheck, thing: Row, around: QueryContext) -> Check:
    name = f"{check.name}:{'.'.join(quote(part) for part in thing['subject'])}"
    if thing.get("unjudged"):
        fix = "docs/checks.md: look at it by hand, or with amcheck"
        return build_settled(
            name,
            judge_inconclusive(f"{thing['unjudged']}, which can't be judged", check.needed, fix),
            Severity.ADVISORY,
        )
    # The server itself wrote these pieces, with quote_ident and its like
    own = {key: _compose_sql(str(value)) for key, value in thing.items() if value is not None}
    return _complete(check, name, {**own, **_list_pieces(check, around)}, int(thing["pages"] or 0))


def _list_pieces(check: SqlCheck, around: QueryContext) -> Pieces:
    point = around.restore_point
    pieces: dict[str, sql.Composable] = {}
    if point is not None:
        pieces[RESTORE_POINT] = sql.SQL("{}::timestamptz").format(sql.Literal(point.astimezone(UTC).isoformat()))
    if check.extension is not None:
        pieces[check.extension] = sql.Identifier(around.extensions.get(check.extension, BORROWED))
    return pieces


def _complete(check: SqlCheck, name: str, pieces: Pieces, pages: int = 0) -> Check:
    try:
        parts = {"lists": _compose_lists(check), "query": _fill(check.query, pieces)}
    except KeyError as error:
        found = f"the query has {{{error.args[0]}}}, for which {check.each} has no value"
        return build_settled(
            name,
            judge_inconclusive(found, check.needed, "docs/checks.md: correct the query"),
            check.severity,
        )
    question = Question(
        f"sql:{name}",
        query("sql_check", **parts),
        cost=pages,
        seconds=check.timeout_seconds,
        settings=check.settings,
        borrows=check.extension if check.extension and pieces[check.extension] == sql.Identifier(BORROWED) else None,
        administrative=check.extension == AMCHECK and check in read_built_in(),
    )
    judged = Check(name, lambda answers: judge(check, answers[0]), (question,), check.needed, severity=check.severity)
    judged = replace(judged, inconclusive=check.inconclusive)
    if check.as_in_source is Severity.BLOCKING:
        return judged
    faults = query("faults_of_sql_check", **parts)
    return replace(judged, faults=build_fault_list(name, check.things, faults, question, recorded=check.each is None))


def _compose_lists(check: SqlCheck) -> sql.Composable:
    """The lists `schemas` and `relations`, where the query reads them."""
    return query("own_relations") if re.search(r"\b(schemas|relations)\b", check.query) else sql.SQL("")


def _fill(text: str, pieces: Pieces) -> sql.Composed:
    """The query with its {placeholders} replaced; other braces stay. Raises KeyError for an unknown one."""
    parts = PLACEHOLDER.split(text)
    return sql.Composed([pieces[part] if position % 2 else _compose_sql(part) for position, part in enumerate(parts)])


def _compose_sql(text: str) -> sql.SQL:
    return sql.SQL(cast(LiteralString, text))


def judge(check: SqlCheck, answer: Answer) -> Judgement:
    """Returns FAIL for one wrong thing, INCONCLUSIVE where it can't be said of one, otherwise PASS, if there was
    anything."""
    examined, good, wrong = (int(answer.row[count]) for count in ("examined", "good", "wrong"))
    if wrong:
        examples = tuple(read_example(values) for values in answer.row["examples"])
        of_all = f" of {examined:,}" if wrong < examined else ""
        return judge_failed(f"{check.things}: {wrong:,}{of_all} wrong", check.needed, check.fix, examples)
    if good < examined:
        said = f"{check.things}: of {examined - good:,} of {examined:,} it can't be said"
        return judge_inconclusive(said, check.needed, check.fix)
    return judge_passed(f"{check.things}: {examined:,} right", check.needed) if examined else _judge_nothing(check)


def _judge_nothing(check: SqlCheck) -> Judgement:
    fix = "docs/checks.md: is this the right database? correct the check, or give it `nothing = pass`"
    return Judgement(check.nothing, f"no {check.things}", check.needed, "" if check.nothing is Verdict.PASS else fix)
