"""A gate's receipt: the `pulumi.Stash` whose before-hooks do the proof and whose input says what was proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from restore.gates.context import GateContext
from restore.gates.hook import RESOURCE_ID, Gate, Running, build_receipt_hook
from restore.model.gates import GateDefinition
from restore.model.planned import Plan
from restore.program.restoration import FindInstance, Rds
from restore.program.surroundings import FindSnapshot


@dataclass(frozen=True)
class Gates:
    """The gates of one restore, ready to be bound to their receipts."""

    restore_id: str
    by_name: Mapping[str, Gate]
    running: Running
    find_candidate: FindInstance
    rds: Rds
    find_snapshot: FindSnapshot = lambda _name: None

    @classmethod
    def of(cls, context: GateContext, by_name: Mapping[str, Gate], running: Running) -> Gates:
        """Returns the gates with what they, and the resources beside them, ask of RDS."""
        rds = Rds(context.ask_for_candidate, context.rds.wait_until)
        return cls(context.plan.id, by_name, running, context.find_candidate, rds, context.rds.find_snapshot)


def declare_receipt(
    gates: Gates,
    definition: GateDefinition,
    proved: Mapping[str, Any],
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Input[pulumi.Resource]],
) -> pulumi.Stash:
    """Returns the receipt of one gate. Whatever changes in `proved` or in the gate's fingerprint has it proved
    again."""
    gate = gates.by_name[definition.name]
    hook = build_receipt_hook(gate, gates.running)
    return pulumi.Stash(
        f"{definition.name}-{gates.restore_id}",
        input={"gate": definition.name, "id": gates.restore_id, **proved, **gate.fingerprint},
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=depends_on,
            hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook]),
        ),
    )


def list_open_gates(
    receipts: Mapping[str, pulumi.Stash], others: Sequence[pulumi.Output[str]] = ()
) -> pulumi.Output[list[str]]:
    """Returns the names of the gates, once all of them are open and the resources of the other URNs are done: a
    component that registers this output is shown as done only then."""
    urns = [*(receipt.urn for receipt in receipts.values()), *others]
    return pulumi.Output.all(*urns).apply(lambda _: list(receipts))


def describe_serving(plan: Plan) -> dict[str, str]:
    """Returns the database that the applications' URL names, by address and by DbiResourceId; "gone" for none."""
    endpoint = str(plan.apps[0].endpoint)
    return {"endpoint": endpoint, RESOURCE_ID: plan.serving.resource_id if plan.serving else "gone"}
