"""Who writes without a client's session, asked of a real server.

pg_cron isn't among the binaries: its table stands here as its own SQL makes it (citusdata/pg_cron, pg_cron--1.0.sql and
pg_cron--1.3--1.4.sql), marked as the extension's.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest

from restore.postgres.background_writers import (
    OTHERS,
    BackgroundWriter,
    WriterKind,
    list_cron_jobs,
    list_subscriptions,
    read_settings,
)
from tests.support.postgres.scratch_server import PASSWORD, Database, Server

CRON: LiteralString = """
create schema cron;
create table cron.job (
  jobid bigint primary key, schedule text not null, command text not null, nodename text not null default 'localhost',
  nodeport int not null default 5432, database text not null default current_database(),
  username text not null default current_user, active boolean not null default true, jobname text
);
grant select on cron.job to public;
grant usage on schema cron to public;
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
insert into cron.job (jobid, schedule, command, active, jobname) values
  (1, '0 3 * * *', 'delete from orders', true, 'nightly purge'),
  (2, '0 4 * * *', 'vacuum', true, null),
  (3, '0 5 * * *', 'delete from orders', false, 'off');
"""
EXTENSION: LiteralString = """
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  values (99999, 'pg_cron', 10, 'cron'::regnamespace, false, '1.6');
insert into pg_depend values
  ('pg_class'::regclass, 'cron.job'::regclass, 0, 'pg_extension'::regclass, 99999, 0, 'e');
"""
CATALOG_CHANGES: LiteralString = "set allow_system_table_mods = on;"


@pytest.fixture
def cron(empty_database: Database) -> Database:
    empty_database.execute(CRON)
    empty_database.execute(CATALOG_CHANGES + EXTENSION)
    return empty_database


def jobs(connection: psycopg.Connection, database: Database) -> list[str]:
    return [writer.name for writer in list_cron_jobs(connection, database.name)]


def test_active_jobs_of_pg_cron_are_named_by_name_or_number(cron: Database) -> None:
    with cron.connect() as connection:
        writers = list_cron_jobs(connection, "postgres")
    assert writers == [
        BackgroundWriter(
            WriterKind.CRON, "nightly purge", cron.name, "postgres", "SELECT cron.alter_job(1, active := false)"
        ),
        BackgroundWriter(WriterKind.CRON, "2", cron.name, "postgres", "SELECT cron.alter_job(2, active := false)"),
    ]


def test_jobs_that_the_operator_may_not_see_are_not_taken_for_none(server: Server, cron: Database) -> None:
    with cron.connect() as owner:
        owner.execute(f"create role cron_reader login password '{PASSWORD}'")
    try:
        with server.connect(cron.name, user="cron_reader") as connection:
            assert jobs(connection, cron) == [OTHERS]
    finally:
        cron.execute("drop role cron_reader")


def test_a_table_that_only_has_the_name_is_never_read(empty_database: Database) -> None:
    empty_database.execute("create schema cron; create view cron.job as select 1 / 0 as jobid, true as active")
    with empty_database.connect() as connection:
        assert jobs(connection, empty_database) == []


def test_an_enabled_subscription_is_named_with_what_disables_it(empty_database: Database) -> None:
    options = "with (connect = false, slot_name = none, create_slot = false, enabled = false)"
    with empty_database.connect() as connection:
        for name in ("Orders", "off"):
            create: LiteralString = f"create subscription \"{name}\" connection 'host=x' publication p {options}"
            connection.execute(create)
        connection.execute(CATALOG_CHANGES + "update pg_subscription set subenabled = subname = 'Orders'")
        try:
            [writer] = list_subscriptions(connection)
            assert (writer.name, writer.database) == ("Orders", empty_database.name)
            connection.execute(writer.statement.encode())
            assert list_subscriptions(connection) == []
        finally:
            connection.execute('drop subscription if exists "Orders"; drop subscription if exists off')


def test_a_server_without_these_extensions_has_none(empty_database: Database) -> None:
    with empty_database.connect() as connection:
        assert read_settings(connection) == ("", [])


def test_where_pg_cron_keeps_its_jobs_is_read(empty_database: Database) -> None:
    with empty_database.connect() as connection:
        connection.execute("set cron.database_name = 'jobs'")
        assert read_settings(connection) == ("jobs", [])
