"""Sessions belong to whom they belong; failures of PostgreSQL say whether waiting helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from restore import postgres
from restore.errors import PermanentError, TemporaryError
from restore.model.rds import Endpoint
from restore.model.request import Tls
from restore.postgres.app_login import SchemaRights
from restore.postgres.errors import explain

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ENDPOINT = Endpoint("db.example", 5432)
PODS = {
    "api": [("api-1-x", "10.0.0.1")],
    "api-gateway": [("api-gateway-1-x", "10.0.0.2"), ("api-gateway-1-y", None)],
}


def session(application: str = "", address: str | None = None) -> postgres.Session:
    return postgres.Session(1, "ghost_app", "ghost", application, address, "idle", NOW)


@pytest.mark.parametrize(
    ("found", "app"),
    [
        (session(address="10.0.0.1"), "api"),
        (session(application="api-gateway-1-y"), "api-gateway"),
        (session(application="api-gateway-2-new"), "api-gateway"),
        (session(application="api-gateway"), "api-gateway"),
        (session(application="api-gateway-1-x", address="10.0.0.1"), "api-gateway"),
        (session(application="api-2", address="10.9.9.9"), "api"),
        (session(application="psql", address="10.9.9.9"), ""),
        (session(), ""),
    ],
)
def test_a_session_is_counted_for_its_deployment(found: postgres.Session, app: str) -> None:
    assert postgres.attribute([found], PODS)[app] == (found,)


def test_a_session_of_nobody_is_kept_and_a_deployment_without_one_shown() -> None:
    found = postgres.attribute([session(application="psql")], PODS)
    assert {name: len(items) for name, items in found.items()} == {"": 1, "api": 0, "api-gateway": 0}


def activity(wal: int = 0, rows: int = 0) -> postgres.Activity:
    return postgres.Activity(NOW, wal, rows, 0)


QUIET = postgres.Quiet((), (), activity(), activity())


@pytest.mark.parametrize(
    "restless",
    [
        replace(QUIET, sessions=(session(),)),
        replace(QUIET, prepared=("gid",)),
        replace(QUIET, last=activity(rows=1)),
        replace(QUIET, last=activity(rows=-1)),
        replace(QUIET, last=activity(wal=-1)),
    ],
)
def test_whatever_moves_is_not_quiet(restless: postgres.Quiet) -> None:
    assert QUIET.quiet
    assert not restless.quiet


def test_wal_of_the_server_s_own_housekeeping_is_told_but_no_writer() -> None:
    assert replace(QUIET, last=activity(wal=8192)).quiet


@pytest.mark.parametrize(
    "text",
    [
        'FATAL:  password authentication failed for user "u"',
        'FATAL:  PAM authentication failed for user "u"',
        'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "u", database "d", no encryption',
        'FATAL:  database "d" does not exist',
        "SSL error: certificate verify failed",
        'server certificate for "a" does not match host name "b"',
        'root certificate file "/x" does not exist',
        "server does not support SSL, but SSL was required",
        "permission denied for view pg_stat_activity",
    ],
)
def test_what_waiting_can_not_mend_is_permanent(text: str) -> None:
    assert isinstance(explain(ENDPOINT, "u", "d", text), PermanentError)


@pytest.mark.parametrize(
    "text",
    [
        "connection refused",
        "timeout expired",
        "FATAL:  the database system is starting up",
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved",
        "server closed the connection unexpectedly",
        'could not translate host name "h" to address',
        "canceling statement due to statement timeout",
        "terminating connection due to administrator command",
    ],
)
def test_what_may_pass_is_temporary(text: str) -> None:
    assert isinstance(explain(ENDPOINT, "u", "d", text), TemporaryError)


def test_an_error_without_words_still_says_where() -> None:
    assert "db.example:5432" in str(explain(ENDPOINT, "u", "d", ""))


def test_without_a_root_certificate_nothing_is_connected_to() -> None:
    for tls in (Tls("verify-full", None), Tls("verify-full", "/nowhere/rds.pem")):
        with pytest.raises(PermanentError, match=r"truststore\.pki\.rds\.amazonaws\.com"):
            postgres.build_tls_parameters(tls)


def test_the_application_s_files_and_client_s_own_parameters_stay_behind() -> None:
    url = "postgresql://u:p%40ss@old:5432/d?schema=public&connection_limit=5&sslrootcert=/app/ca&hostaddr=1.2.3.4"
    login = postgres.read_application_login(url)
    assert (login["user"], login["password"], login["dbname"]) == ("u", "p@ss", "d")
    assert not {"hostaddr", "schema", "connection_limit"} & login.keys()


def test_a_url_that_can_not_be_used_is_not_shown() -> None:
    with pytest.raises(PermanentError) as caught:
        postgres.read_application_login("mysql://u:hidden@h/d")
    assert "hidden" not in str(caught.value)


APP = SchemaRights("app", usable=True, tables=("a", "b"), readable=True)
CLOSED = SchemaRights("public", usable=False)


def test_rights_that_are_not_there_are_named() -> None:
    unreadable = replace(APP, readable=False)
    assert postgres.find_missing_privileges("app", [CLOSED]) == ("app", ("schema app (it doesn't exist)",))
    assert postgres.find_missing_privileges("app", [replace(APP, usable=False)]) == ("app", ("usage on schema app",))
    assert postgres.find_missing_privileges("app", [CLOSED, unreadable]) == (
        "app",
        ("select on app.a", "select on app.b"),
    )
    assert postgres.find_missing_privileges("app", [CLOSED, APP]) == ("app", ())
    assert postgres.find_missing_privileges("public", [CLOSED, APP]) == ("public", ("usage on schema public",))


def test_a_url_without_schema_needs_any_schema_with_a_table_that_can_be_read() -> None:
    assert postgres.find_missing_privileges(None, [CLOSED, APP]) == ("app", ())
    assert postgres.find_missing_privileges(None, [CLOSED, replace(APP, usable=False)]) == (
        "app",
        ("usage on schema app",),
    )
    assert postgres.find_missing_privileges(None, [CLOSED]) == ("public", ("usage on schema public",))
    assert postgres.find_missing_privileges(None, [SchemaRights("public", usable=True)]) == ("public", ())
    assert postgres.find_missing_privileges(None, []) == ("public", ("usage on schema public",))
