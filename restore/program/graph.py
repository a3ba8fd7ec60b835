"""Which component is declared when, and what it waits for (docs/architecture.md, "The graph").

A resource has one parent for its whole life, whatever traffic is: its parent's type is part of its URN. Components
wait for single resources of each other, never for a component: that would be all its children, and with `latest` a
circle. The order of the declarations is that of the tree which `pulumi preview` prints.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from restore.model.gates import GATES, SERVING, Move, determine_move
from restore.model.planned import Plan
from restore.model.request import Settings
from restore.program.creation import waits_for_freeze
from restore.program.cutover import Cutover
from restore.program.freeze import Freeze
from restore.program.receipts import Gates
from restore.program.restore import Restore
from restore.program.timing_hooks import Record

ALL = frozenset(gate.name for gate in GATES)


@dataclass(frozen=True)
class Declared:
    """What the stack's outputs are made of."""

    receipts: Mapping[str, pulumi.Stash]
    candidate: Mapping[str, Any]


def declare(plan: Plan, settings: Settings, gates: Gates, record: Record, *, proved: bool) -> Declared:
    """Declares the plan's resources. `proved`: the candidate's gates have opened before, by the evidence."""
    match determine_move(plan):
        case Move.NONE:
            return declare_rehearsal(plan, gates, record)
        case Move.FREEZE:
            return declare_freeze(plan, settings, gates, record)
        case Move.SWITCH:
            return declare_switch(plan, settings, gates, record)
        case Move.RETURN:
            return declare_return(plan, settings, gates, record, proofs=ALL if proved else ())


def name_source(plan: Plan, settings: Settings) -> str:
    """Returns the source's present identifier: cutover rename gives that of the configuration to the candidate."""
    return plan.source.identifier if plan.source else settings.source


def declare_rehearsal(plan: Plan, gates: Gates, record: Record) -> Declared:
    """Returns the candidate and its proofs; no application is declared at all."""
    restore = Restore(plan, gates, record, depends_on=[], proofs=ALL)
    return Declared(restore.receipts, restore.candidate)


def declare_freeze(plan: Plan, settings: Settings, gates: Gates, record: Record) -> Declared:
    """Declares the freeze. No application stops before AWS has accepted the restore; they stop while the candidate is
    made. One from `latest` can't be asked for before: it waits until nobody writes any more."""
    if waits_for_freeze(plan):
        cutover = Cutover(plan, settings.namespace, gates, depends_on=[])
        freeze = Freeze(plan, name_source(plan, settings), gates, record, depends_on=cutover.deployments)
        restore = Restore(plan, gates, record, depends_on=[*freeze.receipts.values()], proofs=ALL)
    else:
        restore = Restore(plan, gates, record, depends_on=[], proofs=ALL)
        cutover = Cutover(plan, settings.namespace, gates, depends_on=restore.accepted)
        freeze = Freeze(plan, name_source(plan, settings), gates, record, depends_on=cutover.deployments)
    return Declared({**freeze.receipts, **restore.receipts}, restore.candidate)


def declare_switch(plan: Plan, settings: Settings, gates: Gates, record: Record) -> Declared:
    """Declares the switch. Nothing is switched before the candidate is proved and the safety snapshot taken."""
    restore = Restore(plan, gates, record, depends_on=[], proofs=ALL)
    freeze = Freeze(plan, name_source(plan, settings), gates, record, depends_on=[])
    cutover = Cutover(
        plan,
        settings.namespace,
        gates,
        depends_on=[*restore.receipts.values(), *freeze.snapshots],
        proved={"proved": restore.resource_id},
    )
    return Declared({**restore.receipts, **cutover.receipts}, restore.candidate)


def declare_return(plan: Plan, settings: Settings, gates: Gates, record: Record, *, proofs: Container[str]) -> Declared:
    """Declares the return, in which the way back comes first: all else waits for `serving`, so that no failure of the
    candidate can hold it up."""
    cutover = Cutover(plan, settings.namespace, gates, depends_on=[])
    served = [cutover.receipts[SERVING.name]]
    freeze = Freeze(plan, name_source(plan, settings), gates, record, depends_on=served)
    restore = Restore(plan, gates, record, depends_on=served, proofs=proofs)
    return Declared({**cutover.receipts, **freeze.receipts, **restore.receipts}, restore.candidate)
