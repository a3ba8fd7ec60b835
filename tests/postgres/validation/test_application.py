"""The application's login, and what it must be able to do: tried for real, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from psycopg import sql

from tests.support.postgres.scratch_server import PASSWORD, Database, Server
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, the, wrong
from validation import RunOptions, ValidationReport, Verdict, from_mapping, run

ROLE = "ghost_app"
GRANTS = (
    f"grant select, insert, update, delete on users, transactions, entries, documents to {ROLE};"
    f"grant usage on sequence transactions_id_seq to {ROLE}"
)


@pytest.fixture(autouse=True)
def role(server: Server, sample: str) -> Iterator[None]:
    with server.connect() as connection:
        connection.execute(sql.SQL("create role ghost_app login password {}").format(sql.Literal(PASSWORD)))
    yield
    with server.connect() as connection:
        connection.execute("drop role ghost_app")


@pytest.fixture
def database(database: Database) -> Iterator[Database]:
    database.execute(GRANTS)
    yield database
    database.execute(f"drop owned by {ROLE}")


@pytest.fixture
def source(source: Database) -> Iterator[Database]:
    source.execute(GRANTS)
    yield source
    source.execute(f"drop owned by {ROLE}")


def validated(database: Database, source: Database | None, **expected: object) -> ValidationReport:
    return run(
        database.target,
        from_mapping(expected),
        RunOptions(source=source.target if source else None, application=database.target_of(ROLE)),
    )


def test_an_application_that_can_do_all_that_it_could_passes(database: Database, source: Database) -> None:
    report = validated(database, source)
    assert wrong(report) == {}
    tried = [result.name for result in report.results if result.family == "application"]
    assert "application:public.transactions(insert)" in tried
    assert "application:public.entries(delete)" in tried
    assert "application:public.transactions_id_seq(usage)" in tried
    assert len(tried) == 4 * 4 + 1


def test_a_privilege_lost_is_found_by_the_applications_own_statement(database: Database, source: Database) -> None:
    database.execute(f"revoke update on users from {ROLE}; revoke usage on sequence transactions_id_seq from {ROLE}")
    found = wrong(validated(database, source))
    assert {name for name in found if name.startswith("application")} == {
        "application:public.users(update)",
        "application:public.transactions_id_seq(usage)",
    }
    assert set(found.values()) == {FAIL}


def test_a_role_that_is_left_read_only_is_found(database: Database, source: Database) -> None:
    with database.connect() as connection:
        setting = sql.SQL("alter role ghost_app in database {} set default_transaction_read_only = on")
        connection.execute(setting.format(sql.Identifier(database.name)))
    report = validated(database, source)
    assert the(report, "application:public.users(insert)").verdict is FAIL
    assert the(report, "application:public.users(select)").verdict is Verdict.PASS
    assert the(report, "writable").verdict is FAIL


def test_a_login_that_is_refused_is_a_failure_of_its_own(database: Database, source: Database) -> None:
    wrong_password = replace(database.target_of(ROLE), password="changed since")
    report = run(database.target, from_mapping({}), RunOptions(source=source.target, application=wrong_password))
    assert wrong(report) == {"application-connection": FAIL}
    absent = replace(database.target, port=1)
    both = run(absent, from_mapping({}), RunOptions(application=replace(wrong_password, port=1)))
    assert wrong(both) == {"connection": INCONCLUSIVE, "application-connection": INCONCLUSIVE}


def test_what_it_must_do_can_be_declared(database: Database) -> None:
    assert wrong(validated(database, None)) == {"application": INCONCLUSIVE}
    may = {"roles": {ROLE: {"may": ["SELECT, TRUNCATE ON TABLE pairs", "INSERT ON TABLE users"]}}}
    found = wrong(validated(database, None, **may))
    assert found.pop(f"roles:{ROLE}") is FAIL
    assert found == {"application:public.pairs(select)": FAIL}


def test_nothing_that_was_tried_stays(database: Database, source: Database) -> None:
    database.execute(
        "create table traces (operation text); grant insert on traces to ghost_app;"
        "create function trace() returns trigger language plpgsql as"
        " $$begin insert into public.traces values (tg_op); return null; end$$;"
        "create trigger traced after insert or update or delete on users execute function trace()"
    )
    validated(database, source)
    with database.connect() as connection:
        assert connection.execute("select count(*) from traces").fetchone() == (0,)
        assert connection.execute("select last_value, is_called from transactions_id_seq").fetchone() == (5000, True)
