"""Whatever keeps a check from its answer is INCONCLUSIVE, and the rest of the run comes to an end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from psycopg import sql

from sandbox.machine.processes import wait_until
from tests.support.postgres.scratch_server import PASSWORD, Database
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, the, validate, wrong
from validation import RunOptions, ValidationReport, Verdict, as_json, as_text, from_mapping, run
from validation.connect import query_runner
from validation.connect.query import Answer, Question, Unanswered
from validation.connect.session import ReadSession, Unreachable, connect
from validation.connect.target import Target
from validation.expectations.table_names import Table
from validation.sql.queries import query

SLOW = {"limits": {"statement_seconds": 120, "budget_seconds": 240}}


@contextmanager
def locked(database: Database, table: str) -> Generator[None]:
    """Holds a lock that makes every reader of the table wait."""
    with database.connect() as connection, connection.transaction():
        connection.execute(f"lock table {table} in access exclusive mode")  # pyright: ignore[reportArgumentType, reportCallIssue]
        yield


def waiting_pids(database: Database) -> list[int]:
    with database.connect() as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where application_name = 'validation'"
            " and datname = current_database() and wait_event_type = 'Lock'"
        ).fetchall()
    return [pid for (pid,) in rows]


def while_waiting(
    database: Database, validation: Callable[[], ValidationReport], act: Callable[[int], None]
) -> ValidationReport:
    """Starts a validation that meets a lock on users, acts on the session that waits, gives its report."""
    with ThreadPoolExecutor(1) as pool, locked(database, "users"):
        running = pool.submit(validation)
        pids: list[int] = []

        def waits() -> bool:
            pids.extend(waiting_pids(database))
            return bool(pids)

        wait_until(waits, 60, "a session waits for the lock")
        act(pids[0])
        return running.result()


KILL = """
do $$
declare waiting int;
begin
  loop
    perform pg_stat_clear_snapshot();
    select pid into waiting from pg_stat_activity
    where application_name = 'validation' and datname = current_database() and wait_event_type = 'Lock';
    exit when found;
    perform pg_sleep(0.02);
  end loop;
  perform pg_terminate_backend(waiting);
end $$
"""


def killed_while_waiting(database: Database, validation: Callable[[], ValidationReport]) -> ValidationReport:
    """The server itself ends the session that waits: a starved process is too late for the lock's timeout of 15 s."""
    with ThreadPoolExecutor(1) as pool, locked(database, "users"), database.connect() as killer:
        killer.execute("set statement_timeout = '60s'")
        running = pool.submit(validation)
        killer.execute(KILL)
        return running.result()


def test_a_killed_session_leaves_no_check_passed_that_it_did_not_answer(database: Database) -> None:
    one = {**SLOW, "limits": {"workers": 1}}
    report = killed_while_waiting(database, lambda: validate(database, **one))
    assert the(report, "rows:public.users").verdict is INCONCLUSIVE
    assert "connection was lost" in the(report, "rows:public.users").found
    assert report.verdict is INCONCLUSIVE
    assert {result.verdict for result in report.results if "not asked" in result.found} == {INCONCLUSIVE}


def test_a_session_killed_beside_others_ends_the_run_inconclusive(database: Database) -> None:
    report = killed_while_waiting(database, lambda: validate(database, **SLOW))
    assert report.verdict is INCONCLUSIVE
    assert FAIL not in wrong(report).values()


def test_a_session_that_hangs_ends_with_the_budget(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_runner, "GRACE", 0.5)
    hung: list[int] = []

    def hang(pid: int) -> None:
        hung.append(pid)
        os.kill(pid, signal.SIGSTOP)

    try:
        short = {"limits": {"statement_seconds": 60, "budget_seconds": 2}}
        report = while_waiting(database, lambda: validate(database, **short), hang)
    finally:
        for pid in hung:
            os.kill(pid, signal.SIGCONT)
    assert the(report, "rows:public.users").verdict is INCONCLUSIVE
    assert report.verdict is INCONCLUSIVE


def test_a_statement_timeout_is_inconclusive_and_the_other_checks_go_on(database: Database) -> None:
    with locked(database, "users"):
        report = validate(database, limits={"statement_seconds": 0.5})
    assert set(wrong(report).values()) == {INCONCLUSIVE}
    assert "57014" in the(report, "rows:public.users").found
    assert the(report, "rows:public.smart_contracts").verdict is Verdict.PASS
    assert the(report, "not-null:public.users.email").verdict is INCONCLUSIVE


def test_a_spent_budget_leaves_the_rest_inconclusive(database: Database) -> None:
    report = run(database.target, from_mapping({}), RunOptions(budget_seconds=1e-6))
    assert report.verdict is INCONCLUSIVE
    assert not [r for r in report.results if r.verdict is Verdict.PASS]


def test_a_login_that_may_not_read_proves_nothing(database: Database) -> None:
    database.execute(f"drop role if exists blind; create role blind login password '{PASSWORD}'")
    try:
        report = validate(database.target_of("blind"))
        assert set(wrong(report).values()) == {INCONCLUSIVE}
        assert "42501" in the(report, "rows:public.users").found
        assert report.verdict is INCONCLUSIVE
        assert not report.proved
    finally:
        database.execute("drop role blind")


def test_rows_hidden_by_a_policy_are_never_counted_as_absent(database: Database) -> None:
    database.execute(
        f"drop role if exists half; create role half login password '{PASSWORD}'; grant pg_read_all_data to half;"
        "alter table users enable row level security; create policy mine on users using (id = 'user-7')"
    )
    try:
        report = validate(database.target_of("half"))
        assert the(report, "rows:public.users").verdict is INCONCLUSIVE
        assert the(report, "rows:public.accounts").verdict is Verdict.PASS
    finally:
        database.execute("drop role half")


def test_no_server_is_inconclusive(database: Database) -> None:
    report = run(replace(database.target, port=1), from_mapping({}))
    assert wrong(report) == {"connection": INCONCLUSIVE}
    assert report.verdict is INCONCLUSIVE


def test_a_database_that_is_not_there_is_inconclusive(database: Database) -> None:
    report = run(replace(database.target, dbname="absent"), from_mapping({}))
    assert wrong(report) == {"connection": INCONCLUSIVE}
    assert "absent" in report.results[0].found


def test_the_password_is_shown_nowhere_even_where_the_server_repeats_it(database: Database) -> None:
    target = replace(database.target, user=f"nobody {PASSWORD}")
    report = run(target, from_mapping({}))
    assert report.verdict is INCONCLUSIVE
    assert PASSWORD not in f"{report!r} {as_text(report)} {as_json(report)}"
    assert PASSWORD not in repr(database.target)


def test_a_server_without_tls_is_refused_unless_the_caller_says_else(database: Database) -> None:
    report = run(replace(database.target, sslmode=Target.sslmode), from_mapping({}))
    assert wrong(report) == {"connection": INCONCLUSIVE}
    assert "SSL" in report.results[0].found


def test_nothing_can_be_written_through_a_session(database: Database) -> None:
    session = connect(database.target)
    try:
        outcome = session.ask(Question("x", sql.SQL("delete from public.notes returning id").format()), 10)
        assert isinstance(outcome, Unanswered)
        assert "25006" in outcome.found
    finally:
        session.close()


def test_a_query_without_an_answer_is_inconclusive(database: Database) -> None:
    session = connect(database.target)
    try:
        outcome = session.ask(Question("x", sql.SQL("select 1 where false").format()), 10)
        assert isinstance(outcome, Unanswered)
        assert outcome.verdict is INCONCLUSIVE
    finally:
        session.close()


def counts(*sessions: ReadSession) -> list[int]:
    count = Question("count", query("count", table=Table("public", "notes").identifier))
    return [a.row["rows"] for a in (session.ask(count, 10) for session in sessions) if isinstance(a, Answer)]


@pytest.fixture
def opened(database: Database) -> Iterator[Callable[..., ReadSession]]:
    """Opens sessions that are closed after the test."""
    with ExitStack() as stack:

        def opened(snapshot: str | None = None) -> ReadSession:
            session = connect(database.target, snapshot=snapshot)
            stack.callback(session.close)
            return session

        yield opened


def test_one_session_sees_one_moment_also_after_an_error(
    database: Database, opened: Callable[..., ReadSession]
) -> None:
    session = opened()
    database.execute("delete from notes")
    assert isinstance(session.ask(Question("x", sql.SQL("select 1 / 0").format()), 10), Unanswered)
    assert counts(session) == [2]


def test_all_sessions_see_one_moment(database: Database, opened: Callable[..., ReadSession]) -> None:
    lead = opened()
    snapshot = lead.export_snapshot()
    database.execute("delete from notes")
    assert counts(lead, opened(snapshot=snapshot), opened()) == [2, 2, 0]


def test_a_session_that_cannot_export_still_asks(opened: Callable[..., ReadSession]) -> None:
    session = opened()
    session.connection.execute("savepoint inside")
    with pytest.raises(Unreachable, match="subtransaction"):
        session.export_snapshot()
    assert counts(session) == [2]


def test_a_stopped_run_ends_inconclusive(database: Database) -> None:
    stop = threading.Event()
    report = while_waiting(
        database, lambda: run(database.target, from_mapping({}), RunOptions(stop=stop)), lambda _: stop.set()
    )
    assert report.verdict is INCONCLUSIVE
    assert FAIL not in wrong(report).values()
