"""Who is connected and whether anything writes, on a real server behind TLS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from restore import postgres
from restore.errors import PermanentError, TemporaryError
from restore.model.rds import Credential, Endpoint, Instance
from restore.model.request import Tls
from tests.support.sandbox.adapter_sandbox import PASSWORD, URL, Gateway, until
from tests.support.tunnel import TUNNEL, forwarded

if TYPE_CHECKING:
    from restore.postgres import Connection

OPERATOR = Credential("ghostadmin", PASSWORD)


@pytest.fixture
def endpoint(source: Instance) -> Endpoint:
    assert source.endpoint
    return source.endpoint


@pytest.fixture
def connection(endpoint: Endpoint, tls: Tls) -> Iterator[Connection]:
    with postgres.connect(endpoint, OPERATOR, tls, "app") as connection:
        until(lambda: not postgres.list_sessions(connection), "sessions of earlier tests to end")
        yield connection


def test_a_server_at_rest_is_quiet(connection: Connection) -> None:
    assert postgres.observe(connection, 0.5).quiet


def test_an_idle_session_is_not_quiet(gateway: Gateway, source: Instance, connection: Connection) -> None:
    with gateway.connect(source, application_name="indexer-1"):
        found = postgres.observe(connection, 0.1)
    assert not found.quiet
    assert [item.application for item in found.sessions] == ["indexer-1"]


def test_a_session_on_another_database_is_seen(gateway: Gateway, source: Instance, connection: Connection) -> None:
    with gateway.connect(source, dbname="postgres"):
        assert [item.database for item in postgres.list_sessions(connection)] == ["postgres"]


def test_somebody_with_our_application_name_is_not_us(
    gateway: Gateway, source: Instance, connection: Connection
) -> None:
    with gateway.connect(source, user="ghost_app", password="p@ss/w%rd", application_name=postgres.APPLICATION_NAME):
        assert [item.user for item in postgres.list_sessions(connection)] == ["ghost_app"]


def test_rows_written_in_the_interval_are_counted(gateway: Gateway, source: Instance, connection: Connection) -> None:
    gateway.sql(source, "create table if not exists public.noise (n int)")
    before = postgres.read_activity(connection)
    gateway.sql(source, "insert into public.noise select generate_series(1, 7)")
    until(lambda: postgres.read_activity(connection).rows >= before.rows + 7, "the counters")
    after = postgres.read_activity(connection)
    found = postgres.Quiet((), (), before, after)
    assert (found.rows_written, found.quiet) == (7, False)
    assert found.wal_bytes > 0


def test_an_observation_is_stopped_at_once(connection: Connection) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(TemporaryError, match="stopped"):
        postgres.observe(connection, 60, stop)


def test_the_operator_s_connection_can_not_write(connection: Connection, endpoint: Endpoint, tls: Tls) -> None:
    with (
        pytest.raises(PermanentError, match="read-only transaction"),
        postgres.connect(endpoint, OPERATOR, tls, "app") as second,
    ):
        second.execute("delete from public.users")


def test_a_query_that_takes_too_long_may_pass_later(endpoint: Endpoint, tls: Tls) -> None:
    with (
        pytest.raises(TemporaryError, match="statement timeout"),
        postgres.connect(endpoint, OPERATOR, tls, "app", statement_seconds=0.1) as slow,
    ):
        slow.execute("select pg_sleep(10)")


def test_the_environment_does_not_lead_elsewhere(endpoint: Endpoint, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOSTADDR": "127.0.0.1", "PGPORT": "1", "PGSSLMODE": "disable", "PGDATABASE": "x"}.items():
        monkeypatch.setenv(name, value)
    with postgres.connect(endpoint, OPERATOR, tls, "app") as connection:
        row = connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()
    assert row == (True,)


def test_the_application_s_own_login_is_tried_with_our_verification(endpoint: Endpoint, tls: Tls) -> None:
    found = postgres.try_login(URL.format(endpoint="old-host:6000"), endpoint, tls)
    assert (found.user, found.database, found.recovering, found.missing_privileges) == ("ghost_app", "app", False, ())


def test_a_schema_that_is_not_there_is_told(endpoint: Endpoint, tls: Tls) -> None:
    url = URL.format(endpoint="old-host:6000").replace("schema=public", "schema=other")
    assert postgres.try_login(url, endpoint, tls).missing_privileges == ("schema other (it doesn't exist)",)


@pytest.mark.parametrize(
    ("credential", "database", "needed"),
    [
        (Credential("ghostadmin", "wrong-password"), "app", "a login that the server accepts"),
        (OPERATOR, "nothing", "the application's database"),
    ],
)
def test_a_refused_login_says_what_is_needed(
    endpoint: Endpoint, tls: Tls, credential: Credential, database: str, needed: str
) -> None:
    with pytest.raises(PermanentError, match=needed), postgres.connect(endpoint, credential, tls, database):
        pass


def test_a_server_that_is_not_the_one_is_not_trusted(endpoint: Endpoint, tls: Tls) -> None:
    with (
        pytest.raises(PermanentError, match="signed by the configured root"),
        postgres.connect(endpoint, OPERATOR, Tls("verify-full", "system"), "app"),
    ):
        pass


def test_a_server_that_is_not_there_may_come(endpoint: Endpoint, tls: Tls) -> None:
    with (
        pytest.raises(TemporaryError, match="an answer"),
        postgres.connect(Endpoint(endpoint.host, 1), OPERATOR, tls, "app"),
    ):
        pass


def test_a_tunnel_leads_to_the_server_and_to_no_other_s_certificate(endpoint: Endpoint, tls: Tls) -> None:
    """Not even the end of the tunnel can pose as the database."""
    through: list[str] = []
    with forwarded(endpoint.host, endpoint.port, through) as tunnel:
        with postgres.connect(replace(endpoint, via=tunnel), OPERATOR, tls, "app") as connection:
            row = connection.execute("select host(inet_client_addr())").fetchone()
            assert row == (TUNNEL,)
        other = Endpoint("other.example", endpoint.port, tunnel)
        with pytest.raises(PermanentError, match="host name"), postgres.connect(other, OPERATOR, tls, "app"):
            pass
    assert len(through) == 2
