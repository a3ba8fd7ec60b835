"""What the application must be able to do: found out at the source and in the expectations, tried at the candidate."""

from __future__ import annotations

from validation.checks import application
from validation.checks.check import Check, build_settled, judge_inconclusive
from validation.connect.query import Answer, Question, Unanswered
from validation.connect.query_runner import Budget
from validation.expectations.model import Expectations
from validation.runner.servers import ReachedServer, ask_one


def build_checks(
    candidate: ReachedServer,
    source: ReachedServer | None,
    login: ReachedServer,
    expectations: Expectations,
    budget: Budget,
) -> tuple[Check, ...]:
    """Returns the login itself, and where there is one, a trial of each privilege."""
    if login.open is None or candidate.open is None:
        return login.checks
    role = login.target.user
    tables = _try_statement(candidate, application.build_tables_question(), budget)
    if not isinstance(tables, Answer):
        return (
            *login.checks,
            build_settled("application", judge_inconclusive(tables.found, application.NEEDED, tables.fix)),
        )
    columns = application.read_columns(tables)
    granted = _try_statement(source, application.may_question(role), budget) if source and source.open else None
    at_source = application.may(granted) if isinstance(granted, Answer) else {}
    privileges = application.merge_privileges(at_source, application.select_declared(expectations.roles, role, columns))
    return (*login.checks, *application.build_checks(privileges, columns))


def _try_statement(reached: ReachedServer, question: Question, budget: Budget) -> Answer | Unanswered:
    return ask_one(reached, (question,), budget)[question.id]
