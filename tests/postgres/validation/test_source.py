"""Comparison with the source, and telling it from the candidate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.postgres.scratch_server import PASSWORD, Database
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, the, wrong
from validation import RunOptions, ValidationReport, Verdict, from_mapping, run
from validation.connect.target import Target


def compare(database: Database, source: Database | Target | None, **expected: Any) -> ValidationReport:
    beside = source.target if isinstance(source, Database) else source
    return run(database.target, from_mapping(expected), RunOptions(source=beside))


def test_an_equal_source_passes(database: Database, source: Database) -> None:
    report = compare(database, source, tables={"users": {"at_least_of_source": 1, "at_most_of_source": 1}})
    assert wrong(report) == {}
    assert report.verdict is Verdict.PASS


def test_the_login_that_reads_a_loaded_database_for_hours_is_no_difference(
    database: Database, source: Database
) -> None:
    database.execute(
        f"create role reads_for_hours login password '{PASSWORD}' valid until 'tomorrow' in role pg_read_all_data;"
        f"grant connect on database {database.name} to reads_for_hours"
    )
    try:
        login = database.target_of("reads_for_hours")
        report = run(login, from_mapping({}), RunOptions(source=source.target))
        assert the(report, "source-schema:grants").verdict is Verdict.PASS
        assert the(compare(database, source), "source-schema:grants").verdict is FAIL
    finally:
        database.execute("drop owned by reads_for_hours; drop role reads_for_hours")


@pytest.mark.parametrize(("share", "verdict"), [(0.9, Verdict.PASS), (0.9001, FAIL)])
def test_a_share_of_the_sources_rows_is_exact(
    database: Database, source: Database, share: float, verdict: Verdict
) -> None:
    database.execute("set session_replication_role = replica; delete from smart_contracts where id > 45")
    report = compare(database, source, tables={"smart_contracts": {"at_least_of_source": share}})
    assert the(report, "rows:public.smart_contracts").verdict is verdict


def test_a_share_without_a_source_proves_nothing(database: Database) -> None:
    report = compare(database, None, tables={"users": {"at_least_of_source": 0.9}})
    assert wrong(report) == {"rows:public.users": INCONCLUSIVE}


def test_a_table_that_only_the_source_has_is_missing(database: Database, source: Database) -> None:
    database.execute("drop table smart_contracts cascade; truncate pairs")
    source.execute("create unlogged table queue (id int); insert into queue values (1)")
    database.execute("create unlogged table queue (id int)")
    report = compare(database, source)
    assert set(wrong(report)) - {r for r in wrong(report) if r.startswith("source-schema:")} == {"tables-of-source"}
    found = the(report, "tables-of-source").found
    assert found == "public.smart_contracts is missing; public.pairs is empty"


def test_the_source_taken_for_the_candidate_is_found(database: Database) -> None:
    assert wrong(compare(database, database)) == {"not-the-source": FAIL}


def test_a_source_that_does_not_answer_proves_nothing(database: Database) -> None:
    absent = Target("127.0.0.1", "x", "x", None, 1, sslmode="disable")
    report = compare(database, absent, tables={"users": {"at_least_of_source": 0.9}})
    assert wrong(report) == {"source-connection": INCONCLUSIVE, "rows:public.users": INCONCLUSIVE}
    assert report.verdict is INCONCLUSIVE


def test_a_server_at_another_address_than_expected_is_found(database: Database) -> None:
    server = database.server
    for expected, verdict in (
        (server.host, Verdict.PASS),
        (f"{server.host}:5432", Verdict.PASS),
        ("10.0.0.1", FAIL),
        (f"{server.host}:5433", FAIL),
    ):
        target = Target(
            server.host,
            database.name,
            "postgres",
            database.target.password,
            sslmode="disable",
            expected_address=expected,
        )
        assert the(run(target, from_mapping({})), "server").verdict is verdict
