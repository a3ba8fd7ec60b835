"""Each way to damage a restored database is found by the check that is named for it, and by no other."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.postgres.scratch_server import Database, Server
from tests.support.postgres.validation_sample import AT, FAIL, FOLDER, INCONCLUSIVE, schema_of, the, validate, wrong
from validation import RunOptions, Verdict, as_json, as_text, from_mapping, run
from validation.expectations.model import DECLARABLE
from validation.schema.snapshot import SchemaSnapshot
from validation.selftest.defects import load

REPLICA = "set session_replication_role = replica; "
DEFECTS = {defect.name: defect for defect in load(FOLDER / "defects.toml").defect}


@pytest.fixture(scope="module")
def schema(server: Server, sample: str) -> SchemaSnapshot:
    return schema_of(Database(server, sample))


def test_there_are_enough_ways_to_damage_a_database() -> None:
    assert len(DEFECTS) >= 30


def test_nothing_is_reported_on_an_undamaged_database(database: Database, schema: SchemaSnapshot) -> None:
    report = validate(database, schema=schema)
    assert wrong(report) == {}, as_text(report)
    assert report.verdict is Verdict.PASS
    assert report.counts["public.users"] == 500
    assert report.counts["public.entries"] == 4


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_is_found_by_the_checks_that_are_named_for_it(
    database: Database, schema: SchemaSnapshot, defect: str
) -> None:
    database.execute(DEFECTS[defect].damage)
    report = validate(database, schema=schema)
    assert wrong(report) == dict.fromkeys(DEFECTS[defect].found_by, FAIL), as_text(report)


def test_an_index_left_invalid_by_an_interrupted_build_is_found(database: Database) -> None:
    with database.connect() as connection, pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("create unique index concurrently half on transactions (user_id)")
    report = validate(database)
    assert wrong(report) == {"indexes": FAIL}
    assert the(report, "indexes").examples == ({"schema": "public", "table": "transactions", "index": "half"},)


def test_what_failed_comes_with_the_keys_of_its_rows_and_never_with_more(database: Database) -> None:
    database.execute(
        REPLICA + "delete from users where id = 'user-9'; update users set email = null where id = 'user-8'"
    )
    report = validate(database)
    orphans = the(report, "foreign-key:public.transactions.transactions_user_id_fkey")
    assert orphans.found == "10 rows of public.transactions without their row in public.users"
    assert len(orphans.examples) == 5
    assert {example["user_id"] for example in orphans.examples} == {"user-9"}
    assert all(example.keys() == {"id", "user_id"} for example in orphans.examples)
    assert the(report, "not-null:public.users.email").examples == ({"id": "user-8"},)
    assert "example.org" not in str(as_json(report)).replace("user7@example.org", "")  # in the name of a check


def test_a_migration_that_was_rolled_back_and_then_applied_is_no_defect(database: Database) -> None:
    database.execute(
        "insert into _prisma_migrations (id, checksum, migration_name, started_at, rolled_back_at)"
        " values ('0', 'x', '20260301000000_contracts', '2026-02-28', '2026-02-28')"
    )
    assert wrong(validate(database)) == {}


def test_a_database_without_tables_is_never_a_pass(empty_database: Database) -> None:
    report = run(empty_database.target, from_mapping({}))
    assert wrong(report) == {"tables": FAIL}
    assert report.verdict is FAIL
    waived = run(empty_database.target, from_mapping({}), RunOptions(waivers={"tables": "nothing there yet"}))
    assert waived.verdict is INCONCLUSIVE


def test_a_database_whose_tables_are_all_empty_is_never_a_pass(empty_database: Database) -> None:
    empty_database.execute("create table users (id int primary key)")
    report = run(empty_database.target, from_mapping({}), RunOptions(waivers={"tables": "nothing there yet"}))
    assert wrong(report) == {"tables": FAIL}
    assert report.verdict is INCONCLUSIVE


def test_the_wrong_database_of_the_right_server_is_found(empty_database: Database) -> None:
    report = validate(empty_database, server={"database": "ghost_protocol"})
    found = wrong(report)
    assert found["server"] is FAIL
    assert found["tables"] is FAIL
    assert found["rows:public.users"] is FAIL
    assert found["migrations"] is FAIL


def test_another_major_version_is_found(database: Database) -> None:
    assert wrong(validate(database, server={"version": 16})) == {"server": FAIL}


def test_a_migration_that_nobody_expected_is_found(database: Database) -> None:
    expected = {"applied": ["20260101000000_init", "20260401000000_later"]}
    report = validate(database, migrations=expected)
    assert wrong(report) == {"migrations": FAIL}
    assert the(report, "migrations").found == (
        "20260401000000_later is not applied; 20260301000000_contracts is applied but not expected"
    )


def test_freshness_without_a_restore_point_proves_nothing(database: Database) -> None:
    wanted = from_mapping({"freshness": [{"table": "users", "column": "created_at", "tolerance_seconds": 9}]})
    report = run(database.target, wanted)
    assert wrong(report) == {"freshness:public.users.created_at": INCONCLUSIVE}


def test_a_family_that_must_be_declared_and_is_not_proves_nothing(database: Database) -> None:
    report = run(database.target, from_mapping({"required": ["freshness", "rows"]}), RunOptions(restore_point=AT))
    assert wrong(report) == {"required:freshness": INCONCLUSIVE, "required:rows": INCONCLUSIVE}
    assert report.not_declared == DECLARABLE


def test_a_key_that_the_column_cannot_hold_is_no_pass_and_no_proof_of_loss(database: Database) -> None:
    report = validate(database, must_exist=[{"table": "transactions", "key": {"id": "no number"}}])
    assert wrong(report) == {"must-exist:public.transactions(id=no number)": INCONCLUSIVE}


def test_an_injection_in_a_key_is_only_a_value(database: Database) -> None:
    hostile = r"' or true --\"; drop table users; %s {x}"
    report = validate(database, must_exist=[{"table": "users", "key": {"id": hostile}}])
    assert list(wrong(report).values()) == [FAIL]


def test_a_waiver_with_a_reason_opens_and_stays_visible(database: Database) -> None:
    database.execute("select setval('transactions_id_seq', 10)")
    report = run(
        database.target,
        from_mapping({}),
        RunOptions(waivers={"sequence:public.transactions.id": "set after the switch", "indexes": "unused"}),
    )
    assert report.verdict is Verdict.PASS
    assert report.unused_waivers == ("indexes",)
    assert "set after the switch" in as_text(report)


def test_a_partition_counts_with_its_root_and_by_itself_where_declared(database: Database) -> None:
    wanted = from_mapping({"tables": {"entries_2026": {"min": 4}, "entries": {"min": 4, "max": 4}}})
    report = run(database.target, wanted)
    assert wrong(report) == {"rows:public.entries_2026": FAIL}
    assert the(report, "rows:public.entries_2026").found == "3 rows"
    assert "public.entries_2025" not in report.counts


def test_tables_without_key_or_columns_are_read_too(database: Database) -> None:
    database.execute(
        "create table bare (); insert into bare default values; analyze bare;"
        "create table keyless (user_id text references users, note text);"
        + REPLICA
        + "insert into keyless values ('nobody', 'private'); analyze keyless"
    )
    report = validate(database)
    name = "foreign-key:public.keyless.keyless_user_id_fkey"
    assert wrong(report) == {name: FAIL}
    assert the(report, name).examples == ({"ctid": "(0,1)", "user_id": "nobody"},)
    assert report.counts["public.bare"] == 1


def test_keys_of_other_types_and_collations_are_compared_as_the_constraint_does(database: Database) -> None:
    database.execute(
        'create table terms (word text collate "POSIX" primary key, code numeric unique);'
        "create domain small as int check (value < 100);"
        'create table uses (id int primary key, word varchar(20) collate "C" references terms,'
        " code small references terms (code));"
        "insert into terms values ('a', 1); insert into uses values (1, 'a', 1); analyze"
    )
    assert wrong(validate(database)) == {}
    database.execute(REPLICA + "insert into uses values (2, 'A', 2)")
    found = wrong(validate(database))
    assert found == {
        "foreign-key:public.uses.uses_word_fkey": FAIL,
        "foreign-key:public.uses.uses_code_fkey": FAIL,
    }
