"""What a restored server can hold beside its tables, and what a login that is no superuser can see of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.postgres.scratch_server import PASSWORD, Database, Server
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, the, validate, wrong
from validation import RunOptions, Severity, Verdict, as_text, from_mapping, run


def test_a_prepared_transaction_left_over_is_found(database: Database) -> None:
    database.execute("begin; insert into pairs values (7); prepare transaction 'left over'")
    try:
        report = validate(database)
        assert wrong(report) == {"prepared-transactions": FAIL}
        assert the(report, "prepared-transactions").examples[0]["gid"] == "left over"
    finally:
        database.execute("rollback prepared 'left over'")


def test_a_replication_slot_that_nobody_reads_is_found(database: Database) -> None:
    database.execute("select pg_create_physical_replication_slot('left_over')")
    try:
        assert wrong(validate(database)) == {"replication-slots": FAIL}
    finally:
        database.execute("select pg_drop_replication_slot('left_over')")


def test_a_subscription_that_would_take_the_sources_place_is_found(database: Database) -> None:
    database.execute("create subscription copied connection 'dbname=absent' publication p with (connect = false)")
    try:
        assert wrong(validate(database)) == {}
        database.execute("update pg_subscription set subenabled = true")
        assert wrong(validate(database)) == {"subscriptions": FAIL}
    finally:
        database.execute("update pg_subscription set subenabled = false")
        database.execute("alter subscription copied set (slot_name = none)")
        database.execute("drop subscription copied")


def test_an_extension_that_the_source_has_is_missed(database: Database, source: Database) -> None:
    source.execute("create extension pg_trgm")
    report = run(database.target, from_mapping({}), RunOptions(source=source.target))
    assert wrong(report) == {"source-schema:extensions": FAIL, "source-schema:extension-versions": FAIL}
    assert the(report, "source-schema:extension-versions").severity is Severity.ADVISORY


def test_a_unique_key_over_an_expression_is_said_to_be_unjudged_and_never_passed(database: Database) -> None:
    database.execute("create unique index lower_case on users (lower(email))")
    report = validate(database)
    assert wrong(report) == {"unique-key:public.lower_case": INCONCLUSIVE}
    assert report.verdict is Verdict.PASS


@pytest.fixture
def owner(server: Server) -> Iterator[str]:
    """As RDS gives: the owner of the database and its tables, and no superuser."""
    with server.connect() as connection:
        connection.execute(sql.SQL("create role owner login createrole password {}").format(sql.Literal(PASSWORD)))
        yield "owner"
        connection.execute("drop owned by owner")
        connection.execute("drop role owner")


def test_without_superuser_all_is_proved_but_what_is_said_to_be_advice(database: Database, owner: str) -> None:
    database.execute(
        "do $$declare r record; begin"
        " execute format('alter database %I owner to owner', current_database());"
        " for r in select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = relnamespace"
        "  where relkind in ('r', 'p') and nspname !~ '^pg_' and nspname <> 'information_schema' loop"
        "  execute format('alter table %s owner to owner', r.name); end loop;"
        ' alter schema public owner to owner; alter schema "odd.schema %s" owner to owner; end$$'
    )
    report = validate(database.target_of(owner))
    assert set(wrong(report).values()) == {INCONCLUSIVE}, as_text(report)
    assert {name.partition(":")[0] for name in wrong(report)} == {"amcheck-catalog", "amcheck-heap", "amcheck-index"}
    assert report.verdict is Verdict.PASS
    with database.connect() as connection, pytest.raises(psycopg.errors.UndefinedObject):
        connection.execute("drop extension amcheck")
    database.execute("reassign owned by owner to postgres")


def test_amcheck_is_borrowed_and_leaves_nothing_behind(database: Database) -> None:
    assert the(validate(database), "amcheck-catalog").verdict is Verdict.PASS
    with database.connect() as connection:
        query = (
            "select nspname from pg_namespace where nspname like 'validation%' union select extname from pg_extension"
        )
        assert connection.execute(query).fetchall() == [("plpgsql",)]


def test_amcheck_that_is_installed_is_used_where_it_is(database: Database) -> None:
    database.execute('create schema "Odd one"; create extension amcheck schema "Odd one"')
    report = validate(database)
    assert wrong(report) == {}
    assert '"Odd one".bt_index_check' in the(report, "amcheck-index:public.users_pkey").query


def test_code_that_the_database_brought_along_is_not_run_to_borrow_amcheck(database: Database) -> None:
    database.execute(
        "create table ran (tag text);"
        "create function public.trap() returns event_trigger language plpgsql as"
        " $$begin raise exception 'the trap was run'; end$$;"
        "create event trigger trap on ddl_command_start execute function public.trap(); analyze ran"
    )
    report = validate(database)
    assert the(report, "amcheck-catalog").verdict is INCONCLUSIVE
    assert "1 event triggers" in the(report, "amcheck-catalog").found
    assert report.verdict is Verdict.PASS


def test_the_text_of_a_type_that_the_database_made_is_not_asked_for(database: Database) -> None:
    database.execute(
        "create type pair as (a text, b text);"
        "create function public.trap(pair) returns text language plpgsql as"
        " $$begin raise exception 'the trap was run'; end$$;"
        "create cast (pair as text) with function public.trap(pair);"
        "create table traps (id int, one pair, plain text);"
        "alter table traps alter column plain set storage external;"
        "insert into traps values (1, row(repeat('x', 9000), 'y'), repeat('z', 9000)); analyze traps"
    )
    report = validate(database)
    assert wrong(report) == {}
    assert "t.plain::text" in the(report, "toast:public.traps").query
    assert "t.one" not in the(report, "toast:public.traps").query
