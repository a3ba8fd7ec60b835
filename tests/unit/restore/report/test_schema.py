"""What the program writes is what docs/evidence.md says, step by step."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from restore import plan
from restore.drill.result import Drill, DrillResult, Phase
from restore.drill.result import as_json as as_drill
from restore.errors import PermanentError, Problem
from restore.evidence import Store, provenance, publish, run_record
from restore.gates.hook import Gate, Proof, Running, attempt
from restore.redaction import MASK, forget_secrets, register_secret
from restore.report import page
from sandbox.machine.layout import CHECKOUT
from tests.support import worlds
from tests.support.report_records import BACK, FROZEN, RESTORED, SHUT, Records, assembled, gate, run
from validation.baseline.model import Baseline, TableState
from validation.expectations.table_names import Table
from validation.loss import LossReport, RowSet, Status, TableLoss, as_json, compare_with_baseline
from validation.loss.model import Difference
from validation.runner.render import as_json as validation_json
from validation.runner.result import CheckResult, ValidationReport
from validation.verdict import Verdict
from validation.verdict import Verdict as CheckVerdict

DOCS = CHECKOUT / "docs" / "evidence.md"
SCHEMA = json.loads(DOCS.read_text().partition("```json\n")[2].partition("```")[0])
VALIDATOR: Any = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def faults(document: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(json.loads(json.dumps(document)))]


def begin(config: Mapping[str, Any]) -> dict[str, Any]:
    settings = worlds.settings()
    return run_record.build_document(settings, plan.make(settings, worlds.inventory()), config, worlds.NOW)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_aws: object) -> str:
        raise PermanentError("no answer")

    monkeypatch.setattr(provenance, "read_caller", denied)


@pytest.mark.parametrize("records", [FROZEN, RESTORED, BACK, SHUT])
def test_documents_keep_to_the_schema(records: Records) -> None:
    assert faults(assembled(records)) == []


def test_new_passwords_are_recorded_as_the_schema_says() -> None:
    database = {"identifier": "shop-inc-1", "resource_id": "db-CANDIDATE", "sessions_ended": 2}
    facts = {"databases": [database], "roles": ["shop_app"], "old_refused": True, "new_accepted": True}
    kept = {"kept_in": ["Secret database-credentials"], "keys": ["DATABASE_URL"], "source": "rotated"}
    operator = {"user": "on-call", "host": "laptop", "aws": "arn"}
    content: dict[str, Any] = {"began": worlds.NOW.isoformat(), "operator": operator, "facts": {**facts, **kept}}
    record = {**FROZEN[-1], "step": "credentials", **content}
    del record["gate"]
    assert faults(assembled([*FROZEN, record])) == []
    content["facts"]["old_refused"] = False
    assert faults(assembled([*FROZEN, {**record, **content}]))


def test_a_drill_is_recorded_as_the_schema_says_and_judged_by_its_own_record() -> None:
    lost = Problem("validated.rows:users", "FAIL: 3 rows", "10", "python -m restore report")
    phases = (
        Phase("restore", CheckVerdict.PASS, "restored", worlds.NOW, 61.5, facts={"seconds": {"candidate": 60.0}}),
        Phase("planted defect", CheckVerdict.FAIL, "missed", worlds.NOW, 3.0, (lost,)),
    )
    of = Drill("drill-1", "prod", "shop", "pitr:2026-11-22T14:59:00Z", rpo_seconds=60, rto_target=7200)
    operator = {"user": "on-call", "host": "laptop", "aws": "arn"}
    for played, verdict, told in ((phases[:1], "PASS", "The drill passed"), (phases, "FAIL", "planted defect")):
        content = {**as_drill(DrillResult(of, worlds.NOW, 90.0, played, 80.0)), "operator": operator}
        record = {**FROZEN[-1], "step": "drill", **content}
        del record["gate"]
        document = assembled([*FROZEN, record])
        assert faults(document) == []
        assert (document["verdict"], told in document["headline"]) == (verdict, True)
        assert faults(assembled([*FROZEN, {**record, "phases": []}]))


@pytest.mark.parametrize(
    "change", [{"verdict": "GOOD"}, {"records": []}, {"updated": "yesterday"}, {"headline": ""}, {"more": 1}]
)
def test_the_schema_refuses_what_is_none(change: Mapping[str, Any]) -> None:
    assert faults({**assembled(FROZEN), **change})


COUNTED = TableLoss(
    "public.t",
    Status.DIFFERENT,
    difference=Difference(RowSet(2, Decimal(60), Decimal("Infinity"), ({"id": "7"},))),
    timestamp="at",
)


@pytest.mark.parametrize(
    "report",
    [
        LossReport((COUNTED, TableLoss("public.u", Status.UNKNOWN, notes=("locked",))), "old", "new"),
        LossReport((), "the source", "new", problems=("the source is gone",), fix="record baselines"),
        compare_with_baseline(
            Baseline(worlds.NOW, "shop", "17", {Table("public", "t"): TableState(2, 1, {"at": worlds.NOW})}),
            Baseline(worlds.NOW, "shop", "17", {Table("public", "t"): TableState(1, 1)}),
        ),
    ],
)
def test_every_loss_report_keeps_to_the_schema(report: LossReport) -> None:
    known = gate("validated", 610, 700, facts={"loss": as_json(report)})
    assert faults(assembled([*FROZEN[:-1], known])) == []


def test_the_validation_keeps_to_the_schema_which_refuses_a_verdict_that_is_none() -> None:
    result = CheckResult("rows:t", CheckVerdict.FAIL, "9 rows", "10 rows", "look", "select 1", ({"id": "7"},))
    made = ValidationReport((result,), "shop on candidate:5432", restore_point=worlds.NOW, counts={"t": 9})
    facts: dict[str, Any] = {"report": validation_json(made)}
    assert faults(assembled([run(0), gate("validated", 1, 2, facts=facts)])) == []
    facts["report"]["results"][0]["verdict"] = "GOOD"
    assert faults(assembled([run(0), gate("validated", 1, 2, facts=facts)]))


def test_each_step_of_the_program_is_in_the_document_and_the_page_at_once(offline: None, tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    warnings: list[str] = []
    record = partial(publish.record, store, "prod", "inc-1", warn=warnings.append)
    made: list[Mapping[str, Any]] = []

    def publishes(step: str, content: Mapping[str, Any]) -> str:
        where = record(step, content)
        made.append(json.loads((tmp_path / "prod" / "inc-1" / "evidence.json").read_text()))
        assert (tmp_path / "prod" / "inc-1" / "report.html").stat().st_size > 5000
        return where

    publishes("run", begin({"restore:id": "inc-1"}))
    publishes("candidate", {"subject": "shop-inc-1", "began": worlds.NOW.isoformat(), "ended": None})
    bad = Proof(Verdict.FAIL, "1 check fails", {}, (Problem("validated.rows:t", "9", "10", "look"),))
    for proof in (bad, Proof(Verdict.PASS, "all pass", {"resource_id": "db-1"})):
        gate = Gate("validated", 60, lambda _watch, proof=proof: proof, partial(publishes, "validated"))
        attempt(gate, Running(), lambda _text: None)
    assert [faults(one) for one in made] == [[]] * 4
    assert [len(one["records"]) for one in made] == [1, 2, 3, 4]
    assert [one["verdict"] for one in made] == ["INCONCLUSIVE", "INCONCLUSIVE", "FAIL", "INCONCLUSIVE"]
    assert warnings == []


def test_a_page_that_can_not_be_made_loses_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_report: object) -> str:
        raise KeyError("a mistake in the page")

    monkeypatch.setattr(page, "render", broken)
    warnings: list[str] = []
    store = Store.open(str(tmp_path))
    publish.record(store, "prod", "inc-1", "quiesced", FROZEN[2], warnings.append)
    assert len(store.read_all("prod", "inc-1")) == 1
    assert "a mistake in the page" in warnings[0]


def test_gates_that_end_beside_each_other_are_all_in_the_last_page(tmp_path: Path) -> None:
    store, warnings = Store.open(str(tmp_path)), list[str]()

    def end(number: int) -> None:
        publish.record(store, "prod", "inc-1", f"gate-{number}", {"gate": f"gate-{number}"}, warnings.append)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = json.loads((tmp_path / "prod" / "inc-1" / "evidence.json").read_text())
    assert len(last["records"]) == 12
    assert warnings == []


def test_what_is_made_of_the_records_is_not_taken_for_one(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    for _ in range(3):
        publish.record(store, "prod", "inc-1", "quiesced", FROZEN[2], print)
    assert len(store.read_all("prod", "inc-1")) == 3


def test_a_record_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(str(tmp_path))
    where = Path(store.write("prod", "inc-1", "quiesced", {"attempt": 1}))
    monkeypatch.setattr("restore.evidence.store.STAMP", where.name.removesuffix("-quiesced.json"))
    with pytest.raises(PermanentError, match="another document"):
        store.write("prod", "inc-1", "quiesced", {"attempt": 2})
    assert json.loads(where.read_text())["attempt"] == 1


def test_no_secret_of_the_configuration_reaches_the_evidence(offline: None) -> None:
    given = {
        "restore:id": "inc-1",
        "restore:notify": "hook-token",
        "aws:region": "us-east-1",
        "aws:secretKey": "AKIA",
        "kubernetes:kubeconfig": "token: abc",
    }
    shown = run_record.mask_secrets(given, {"restore:notify"})
    assert shown == {"aws:region": "us-east-1", "restore:id": "inc-1", "restore:notify": MASK}
    text = json.dumps(begin(shown))
    assert not [secret for secret in ("hook-token", "AKIA", worlds.PASSWORD, worlds.URL) if secret in text]
    assert "not known: no answer" in text


WRITE = """
import os, signal, sys, time
from restore.evidence import publish
from restore.evidence import Store
for moment in sys.argv[2:]:
    writing, written = os.pipe()
    writer = os.fork()
    while not writer:
        content = {"gate": "quiesced", "facts": {"x": "y" * 200_000}}
        publish.record(Store.open(sys.argv[1]), "prod", "inc-1", "quiesced", content, lambda _text: None)
        os.write(written, b".")
    os.read(writing, 1)
    time.sleep(float(moment))  # the moment of the kill is the point: each is another place in a write
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    print("killed", flush=True)
    sys.stdin.readline()
"""


def test_a_kill_at_any_moment_leaves_only_whole_documents(tmp_path: Path) -> None:
    moments = ("0", "0.004", "0.011")
    command = [sys.executable, "-c", WRITE, str(tmp_path), *moments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=CHECKOUT) as killer:
        assert killer.stdin
        assert killer.stdout
        for _ in moments:
            assert killer.stdout.readline() == "killed\n"
            kept = Store.open(str(tmp_path)).read_all("prod", "inc-1")
            assert len(kept) >= 1
            made = json.loads((tmp_path / "prod" / "inc-1" / "evidence.json").read_text())
            assert 0 <= len(kept) - len(made["records"]) <= 1
            assert (tmp_path / "prod" / "inc-1" / "report.html").read_text().rstrip().endswith("</html>")
            killer.stdin.write("\n")
            killer.stdin.flush()


def test_a_page_with_a_secret_is_not_written(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    register_secret("hunter2hunter2")
    try:
        with pytest.raises(PermanentError, match="a secret value"):
            store.publish("prod", "inc-1", {"records": []}, "<p>hunter2hunter2</p>")
        assert not list(tmp_path.rglob("report.html"))
    finally:
        forget_secrets()
