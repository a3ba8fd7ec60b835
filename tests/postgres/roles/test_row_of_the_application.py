"""One row, read as the application: of whatever it may read, and without running what a hostile schema holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from restore import postgres
from restore.errors import PermanentError
from restore.postgres.app_login import SchemaRights, list_schemas
from tests.support.postgres.scratch_server import PASSWORD, Database, Server

APPLICATION = "row_app"
TRAP: LiteralString = """
create table public.trapped (at timestamptz default clock_timestamp());
create function public.trap() returns boolean language plpgsql as
$$ begin insert into public.trapped default values; return true; end $$;
grant insert, select on public.trapped to row_app;
"""


@pytest.fixture
def application(server: Server, empty_database: Database) -> Iterator[psycopg.Connection]:
    """Connected as a role without rights of its own."""
    role = sql.Identifier(APPLICATION)
    with empty_database.connect() as owner:
        owner.execute(sql.SQL("create role {} login password {}").format(role, sql.Literal(PASSWORD)))
    try:
        with server.connect(empty_database.name, user=APPLICATION) as connection:
            yield connection
    finally:
        with empty_database.connect() as owner:
            owner.execute(sql.SQL("drop owned by {}").format(role))
            owner.execute(sql.SQL("drop role {}").format(role))


def made(database: Database, *statements: LiteralString) -> None:
    with database.connect() as owner:
        for statement in statements:
            owner.execute(statement)


def test_a_row_is_found_beside_empty_tables_and_those_it_may_not_read(
    empty_database: Database, application: psycopg.Connection
) -> None:
    made(
        empty_database,
        "create table public.empty (id int); grant select on public.empty to row_app",
        "create table public.private as select 1 as id",
        'create schema "odd ""one"; create table "odd ""one"."T" as select 1 as id, 2 as hidden',
        'grant usage on schema "odd ""one" to row_app; grant select (id) on "odd ""one"."T" to row_app',
    )
    assert postgres.find_row(application, "test") == 'odd "one.T'


def test_a_partitioned_table_is_read_by_those_who_may_read_it_alone(
    empty_database: Database, application: psycopg.Connection
) -> None:
    made(
        empty_database,
        "create table public.p (id int) partition by range (id)",
        "create table public.p1 partition of public.p for values from (1) to (9); insert into public.p values (1)",
        "grant select on public.p to row_app",
    )
    assert postgres.find_row(application, "test") == "public.p"


@pytest.mark.parametrize("granted", [True, False])
def test_no_row_is_no_proof(empty_database: Database, application: psycopg.Connection, granted: bool) -> None:
    made(empty_database, "create table public.t (id int); create view public.v as select 1 as id")
    made(empty_database, "grant select on public.v to row_app")
    if granted:
        made(empty_database, "grant select on public.t to row_app")
    with pytest.raises(PermanentError, match=f"no row in the {int(granted)} tables"):
        postgres.find_row(application, "test")


def test_a_table_that_somebody_has_locked_is_passed_over(
    empty_database: Database, application: psycopg.Connection
) -> None:
    made(empty_database, "create table public.a as select 1 as id; grant select on public.a to row_app")
    made(empty_database, "create table public.b as select 1 as id; grant select on public.b to row_app")
    with empty_database.connect() as owner, owner.transaction():
        owner.execute("lock table public.a in access exclusive mode")
        assert postgres.find_row(application, "test") == "public.b"


def test_operators_and_settings_of_a_hostile_schema_are_not_used(
    empty_database: Database, application: psycopg.Connection
) -> None:
    made(
        empty_database,
        TRAP,
        "create function public.eq(name, text) returns boolean language sql as 'select public.trap()'",
        "create operator public.= (function = public.eq, leftarg = name, rightarg = text)",
        "alter role row_app set search_path = public, pg_catalog",
        "create table public.t as select 1 as id; grant select on public.t to row_app",
    )
    application.execute("set search_path = public, pg_catalog")
    assert postgres.find_row(application, "test") == "public.t"
    with empty_database.connect() as owner:
        assert owner.execute("select count(*) from public.trapped").fetchone() == (0,)


def test_a_policy_that_writes_can_not_and_one_that_only_reads_is_the_last_resort(
    empty_database: Database, application: psycopg.Connection
) -> None:
    made(
        empty_database,
        TRAP,
        "create table public.r as select 1 as id; alter table public.r enable row level security",
        "grant select on public.r to row_app; create policy evil on public.r using (public.trap())",
    )
    with pytest.raises(PermanentError, match="read-only transaction"):
        postgres.find_row(application, "test")
    made(empty_database, "drop policy evil on public.r; create policy fair on public.r using (id = 1)")
    assert postgres.find_row(application, "test") == "public.r"
    with empty_database.connect() as owner:
        assert owner.execute("select count(*) from public.trapped").fetchone() == (0,)


def test_an_application_in_a_schema_of_its_own_needs_none_of_public(
    empty_database: Database, application: psycopg.Connection
) -> None:
    made(
        empty_database,
        "revoke all on schema public from public",
        "create schema app; create table app.t (id int); grant usage on schema app to row_app",
    )
    assert postgres.find_missing_privileges(None, list_schemas(application)) == ("app", ("select on app.t",))
    made(empty_database, "grant select (id) on app.t to row_app; create table public.of_others (id int)")
    assert postgres.find_missing_privileges(None, list_schemas(application)) == ("app", ())
    assert postgres.find_missing_privileges("public", list_schemas(application)) == (
        "public",
        ("usage on schema public",),
    )


def test_schemas_come_in_the_order_of_the_search_path(
    server: Server, empty_database: Database, application: psycopg.Connection
) -> None:
    made(empty_database, "create schema late", 'create schema "row_app"; grant usage on schema row_app to row_app')
    made(empty_database, 'alter role row_app set search_path = late, "$user"')
    with server.connect(empty_database.name, user=APPLICATION) as again:
        assert list_schemas(again) == (
            SchemaRights("late", usable=False),
            SchemaRights("row_app", usable=True),
            SchemaRights("public", usable=True),
        )
