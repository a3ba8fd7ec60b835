"""Who runs a stack is known by its heartbeat: a run that was killed must not be taken for one that goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from restore.errors import PermanentError
from restore.evidence import Store
from restore.evidence.current_run import NAME, SILENT_AFTER, CurrentRun, GateAtWork, Heartbeat, Life, read_current_run
from restore.gates.hook import Gate, Proof, Running, Watch, attempt
from validation.verdict import Verdict

NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
ADA = {"user": "ada", "host": "laptop", "aws": "arn:aws:iam::1:user/ada"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "evidence"))


def beating(store: Store, gates: Mapping[str, GateAtWork] | None = None, **changes: Any) -> Heartbeat:
    listed = gates or {}
    heartbeat = Heartbeat(store, "prod", "inc-1", "frozen", ADA, lambda: listed, refuse, every=3600)
    return replace(heartbeat, **changes)


def refuse(text: str) -> None:
    raise AssertionError(text)


def current(store: Store) -> CurrentRun:
    run = read_current_run(store, "prod")
    assert run
    return run


def test_who_runs_it_and_which_gates_are_at_work_can_be_read_elsewhere(store: Store) -> None:
    beating(store, {"quiesced": GateAtWork(NOW, "waits for 2 pods")}).start()
    run = current(store)
    assert (run.restore_id, run.traffic, run.who) == ("inc-1", "frozen", "ada@laptop (arn:aws:iam::1:user/ada)")
    assert run.gates == {"quiesced": GateAtWork(NOW, "waits for 2 pods")}
    assert run.judge(datetime.now(UTC)) is Life.RUNNING


def test_a_run_that_ended_is_not_taken_for_a_killed_one(store: Store) -> None:
    heartbeat = beating(store, {"quiesced": GateAtWork(NOW)})
    heartbeat.start()
    heartbeat.end()
    run = current(store)
    assert run.judge(datetime.now(UTC) + timedelta(days=1)) is Life.ENDED
    assert run.gates == {}


def written_before(store: Store, ago: timedelta) -> CurrentRun:
    """The run as it is read so long after its last heartbeat."""
    path = Path(store.keep_of_stack("prod", NAME, store.read_of_stack("prod", NAME) or {}))
    at = path.stat().st_mtime - ago.total_seconds()
    os.utime(path, (at, at))
    return current(store)


def test_a_killed_run_is_known_by_its_silence(store: Store) -> None:
    beating(store).start()
    assert written_before(store, SILENT_AFTER - timedelta(seconds=1)).judge(NOW) is Life.RUNNING
    assert written_before(store, SILENT_AFTER + timedelta(seconds=1)).judge(NOW) is Life.SILENT


@pytest.mark.parametrize("minutes", [-60, -3, 3, 60])
def test_a_laptop_whose_clock_is_wrong_takes_no_living_run_for_a_killed_one(store: Store, minutes: int) -> None:
    beating(store).start()
    here = datetime.now(UTC) + timedelta(minutes=minutes)
    assert current(store).judge(here) is Life.RUNNING
    assert written_before(store, SILENT_AFTER * 2).judge(here) is Life.SILENT
    assert current(store).measure_duration(here) < SILENT_AFTER * 2 + timedelta(minutes=1)


def test_a_store_that_tells_no_age_is_asked_by_this_machines_clock() -> None:
    run = CurrentRun("t", "inc-1", "frozen", "ada", "laptop", "arn:ada", 7, NOW, NOW)
    assert run.judge(NOW + SILENT_AFTER) is Life.RUNNING
    assert run.judge(NOW + SILENT_AFTER + timedelta(seconds=1)) is Life.SILENT
    assert run.measure_silence(NOW - timedelta(minutes=5)) == timedelta()


@pytest.mark.parametrize("hours", [-1, 1])
def test_who_took_over_keeps_the_note_whatever_the_clocks_say(store: Store, hours: int) -> None:
    asleep = beating(store, began=NOW)
    asleep.start()
    other = beating(store, began=NOW + timedelta(hours=hours), operator={**ADA, "user": "grace"})
    other.start()
    asleep.end()
    assert (current(store).user, current(store).ended) == ("grace", None)
    other.end()
    assert (current(store).user, current(store).judge(NOW)) == ("grace", Life.ENDED)


def test_a_store_that_refuses_stops_no_restore_and_is_said_once(store: Store, tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("no folder")
    said: list[str] = []
    heartbeat = beating(store, warn=said.append)
    heartbeat.start()
    heartbeat.end()
    assert len(said) == 1
    assert "could not be noted" in said[0]


def test_a_stack_that_nobody_ran_has_no_run(store: Store) -> None:
    assert read_current_run(store, "prod") is None


def test_a_damaged_document_is_told_and_not_taken_for_silence(store: Store) -> None:
    Path(store.keep_of_stack("prod", NAME, {})).write_text("{")
    with pytest.raises(PermanentError, match="a readable record"):
        read_current_run(store, "prod")


def test_the_document_of_a_stack_is_none_of_its_restores(store: Store) -> None:
    store.write("prod", "inc-1", "run", {})
    beating(store).start()
    assert store.list_ids("prod") == ("inc-1",)


def record_nothing(_document: Mapping[str, Any]) -> str:
    return "evidence/1"


def wait_and_say(working: threading.Event, go_on: threading.Event) -> Callable[[Watch], Proof]:
    def work(watch: Watch) -> Proof:
        watch.say("waits for 2 pods")
        working.set()
        go_on.wait(10)
        return Proof(Verdict.PASS, "nobody writes")

    return work


def test_a_gate_is_at_work_until_it_has_ended() -> None:
    running, working, go_on = Running(), threading.Event(), threading.Event()
    gate = Gate("quiesced", 60, wait_and_say(working, go_on), record_nothing)
    thread = threading.Thread(target=lambda: attempt(gate, running, lambda _text: None))
    thread.start()
    assert working.wait(10)
    assert running.list_gates()["quiesced"].said == "waits for 2 pods"
    go_on.set()
    thread.join(10)
    assert running.list_gates() == {}
