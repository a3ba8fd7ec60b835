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
from validation.expectations.sql_checks import PLACEHOLDER, RESTORE_POINT, SqlCheck, read_built_in, read_sampled
from validation.expectations.table_names import Table, quote
from validation.schema.catalog import list_question
from validation.schema.sample import RUN, SMALL, Leaf, Runs, Sampling
from validation.sql.queries import query
from validation.verdict import Severity, Verdict

Pieces = Mapping[str, sql.Composable]

AMCHECK = "amcheck"
"""Its functions call what a table brings along with the rights of the table's owner, not of the caller (CVE-2022-1552,
fixed in PostgreSQL 14.3, 13.7, 12.11, 11.16 and 10.21). Of the checks that come along, whose queries read nothing but
the catalogs besides, that makes those with this extension safe for any login."""


@dataclass(frozen=True)
class QueryContext:
    """What queries are completed with: `listed` are the things by list, `extensions` the schema of each. With
    `sampling` only a sample of a large table is read."""

    listed: Mapping[str, Sequence[Row]]
    extensions: Mapping[str, str]
    version: int
    restore_point: datetime | None = None
    sampling: Sampling | None = None

    def is_large(self, check: SqlCheck, thing: Row) -> bool:
        """Tells whether a check that comes along reads no more than a sample of a thing."""
        most = max(int(thing.get("blocks") or 0), int(thing.get("toast_blocks") or 0))
        return self.sampling is not None and most > SMALL and check in read_built_in()


@dataclass(frozen=True)
class SampledThing:
    """What is read of a large thing by each kind of question."""

    read: Runs
    looked_up: Runs
    values: Runs
    toast_blocks: int

    @property
    def pieces(self) -> Pieces:
        """What a query of sql/sampled/ is completed with."""
        return {
            "sampled": self.values.compose_rows(),
            "looked_up": self.looked_up.compose_rows(),
            "ranges": self.read.compose_ranges(),
            "with_toast": sql.Literal(not self.read.whole or self.toast_blocks <= SMALL),
            "run": sql.Literal(RUN),
            "blocks": sql.Literal(self.read.leaf.blocks),
        }

    def choose_runs(self, check: SqlCheck) -> Runs:
        """Returns the rows that a check looks at."""
        by_piece = {"sampled": self.values, "looked_up": self.looked_up, "ranges": self.read}
        return next(runs for piece, runs in by_piece.items() if piece in check.placeholders)


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
            if not around.is_large(check, thing):
                yield _build_check_of_thing(check, thing, around)
            elif check.name in read_sampled():
                yield _build_check_of_sample(check, thing, around)
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


def list_unread(checks: Sequence[SqlCheck], around: QueryContext) -> tuple[str, ...]:
    """Returns the names of the checks that a sample has no answer to: those that need the whole of a table or index."""
    return tuple(
        _name_check(check, thing)
        for check in checks
        for thing in (around.listed.get(check.each, ()) if check.each else ())
        if around.is_large(check, thing) and (check.name not in read_sampled() or _is_foreign(check, thing))
    )


def _name_check(check: SqlCheck, thing: Row) -> str:
    return f"{check.name}:{'.'.join(quote(part) for part in thing['subject'])}"


def _is_foreign(check: SqlCheck, thing: Row) -> bool:
    """A key whose type comes from an extension is looked up by no operator of PostgreSQL's own."""
    return check.each == "unique_key" and not thing["plain"] and not thing.get("unjudged")


def _build_check_of_sample(check: SqlCheck, thing: Row, around: QueryContext) -> Check:
    """Builds the check of what is read of a large thing."""
    if thing.get("unjudged"):
        return _build_check_of_thing(check, thing, around)
    if _is_foreign(check, thing):
        fix = "docs/large.md: validation.depth full reads the whole table"
        said = "a key of a type that a sample can't look up"
        return build_settled(_name_check(check, thing), judge_inconclusive(said, check.needed, fix), Severity.ADVISORY)
    of_sample = read_sampled()[check.name]
    sampled = sample_thing(thing, around)
    own = {key: _compose_sql(str(value)) for key, value in thing.items() if value is not None}
    pieces = {**own, **_list_pieces(of_sample, around), **sampled.pieces}
    runs = sampled.choose_runs(of_sample)
    pages = runs.pages if runs is sampled.looked_up else runs.blocks
    built = _complete(of_sample, _name_check(check, thing), pieces, pages, _list_read(thing))
    return replace(built, chance=runs.chance)


def sample_thing(thing: Row, around: QueryContext) -> SampledThing:
    """Returns what is read of a large thing."""
    schema, name = thing["of"]
    leaf = Leaf(Table(schema, name), int(thing["blocks"]), float(thing["rows_a_block"]))
    sampling = around.sampling or Sampling()
    toast = int(thing.get("toast_blocks") or 0)
    return SampledThing(
        sampling.choose_runs(leaf), sampling.choose_lookups(leaf), sampling.choose_values(leaf, toast), toast
    )


def _list_read(thing: Row) -> tuple[str, ...]:
    return (str(Table(*thing["of"])),) if thing.get("of") else ()


def _build_check_of_thing(check: SqlCheck, thing: Row, around: QueryContext) -> Check:
    name = _name_check(check, thing)
    if thing.get("unjudged"):
        fix = "docs/checks.md: look at it by hand, or with amcheck"
        return build_settled(
            name,
            judge_inconclusive(f"{thing['unjudged']}, which can't be judged", check.needed, fix),
            Severity.ADVISORY,
        )
    # The server itself wrote these pieces, with quote_ident and its like
    own = {key: _compose_sql(str(value)) for key, value in thing.items() if value is not None}
    return _complete(check, name, {**own, **_list_pieces(check, around)}, int(thing["pages"] or 0), _list_read(thing))


def _list_pieces(check: SqlCheck, around: QueryContext) -> Pieces:
    point = around.restore_point
    pieces: dict[str, sql.Composable] = {}
    if point is not None:
        pieces[RESTORE_POINT] = sql.SQL("{}::timestamptz").format(sql.Literal(point.astimezone(UTC).isoformat()))
    if check.extension is not None:
        pieces[check.extension] = sql.Identifier(around.extensions.get(check.extension, BORROWED))
    return pieces


def _complete(check: SqlCheck, name: str, pieces: Pieces, pages: int = 0, reads: tuple[str, ...] = ()) -> Check:
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
        administrative=check.extension == AMCHECK and _is_shipped(check),
        reads=reads,
    )
    judged = Check(name, lambda answers: judge(check, answers[0]), (question,), check.needed, severity=check.severity)
    judged = replace(judged, inconclusive=check.inconclusive)
    if check.as_in_source is Severity.BLOCKING:
        return judged
    faults = query("faults_of_sql_check", **parts)
    return replace(judged, faults=build_fault_list(name, check.things, faults, question, recorded=check.each is None))


def _is_shipped(check: SqlCheck) -> bool:
    return check in read_built_in() or check in read_sampled().values()


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
