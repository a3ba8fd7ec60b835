"""The stack's outputs: what an operator needs next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from restore.gates.hook import KEPT_SETTINGS
from restore.model.gates import SERVING, VALIDATED, Move, determine_move
from restore.model.planned import Plan
from restore.model.request import Settings

IDLE_NEXT = (
    "pulumi config set id <id>; pulumi config set method pitr; pulumi config set time <RFC 3339>; pulumi preview "
    "(python -m restore options lists the recovery points)"
)


def choose_next_command(plan: Plan) -> str:
    """Returns the command that comes after this `up`."""
    match determine_move(plan):
        case Move.NONE:
            return "pulumi config set traffic frozen && pulumi up (stops the applications and proves it)"
        case Move.FREEZE if plan.approvals > 1:
            return (
                "python -m restore approve (a second person), then: pulumi config set traffic restored && pulumi up "
                "(or, back: pulumi config set traffic source && pulumi up)"
            )
        case Move.FREEZE:
            return (
                "pulumi config set traffic restored && pulumi up "
                "(or, back: pulumi config set traffic source && pulumi up)"
            )
        case Move.SWITCH:
            return "watch the applications; back: python -m restore rollback; when it is over: python -m restore close"
        case Move.RETURN:
            return "python -m restore close, or forward again: pulumi config set traffic frozen && pulumi up"


def drop_kept_settings(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a receipt without what the evidence shows better."""
    return {name: value for name, value in receipt.items() if name != KEPT_SETTINGS}


def export_idle() -> None:
    pulumi.export("state", "idle: no restore is configured, nothing is managed")
    pulumi.export("next", IDLE_NEXT)


def export(
    settings: Settings,
    plan: Plan,
    receipts: Mapping[str, pulumi.Stash],
    candidate: Mapping[str, Any],
    loss: Callable[[], Mapping[str, Any]],
    recoverability: Callable[[], str],
) -> None:
    """Exports what the operator asks for afterwards.

    Args:
        receipts: by gate; they are read by their input, for a Stash's output is its first input.
        candidate: outputs of the instance.
        loss: reads what a switch loses; it is called after the gate that finds it out.
        recoverability: reads until when the database that serves can be recovered; called once it serves.
    """
    pulumi.export("state", f"restore {plan.id}: traffic {plan.traffic}")
    pulumi.export("recoveryPoint", plan.point.tag)
    pulumi.export("candidate", dict(candidate))
    pulumi.export("receipts", {name: stash.input.apply(drop_kept_settings) for name, stash in receipts.items()})
    if proved := receipts.get(VALIDATED.name):
        pulumi.export("loss", proved.input.apply(lambda _: asyncio.to_thread(loss)))
    if served := receipts.get(SERVING.name):
        pulumi.export("recoverable", served.input.apply(lambda _: asyncio.to_thread(recoverability)))
    pulumi.export("safetySnapshot", plan.safety_snapshot)
    evidence = f"{settings.evidence.rstrip('/')}/{plan.stack}/{plan.id}"
    pulumi.export("evidence", evidence)
    pulumi.export("report", f"{evidence}/report.html")
    pulumi.export("next", choose_next_command(plan))
