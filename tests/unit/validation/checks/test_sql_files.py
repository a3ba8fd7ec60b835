"""A check that is a .sql file: what its head may say, and how its answer is judged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from validation import Severity, Verdict
from validation.checks.check import Check
from validation.checks.sql_files import QueryContext, build_checks, judge, list_unread
from validation.connect.query import Answer
from validation.expectations.sql_checks import SqlCheck, parse, read_built_in, read_folder, read_lists, read_sampled
from validation.problems import Problem
from validation.schema.sample import SMALL, Sampling
from validation.sql import queries

HEAD = '--: things = "orders"\n--: needed = "each paid"\n--: fix = "ask the shop"\n'
QUERY = "select paid as ok, id from public.orders\n"
AT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)


def check(text: str = HEAD + QUERY) -> SqlCheck:
    problems: list[Problem] = []
    found = parse("paid", text, problems)
    assert found, problems
    return found


def answer(examined: int, good: int, wrong: int, *examples: dict[str, Any]) -> Answer:
    return Answer(({"examined": examined, "good": good, "wrong": wrong, "examples": list(examples)},))


def planned(wanted: SqlCheck, **around: Any) -> list[Check]:
    standard: dict[str, Any] = {"listed": {}, "extensions": {}, "version": 17}
    return list(build_checks([wanted], QueryContext(**{**standard, **around})))


def test_neither_damage_nor_what_a_copy_must_not_do_is_excused_by_the_source() -> None:
    never = {"files", "checksums", "heap-and-index", "toast", "subscriptions", "prepared-transactions"}
    excused = {check.name for check in read_built_in() if check.as_in_source is Severity.ADVISORY}
    assert {"indexes", "triggers", "row-security", "writable", "unique-key"} <= excused
    assert not {name for name in excused if name in never or name.startswith("amcheck")}


def test_a_team_s_own_check_asks_the_source_only_when_its_head_says_so() -> None:
    assert planned(check())[0].faults is None
    listed = planned(check(HEAD + '--: as_in_source = "advisory"\n' + QUERY))[0].faults
    assert listed
    assert listed.things == "orders"


def test_a_file_needs_no_more_than_what_a_person_must_read() -> None:
    found = check()
    assert (found.name, found.severity, found.nothing) == ("paid", Severity.BLOCKING, Verdict.INCONCLUSIVE)
    assert found.query == QUERY.strip()


@pytest.mark.parametrize(
    "text",
    [
        QUERY,
        HEAD + "select 1",
        HEAD,
        HEAD + "--: severity = 'fatal'\n" + QUERY,
        HEAD + "--: each = 'planet'\n" + QUERY,
        HEAD + "--: timeout_seconds = 0\n" + QUERY,
        HEAD + "--: settings = 'off'\n" + QUERY,
        HEAD + "--: colour = 'red'\n" + QUERY,
        HEAD + "--: nothing = \n" + QUERY,
        HEAD + QUERY + "; drop table orders",
        HEAD + QUERY + "where day < {today}",
    ],
)
def test_a_mistake_in_a_file_is_a_problem_and_no_check(text: str) -> None:
    problems: list[Problem] = []
    assert parse("paid", text, problems) is None
    assert problems
    assert all(str(problem).startswith("paid") for problem in problems)


def test_all_mistakes_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text(QUERY)
    (tmp_path / "two.sql").write_text(HEAD + "select 1")
    (tmp_path / "three.sql").write_bytes(b"\xff\xfe")
    (tmp_path / "good.sql").write_text(HEAD + QUERY)
    problems: list[Problem] = []
    assert [found.name for found in read_folder(tmp_path, problems)] == ["good"]
    assert len(problems) == 5
    read_folder(tmp_path / "absent", problems)
    assert len(problems) == 6


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((3, 3, 0), Verdict.PASS),
        ((3, 2, 1), Verdict.FAIL),
        ((3, 2, 0), Verdict.INCONCLUSIVE),
        ((3, 1, 1), Verdict.FAIL),
        ((0, 0, 0), Verdict.INCONCLUSIVE),
    ],
)
def test_nothing_looked_at_and_nothing_known_are_no_pass(counts: tuple[int, int, int], verdict: Verdict) -> None:
    assert judge(check(), answer(*counts)).verdict is verdict


def test_nothing_to_look_at_passes_only_where_the_file_says_so() -> None:
    judgement = judge(check(HEAD + '--: nothing = "pass"\n' + QUERY), answer(0, 0, 0))
    assert (judgement.verdict, judgement.found) == (Verdict.PASS, "no orders")


def test_examples_are_short_texts() -> None:
    judgement = judge(check(), answer(1, 0, 1, {"id": 7, "note": None, "key": {"f1": "x" * 100}}))
    assert judgement.examples[0]["id"] == "7"
    assert judgement.examples[0]["note"] is None
    assert len(judgement.examples[0]["key"] or "") == 80


def test_braces_that_are_no_placeholder_stay_as_they_are() -> None:
    text = HEAD + "select j = '{}' and t ~ 'a{2,3}' and at <= {restore_point} as ok from public.t"
    (made,) = planned(check(text), restore_point=AT)
    shown = queries.render_text(made.questions[0].statement)
    assert "j = '{}' and t ~ 'a{2,3}' and at <= '2026-11-22T14:30:00+00:00'::timestamptz as ok" in shown


def test_what_a_check_cannot_do_without_makes_it_inconclusive() -> None:
    for text, around in (
        (HEAD + "select at <= {restore_point} as ok from public.t", {}),
        (HEAD + "--: from_version = 18\n" + QUERY, {}),
    ):
        (made,) = planned(check(text), **around)
        assert made.judge([]).verdict is Verdict.INCONCLUSIVE
        assert not made.questions


def test_a_list_makes_one_check_of_each_thing_and_of_an_empty_one_still_one() -> None:
    each = check(HEAD + "--: each = 'table'\nselect true as ok from {table}")
    things = [
        {"subject": ["public", "b"], "pages": 7, "table": "public.b"},
        {"subject": ["a.b", "c"], "pages": 1, "table": '"a.b".c'},
        {"subject": ["public", "d"], "pages": 1, "table": "public.d", "unjudged": "a strange one"},
    ]
    made = planned(each, listed={"table": things})
    assert [one.name for one in made] == ['paid:"a.b".c', "paid:public.b", "paid:public.d"]
    assert made[1].questions[0].cost == 7
    assert made[2].judge([]).verdict is Verdict.INCONCLUSIVE
    assert [one.judge([]).verdict for one in planned(each, listed={"table": []})] == [Verdict.INCONCLUSIVE]


def test_a_list_that_could_not_be_read_is_asked_about_and_never_taken_for_an_empty_one() -> None:
    each = check(HEAD + "--: each = 'table'\n--: nothing = 'pass'\nselect true as ok from {table}")
    (made,) = planned(each, listed={})
    assert made.questions[0].id == "candidate:each:table"


def test_an_extension_that_is_not_there_is_borrowed() -> None:
    text = HEAD + "--: extension = 'amcheck'\nselect {amcheck}.f() is not null as ok"
    (there,) = planned(check(text), extensions={"amcheck": "public"})
    (absent,) = planned(check(text))
    assert (there.questions[0].borrows, absent.questions[0].borrows) == (None, "amcheck")
    assert '"public".f()' in queries.render_text(there.questions[0].statement)


def test_only_checks_that_read_nothing_but_catalogs_besides_are_asked_with_the_administrator_s_rights() -> None:
    own = check(HEAD + "--: extension = 'amcheck'\nselect {amcheck}.f() is not null as ok from public.users")
    with_amcheck = next(found for found in read_built_in() if found.name == "amcheck-catalog")
    for extensions in ({}, {"amcheck": "public"}):
        asked = [planned(found, extensions=extensions)[0].questions[0].administrative for found in (own, with_amcheck)]
        assert asked == [False, True]


def test_the_severity_of_what_is_not_known_can_be_another_than_that_of_what_is_wrong() -> None:
    (made,) = planned(check(HEAD + "--: inconclusive = 'advisory'\n" + QUERY))
    assert made.choose_severity(Verdict.FAIL) is Severity.BLOCKING
    assert made.choose_severity(Verdict.INCONCLUSIVE) is Severity.ADVISORY


def test_the_files_of_this_package_are_in_order() -> None:
    assert {found.each for found in read_built_in()} - {None} == set(read_lists())
    assert len(read_built_in()) >= 20


def thing(blocks: int, **more: object) -> dict[str, Any]:
    names = {"subject": ["public", "big"], "of": ["public", "big"], "table": "public.big", "oid": "'public.big'"}
    return {**names, "pages": blocks, "blocks": blocks, "rows_a_block": 60.0, **more}


def built_in(name: str) -> SqlCheck:
    return next(check for check in read_built_in() if check.name == name)


@pytest.mark.parametrize(
    ("name", "each", "sampled"),
    [
        ("heap-and-index", "keyed_table", False),
        ("amcheck-index", "btree_index", False),
        ("amcheck-heap", "table", True),
    ],
)
def test_a_sample_reads_the_whole_of_no_large_table_and_names_what_it_leaves_out(
    name: str, each: str, *, sampled: bool
) -> None:
    check = built_in(name)
    for blocks, large in ((SMALL, False), (SMALL + 1, True), (10**8, True)):
        around = QueryContext({each: [thing(blocks)]}, {}, 17, sampling=Sampling())
        planned_checks = list(build_checks([check], around))
        assert len(planned_checks) == (sampled or not large)
        assert list_unread([check], around) == (() if planned_checks else (f"{name}:public.big",))
        assert all(one.questions[0].cost < max(blocks / 20, SMALL + 1) for one in planned_checks)
        assert all((one.chance < 1) == large for one in planned_checks)


def test_a_key_that_a_sample_cannot_look_up_is_named_and_shuts_no_gate() -> None:
    key = {"columns": "t.a", "same": "i.a = t.a", "filled": "t.a is not null", "applies": "true", "predicate": "true"}
    for plain in (True, False):
        around = QueryContext({"unique_key": [thing(10**6, plain=plain, **key)]}, {}, 17, sampling=Sampling())
        (built,) = build_checks([built_in("unique-key")], around)
        assert (built.severity is Severity.BLOCKING) == plain
        assert bool(list_unread([built_in("unique-key")], around)) != plain


def test_a_team_s_own_check_of_a_large_table_is_asked_as_it_is() -> None:
    own = check(HEAD + '--: each = "table"\nselect true as ok from {table}')
    around = QueryContext({"table": [thing(10**8)]}, {}, 17, sampling=Sampling())
    (built,) = build_checks([own], around)
    assert "from public.big" in built.questions[0].statement.as_string(None)
    assert list_unread([own], around) == ()


def test_every_check_of_a_sample_takes_the_place_of_one_that_reads_all() -> None:
    for name, sampled in read_sampled().items():
        of_all = built_in(name)
        assert (sampled.each, sampled.extension, sampled.inconclusive, sampled.severity) == (
            of_all.each,
            of_all.extension,
            of_all.inconclusive,
            of_all.severity,
        )
