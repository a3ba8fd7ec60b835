"""What is asked first, and when a run may end early."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from psycopg import sql
from test_validation_asking import Double, session

from validation.asking import Terms, ask_all
from validation.first_failure import FirstFailure
from validation.model import Severity
from validation.order import BY_ITSELF, CHEAP, ordered, shared
from validation.questions import Answer, Check, Question, Unanswered, failed, passed, settled

FAILS, PASSES = failed("found", "needed", "fix"), passed("found", "needed")


def question(name: str, cost: int = 0) -> Question:
    return Question(name, sql.SQL("select 1").format(), cost=cost)


def check(name: str, *asked: Question, fails: bool = False) -> Check:
    return Check(name, lambda _: FAILS if fails else PASSES, asked)


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
    assert names(ordered(CHECKS, (LARGE, SMALL, HUGE, TINY))) == ["t", "s", "h", "l"]


def test_until_a_first_failure_the_costly_ones_go_by_what_they_promise() -> None:
    assert names(ordered(CHECKS, (HUGE, LARGE, SMALL, TINY), until_first_failure=True)) == ["t", "s", "l", "h"]


def test_what_only_advises_is_asked_last_of_its_cost() -> None:
    advisory = replace(check("server", SMALL), severity=Severity.ADVISORY)
    other = question("o", SMALL.cost)
    assert names(ordered((advisory, check("any", other)), (SMALL, other))) == ["o", "s"]


def test_sessions_side_by_side_do_not_multiply_by_parallel_workers() -> None:
    even = tuple(question(str(n), 100) for n in range(8))
    assert all(BY_ITSELF in one.settings for one in shared(even, 4))


def test_a_table_larger_than_all_others_is_not_left_to_one_process_while_the_rest_idles() -> None:
    huge, small = shared((HUGE, SMALL), 4)
    assert huge.settings == ()
    assert BY_ITSELF in small.settings


def test_a_single_session_may_use_what_the_server_gives() -> None:
    assert shared((LARGE, SMALL), 1) == (LARGE, SMALL)


def test_the_setting_of_a_check_of_ones_own_wins() -> None:
    own = replace(SMALL, settings=((BY_ITSELF[0], "2"),))
    assert shared((own, HUGE), 4)[0].settings[-1] == own.settings[0]


def ask(checks: tuple[Check, ...], *, waivers: dict[str, str] | None = None) -> tuple[Double, dict[str, object]]:
    lead, double = session()
    asked = tuple(q for one in checks for q in one.questions)
    first = FirstFailure(checks, {}, waivers or {})
    outcomes = ask_all(lead, asked, Terms(10, time.monotonic() + 60, first_failure=first))
    return double, dict(outcomes)


SOME = tuple(question(str(n)) for n in range(200))
LATER = tuple(check(f"later:{q.id}", q) for q in SOME[1:])


def test_after_a_first_failure_the_rest_is_said_not_to_be_asked() -> None:
    _, outcomes = ask((check("rows:t", SOME[0], fails=True), settled("a", PASSES), *LATER))
    assert isinstance(outcomes["0"], Answer)
    rest = [outcome for outcome in outcomes.values() if isinstance(outcome, Unanswered)]
    assert all(outcome.found == "not asked, since rows:t failed first" for outcome in rest)


def test_a_failure_that_is_known_from_the_catalog_asks_nothing_at_all() -> None:
    double, outcomes = ask((settled("rows:t", FAILS), *LATER))
    assert double.asked == []
    found = {outcome.found for outcome in outcomes.values() if isinstance(outcome, Unanswered)}
    assert found == {"not asked, since rows:t failed first"}


@pytest.mark.parametrize("waivers", [{"rows": "known"}, {"rows:t": "known"}])
def test_a_waived_failure_ends_nothing(waivers: dict[str, str]) -> None:
    double, outcomes = ask((check("rows:t", SOME[0], fails=True), *LATER), waivers=waivers)
    assert len(double.asked) == len(SOME)
    assert all(isinstance(outcome, Answer) for outcome in outcomes.values())


def test_an_advisory_failure_ends_nothing() -> None:
    advisory = replace(check("rows:t", SOME[0], fails=True), severity=Severity.ADVISORY)
    double, _ = ask((advisory, *LATER))
    assert len(double.asked) == len(SOME)


def test_a_check_of_two_questions_is_judged_when_both_are_answered() -> None:
    first = FirstFailure((check("rows:t", SOME[0], SOME[1], fails=True),), {}, {})
    first.heard("0", Answer(({},)))
    assert first.reason is None
    first.heard("1", Answer(({},)))
    assert first.reason
