"""The loss report names every row that only one side has or that differs, and calls nothing equal that it didn't
compare. The oracle is EXCEPT, on a copy of the source's table beside the candidate's."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString, cast
from urllib.parse import quote

import pytest

from tests.support.postgres.loss_pair import KINDS, Both, candidate_server, copied, fill, localised, schema, the
from tests.support.postgres.scratch_server import PASSWORD, Database, Server
from validation.commands.main import main
from validation.connect.query import Answer, Question, Row, Unanswered
from validation.connect.session import ReadSession
from validation.connect.target import Target
from validation.loss import Status, as_json, as_text, key_ranges, run, tables
from validation.loss.both_servers import NotCompared
from validation.loss.model import Difference, Precision

ROWS = 350
ACTS: tuple[LiteralString, ...] = (
    "delete from {table} where n % 7 = {some}",
    "delete from {table} where n between {some} * 30 and {some} * 30 + 60",
    "delete from {table} where n > {some} * 100",
    "delete from {table}",
    "update {table} set note = 'changed' where n % 11 = {some}",
    "update {table} set amount = amount + 0.01 where n = {some} * 20",
    "update {table} set note = null, tags = null",
    "update {table} set stuff = '{{\"n\": 7}}', kind = 'glad' where n % 5 = {some}",
)


@pytest.fixture(scope="module")
def pair(server: Server) -> Iterator[Both]:
    with candidate_server() as (other, locale), localised(other, locale) as candidate:
        candidate.execute("create type unrelated as enum ('sad', 'glad')")
        with server.database("template1") as source:
            both = Both(source, candidate)
            both.execute(schema())
            yield both


@pytest.fixture
def fine_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are cut as large ones are."""
    monkeypatch.setattr(key_ranges, "SMALL_PAGES", 1)
    monkeypatch.setattr(tables, "DIRECTLY", 20)
    monkeypatch.setattr(tables, "BUCKET_ROWS", 8)


def oracle(pair: Both, table: LiteralString) -> tuple[int, int, int]:
    """Rows only in the source, only in the candidate, and different under one key."""
    copied(pair.source, pair.candidate, table)
    key = KINDS[table].key_columns
    ours, theirs = f"table {table}", f"table theirs.{table}"
    keys = (f"select {key} from {table}", f"select {key} from theirs.{table}") if key else (ours, theirs)
    lost = f"select count(*) from ({keys[1]} except all {keys[0]}) rows"
    brought = f"select count(*) from ({keys[0]} except all {keys[1]}) rows"
    other = f"select count(*) from ({theirs} except all {ours}) rows"
    with pair.candidate.connect() as connection:
        counts = [connection.execute(cast(LiteralString, q)).fetchone() for q in (lost, brought, other)]
    pair.candidate.execute("drop schema theirs cascade")
    gone, new, different = (count[0] for count in counts if count)
    return gone, new, different - gone


def act(chance: random.Random, database: Database, table: LiteralString) -> None:
    some = chance.randrange(7)
    database.execute(chance.choice(ACTS).format(table=table, some=some))


@pytest.mark.usefixtures("fine_cuts")
@pytest.mark.parametrize("seed", range(4))
def test_every_random_difference_is_counted_as_except_counts_it(pair: Both, seed: int) -> None:
    chance = random.Random(seed)
    for table in KINDS:
        fill(pair.source, table, ROWS)
        fill(pair.candidate, table, ROWS + chance.choice((0, 0, 1, 50)))
        for database in chance.choice(((), (pair.source,), (pair.candidate,), pair)):
            act(chance, database, table)
    pair.execute("analyze")
    report = pair.report()
    for table in KINDS:
        found = the(report, table)
        difference = found.difference
        counted = (difference.lost.rows, difference.brought_back.rows, difference.differing.rows)
        assert (table, found.precision) == (table, Precision.EXACT), found.notes
        assert (table, counted) == (table, oracle(pair, table))
        assert found.status is (Status.DIFFERENT if any(counted) else Status.EQUAL)


@pytest.mark.usefixtures("fine_cuts")
def test_keys_and_times_of_what_is_lost_are_told_and_never_a_row(pair: Both) -> None:
    for table in ("pairs", "texts"):
        for database in pair:
            fill(database, table, ROWS)
    pair.candidate.execute("delete from pairs where n in (7, 11, 49)")
    pair.source.execute("delete from texts where n > 300; update texts set note = 'secret' where n = 3")
    report = pair.report()
    lost = the(report, "pairs").difference.lost
    assert sorted(map(str, lost.examples)) == sorted(
        map(str, ({"region": f"r{n % 3}", "number": f"{n}"} for n in (7, 11, 49)))
    )
    times = [datetime.fromtimestamp(float(at), UTC).minute for at in (lost.oldest, lost.newest) if at is not None]
    assert times == [7, 49]
    texts = the(report, "texts").difference
    assert (texts.brought_back.rows, len(texts.brought_back.examples)) == (50, 5)
    assert texts.differing.examples == ({"id": "z3"},)
    said = as_text(report) + str(as_json(report))
    assert "number=49" in said
    assert "secret" not in said


def test_values_that_two_rows_exchanged_are_noticed(pair: Both) -> None:
    for database in pair:
        fill(database, "numbers", ROWS)
    pair.candidate.execute(
        "update numbers set amount = other.amount from numbers as other where numbers.n + other.n = 3"
    )
    difference = pair.of("numbers").difference
    assert (difference.lost.rows, difference.brought_back.rows, difference.differing.rows) == (0, 0, 2)


def test_what_is_too_much_to_send_is_estimated_and_said_to_be(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    for database in pair:
        fill(database, "uuids", 4000)
    pair.candidate.execute("update uuids set note = 'x' where n % 4 = 0; delete from uuids where n % 10 = 1")
    pair.execute("analyze")
    monkeypatch.setattr(tables, "MOST_ROWS", 1000)
    found = pair.of("uuids")
    assert found.precision is Precision.ESTIMATED
    assert any("estimated from" in note for note in found.notes)
    assert 250 < found.difference.lost.rows < 600
    assert 600 < found.difference.differing.rows < 1400


def test_a_budget_that_is_spent_never_makes_a_table_equal(pair: Both) -> None:
    report = pair.report(budget_seconds=0.0)
    assert report.status is Status.UNKNOWN
    assert report.problems == ("the time budget was spent; run again with a larger one",)


def test_a_comparison_that_breaks_off_costs_its_own_table_only(pair: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    for database in pair:
        fill(database, "numbers", 3000)
        fill(database, "uuids", 3000)
    pair.candidate.execute("update numbers set note = 'x'; delete from numbers where n = 1; analyze numbers")
    plain_compare = tables.compare_rows

    def broken(source: Iterator[Row], candidate: Iterator[Row], key: Sequence[str]) -> Difference:
        plain_compare(itertools.islice(source, 5), itertools.islice(candidate, 5), key)
        raise NotCompared("source: gone")

    monkeypatch.setattr(tables, "compare_rows", broken)
    report = pair.report(workers=1)
    numbers = the(report, "numbers")
    assert (numbers.status, numbers.difference.lost.rows) == (Status.DIFFERENT, 1)
    assert numbers.precision is Precision.ESTIMATED
    assert numbers.notes[-1] == "at least so many, more was not told apart: source: gone"
    assert the(report, "uuids").status is Status.EQUAL


def test_a_table_that_is_locked_is_unknown_and_the_others_are_compared(pair: Both) -> None:
    for table in KINDS:
        for database in pair:
            fill(database, table, 10)
    with pair.source.connect() as connection:
        connection.execute("begin; lock table moments")
        report = pair.report(budget_seconds=3.0)
    locked = the(report, "moments")
    assert locked.status is Status.UNKNOWN
    assert "canceling statement due to statement timeout" in locked.notes[-1]
    assert {one.status for one in report.tables if one is not locked} == {Status.EQUAL}
    assert report.status is Status.UNKNOWN


def test_rows_hidden_by_a_policy_are_not_taken_for_lost(pair: Both) -> None:
    for database in pair:
        fill(database, "numbers", 10)
    pair.candidate.execute(
        "create role reader login password 'p@ss:w/rd%20#?' in role pg_read_all_data;"
        "alter table numbers enable row level security; revoke all on texts from reader"
    )
    reader = Both(pair.source, Reading(pair.candidate.server, pair.candidate.name))
    found = reader.of("numbers")
    pair.candidate.execute("alter table numbers disable row level security; drop role reader")
    assert found.status is Status.UNKNOWN
    assert "row-level security" in found.notes[-1]


class Reading(Database):
    """A database as its reader sees it."""

    @property
    def target(self) -> Target:
        return self.target_of("reader")


def test_a_session_that_is_killed_costs_no_table_its_honesty(pair: Both) -> None:
    for database in pair:
        fill(database, "numbers", 10)
    with pair.candidate.connect() as connection:
        connection.execute("begin; lock table numbers")
        done: list[Any] = []
        running = threading.Thread(target=lambda: done.append(pair.report(budget_seconds=20.0, workers=1)))
        running.start()
        kill(pair.candidate)
        running.join(30)
    assert the(done[0], "numbers").status is Status.UNKNOWN
    assert done[0].status is not Status.EQUAL


def kill(database: Database) -> None:
    """Ends the report's session as soon as it waits for a lock."""
    waiting = """select count(pg_terminate_backend(pid)) from pg_stat_activity
                 where application_name = 'validation' and wait_event_type = 'Lock'"""
    with database.connect() as connection:
        for _ in range(400):
            row = connection.execute(cast(LiteralString, waiting)).fetchone()
            if row and row[0]:
                return
            connection.execute("select pg_sleep(0.05)")
    raise AssertionError("the report never waited")


def test_equal_ranges_cost_a_row_each_and_one_changed_row_not_many_more(
    pair: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    for database in pair:
        fill(database, "numbers", 8000)
    pair.execute("vacuum analyze numbers")
    sent: list[int] = []
    plain_ask = ReadSession.ask

    def ask(session: ReadSession, question: Question, seconds: float) -> Answer | Unanswered:
        answer = plain_ask(session, question, seconds)
        sent.append(len(answer.rows) if isinstance(answer, Answer) else 0)
        return answer

    monkeypatch.setattr(ReadSession, "ask", ask)
    monkeypatch.setattr(key_ranges, "SMALL_PAGES", 8)
    assert pair.of("numbers").status is Status.EQUAL
    equal = sum(sent)
    pair.candidate.execute("update numbers set note = 'x' where n = 4321")
    sent.clear()
    assert pair.of("numbers").difference.differing.rows == 1
    assert equal < 200
    assert sum(sent) < 400


def test_tables_and_columns_that_only_one_side_has_are_told(pair: Both) -> None:
    pair.source.execute("create table gone as select now() as at; create table late as select 1 as a, null::int as b")
    pair.candidate.execute("create table late (b bigint, c int, a bigint); insert into late values (null, 5, 1)")
    report = pair.report()
    pair.source.execute("drop table gone, late")
    pair.candidate.execute("drop table late")
    gone, late = the(report, "gone"), the(report, "late")
    assert (gone.difference.lost.rows, gone.source_rows, gone.candidate_rows) == (1, 1, None)
    assert gone.difference.lost.newest is not None
    assert late.status is Status.EQUAL
    assert "only the candidate has column c: not compared" in late.notes


def test_rows_of_an_inheriting_table_are_not_counted_twice(pair: Both) -> None:
    pair.execute("create table parents (id int primary key); create table heirs () inherits (parents)")
    pair.source.execute("insert into heirs values (1)")
    report = pair.report()
    pair.execute("drop table parents cascade")
    assert the(report, "parents").status is Status.EQUAL
    assert the(report, "heirs").difference.lost.rows == 1


def test_a_source_that_is_still_written_to_is_said_to_be(pair: Both) -> None:
    with pair.source.connect() as connection:
        connection.execute("begin; create table half_done ()")
        report = pair.report()
        connection.execute("rollback")
    assert report.writing is not None
    assert report.writing.transactions == 1
    assert "the source is still written to" in as_text(report)


def test_a_database_compared_with_itself_proves_nothing(pair: Both) -> None:
    report = Both(pair.source, pair.source).report()
    assert report.status is Status.UNKNOWN
    assert "candidate and source are the same" in report.problems[0]


def test_a_side_that_does_not_answer_is_named(pair: Both) -> None:
    absent = Target("127.0.0.1", "x", "x", None, 1, sslmode="disable")
    for report, side in (
        (run(absent, pair.candidate.target), "source x on 127.0.0.1:1: "),
        (run(pair.source.target, absent), "candidate x on 127.0.0.1:1: "),
    ):
        assert report.status is Status.UNKNOWN
        assert report.problems[0].startswith(side)


def test_a_stop_ends_it_though_a_server_is_busy(pair: Both) -> None:
    stop = threading.Event()
    with pair.source.connect() as connection:
        connection.execute("begin; lock table numbers")
        threading.Timer(1.0, stop.set).start()
        began = time.monotonic()
        report = pair.report(budget_seconds=60.0, stop=stop)
    assert time.monotonic() - began < 10
    assert the(report, "numbers").status is Status.UNKNOWN


def test_the_command_says_by_its_exit_code_whether_a_switch_changes_anything(
    pair: Both, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for database, variable in zip(pair, ("OLD", "NEW"), strict=True):
        monkeypatch.setenv(variable, url(database))
    words = ("loss", "--source-env", "OLD", "--target-env", "NEW", "--json")
    for table in KINDS:
        pair.execute(f"truncate {table}")
    assert main(words) == 0
    fill(pair.candidate, "pairs", 3)
    capsys.readouterr()
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out)["brought_back"]["rows"] == 3
    monkeypatch.setenv("OLD", url(pair.candidate))
    assert main(words) == 2


def test_a_source_that_is_gone_is_compared_by_its_baseline(
    pair: Both, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(pair.candidate, "moments", 10)
    monkeypatch.setenv("NEW", url(pair.candidate))
    assert main(("baseline", "record", "--from", "NEW", "--to", str(tmp_path))) == 0
    pair.candidate.execute("delete from moments where n > 6")
    capsys.readouterr()
    assert main(("loss", "--baseline", str(tmp_path), "--target-env", "NEW")) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "4 rows fewer in public.moments, the newest rows of 1 table are older" in said
    assert "older at up to 2026-11-22T00:00:06Z, in the baseline 2026-11-22T00:00:10Z" in said
    assert main(("loss", "--target-env", "NEW")) == 3


def url(database: Database) -> str:
    password = quote(PASSWORD, safe="")
    return f"postgresql://postgres:{password}@{database.server.host}:5432/{database.name}?sslmode=disable"
