"""What the gate `validated` holds the data against: it runs again when that changes, and says what can't be used."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from restore.errors import PermanentError, Problem
from restore.evidence import Store
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.gates.in_cluster import read_certificate
from restore.gates.kept_answers import GateAnswers
from restore.gates.targets import open_reading_target
from restore.gates.validated import (
    SECONDS,
    allow_seconds,
    check_problems,
    choose_ahead_seconds,
    read_expectations,
    summarize,
    take_fingerprint,
)
from restore.model.planned import RecoveryPoint
from restore.model.request import Method, Settings, Tls, ValidationSettings
from restore.plan import make
from restore.redaction import register_secret
from tests.support.gate_worlds import watch
from tests.support.worlds import NOW, inventory, settings
from validation.connect.target import Target
from validation.expectations.table_names import Table
from validation.runner.result import CheckResult, ValidationReport
from validation.schema.sample import Coverage, SampleSummary
from validation.verdict import Depth, Severity, Verdict


def using(path: Path, **more: object) -> Settings:
    return settings(validation=ValidationSettings(str(path), **more))  # pyright: ignore[reportArgumentType]


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    migration = tmp_path / "prisma" / "1_init"
    migration.mkdir(parents=True)
    (migration / "migration.sql").write_text("select 1")
    path = tmp_path / "checks.toml"
    path.write_text('[migrations]\ndirectory = "prisma"\n[tables.users]\nmin = 1\n[tables.orders]\nmin = 1\n')
    return path


def test_the_gate_runs_again_when_a_file_behind_the_expectations_changes(checks: Path) -> None:
    before = take_fingerprint(using(checks))
    assert take_fingerprint(using(checks)) == before
    (checks.parent / "prisma" / "1_init" / "migration.sql").write_text("select 2")
    after = take_fingerprint(using(checks))
    assert after != before
    assert take_fingerprint(using(checks, baseline="s3://b/p")) != after


def test_a_section_of_the_configuration_takes_the_place_of_the_files(checks: Path) -> None:
    wanted = read_expectations(using(checks, inline={"tables": {"users": {"min": 7}}}))
    assert {table: bounds.min for table, bounds in wanted.tables.items()} == {Table("public", "users"): 7}
    assert wanted.migrations
    assert wanted.migrations.applied == ("1_init",)


def test_expectations_that_cannot_be_used_are_refused_with_all_mistakes(checks: Path) -> None:
    checks.write_text("[tabels]\n[limits]\nworkers = 0\n")
    with pytest.raises(PermanentError, match=r"(?s)tabels.*limits\.workers"):
        take_fingerprint(using(checks))


@pytest.mark.parametrize(("taken", "ahead"), [(0, 1), (1800, 1801)])
def test_rows_of_the_second_in_which_a_dump_was_stored_are_not_too_new(taken: int, ahead: int) -> None:
    assert choose_ahead_seconds(RecoveryPoint(Method.DUMP, at=NOW, until=NOW + timedelta(seconds=taken))) == ahead


def test_the_summary_names_what_keeps_the_gate_shut_and_nothing_that_is_waived() -> None:
    results = tuple(CheckResult(f"rows:{n}", Verdict.FAIL, "0 rows", "1 row") for n in range(5))
    report = ValidationReport((CheckResult("server", Verdict.PASS, "", ""), *results), "shop")
    problems = [Problem(f"validated.{one.name}", one.found, one.needed, "look") for one in results]
    waive = {"validated.rows:0": "known"}
    assert summarize(report, problems, waive) == "1 of 6 checks pass, but not rows:1, rows:2, rows:3 and 1 more"
    assert summarize(report, problems, {"validated.rows": "known"}) == "1 of 6 checks pass"


def test_what_the_source_has_as_well_shuts_nothing_and_is_told() -> None:
    known = CheckResult("indexes", Verdict.FAIL, "as in the source: 1 wrong", "", severity=Severity.ADVISORY)
    new = CheckResult("triggers", Verdict.FAIL, "1 wrong, not counting 1 as in the source", "")
    report = ValidationReport((replace(known, as_in="the source"), new), "shop")
    problems = check_problems(report)
    assert [one.subject for one in problems] == ["validated.triggers"]
    assert summarize(report, problems, {}) == "0 of 2 checks pass, 1 as in the source, but not triggers"


def test_the_machine_s_own_certificates_are_no_file_to_be_read() -> None:
    assert read_certificate(Tls("verify-full", "system")) is None
    with pytest.raises(PermanentError, match="rootCertificate"):
        read_certificate(Tls("verify-full", "no-such-file"))


OPERATOR = Target("db.example", "shop", "ghostadmin")


@pytest.mark.parametrize(
    ("method", "allow", "user"),
    [
        (Method.DUMP, (), "restore_read_1"),
        (Method.DUMP, ("privileged_owner",), "ghostadmin"),
        (Method.PITR, (), "ghostadmin"),
        (Method.SNAPSHOT, (), "ghostadmin"),
    ],
)
def test_functions_of_a_dump_that_nobody_trusts_never_get_the_operator_s_rights(
    monkeypatch: pytest.MonkeyPatch, method: Method, allow: tuple[str, ...], user: str
) -> None:
    @contextmanager
    def reading(operator: Target, *_: object) -> Generator[Target]:
        yield replace(operator, user="restore_read_1")

    monkeypatch.setattr("restore.dumps.load.read_role.open_reader", reading)
    plan = SimpleNamespace(point=RecoveryPoint(method))
    context = SimpleNamespace(plan=plan, settings=SimpleNamespace(backups=SimpleNamespace(allow=allow)))
    with open_reading_target(cast("GateContext", context), watch("validated"), OPERATOR) as login:
        assert login.user == user


def test_a_sample_is_named_in_the_summary_of_the_gate() -> None:
    sample = SampleSummary({"public.t": Coverage(4, 100, 0.04)}, {}, ())
    report = ValidationReport((CheckResult("server", Verdict.PASS, "", ""),), "shop", sample=sample)
    told = "1 of 1 checks pass, by a sample: 4.0 % of 1 large table, all of the others"
    assert summarize(report, [], {}) == told


def test_the_gate_runs_again_when_all_of_the_data_is_asked_for_instead_of_a_sample(checks: Path) -> None:
    assert take_fingerprint(using(checks, depth=Depth.SAMPLE)) != take_fingerprint(using(checks))


def test_the_gate_of_a_large_database_has_the_time_that_reading_it_needs() -> None:
    plan = make(settings(), inventory())
    large = replace(plan, settings=replace(plan.settings, allocated_storage=2000))
    assert allow_seconds(settings(), plan) == SECONDS
    assert allow_seconds(settings(), large) > 24 * 3600
    assert allow_seconds(settings(validation=ValidationSettings(depth=Depth.SAMPLE)), large) < 24 * 3600
    declared = settings(validation=ValidationSettings(budget_seconds=90_000))
    assert allow_seconds(declared, plan) > 90_000


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def answers(tmp_path: Path, said: list[str]) -> GateAnswers:
    context = SimpleNamespace(store=Store.open(str(tmp_path)), plan=SimpleNamespace(stack="prod", id="inc-1"))
    clock = Watch("validated", 60, threading.Event(), said.append)
    return GateAnswers(cast("GateContext", context), clock, "db-CANDIDATE")


def test_what_was_read_of_one_instance_is_never_taken_for_another_of_the_same_name(answers: GateAnswers) -> None:
    assert answers.read() is None
    answers.write(b'{"format": 1}')
    answers.write(b'{"format": 1, "answers": {}}')
    assert answers.read() == b'{"format": 1, "answers": {}}'
    assert replace(answers, resource_id="db-OTHER").read() is None


def test_an_evidence_store_that_cannot_be_written_to_costs_time_and_no_proof(
    answers: GateAnswers, tmp_path: Path, said: list[str]
) -> None:
    (tmp_path / "prod").write_text("no folder")
    answers.write(b"{}")
    assert answers.read() is None
    assert "can't be kept for a later run" in said[0]


def test_an_answer_with_a_known_secret_is_not_kept(answers: GateAnswers, said: list[str]) -> None:
    register_secret("hunter2-hunter2")
    answers.write(b'{"answers": {"x": "hunter2-hunter2"}}')
    assert answers.read() is None
    assert "a secret value" in said[0]
