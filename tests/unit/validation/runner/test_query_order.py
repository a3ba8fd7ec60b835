"""What is asked first, and with how many processes of the server."""

from __future__ import annotations

from dataclasses import replace

from psycopg import sql

from validation.checks.check import Check, judge_passed
from validation.connect.query import Question
from validation.runner.query_order import BY_ITSELF, CHEAP, order_questions, share_questions
from validation.verdict import Severity

PASSES = judge_passed("found", "needed")


def question(name: str, cost: int = 0) -> Question:
    return Question(name, sql.SQL("select 1").format(), cost=cost)


def check(name: str, *asked: Question) -> Check:
    return Check(name, lambda _: PASSES, asked)


HUGE, LARGE, SMALL, TINY = (question(name, cost) for name, cost in (("h", 10**6), ("l", 10**5), ("s", 10), ("t", 1)))
CHECKS = (
    check("foreign-key:a", HUGE),
    check("freshness:b", LARGE),
    check("rows:b", LARGE),
    check("sequence:c", SMALL),
    check("server", TINY),
)


def names(questions: tuple[Question, ...]) -> list[str]:
    return [one.id for one in questions]


def test_the_cheap_and_likely_come_first_and_the_longest_does_not_come_last() -> None:
    assert LARGE.cost > CHEAP
    assert names(order_questions(CHECKS, (LARGE, SMALL, HUGE, TINY))) == ["t", "s", "h", "l"]


def test_what_only_advises_is_asked_last_of_its_cost() -> None:
    advisory = replace(check("server", SMALL), severity=Severity.ADVISORY)
    other = question("o", SMALL.cost)
    assert names(order_questions((advisory, check("any", other)), (SMALL, other))) == ["o", "s"]


def test_sessions_side_by_side_do_not_multiply_by_parallel_workers() -> None:
    even = tuple(question(str(n), 100) for n in range(8))
    assert [BY_ITSELF in one.settings for one in share_questions(even, 4)] == [True] * len(even)


def test_a_table_larger_than_all_others_is_not_left_to_one_process_while_the_rest_idles() -> None:
    huge, small = share_questions((HUGE, SMALL), 4)
    assert huge.settings == ()
    assert BY_ITSELF in small.settings


def test_a_single_session_may_use_what_the_server_gives() -> None:
    assert share_questions((LARGE, SMALL), 1) == (LARGE, SMALL)


def test_the_setting_of_a_check_of_ones_own_wins() -> None:
    own = replace(SMALL, settings=((BY_ITSELF[0], "2"),))
    assert share_questions((own, HUGE), 4)[0].settings[-1] == own.settings[0]
