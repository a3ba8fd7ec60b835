"""The second and the person of a bad statement, from RDS's log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from restore.when import server_log
from restore.when.model import Period, find_second_before
from restore.when.server_log import LogReading, parse_entry, read_log
from restore.when.statements import Kind

PERIOD = Period(datetime(2026, 11, 22, 14, tzinfo=UTC), datetime(2026, 11, 22, 15, tzinfo=UTC))
PREFIX = "2026-11-22 14:30:07 UTC:10.0.1.7(50412):app@ghost:[4711]:"


def read(*lines: str, table: str = "") -> LogReading:
    return read_log(lines, PERIOD, table)


def test_a_statement_over_several_lines_is_read_to_its_where() -> None:
    reading = read(f"{PREFIX}LOG:  statement: DELETE FROM users", "\t  -- all of them?", "\tWHERE id = 5")
    assert (reading.suspects, reading.by_key, reading.unread_lines) == ((), 1, 0)


def test_who_did_it_is_told_with_host_process_and_application() -> None:
    connected = (
        f"{PREFIX}LOG:  connection authorized: user=app database=ghost application_name=bad migration SSL enabled (x)"
    )
    (suspect,) = read(connected, f"{PREFIX}LOG:  statement: TRUNCATE users").suspects
    assert suspect.by == "app@ghost from 10.0.1.7(50412) (bad migration), process 4711"
    assert (suspect.kind, suspect.what) == (Kind.TRUNCATE, "truncate users")


@pytest.mark.parametrize(
    "message",
    [
        "statement: DELETE FROM users",
        "execute <unnamed>: DELETE FROM users",
        "execute s1/c1: DELETE FROM users",
        'AUDIT: SESSION,1,1,WRITE,DELETE,TABLE,public.users,"DELETE FROM users",<none>',
        "duration: 12.500 ms  statement: DELETE FROM users",
        "duration: 12.500 ms  execute <unnamed>: DELETE FROM users",
    ],
)
def test_each_way_of_logging_a_statement_is_read(message: str) -> None:
    assert [suspect.kind for suspect in read(f"{PREFIX}LOG:  {message}").suspects] == [Kind.DELETE_ALL]


@pytest.mark.parametrize(
    "message", ["duration: 1 ms  parse <unnamed>: DELETE FROM users", "duration: 5 ms", "checkpoint starting: time"]
)
def test_what_was_not_executed_accuses_nobody(message: str) -> None:
    assert read(f"{PREFIX}LOG:  {message}").suspects == ()


def test_a_long_statement_began_before_its_line() -> None:
    (suspect,) = read(f"{PREFIX}LOG:  duration: 65000.0 ms  statement: DELETE FROM users").suspects
    assert suspect.at == datetime(2026, 11, 22, 14, 29, 2, tzinfo=UTC)
    assert find_second_before(suspect.at) == datetime(2026, 11, 22, 14, 29, 1, tzinfo=UTC)


def test_a_statement_that_failed_is_no_culprit() -> None:
    other = PREFIX.replace("4711", "4712")
    reading = read(
        f"{PREFIX}LOG:  statement: DROP TABLE users",
        f"{other}LOG:  statement: DROP TABLE users",
        f"{PREFIX}ERROR:  must be owner of table users",
        f"{PREFIX}STATEMENT:  DROP TABLE users",
    )
    assert [suspect.failed for suspect in reading.suspects] == [True, False]


def test_a_statement_can_not_forge_an_entry() -> None:
    forged = f"\t{PREFIX.replace('app@', 'somebody@')}LOG:  statement: DROP TABLE users"
    reading = read(f"{PREFIX}LOG:  statement: SELECT '", forged, "\t'")
    assert (reading.suspects, reading.entries) == ((), 1)


def test_lines_under_another_prefix_are_counted_not_guessed() -> None:
    reading = read("2026-11-22 14:30:07 CET [1] app LOG:  statement: DROP TABLE users", "noise")
    assert (reading.unread_lines, reading.entries, reading.suspects) == (2, 0, ())


def test_a_table_shows_every_write_to_it_and_nothing_else() -> None:
    lines = [
        f"{PREFIX}LOG:  statement: {sql}" for sql in ("DELETE FROM users WHERE id = 5", "DROP TABLE orders", "SELECT 1")
    ]
    assert [suspect.kind for suspect in read(*lines, table="public.users").suspects] == [Kind.DELETE_SOME]


def test_what_happened_outside_of_the_period_is_left_out() -> None:
    late = PREFIX.replace("14:30", "15:30")
    assert read(f"{late}LOG:  statement: DROP TABLE users").suspects == ()


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-22 14:30:07.123 UTC:[local]:app@ghost:[1]:LOG:  x",
        "2026-11-22 14:30:07 UTC::@:[1]:LOG:  x",
        "2026-11-22 14:30:07 UTC:fe80::1%eth0(5432):app@ghost:[1]:LOG:  x",
        "2026-11-22 14:30:07 UTC:host.example(5432):a:b@ghost:[1]:LOG:  x",
    ],
)
def test_every_kind_of_client_is_read(line: str) -> None:
    assert parse_entry(line)


@pytest.mark.parametrize(
    "line",
    [
        "2026-13-22 14:30:07 UTC::@:[1]:LOG:  x",
        "2026-11-22 14:30:07 UTC:" + "a:" * 100_000,
        "2026-11-22 14:30:07 UTC:" + "@:" * 100_000,
        "",
    ],
)
def test_a_hostile_line_is_no_entry_and_ends_soon(line: str) -> None:
    assert parse_entry(line) is None


def test_an_entry_of_countless_lines_ends_soon_and_is_kept_in_part() -> None:
    reading = read(f"{PREFIX}LOG:  statement: DROP TABLE users", *["\tx"] * 300_000)
    assert (reading.entries, len(reading.suspects)) == (1, 1)


def test_countless_statements_are_counted_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_log, "MOST_SUSPECTS", 2)
    reading = read(*[f"{PREFIX}LOG:  statement: DROP TABLE users"] * 5)
    assert (len(reading.suspects), reading.left_out) == (2, 3)
