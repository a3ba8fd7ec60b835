"""The loss report in gate `validated` never shuts it, and never carries a secret."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from restore import redaction
from restore.evidence import Store
from restore.gates import loss_report
from restore.gates.hook import Watch
from restore.plan import make
from tests.support import worlds
from validation import from_mapping
from validation.baseline.model import Baseline, BaselineError, TableState
from validation.connect.target import Target
from validation.expectations.table_names import Table
from validation.loss import LossReport, RowSet, Status, TableLoss
from validation.loss.model import Difference

CANDIDATE = Target("candidate.example", "shop", "ops")
SOURCE = Target("source.example", "shop", "ops")
LOST = TableLoss(
    "public.users", Status.DIFFERENT, difference=Difference(RowSet(2, examples=({"id": "hunter2hunter2"},)))
)


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    yield
    redaction.forget_secrets()


def reported(
    source: Target | None, said: list[str], last_known: Baseline | BaselineError | None = None
) -> dict[str, Any]:
    watch = Watch("validated", 60, threading.Event(), said.append)
    return dict(loss_report.make_report(watch, source, lambda: last_known, CANDIDATE, from_mapping({}), 5))


def baseline(**rows: int) -> Baseline:
    tables = {Table("public", name): TableState(count, 1) for name, count in rows.items()}
    return Baseline(worlds.NOW, "shop", "17", tables)


@pytest.fixture
def candidate_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def record(*_: object) -> Baseline:
        return baseline(users=3, orders=9)

    monkeypatch.setattr("validation.loss.estimate.record", record)


@pytest.fixture
def source_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = LossReport((), str(SOURCE), str(CANDIDATE), problems=("source shop on source.example: refused",))
    monkeypatch.setattr(loss_report, "run", lambda *_, **__: refused)  # pyright: ignore


def test_a_mistake_of_ours_in_the_report_stops_no_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> LossReport:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(loss_report, "run", broken)
    said: list[str] = []
    found = reported(SOURCE, said)
    assert found["status"] == "unknown"
    assert "ZeroDivisionError" in said[-1]


def test_a_key_that_is_a_secret_costs_neither_the_secret_nor_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    redaction.register_secret("hunter2hunter2")
    monkeypatch.setattr(loss_report, "run", lambda *_, **__: LossReport((LOST,), "old", "new"))  # pyright: ignore
    said: list[str] = []
    found = reported(SOURCE, said)
    assert redaction.find_secrets([found, said]) == ()
    assert found["lost"]["rows"] == 2
    assert "a switch loses 2 rows of public.users" in said[-1]


NONE = BaselineError("s3://b", "none", "a baseline", "record one")


@pytest.mark.parametrize(("last_known", "why"), [(None, "validation.baseline"), (NONE, "s3://b: found none")])
def test_without_a_source_and_a_baseline_the_loss_is_unknown_and_up_says_why_and_what_to_do(
    last_known: BaselineError | None, why: str
) -> None:
    said: list[str] = []
    found = reported(None, said, last_known)
    assert (found["status"], found["tables"]) == ("unknown", [])
    assert found["headline"].startswith("what a switch loses is unknown: the source is gone; ")
    assert why in found["headline"]
    assert "baseline record" in found["fix"]
    in_up = " ".join(said[-1].split())
    assert found["headline"] in in_up
    assert found["fix"] in in_up
    assert loss_report.shorten(found) == {
        "headline": found["headline"], "status": "unknown", "fix": found["fix"],
    }  # fmt: skip


@pytest.mark.usefixtures("candidate_holds")
def test_against_a_baseline_more_rows_are_no_rows_brought_back() -> None:
    said: list[str] = []
    found = reported(None, said, baseline(users=5, orders=2))
    assert "2 rows fewer in public.users, 7 more in public.orders" in found["headline"]
    short = loss_report.shorten(found)
    assert (short["against"], short["precision"], short["fewer"], short["more"]) == ("baseline", "estimated", 2, 7)
    assert not {"lost", "broughtBack", "differing"} & short.keys()
    assert "users (5 rows in the baseline, 3 in the candidate)" in said[-1]


@pytest.mark.usefixtures("candidate_holds", "source_silent")
def test_a_source_that_is_there_and_does_not_answer_is_estimated_by_its_baseline() -> None:
    found = reported(SOURCE, [], baseline(users=3))
    assert found["against"] == "baseline"
    assert found["notes"][0] == "source shop on source.example: refused"


@pytest.mark.usefixtures("source_silent")
def test_a_source_that_does_not_answer_and_has_no_baseline_is_named_as_the_reason() -> None:
    found = reported(SOURCE, [])
    assert "unknown: source shop on source.example: refused; no baselines" in found["headline"]
    assert "python -m validation loss" in found["fix"]


def test_a_stopped_run_does_not_go_on_to_read_the_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    stop.set()
    watch = Watch("validated", 60, stop, lambda _: None)

    def unread() -> Baseline:
        raise AssertionError("read although the operator has stopped the run")

    found = loss_report.make_report(watch, None, unread, CANDIDATE, from_mapping({}), 5)
    assert found["headline"] == "what a switch loses is unknown: the source is gone"


def test_the_stack_shows_what_the_newest_proof_found(tmp_path: Path) -> None:
    store, plan = Store.open(str(tmp_path)), make(worlds.settings(), worlds.inventory())
    assert loss_report.read_newest(store, plan) == {"headline": "not known: the gate validated has not run"}
    part = {"rows": 3, "oldest": None, "newest": "2026-11-22T14:30:00Z", "examples": [{"id": "7"}]}
    none: dict[str, Any] = {"rows": 0, "oldest": None, "newest": None, "examples": []}
    report = {"headline": "h", "status": "different", "precision": "exact", "lost": part}
    facts: dict[str, Any] = {"loss": {**report, "brought_back": none, "differing": none, "tables": []}}
    store.write(plan.stack, plan.id, "validated", {"facts": facts})
    assert loss_report.read_newest(store, plan) == {
        "headline": "h", "status": "different", "precision": "exact",
        "lost": 3, "broughtBack": 0, "differing": 0, "newestLost": "2026-11-22T14:30:00Z",
    }  # fmt: skip
