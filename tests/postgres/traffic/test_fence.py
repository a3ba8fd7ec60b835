"""The fence on a real server: nobody comes in as the applications' role, and the way back leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString, cast

import psycopg
import pytest
from psycopg import sql

from restore import postgres
from restore.errors import PermanentError
from tests.support.postgres.scratch_server import PASSWORD, Database, Server

APPLICATION = "fence_app"
OPERATOR = "fence_operator"


def run(connection: psycopg.Connection, statement: str) -> None:
    connection.execute(cast("LiteralString", statement))


@pytest.fixture
def operator(server: Server, empty_database: Database) -> Iterator[psycopg.Connection]:
    """A login as RDS gives it: no superuser, and it has made the applications' role."""
    with empty_database.connect() as owner:
        run(owner, f"create role {OPERATOR} login createrole password '{PASSWORD}'")
        run(owner, f"grant pg_monitor, pg_signal_backend to {OPERATOR}")
    with server.connect(empty_database.name, user=OPERATOR) as connection:
        run(connection, f"create role {APPLICATION} login password '{PASSWORD}'")
        run(connection, f"comment on role {APPLICATION} is 'of the shop''s team'")
        yield connection
    with empty_database.connect() as owner:
        for role in (APPLICATION, OPERATOR):
            owner.execute(sql.SQL("drop owned by {r}").format(r=sql.Identifier(role)))
            owner.execute(sql.SQL("drop role {r}").format(r=sql.Identifier(role)))


def comes_in(server: Server, database: Database) -> bool:
    try:
        server.connect(database.name, user=APPLICATION).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_fence_ends_sessions_and_keeps_new_ones_out_until_it_is_lifted(
    server: Server, empty_database: Database, operator: psycopg.Connection
) -> None:
    forgotten = server.connect(empty_database.name, user=APPLICATION)
    assert postgres.put_up(operator, APPLICATION, "inc-1") == 1
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("select 1")
    assert not comes_in(server, empty_database)
    fence = postgres.read_fence(operator, APPLICATION)
    assert (fence.up, fence.restore_id, fence.comment) == (True, "inc-1", "of the shop's team")

    assert postgres.lift(operator, APPLICATION)
    assert comes_in(server, empty_database)
    assert postgres.read_fence(operator, APPLICATION) == postgres.Fence(True, "", "of the shop's team")


def test_twice_is_once(server: Server, empty_database: Database, operator: psycopg.Connection) -> None:
    for _ in range(2):
        postgres.put_up(operator, APPLICATION, "inc-1")
    assert postgres.read_fence(operator, APPLICATION).comment == "of the shop's team"
    assert [postgres.lift(operator, APPLICATION) for _ in range(2)] == [True, False]
    assert comes_in(server, empty_database)


def test_a_role_that_never_could_log_in_is_not_given_a_login(operator: psycopg.Connection) -> None:
    run(operator, f"alter role {APPLICATION} nologin")
    postgres.put_up(operator, APPLICATION, "inc-1")
    assert not postgres.lift(operator, APPLICATION)
    assert not postgres.read_fence(operator, APPLICATION).can_login


def test_an_operator_who_may_not_change_the_role_changes_nothing(
    server: Server, empty_database: Database, operator: psycopg.Connection
) -> None:
    with empty_database.connect() as owner:
        run(owner, f"revoke {APPLICATION} from {OPERATOR} granted by postgres")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.put_up(operator, APPLICATION, "inc-1")
    assert comes_in(server, empty_database)


def test_a_role_that_does_not_exist_is_said(operator: psycopg.Connection) -> None:
    with pytest.raises(PermanentError, match="doesn't exist"):
        postgres.put_up(operator, "nobody_of_this_name", "inc-1")
