"""The source's record of erasure, looked for in another database, whatever the key's type is."""

from __future__ import annotations

import pytest
from psycopg import sql

from restore import postgres
from restore.postgres.erasure import BATCH
from tests.support.postgres.scratch_server import Database

KEY = "00000000-0000-0000-0000-00000000000"


@pytest.mark.parametrize(
    ("kind", "present", "gone"),
    [("bigint", "7", "8"), ("uuid", f"{KEY}1", f"{KEY}2"), ("text", "o'neil", "b"), ("varchar(9)", "a", "b")],
)
def test_recorded_keys_are_found_by_the_columns_own_type(
    empty_database: Database, kind: str, present: str, gone: str
) -> None:
    record, table = sql.Identifier("public", "erased"), sql.Identifier("public", "Users")
    with empty_database.connect() as connection:
        connection.execute("create table public.erased (user_id text)")
        connection.execute(sql.SQL("create table {} (id {} primary key)").format(table, sql.SQL(kind)))  # pyright: ignore
        connection.execute("insert into public.erased values (%s), (%s), (%s), (null)", [present, gone, gone])
        connection.execute(sql.SQL("insert into {} values ({})").format(table, sql.Literal(present)))
        keys = postgres.list_erased_keys(connection, record, "user_id")
        assert sorted(keys) == sorted([present, gone])
        assert postgres.count_present(connection, table, "id", keys) == 1


def test_more_keys_than_one_statement_takes_are_all_looked_for(empty_database: Database) -> None:
    with empty_database.connect() as connection:
        connection.execute("create table public.users as select generate_series(1, 2500) as id")
        keys = [str(number) for number in range(2001, 2001 + 3 * BATCH)]
        assert postgres.count_present(connection, sql.Identifier("public", "users"), "id", keys) == 500


def test_no_key_is_no_row(empty_database: Database) -> None:
    with empty_database.connect() as connection:
        assert postgres.count_present(connection, sql.Identifier("public", "none"), "id", []) == 0
