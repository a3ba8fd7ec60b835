"""Rows that were erased on purpose don't come back unnoticed, and not knowing is no all-clear."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from restore import postgres
from restore.gates import switched
from restore.gates.erasure import count_by_comparison, mark_tables
from restore.gates.validated import take_fingerprint
from restore.model.rds import Endpoint
from restore.model.request import ErasedTable
from tests.support.gate_worlds import KNOWN, PROVED, STOPPED, Databases, Stage, back, forth
from tests.support.worlds import CANDIDATE_HOST, PITR, SOURCE_HOST, settings

RECORDED = {"users": ErasedTable("id", "audit.erased", "user_id")}
COMPARED = {"users": ErasedTable("id")}
USERS: dict[str, Any] = {"table": "public.users", "status": "different", "brought_back": {"rows": 3}, "notes": []}
EQUAL: dict[str, Any] = {**USERS, "status": "equal", "brought_back": {"rows": 0}}


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases()
    databases.install(monkeypatch)
    return databases


@pytest.fixture
def erased(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The keys of the record at the source, and those that the candidate has."""
    keys = {SOURCE_HOST: ["7", "8"], CANDIDATE_HOST: ["1", "7"]}

    def connect(_url: str, endpoint: Endpoint, *_: object) -> AbstractContextManager[str]:
        return databases.connect(endpoint)

    def recorded(host: str, *_: object) -> list[str]:
        return keys[host]

    def count(host: str, _table: object, _column: str, wanted: list[str]) -> int:
        return len(set(keys[host]) & set(wanted))

    monkeypatch.setattr(postgres, "connect_as_application", connect)
    monkeypatch.setattr(postgres, "list_erased_keys", recorded)
    monkeypatch.setattr(postgres, "count_present", count)
    return keys


def proved(at: Stage, *tables: dict[str, Any]) -> Stage:
    """`validated` opened with this loss report."""
    facts = {"resource_id": "db-CANDIDATE", "loss": {"tables": list(tables), "against": "source"}}
    at.context.store.write("prod", "inc-1", "validated", {"gate": "validated", "open": True, "facts": facts})
    return at


def shut_by(at: Stage) -> set[str]:
    at.prove("switched", switched.prove, receipt=PROVED)
    return set(at.problems)


def test_rows_of_the_source_s_record_keep_the_switch_shut_until_they_are_erased_again(
    erased: dict[str, list[str]], tmp_path: Path
) -> None:
    at = forth(tmp_path, erasure=RECORDED)
    assert shut_by(at) == {"switched.erasure:public.users"}
    problem = at.problems["switched.erasure:public.users"]
    assert problem["found"] == "rows of public.users that were erased on purpose come back: 1"
    assert 'SELECT "user_id" FROM "audit"."erased"' in problem["fix"]
    assert at.last["facts"]["erasure"] == {"public.users": 1}
    erased[CANDIDATE_HOST].remove("7")
    assert shut_by(forth(tmp_path, erasure=RECORDED)) == set()


def test_a_person_can_let_them_come_back_by_the_name_of_the_table(erased: dict[str, list[str]], tmp_path: Path) -> None:
    del erased
    at = forth(tmp_path, erasure=RECORDED, waive={"switched.erasure:public.users": KNOWN})
    assert at.prove("switched", switched.prove, receipt=PROVED) is None
    assert at.last["waived"] == {"switched.erasure:public.users": KNOWN}


def test_without_a_record_every_row_that_the_source_no_longer_has_counts(databases: Databases, tmp_path: Path) -> None:
    del databases
    at = proved(forth(tmp_path, erasure=COMPARED), USERS)
    assert shut_by(at) == {"switched.erasure:public.users"}
    assert "come back: 3" in at.problems["switched.erasure:public.users"]["found"]
    assert shut_by(proved(forth(tmp_path, erasure=COMPARED), EQUAL)) == set()


def test_a_table_that_was_not_compared_is_not_taken_for_clean(databases: Databases, tmp_path: Path) -> None:
    del databases
    assert shut_by(forth(tmp_path, erasure=COMPARED)) == {"switched.erasure:public.users"}
    assert count_by_comparison("users", {"tables": [{**EQUAL, "status": "unknown"}]}).unknown
    assert count_by_comparison("users", {"tables": [EQUAL], "against": "baseline"}).unknown


def test_a_source_that_cannot_be_asked_for_its_record_is_said(
    databases: Databases, erased: dict[str, list[str]], tmp_path: Path
) -> None:
    del erased
    databases.down[SOURCE_HOST] = STOPPED
    at = forth(tmp_path, erasure=RECORDED)
    assert shut_by(at) == {"switched.erasure:public.users"}
    assert "isn't known" in at.problems["switched.erasure:public.users"]["found"]


def test_the_way_back_is_not_held_up(erased: dict[str, list[str]], tmp_path: Path) -> None:
    del erased
    assert shut_by(back(tmp_path, erasure=RECORDED)) == set()


def test_the_loss_report_marks_the_table() -> None:
    marked = mark_tables({"tables": [USERS]}, [count_by_comparison("users", {"tables": [USERS]})])
    assert marked["tables"][0]["notes"] == ["rows of public.users that were erased on purpose come back: 3"]
    assert mark_tables({"tables": [EQUAL]}, [count_by_comparison("users", {"tables": [EQUAL]})]) == {"tables": [EQUAL]}


def test_another_list_of_tables_has_the_data_proved_again() -> None:
    assert take_fingerprint(settings(PITR)) != take_fingerprint(settings(PITR, erasure=COMPARED))
