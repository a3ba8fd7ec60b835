"""A sample of a large table finds all that is wrong with the schema, and of the rows what it says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString, cast

import pytest

from tests.support.postgres.scratch_server import Database, Server
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, schema_of, the, wrong
from validation import RunOptions, ValidationReport, Verdict, as_json, as_text, from_mapping, run
from validation.expectations.table_names import Table
from validation.schema.sample import Leaf, Sampling
from validation.schema.snapshot import SchemaSnapshot
from validation.verdict import Depth

AT = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
PASS = Verdict.PASS
ROWS = 60_000
EXPECTED = {
    "tables": {"events": {"min": 50_000, "max": 70_000}},
    "not_null": [{"table": "events", "columns": ["note"]}],
    "freshness": [
        {"table": "events", "column": "created_at", "tolerance_seconds": 60},
        {"table": "events", "column": "updated_at", "tolerance_seconds": 60},
    ],
}
LARGE = f"""
create table users (id bigint primary key, email text not null unique);
insert into users select n, 'user' || n from generate_series(1, 1000) n;
create table events (id bigserial primary key, user_id bigint references users, note text, key uuid unique,
                     created_at timestamptz not null, updated_at timestamptz not null) with (fillfactor = 85);
insert into events (user_id, note, key, created_at, updated_at)
select 1 + n % 1000, repeat('x', 800), md5(n::text)::uuid, at, at
from generate_series(1, {ROWS}) n,
     lateral (select timestamptz '2026-11-22 14:00Z' - ({ROWS} - n) * interval '1 second') as t (at);
create index on events (created_at);
create table days (day date, n bigint, note text, primary key (day, n)) partition by range (day);
create table days_1 partition of days for values from ('2026-01-01') to ('2026-02-01');
create table days_2 (note text, n bigint not null, day date not null);
alter table days attach partition days_2 for values from ('2026-02-01') to ('2026-03-01');
insert into days select date '2026-01-05', n, repeat('y', 800) from generate_series(1, 50000) n;
insert into days select date '2026-02-05', n, 'few' from generate_series(1, 100) n;
vacuum analyze;
"""


@pytest.fixture(scope="module")
def large(server: Server) -> str:
    """The name of a database with two tables above the size up to which all is read, as a template for others."""
    with server.connect() as connection:
        connection.execute("create database large")
    for statement in LARGE.split(";\n"):
        if statement.strip():
            Database(server, "large").execute(statement)
    return "large"


@pytest.fixture
def database(server: Server, large: str) -> Iterator[Database]:
    with server.database(large) as database:
        yield database


@pytest.fixture(scope="module")
def schema(server: Server, large: str) -> SchemaSnapshot:
    return schema_of(Database(server, large))


def sampled(database: Database, schema: SchemaSnapshot | None = None, seed: str = "db-1") -> ValidationReport:
    expected = from_mapping(EXPECTED)
    return run(database.target, expected, RunOptions(restore_point=AT, schema=schema, depth=Depth.SAMPLE, seed=seed))


def test_nothing_is_reported_of_what_is_in_order_and_a_sample_is_never_taken_for_all(
    database: Database, schema: SchemaSnapshot
) -> None:
    report = sampled(database, schema)
    assert wrong(report) == {}, as_text(report)
    assert report.verdict is Verdict.PASS
    assert report.sample
    assert sorted(report.sample.tables) == ["public.days", "public.events"]
    assert report.counts["public.events"] < ROWS / 2
    assert 100 < report.counts["public.days"] < 40_000
    text = as_text(report)
    assert text.splitlines()[1].startswith("by a sample: ")
    assert "may miss" in text
    assert as_json(report)["depth"] == "sample"
    full = run(database.target, from_mapping(EXPECTED), RunOptions(restore_point=AT, schema=schema))
    assert full.sample is None
    assert full.counts["public.events"] == ROWS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "found_by"),
    [
        ("drop table days", "schema:tables"),
        ("alter table events drop constraint events_user_id_fkey", "schema:constraints"),
        ("drop index events_created_at_idx", "schema:indexes"),
        ("select setval('events_id_seq', 10)", "sequence:public.events.id"),
        ("delete from events where created_at > '2026-11-22 13:50Z'", "freshness:public.events.created_at"),
        ("truncate events", "rows:public.events"),
        ("delete from events where id % 2 = 0", "rows:public.events"),
        ("update pg_class set relpages = relpages + 100 where relname = 'events'", "files"),
        ("alter table events disable trigger all", "triggers"),
    ],
)
def test_what_is_wrong_with_the_schema_or_a_whole_table_is_found_by_any_sample(
    database: Database, schema: SchemaSnapshot, damage: str, found_by: str
) -> None:
    database.execute(damage)
    assert wrong(sampled(database, schema))[found_by] is FAIL


@dataclass(frozen=True)
class RowDefect:
    """What is done to some rows, by number, and the check that finds one of them."""

    damage: str
    found_by: str


DEFECTS = (
    RowDefect("update events set note = null where id in ({})", "not-null:public.events.note"),
    RowDefect(
        "set session_replication_role = replica; update events set user_id = -1 where id in ({})",
        "foreign-key:public.events.events_user_id_fkey",
    ),
    RowDefect(
        "update pg_index set indisready = false where indexrelid = 'events_key_key'::regclass;"
        " update events set key = md5((id - 1)::text)::uuid, note = note where id in ({});"
        " update pg_index set indisready = true where indexrelid = 'events_key_key'::regclass",
        "unique-key:public.events_key_key",
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.found_by)
def test_many_wrong_rows_are_found_as_the_probability_says(database: Database, defect: RowDefect) -> None:
    """Each third row is wrong: that none of those that are looked at is one has no probability that counts."""
    database.execute(defect.damage.format("select n from generate_series(3, 60000, 3) n"))
    report = sampled(database)
    assert wrong(report)[defect.found_by] is FAIL
    assert the(report, defect.found_by).examples


@pytest.mark.parametrize(("place", "verdict"), [("", FAIL), ("not", PASS)])
def test_one_wrong_row_is_found_where_it_is_looked_at_and_only_there(
    database: Database, place: str, verdict: Verdict
) -> None:
    """An update leaves a row in its block here, for there is room in each."""
    number = pick(database, f"ctid {place} in (select ctid from ({rows_read(database)}) as r) and id < 30000")
    database.execute(f"update events set note = null where id = {number}")
    report = sampled(database)
    assert the(report, "not-null:public.events.note").verdict is verdict


def rows_read(database: Database) -> str:
    blocks = pick(database, "relname = 'events'", "select pg_relation_size(oid) / 8192 from pg_class where {}")
    return Sampling("db-1").choose_runs(Leaf(Table("public", "events"), blocks, 8)).compose_rows(["id"]).as_string(None)


def pick(
    database: Database, condition: str, query: str = "select id from events where {} order by random() limit 1"
) -> int:
    with database.connect() as connection:
        row = connection.execute(cast(LiteralString, query.format(condition))).fetchone()
    assert row
    return int(row[0])


@dataclass
class Memory:
    """Where answers are kept in this test."""

    content: bytes | None = None

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content = content


def in_full(database: Database, kept: Memory) -> ValidationReport:
    return run(database.target, from_mapping(EXPECTED), RunOptions(restore_point=AT, kept=kept))


def test_what_was_read_before_an_interruption_is_not_read_again_unless_its_table_has_changed(
    database: Database,
) -> None:
    kept = Memory()
    first = in_full(database, kept)
    again = in_full(database, kept)
    assert (first.reused, again.reused > 10) == (0, True)
    assert as_json(again)["counts"] == as_json(first)["counts"]
    database.execute("update events set note = null where id = 7; select pg_stat_force_next_flush()")
    changed = in_full(database, kept)
    assert wrong(changed) == {"not-null:public.events.note": FAIL}
    assert 0 < changed.reused < again.reused
    database.execute("reindex index days_1_pkey")
    assert 0 < in_full(database, kept).reused < again.reused


@pytest.mark.slow
def test_a_deadline_that_is_over_leaves_everything_unread_and_nothing_passed(database: Database) -> None:
    report = run(database.target, from_mapping(EXPECTED), RunOptions(deadline=time.monotonic(), depth=Depth.SAMPLE))
    assert report.verdict is INCONCLUSIVE
