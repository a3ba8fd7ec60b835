"""What an adoption leaves in the state is what the next `pulumi up` declares: nothing is made twice or proved again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func

from restore import plan as plans
from restore.cli.adopt import list_changes
from restore.gates import conformed, registry
from restore.gates.hook import Running
from restore.lifecycle import adopt
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.request import Request, Traffic
from restore.program import adoption, graph
from restore.program.receipts import Gates
from tests.support import worlds
from tests.support.declarations import Cloud, Recorder
from tests.support.gate_worlds import Stage, stage

PROVED = ["conformed", "validated"]


def attempt(at: Stage, gate: str, fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    plan: Plan = at.context.plan
    assert plan.candidate_found
    settings = conformed.list_settings(at.context, plan.candidate_found, plan.settings)
    facts = {"resource_id": "db-CANDIDATE", "settings": settings}
    ended = "2026-11-22T14:50:00+00:00"
    return {"gate": gate, "open": True, "verdict": "PASS", "ended": ended, "facts": facts, "fingerprint": fingerprint}


def register(declare: Any) -> dict[str, Any]:
    recorder = Recorder()
    mocks.set_mocks(Cloud(), project="restore", stack="prod", monitor=recorder)
    asyncio.get_event_loop().run_until_complete(run_pulumi_func(declare))
    return {urn: request for urn, request in recorder.by_urn.items() if request.type != "pulumi:pulumi:Stack"}


def adopted(at: Stage, proved: list[str]) -> dict[str, Any]:
    """The registrations of an adoption whose evidence proves these gates, by URN."""
    gates = {gate.name: registry.make_gate(at.context, gate.name).fingerprint for gate in adopt.EVIDENCED}
    records = [attempt(at, name, dict(gates[name])) for name in proved]
    made = adopt.make_adoption(at.context.plan, records, gates, {}, list_changes)
    assert list(made.proofs) == proved
    return register(lambda: adoption.declare(at.context, made))


def next_up(at: Stage) -> dict[str, Any]:
    """The registrations of the `pulumi up` after it."""
    plan: Plan = at.context.plan
    by_name = {name: registry.make_gate(at.context, name) for name in registry.PROOFS}
    gates = Gates.of(at.context, by_name, Running())
    return register(lambda: graph.declare(plan, at.context.settings, gates, lambda _step, _content: None, proved=True))


def inputs(request: Any) -> dict[str, Any]:
    ignored = set(request.ignoreChanges)
    return {key: value for key, value in MessageToDict(request.object).items() if key not in ignored}


def world(traffic: Traffic) -> tuple[Request, Inventory]:
    cluster = {Traffic.SOURCE: worlds.RUNNING, Traffic.FROZEN: worlds.FROZEN, Traffic.RESTORED: worlds.SWITCHED}
    return worlds.asked(traffic=traffic), worlds.restored(cluster=cluster[traffic])


@pytest.mark.parametrize("traffic", [Traffic.SOURCE, Traffic.FROZEN, Traffic.RESTORED])
@pytest.mark.parametrize("proved", [[], PROVED[:1], PROVED])
def test_each_resource_of_an_adoption_is_the_same_in_the_next_up(
    tmp_path: Path, traffic: Traffic, proved: list[str]
) -> None:
    at = stage(*world(traffic), tmp_path)
    before, after = adopted(at, proved), next_up(at)
    assert {f"{name}-inc-1" for name in ("candidate", "settings", *proved)} <= {item.name for item in before.values()}
    for urn, request in before.items():
        assert urn in after
        if request.custom:
            assert inputs(request) == inputs(after[urn]), request.name
            assert request.importId == after[urn].importId


def test_everything_of_aws_is_imported_and_no_application_is_declared(tmp_path: Path) -> None:
    request, inventory = world(Traffic.FROZEN)
    registered = adopted(stage(request, inventory, tmp_path), PROVED).values()
    of_aws = [request for request in registered if request.type.startswith("aws:")]
    assert {request.importId for request in of_aws} == {"db-CANDIDATE", "shop-inc-1-safety"}
    assert not [request.name for request in registered if request.type.startswith("kubernetes:")]


def test_a_gate_of_an_adoption_asks_nobody_but_the_record(tmp_path: Path) -> None:
    at = stage(*world(Traffic.FROZEN), tmp_path)
    record = attempt(at, "validated", {})
    gate = adoption.make_gate(at.context, "validated", {**record, "waived": {"validated.rows": "known"}})
    proof = gate.work(None)  # pyright: ignore[reportArgumentType]
    assert proof.accepted == {"validated.rows": "known"}
    assert gate.record({}) == "as recorded"
    assert not list((tmp_path / "prod").glob("**/*.json"))


def test_the_plan_of_a_lost_state_is_that_of_a_state_that_is_there() -> None:
    request, inventory = world(Traffic.FROZEN)
    assert plans.make(worlds.settings(request), inventory).adopt == "db-CANDIDATE"
