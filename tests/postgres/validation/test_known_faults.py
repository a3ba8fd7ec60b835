"""What a healthy production has as well convicts no restore of it; what is new in the restore does, named alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres.scratch_server import Database, Server
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, the, url, wrong
from validation import CheckResult, RunOptions, Severity, ValidationReport, Verdict, as_json, as_text, from_mapping, run
from validation.baseline import latest
from validation.baseline.model import Baseline
from validation.baseline.record import record
from validation.checks.recorded import list_fault_lists
from validation.commands import main
from validation.connect.target import Target

FAULTS = (Path(__file__).parent / "false_alarms.sql").read_text()
ALARMS = {
    "migrations",
    "sequence:public.seeded.id",
    "foreign-key:public.orders.orders_user",
    "indexes",
    "row-security",
    "triggers",
    "writable",
}
NEW = {
    "migrations": "insert into _prisma_migrations values ('3', 'x', '3_half', now(), null, null)",
    "sequence:public.seeded.id": "insert into seeded values (2, 'lost by setval')",
    "foreign-key:public.orders.orders_user": "set session_replication_role = replica;insert into orders values (3, 77)",
    "indexes": "update pg_index set indisvalid = false where indexrelid = 'orders_pkey'::regclass",
    "row-security": "create policy own_seeds on seeded using (true)",
    "triggers": "create trigger late before update on orders for each row execute function noop();"
    "alter table orders disable trigger late",
    "writable": "do $$ begin execute format('alter database %I set default_transaction_read_only = on',"
    " current_database()); end $$",
}
NAMED = {
    "migrations": [{"migration": "3_half is unfinished"}],
    "sequence:public.seeded.id": [{"id": "2"}],
    "foreign-key:public.orders.orders_user": [{"id": "3", "user_id": "77"}],
    "indexes": [{"schema": "public", "table": "orders", "index": "orders_pkey"}],
    "row-security": [{"table": "public.seeded", "policies": "1"}],
    "triggers": [{"table": "public.orders", "trigger": "late"}],
    "writable": [{"place": "the database"}, {"place": "sessions of this login"}],
}


@pytest.fixture
def production(server: Server, empty_database: Database) -> Iterator[Database]:
    """A healthy database with the seven faults."""
    with server.connect() as connection:
        connection.execute("create role bi_reader nologin")
    empty_database.execute(FAULTS + "insert into tags values ('x'), ('x'); analyze")
    with empty_database.connect() as connection, suppress(psycopg.errors.UniqueViolation):
        connection.execute("create unique index concurrently tags_name on tags (name)")  # fails, and leaves its index
    yield empty_database
    with server.connect() as connection:
        connection.execute("drop role bi_reader")


@pytest.fixture
def restored(server: Server, production: Database) -> Iterator[Database]:
    """The same, as a snapshot copies it."""
    with server.database(production.name) as database:
        yield database


def compare(database: Database, source: Database | Target | None, baseline: Baseline | None = None) -> ValidationReport:
    beside = source.target if isinstance(source, Database) else source
    return run(database.target, from_mapping({}), RunOptions(source=beside, baseline=baseline))


def blocking(report: ValidationReport) -> dict[str, CheckResult]:
    return {r.name: r for r in report.results if r.verdict is not Verdict.PASS and r.severity is Severity.BLOCKING}


def test_what_the_healthy_source_has_as_well_asks_for_no_waiver(production: Database, restored: Database) -> None:
    report = compare(restored, production)
    assert report.verdict is Verdict.PASS, blocking(report)
    known = {r.name: r for r in report.results if r.as_in}
    assert known.keys() == ALARMS
    assert {r.as_in for r in known.values()} == {"the source"}
    assert all(r.verdict is FAIL and r.found.startswith("as in the source: ") for r in known.values())
    text = as_text(report)
    assert "0 failed, 0 inconclusive, 0 waived, 7 as in the source" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    told = {one["name"]: (one["severity"], one["as_in"]) for one in as_json(report)["results"]}
    assert told["indexes"] == ("advisory", "the source")
    assert told["tables"] == ("blocking", None)


@pytest.mark.parametrize("check", NEW)
def test_a_new_fault_beside_a_known_one_blocks_and_alone_is_named(
    production: Database, restored: Database, check: str
) -> None:
    restored.execute(NEW[check])
    found = the(compare(restored, production), check)
    assert (found.verdict, found.severity, found.as_in) == (FAIL, Severity.BLOCKING, "")
    assert re.search(r" wrong, not counting \d+ as in the source$", found.found)
    assert [dict(example) for example in found.examples] == NAMED[check]


def test_a_second_fault_in_exchange_for_a_known_one_blocks(production: Database, restored: Database) -> None:
    restored.execute("drop index tags_name; update orders set id = 9 where id = 2;" + NEW["indexes"])
    found = blocking(compare(restored, production))
    assert found["indexes"].found == "indexes: 1 of 4 wrong; nothing of it in the source"
    assert found["foreign-key:public.orders.orders_user"].examples == ({"id": "9", "user_id": "26"},)


def test_without_a_source_everything_is_judged_alone(restored: Database) -> None:
    report = compare(restored, None)
    assert blocking(report).keys() == ALARMS
    assert report.verdict is FAIL


def test_a_source_frozen_by_hand_is_no_excuse_for_a_read_only_restore(production: Database, restored: Database) -> None:
    for database in (production, restored):
        database.execute(NEW["writable"])
    found = the(compare(restored, production), "writable")
    assert found.severity is Severity.BLOCKING
    assert "the database" in {example["place"] for example in found.examples}
    assert "role bi_reader" not in {example["place"] for example in found.examples}


def test_what_is_declared_decides_whatever_the_source_has(production: Database, restored: Database) -> None:
    report = run(
        restored.target,
        from_mapping({"must_exist": [{"table": "users", "key": {"id": 99}}], "migrations": {"last": "2_tags"}}),
        RunOptions(source=production.target),
    )
    assert blocking(report).keys() == {"must-exist:public.users(id=99)", "migrations"}
    assert the(report, "migrations").examples == ({"migration": "last applied is 1_init"},)


def test_a_duplicate_that_the_source_has_is_told_by_its_key(production: Database, restored: Database) -> None:
    for database, emails in ((production, "'c', 'c'"), (restored, "'c', 'c', 'd', 'd'")):
        database.execute(
            f"update pg_index set indisready = false, indislive = true where indexrelid = 'users_email_key'::regclass;"
            f"insert into users (email) select unnest(array[{emails}]);"
            f"update pg_index set indisready = true where indexrelid = 'users_email_key'::regclass"
        )
    found = the(compare(restored, production), "unique-key:public.users_email_key")
    assert [example["key"] for example in found.examples] == ['{"f1": "d"}']
    restored.execute("set enable_indexscan = off; set enable_bitmapscan = off; delete from users where email = 'd'")
    assert the(compare(restored, production), "unique-key:public.users_email_key").as_in == "the source"


def test_a_baseline_knows_where_no_source_is_left(
    production: Database, restored: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVE", url(production))
    assert main.main(["baseline", "record", "--from", "LIVE", "--to", str(tmp_path)]) == 0
    baseline = latest.find_latest(latest.open_baselines(str(tmp_path)))
    report = compare(restored, None, baseline)
    assert report.verdict is Verdict.PASS, blocking(report)
    assert {r.name for r in report.results if r.as_in.startswith("the baseline of 20")} == ALARMS
    gone = Target("127.0.0.1", "x", "x", None, 1, sslmode="disable")
    assert wrong(compare(restored, gone, baseline))["source-connection"] is INCONCLUSIVE
    assert {r.name for r in compare(restored, gone, baseline).results if r.as_in} == ALARMS
    for statement in NEW.values():
        restored.execute(statement)
    found = blocking(compare(restored, None, baseline))
    assert found.keys() >= ALARMS
    assert found["indexes"].examples == tuple(NAMED["indexes"])


def test_a_baseline_keeps_no_value_of_a_row_that_is_wrong(production: Database) -> None:
    production.execute("alter table orders add column mail text; update orders set mail = 'secret@example.org'")
    kept = record(production.target, fault_lists=list_fault_lists)
    assert kept.faults["faults:foreign-key:public.orders.orders_user"].count == 1
    assert "secret@example.org" not in json.dumps([[f.place for f in of.listed] for of in kept.faults.values()])


def test_a_source_that_was_mended_since_excuses_nothing(production: Database, restored: Database) -> None:
    kept = record(production.target, fault_lists=list_fault_lists)
    production.execute("drop index tags_name")
    assert blocking(compare(restored, production, kept)).keys() >= {"indexes"}
