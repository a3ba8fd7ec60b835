"""The planted defect: one that the team's own expectations must find, or the drill says so."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from restore.drill import defect
from restore.errors import PermanentError, TemporaryError
from validation.expectations import from_mapping
from validation.runner.result import CheckResult, ValidationReport
from validation.verdict import Verdict

EXPECTED = from_mapping(
    {"tables": {"orders": {"min": 50_000}, "users": {"min": 10}, "logs": {"max": 5}, "events": {"min": 0}}}
)


def chosen() -> defect.Defect:
    found = defect.choose(EXPECTED)
    assert found is not None
    return found


def test_a_table_that_must_have_rows_is_emptied() -> None:
    assert str(chosen().table) == "public.users"
    assert chosen().found_by == "rows:public.users"


def test_a_table_known_by_the_source_s_rows_alone_will_do() -> None:
    found = defect.choose(from_mapping({"tables": {"users": {"at_least_of_source": 0.9}}}))
    assert found is not None
    assert [bounds.at_least_of_source for bounds in found.expected.tables.values()] == [0.9]


@pytest.mark.parametrize("tables", [{}, {"logs": {"max": 5}}, {"events": {"min": 0}}])
def test_expectations_that_no_loss_can_break_are_no_pass(tables: dict[str, Any]) -> None:
    assert defect.choose(from_mapping({"tables": tables} if tables else {})) is None


def test_the_second_look_needs_the_rows_of_that_table() -> None:
    expected = chosen().expected
    assert {str(table): bounds.min for table, bounds in expected.tables.items()} == {"public.users": 10}
    assert expected.required == ("rows",)


def report(*results: CheckResult) -> ValidationReport:
    return ValidationReport(results, "shop-drill-1")


def test_a_defect_counts_as_found_by_the_failure_of_its_own_check_alone() -> None:
    found = CheckResult("rows:public.users", Verdict.FAIL, "0 rows", "10")
    other = CheckResult("rows:public.orders", Verdict.FAIL, "0 rows", "50000")
    assert defect.find_miss(chosen(), report(other, found)) is None
    assert defect.find_miss(chosen(), report(other)) == "no check rows:public.users was made"


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE])
def test_a_check_that_passes_or_could_not_run_has_missed_it(verdict: Verdict) -> None:
    result = CheckResult("rows:public.users", verdict, "not asked", "10")
    assert str(verdict) in (defect.find_miss(chosen(), report(result)) or "")


class Login:
    """A login that may not do some statements."""

    def __init__(self, *forbidden: str, is_local: bool | None = True) -> None:
        self.forbidden, self.is_local = forbidden, is_local
        self.done: list[str] = []

    def execute(self, statement: Any) -> Login:
        text = statement if isinstance(statement, str) else statement.as_string()
        if text.startswith(self.forbidden):
            raise PermanentError(f"permission denied: {text}")
        self.done.append(text)
        return self

    def fetchone(self) -> tuple[bool | None]:
        return (self.is_local,)

    @contextmanager
    def open(self) -> Generator[Any]:
        yield self


def test_a_login_that_may_not_empty_a_table_leaves_it_to_the_next() -> None:
    application, operator = Login("truncate", "delete"), Login("truncate")
    assert defect.plant(chosen(), [application.open, operator.open]) == 'delete from "public"."users"'
    assert operator.done[-1] == 'delete from "public"."users"'


@pytest.mark.parametrize("is_local", [False, None])
def test_a_table_whose_rows_are_in_another_database_is_never_emptied(is_local: bool | None) -> None:
    """TRUNCATE and DELETE of a foreign table reach the server that it is in: production."""
    login = Login(is_local=is_local)
    with pytest.raises(PermanentError, match="another database"):
        defect.plant(chosen(), [login.open])
    assert not any(text.startswith(("truncate", "delete")) for text in login.done)


def test_that_nobody_may_is_an_error_and_no_planted_defect() -> None:
    with pytest.raises(PermanentError, match="permission denied"):
        defect.plant(chosen(), [Login("truncate", "delete").open])


def test_a_server_that_doesn_t_answer_is_an_error() -> None:
    @contextmanager
    def silent() -> Generator[Any]:
        raise TemporaryError("no answer")
        yield

    with pytest.raises(TemporaryError):
        defect.plant(chosen(), [silent])
