"""What is tried with the application's login, as statements."""

from __future__ import annotations

import psycopg
import pytest

from validation import Verdict
from validation.checks.application import build_checks, may, read_columns
from validation.connect.query import Answer, Side
from validation.connect.sql_errors import explain
from validation.expectations.table_names import Table
from validation.sql import queries

USERS, SEQUENCE = Table("public", "users"), Table("public", "users_id_seq")


def test_every_privilege_is_tried_by_a_statement_that_writes_nothing() -> None:
    made = list(build_checks({USERS: ("select", "insert", "update", "delete")}, {USERS: ("id", "e-mail")}))
    shown = [" ".join(queries.render_text(one.questions[0].statement).split()) for one in made]
    assert [one.name for one in made] == [
        f"application:public.users({p})" for p in ("select", "insert", "update", "delete")
    ]
    assert all(one.questions[0].side is Side.APPLICATION for one in made)
    assert shown[0].endswith('(select from "public"."users" limit 0) as nothing')
    assert 'insert into "public"."users" ("id", "e-mail") select NULL, NULL where false' in shown[1]
    assert 'update "public"."users" set "id" = null where false' in shown[2]
    assert 'delete from "public"."users" where false' in shown[3]


def test_a_sequence_is_asked_about_and_never_moved() -> None:
    (made,) = build_checks({SEQUENCE: ("usage",)}, {})
    assert "has_sequence_privilege('\"public\".\"users_id_seq\"', 'usage')" in queries.render_text(
        made.questions[0].statement
    )
    assert made.judge([Answer(({"may": False},))]).verdict is Verdict.FAIL
    assert made.judge([Answer(({"may": True},))]).verdict is Verdict.PASS


def test_without_a_word_on_what_it_must_do_nothing_is_proved() -> None:
    (made,) = build_checks({USERS: ()}, {USERS: ("id",)})
    assert made.judge([]).verdict is Verdict.INCONCLUSIVE


def test_a_table_without_a_column_to_set_is_not_written_to() -> None:
    assert [one.name for one in build_checks({USERS: ("select", "insert")}, {USERS: ()})] == [
        "application:public.users(select)"
    ]


def test_answers_are_read_by_table() -> None:
    row = {"schema": "public", "name": "users"}
    assert may(Answer(({"objects": [{**row, "may": ["select"]}]},))) == {USERS: ("select",)}
    assert read_columns(Answer(({"tables": [{**row, "columns": ["id"]}]},))) == {USERS: ("id",)}


@pytest.mark.parametrize("kind", [psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction])
def test_to_be_refused_in_a_trial_is_a_failure_and_elsewhere_only_no_answer(kind: type[psycopg.Error]) -> None:
    assert explain(kind("no"), lost=False, trial=True)[0] is Verdict.FAIL
    assert explain(kind("no"), lost=False)[0] is Verdict.INCONCLUSIVE
    assert explain(kind("no"), lost=True, trial=True)[0] is Verdict.INCONCLUSIVE
