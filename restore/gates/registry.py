"""Every gate by its name: its proof, its deadline, its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pulumi

from restore.cutover import approval
from restore.evidence import publish
from restore.gates import (
    approved,
    conformed,
    imported,
    proofs,
    quiesced,
    renamed,
    scanned,
    serving,
    switched,
    validated,
)
from restore.gates.context import GateContext
from restore.gates.fence import FENCE
from restore.gates.hook import Gate, Proof, Watch
from restore.gates.runner import follow
from restore.model.dependents import Follow
from restore.model.gates import (
    APPROVED,
    CONFORMED,
    IMPORTED,
    QUIESCED,
    RENAMED,
    SCANNED,
    SERVING,
    SWITCHED,
    VALIDATED,
    list_candidate_gates,
)
from restore.model.request import Runner

PROOFS: Mapping[str, tuple[float, Callable[[GateContext, Watch], Proof]]] = {
    QUIESCED.name: (quiesced.SECONDS, quiesced.prove),
    SCANNED.name: (scanned.SECONDS, scanned.prove),
    CONFORMED.name: (conformed.SECONDS, conformed.prove),
    IMPORTED.name: (imported.SECONDS, imported.prove),
    VALIDATED.name: (validated.SECONDS, validated.prove),
    APPROVED.name: (approved.SECONDS, approved.prove),
    SWITCHED.name: (switched.SECONDS, switched.prove),
    RENAMED.name: (renamed.SECONDS, renamed.prove),
    SERVING.name: (serving.SECONDS, serving.prove),
}


IN_JOBS = frozenset(PROOFS) - {CONFORMED.name, APPROVED.name}
"""The gates that open a connection to a database: with `runner: kubernetes` they run in a Job beside it. A Job has
another identity than who runs `pulumi up`, and `approved` compares that one with who approves."""


def make_gate(context: GateContext, name: str) -> Gate:
    """Returns the gate of this name. Its waivers are those of the configuration that name it or one of its checks.

    Raises RestoreError when what it is to prove can't be read (expectations, for example).
    """
    _, prove = PROOFS[name]
    seconds = allow_seconds(context, name)
    waive = {key: reason for key, reason in context.settings.waive.items() if key == name or key.startswith(f"{name}.")}
    record = partial(publish.record, context.store, context.plan.stack, context.plan.id, name, warn=pulumi.log.warn)
    work = partial(prove, context)
    if context.settings.runner is Runner.KUBERNETES and name in IN_JOBS:
        work = partial(follow.prove, partial(validated.read_expectations, context.settings), context)
    return Gate(name, seconds, work, record, waive, take_fingerprint(context, name, waive))


def allow_seconds(context: GateContext, name: str) -> float:
    """Returns a gate's deadline in seconds from its beginning; that of the checks of the data grows with it."""
    seconds, _ = PROOFS[name]
    return max(seconds, validated.allow_seconds(context.settings, context.plan)) if name == VALIDATED.name else seconds


def take_fingerprint(context: GateContext, name: str, waive: Mapping[str, str]) -> dict[str, Any]:
    """Returns what changes the proof besides the plan: waivers, overridden settings, expectations."""
    extra: dict[str, Any] = {"waived": dict(waive)} if waive else {}
    if name == CONFORMED.name and context.settings.instance:
        extra["instance"] = dict(context.settings.instance)
    if name in (SCANNED.name, IMPORTED.name):
        extra |= scanned.take_fingerprint(context.settings)
    if name == VALIDATED.name:
        extra |= validated.take_fingerprint(context.settings)
    if name == APPROVED.name:
        extra |= {"terms": approval.digest_terms(context.settings), **validated.take_fingerprint(context.settings)}
    if name == SERVING.name and context.settings.dependents is Follow.FOLLOW:
        extra["dependents"] = str(Follow.FOLLOW)
    if name == SWITCHED.name and context.settings.fence:
        extra[FENCE] = True
    return extra


def is_candidate_proved(context: GateContext) -> bool:
    """Tells whether every gate of the candidate has opened for the instance that is there now, by the evidence."""
    candidate = context.plan.candidate_found
    return all(proofs.find_proof(context, gate.name, candidate) for gate in list_candidate_gates(context.plan))
