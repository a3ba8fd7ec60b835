"""At 3 a.m. `status` must not say that all is well when it isn't, nor that somebody works on it when nobody does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from restore.evidence.current_run import SILENT_AFTER, CurrentRun, GateAtWork
from restore.model.history import History, PhaseDuration
from restore.model.inventory import Inventory
from restore.model.rds import Endpoint
from restore.model.request import App, Request, Traffic
from restore.status.build import build
from restore.status.model import EXIT_CODES, Found, Situation, Status
from restore.status.render import render, render_json
from tests.support import report_records as records
from tests.support import worlds as w

FROZEN = w.asked(traffic=Traffic.FROZEN)
RESTORED = w.asked(traffic=Traffic.RESTORED)
BEFORE = timedelta(minutes=20)
MADE = {"candidate_resource_id": "db-CANDIDATE", "serves_resource_id": "db-SOURCE"}


def run_record(traffic: str, **plan: Any) -> Mapping[str, Any]:
    return records.run(0, traffic, plan={**MADE, **plan})


def gate(name: str, verdict: str = "PASS", resource: str = "db-CANDIDATE") -> Mapping[str, Any]:
    return records.gate(name, 10, 20, verdict, facts={"resource_id": resource})


ALL_FROZEN = (run_record("frozen"), gate("quiesced", resource="db-SOURCE"), gate("conformed"), gate("validated"))
ALL_SERVING = (
    run_record("restored", serves_resource_id="db-CANDIDATE"),
    gate("conformed"),
    gate("validated"),
    gate("switched"),
    gate("serving"),
)


def current(**changes: Any) -> CurrentRun:
    base = CurrentRun("t", "inc-1", "frozen", "ada", "laptop", "arn:ada", 42, w.NOW - BEFORE, w.NOW)
    return replace(base, **changes)


def found(request: Request | None, inventory: Inventory | None, *evidence: Mapping[str, Any], **more: Any) -> Found:
    return Found("prod", w.NOW, w.settings(request), inventory, evidence, **more)


ENDED = current(ended=w.NOW)
KILLED = current(beat=w.NOW - SILENT_AFTER - timedelta(seconds=1))
SITUATIONS: dict[str, tuple[Found, Situation]] = {
    "nothing is configured": (found(None, w.inventory()), Situation.DONE),
    "an open restore has lost its configuration": (
        found(None, w.inventory(open_restores=(w.candidate(),))), Situation.WAITING,
    ),
    "nothing was run yet": (found(FROZEN, w.inventory()), Situation.UNFINISHED),
    "somebody runs it": (found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN, run=current()), Situation.RUNNING),
    "it was killed": (found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN, run=KILLED), Situation.UNFINISHED),
    "frozen and proved": (found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN, run=ENDED), Situation.WAITING),
    "frozen and not all tried": (
        found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN[:3], run=ENDED), Situation.UNFINISHED,
    ),
    "a gate is shut": (
        found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN[:3], gate("validated", "FAIL"), run=ENDED),
        Situation.SHUT,
    ),
    "a shut gate is tried again": (
        found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN[:3], gate("validated", "FAIL"), run=current()),
        Situation.RUNNING,
    ),
    "the configuration is ahead of the world": (
        found(RESTORED, w.restored(cluster=w.FROZEN), *ALL_FROZEN, run=ENDED), Situation.UNFINISHED,
    ),
    "switched and proved": (found(RESTORED, w.restored(cluster=w.SWITCHED), *ALL_SERVING, run=ENDED), Situation.DONE),
    "AWS is silent": (found(FROZEN, None, *ALL_FROZEN, unread=("AWS: no answer",)), Situation.UNKNOWN),
    "the evidence is silent": (
        found(FROZEN, w.restored(cluster=w.FROZEN), unread=("the evidence: no answer",)), Situation.UNKNOWN,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_situation_is_never_better_than_what_is_proved(name: str) -> None:
    world, situation = SITUATIONS[name]
    assert build(world).situation is situation


def test_each_situation_has_an_exit_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(Situation)
    assert len(set(EXIT_CODES.values())) == len(Situation)
    assert EXIT_CODES[Situation.DONE] == 0


def frozen(**more: Any) -> Status:
    return build(found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN, **more))


def test_who_runs_it_is_told_with_since_when_and_the_last_sign_of_life() -> None:
    said = frozen(run=current())
    assert "ada@laptop (arn:ada) runs `pulumi up` for 20 min" in said.run
    assert "heartbeat 0 s ago" in said.run
    assert said.next.startswith("wait for the run of ada@laptop")


def test_after_a_kill_the_lock_is_told_and_that_the_run_must_surely_be_over() -> None:
    said = frozen(run=KILLED)
    assert "was killed or cut off" in said.run
    assert said.next.startswith("pulumi cancel --yes (once that run is surely over")


def test_gates_of_a_killed_run_are_not_shown_as_at_work() -> None:
    at_work = {"validated": GateAtWork(w.NOW, "12 of 40 tables")}
    assert [step.name for step in frozen(run=replace(KILLED, gates=at_work)).steps] == []
    (step,) = frozen(run=current(gates=at_work)).steps
    assert (step.name, step.said) == ("validated", "12 of 40 tables")


def creating(began: datetime | None = None, **more: Any) -> Status:
    inventory = w.restored(cluster=w.FROZEN, candidate=w.candidate(status="creating", created=None))
    began_record = records.record("candidate", 5, {"began": began.isoformat() if began else None, "ended": None})
    return build(found(FROZEN, inventory, ALL_FROZEN[0], began_record, **more))


def test_a_long_step_is_told_with_what_it_still_takes() -> None:
    history = History((PhaseDuration("inc-0", "candidate", "pitr", 1800, 100, w.NOW),))
    (step,) = creating(w.NOW - timedelta(minutes=10), history=history).steps
    assert step.progress == (
        "for 10 min; about 20 min left; takes about 30 min, measured in 1 restore of this stack, last on 2026-11-22"
    )


def test_a_step_that_takes_longer_than_ever_promises_nothing() -> None:
    (step,) = creating(w.NOW - timedelta(hours=2)).steps
    assert step.left is None
    assert "longer than estimated" in step.progress


def test_a_step_whose_beginning_nobody_knows_has_no_time() -> None:
    (step,) = creating().steps
    assert (step.elapsed, step.left) == (None, None)


def test_a_snapshot_goes_by_what_aws_says_is_done() -> None:
    taken = replace(w.safety(), status="creating", percent=25, created=w.NOW - timedelta(minutes=3))
    (step,) = build(found(FROZEN, w.restored(cluster=w.FROZEN, safety_snapshot=taken), *ALL_FROZEN)).steps
    assert step.left == timedelta(minutes=9)


def test_a_candidate_that_the_state_has_lost_is_told() -> None:
    empty: dict[str, Any] = {"version": 3, "deployment": {"resources": []}}
    assert "Pulumi's state doesn't have shop-inc-1" in frozen(state=empty).notes[0]
    known = {"version": 3, "deployment": {"resources": [{"id": "db-CANDIDATE", "urn": "x"}]}}
    assert frozen(state=known).notes == ()


def test_what_could_not_be_read_is_told_and_the_evidence_is_shown_all_the_same() -> None:
    said = build(found(FROZEN, None, *ALL_FROZEN, run=ENDED, unread=("AWS and the cluster: no answer",)))
    assert [gate.name for gate in said.gates] == ["quiesced", "conformed", "validated"]
    assert "UNREAD   AWS and the cluster: no answer" in render(said)


def test_each_database_can_be_looked_at_by_commands_that_only_read() -> None:
    said = frozen()
    assert {place.what for place in said.places} == {"source", "candidate", "safety snapshot", "applications"}
    commands = [command for place in said.places for command in place.commands]
    readers = ("aws rds describe-", "kubectl ", "PGOPTIONS='-c default_transaction_read_only=on' psql ")
    assert all(command.startswith(readers) for command in commands)
    assert all(" get " in command for command in commands if command.startswith("kubectl"))
    assert not any(w.PASSWORD in command for command in commands)


def test_a_tunnel_is_used_and_the_certificate_is_still_that_of_the_database() -> None:
    tunnelled = w.instance(endpoint=Endpoint("shop.example", 5432, "127.0.0.1:15432"))
    said = build(found(FROZEN, w.restored(cluster=w.FROZEN, source=tunnelled), *ALL_FROZEN))
    (psql,) = [command for command in said.places[0].commands if "psql" in command]
    assert "host=shop.example hostaddr=127.0.0.1 port=15432" in psql
    assert "sslmode=verify-full" in psql


def test_the_text_fits_80_columns_but_for_commands_and_addresses() -> None:
    for world, _ in SITUATIONS.values():
        lines = render(build(world)).splitlines()
        assert [line for line in lines if len(line) > 80 and not line.startswith("  ")] == []


STASH = "urn:pulumi:prod::restore::restore:index:Freeze$pulumi:index:Stash::quiesced-inc-1"
PENDING: Mapping[str, Any] = {
    "deployment": {"resources": [], "pending_operations": [{"resource": {"urn": STASH}, "type": "creating"}]}
}


def test_what_a_run_is_at_is_never_told_as_left_behind_by_a_killed_one() -> None:
    """A live run has its operations in the state, as a dead one has."""
    assert any("quiesced-inc-1" in note for note in frozen(run=KILLED, state=PENDING).notes)
    living = frozen(run=current(), state=PENDING)
    assert not [note for note in living.notes if "killed" in note or "doesn't have" in note]


def test_the_first_lines_dont_scroll_away_while_a_restore_is_watched() -> None:
    watched = render(frozen(run=current()), with_places=False)
    assert "runs `pulumi up`" in watched
    assert len(watched.splitlines()) <= 24
    assert "describe-db-instances" not in watched


def test_scripts_get_what_people_read() -> None:
    document = json.loads(render_json(creating(w.NOW - timedelta(minutes=10), run=current())))
    assert (document["situation"], document["exit_code"]) == ("running", 10)
    assert document["steps"][0]["seconds"] == 600
    assert document["steps"][0]["estimate"]["measured"] is False
    assert "\n" not in render_json(frozen(), indent=None)


def test_an_application_without_a_deployment_is_told() -> None:
    settings = replace(w.settings(FROZEN), apps=(App("api"), App("ghost")))
    said = build(replace(found(FROZEN, w.restored(cluster=w.FROZEN), *ALL_FROZEN), settings=settings))
    assert "ghost: no Deployment" in said.places[-1].state
