"""The program of `python -m restore adopt`: what exists of a restore, imported, and the receipts that evidence proves.

The same components as those of `pulumi up`, so that the next `up` finds each resource under its own URN; applications
aren't declared, and no gate works: it looks its proof up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pulumi

from restore.gates import registry
from restore.gates.context import GateContext
from restore.gates.hook import Gate, Proof, Running, Watch
from restore.gates.proofs import repeat
from restore.lifecycle.adopt import Adoption
from restore.program.freeze import Freeze
from restore.program.graph import name_source
from restore.program.receipts import Gates
from restore.program.restore import Restore


def declare(context: GateContext, adoption: Adoption) -> None:
    """Declares what is adopted. To be run inside a Pulumi program of the restore's stack."""
    plan = adoption.plan
    by_name = {name: make_gate(context, name, record) for name, record in adoption.proofs.items()}
    gates = Gates.of(context, by_name, Running())
    Restore(plan, gates, _record_nothing, depends_on=[], proofs=by_name.keys())
    if plan.safety_snapshot:
        Freeze(plan, name_source(plan, context.settings), gates, _record_nothing, depends_on=[])
    pulumi.export("state", f"restore {plan.id}: adopted")
    pulumi.export("next", "pulumi up")


def make_gate(context: GateContext, name: str, record: Mapping[str, Any]) -> Gate:
    """Returns the gate with a record in place of its work; the evidence has that already."""
    candidate = context.plan.candidate_found
    assert candidate is not None

    def prove(_watch: Watch) -> Proof:
        return repeat(record, candidate)

    return replace(registry.make_gate(context, name), work=prove, record=_keep_record)


def _keep_record(_document: Mapping[str, Any]) -> str:
    return "as recorded"


def _record_nothing(_step: str, _content: Mapping[str, Any]) -> None:
    return None
