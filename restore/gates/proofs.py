"""Earlier proofs, and whether they are of the database that is there now: a proof belongs to a DbiResourceId."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from restore.errors import Problem, RestoreError
from restore.evidence import Store
from restore.gates.context import GateContext
from restore.gates.hook import RESOURCE_ID, Proof, Watch
from restore.model.rds import Instance
from validation.verdict import Verdict


def find_proof(context: GateContext, gate: str, instance: Instance | None) -> Mapping[str, Any] | None:
    """Returns the newest record in which this gate opened for this very instance; None when there is none."""
    return find_record(context.store, context.plan.stack, context.plan.id, gate, instance) if instance else None


def find_record(store: Store, stack: str, restore_id: str, gate: str, instance: Instance) -> Mapping[str, Any] | None:
    """Returns the newest such record of any restore. Raises as Store.read_all."""
    for record in store.read_newest_first(stack, restore_id, gate):
        facts: Mapping[str, Any] = record.get("facts") or {}
        if record.get("open") is True and facts.get(RESOURCE_ID) == instance.resource_id:
            return record
    return None


def find_earlier_proof(context: GateContext, watch: Watch, instance: Instance) -> Proof | None:
    """Returns the proof by which this gate opened for this very instance before, with what was waived then; None if it
    didn't.

    By the evidence, otherwise by the receipt that stands in the state."""
    try:
        record = find_proof(context, watch.gate, instance)
    except RestoreError as error:
        watch.say(f"the evidence of earlier proofs can't be read: {error}")
        record = None
    if record:
        return repeat(record, instance)
    if watch.earlier.get(RESOURCE_ID) == instance.resource_id:
        facts = {RESOURCE_ID: instance.resource_id}
        return Proof(Verdict.PASS, f"{instance.identifier} was proved before; it serves, or has served", facts)
    return None


def repeat(record: Mapping[str, Any], instance: Instance) -> Proof:
    """Returns what a record holds, as a proof again; `held` says since when."""
    since = record.get("facts", {}).get("held") or record.get("ended")
    problems = tuple(Problem(**problem) for problem in record.get("problems", ()))
    return Proof(
        Verdict(str(record.get("verdict"))),
        f"{instance.identifier} was proved at {since}; it serves, or has served, and that holds",
        {**record.get("facts", {}), "held": since},
        problems,
        dict(record.get("waived", {})),
    )
