"""Freeze: the proof that nobody writes, and the source's snapshot of that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from restore.model.gates import QUIESCED, Move, determine_move
from restore.model.planned import Plan
from restore.program.receipts import Gates, declare_receipt, describe_serving, list_open_gates
from restore.program.safety_snapshot import declare_safety_snapshot
from restore.program.timing_hooks import Record


class Freeze(pulumi.ComponentResource):
    """Parent of the receipt `quiesced` and of the source's safety snapshot."""

    receipts: Mapping[str, pulumi.Stash]
    """`quiesced` in a run that freezes; empty in others."""
    snapshots: Sequence[aws.rds.Snapshot]
    """The safety snapshot; empty where there is none to take."""

    def __init__(
        self, plan: Plan, source: str, gates: Gates, record: Record, *, depends_on: Sequence[pulumi.Resource]
    ) -> None:
        """Args:
        source: identifier of the source.
        record: writes when AWS began and ended taking the snapshot.
        depends_on: what must be done before either: in a freeze the Deployments at zero replicas.
        """
        super().__init__("restore:index:Freeze", plan.id, {"source": source})
        self.receipts, quiet = {}, depends_on
        if determine_move(plan) is Move.FREEZE:
            frozen = {app.name: app.reapplied for app in plan.apps}
            quiesced = declare_receipt(gates, QUIESCED, {"frozen": frozen, **describe_serving(plan)}, self, depends_on)
            self.receipts, quiet = {QUIESCED.name: quiesced}, [quiesced]
        self.snapshots = declare_safety_snapshot(plan, source, self, quiet, record)
        proved = list_open_gates(self.receipts, [snapshot.urn for snapshot in self.snapshots])
        self.register_outputs({"safetySnapshot": plan.safety_snapshot, "proved": proved})
