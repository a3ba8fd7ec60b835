"""Every gate by its name: its proof, its deadline, its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pulumi

from restore.evidence import publish
from restore.gates import conformed, imported, proofs, quiesced, scanned, serving, switched, validated
from restore.gates.context import GateContext
from restore.gates.hook import Gate, Proof, Watch

PROOFS: Mapping[str, tuple[float, Callable[[GateContext, Watch], Proof]]] = {
    "quiesced": (quiesced.SECONDS, quiesced.prove),
    "scanned": (scanned.SECONDS, scanned.prove),
    "conformed": (conformed.SECONDS, conformed.prove),
    "imported": (imported.SECONDS, imported.prove),
    "validated": (validated.SECONDS, validated.prove),
    "switched": (switched.SECONDS, switched.prove),
    "serving": (serving.SECONDS, serving.prove),
}


def gate(context: GateContext, name: str) -> Gate:
    """The gate of this name. Its waivers are those of the configuration that name it or one of its checks."""
    seconds, prove = PROOFS[name]
    waive = {key: why for key, why in context.settings.waive.items() if key == name or key.startswith(f"{name}.")}

    record = partial(publish.record, context.store, context.plan.stack, context.plan.id, name, warn=pulumi.log.warn)
    return Gate(name, seconds, partial(prove, context), record, waive, fingerprint(context, name, waive))


def fingerprint(context: GateContext, name: str, waive: Mapping[str, str]) -> dict[str, Any]:
    """What changes the proof besides the plan: waivers, overridden settings, expectations."""
    extra: dict[str, Any] = {"waived": dict(waive)} if waive else {}
    if name == "conformed" and context.settings.instance:
        extra["instance"] = dict(context.settings.instance)
    if name in ("scanned", "imported"):
        extra |= scanned.fingerprint(context.settings)
    if name == "validated":
        extra |= validated.fingerprint(context.settings)
    return extra


def proved(context: GateContext, name: str) -> bool:
    """Whether this gate has opened for the candidate that is there now, by the evidence."""
    return proofs.find_proof(context, name, context.plan.candidate_found) is not None
