"""What was written to a database between two moments, by a real server's counters."""

from __future__ import annotations

import psycopg
import pytest

from restore import postgres
from restore.postgres.write_counters import Written, compare_counters
from sandbox.machine.processes import wait_until
from tests.support.postgres.scratch_server import Database


@pytest.fixture
def shop(empty_database: Database) -> Database:
    empty_database.execute(
        "create table public.orders (id int); create table public.idle (id int);"
        "insert into public.orders select generate_series(1, 100)"
    )
    return empty_database


def counters(database: Database) -> postgres.WriteCounters:
    """The counters once the sessions of before have handed theirs in."""
    with database.connect() as connection:
        wait_until(lambda: others(connection) == 0, 10, "the other sessions to end", 0.05)
        return postgres.read_counters(connection)


def others(connection: psycopg.Connection) -> int:
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_every_kind_of_write_is_counted_and_named_by_its_table(shop: Database) -> None:
    before = counters(shop)
    shop.execute(
        "insert into public.idle values (1), (2); update public.orders set id = 0 where id = 7;"
        "delete from public.orders where id = 8"
    )
    assert compare_counters(before, counters(shop)) == Written(4, {"public.idle": 2, "public.orders": 2})


def test_reading_analyzing_and_temporary_tables_are_no_writes(shop: Database) -> None:
    before = counters(shop)
    shop.execute("create temporary table t as select * from public.orders; select * from public.orders")
    shop.execute("analyze public.orders")
    shop.execute("vacuum public.orders")
    assert compare_counters(before, counters(shop)) == Written()


@pytest.mark.parametrize(
    "hide",
    [
        "select pg_stat_reset()",
        "select pg_stat_reset_single_table_counters('public.idle'::regclass)",
        "drop table public.orders",
    ],
)
def test_a_write_is_not_hidden_by_what_resets_its_counter(shop: Database, hide: str) -> None:
    before = counters(shop)
    shop.execute("insert into public.idle values (1)")
    shop.execute(hide)
    assert compare_counters(before, counters(shop)).unknown


@pytest.mark.parametrize("write", ["truncate public.orders", "vacuum full public.orders"])
def test_a_table_that_is_emptied_is_named_though_nothing_counts_it(shop: Database, write: str) -> None:
    before = counters(shop)
    shop.execute(write)
    assert compare_counters(before, counters(shop)) == Written(rewritten=("public.orders",))


def test_a_table_that_is_dropped_is_named(shop: Database) -> None:
    before = counters(shop)
    shop.execute("drop table public.orders; create table public.new (id int)")
    assert compare_counters(before, counters(shop)).dropped == ("public.orders",)


def test_an_index_made_anew_is_no_write_and_a_view_refreshed_rewrites_no_table(shop: Database) -> None:
    shop.execute("create index i on public.orders (id); create materialized view public.v as table public.orders")
    before = counters(shop)
    shop.execute("reindex table public.orders")
    assert compare_counters(before, counters(shop)) == Written()
    shop.execute("refresh materialized view public.v")
    assert compare_counters(before, counters(shop)).rewritten == ()
