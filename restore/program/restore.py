"""Restore: the instance made from the recovery point, and the proofs that it may serve."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import pulumi

from restore.gates.hook import KEPT_SETTINGS, RESOURCE_ID
from restore.model.dump import DumpVersion
from restore.model.gates import CONFORMED, IMPORTED, SCANNED, VALIDATED, Move, determine_move
from restore.model.planned import Plan
from restore.model.request import Traffic
from restore.program.candidate import declare_fresh, declare_restored, keep_settings
from restore.program.creation import Creation, declare_acceptance
from restore.program.receipts import Gates, declare_receipt, list_open_gates
from restore.program.restoration import Restoration, declare_restoration
from restore.program.surroundings import CopyProgress, declare_copy, declare_parameter_group
from restore.program.timing_hooks import Record


class Restore(pulumi.ComponentResource):
    """Parent of the candidate, the settings wanted when it was made, and the receipts of the candidate's gates."""

    resource_id: pulumi.Output[str]
    """DbiResourceId of the candidate."""
    candidate: Mapping[str, Any]
    """The candidate as the stack's outputs show it."""
    accepted: Sequence[pulumi.Stash]
    """What is there once AWS has accepted the restore; empty where nothing waits for that, or it comes after the
    freeze."""
    receipts: Mapping[str, pulumi.Stash]
    """By gate, in the order in which they can open."""

    def __init__(
        self, plan: Plan, gates: Gates, record: Record, *, depends_on: Sequence[pulumi.Resource], proofs: Container[str]
    ) -> None:
        """Args:
        record: writes when AWS began and ended making the candidate.
        depends_on: what must be done before the candidate is made or looked at.
        proofs: the gates that are declared; no failure of another one can fail this run.
        """
        super().__init__("restore:index:Restore", plan.id, {"recoveryPoint": plan.point.tag})
        settings = keep_settings(plan, self)
        progress = CopyProgress(
            plan.copy.name if plan.copy else "", gates.find_snapshot, gates.running, pulumi.log.info
        )
        copied = declare_copy(plan, progress, self, depends_on, record)
        made = [*copied, *declare_parameter_group(plan, self)]
        made_first = [*depends_on, settings, *made]
        creation = Creation(plan, gates.find_candidate, gates.running, pulumi.log.info)
        if plan.fresh:
            instance = declare_fresh(plan, creation, self, made_first, record)
            accepted = declare_acceptance(creation, self, made) if determine_move(plan) is Move.FREEZE else []
        else:
            restoration = Restoration(plan, gates.rds, gates.running, pulumi.log.info, record)
            asked, created = declare_restoration(restoration, self, made_first)
            instance = declare_restored(plan, restoration, creation, created, self, record)
            accepted = [] if plan.point.latest else [asked]
        self.accepted = accepted
        self.resource_id = instance.resource_id
        identifier, endpoint = find_present_address(plan) or (plan.candidate, instance.endpoint)
        self.candidate = {
            "identifier": identifier,
            "resourceId": instance.resource_id,
            "endpoint": endpoint,
            "status": instance.status,
        }
        candidate = {"candidate": plan.candidate, RESOURCE_ID: instance.resource_id, "point": plan.point.tag}
        self.receipts = {}
        if CONFORMED.name in proofs:
            kept = {KEPT_SETTINGS: settings.output}
            conformed = declare_receipt(gates, CONFORMED, {**candidate, **kept}, self, [instance.resource])
            dump = plan.point.dump
            loaded = declare_load(gates, dump, candidate, self, depends_on, conformed, proofs) if dump else {}
            self.receipts = {CONFORMED.name: conformed, **loaded}
        if VALIDATED.name in proofs:
            before = list(self.receipts.values())
            self.receipts |= {VALIDATED.name: declare_receipt(gates, VALIDATED, candidate, self, before)}
        self.register_outputs({"candidate": self.candidate, "proved": list_open_gates(self.receipts, [instance.urn])})


def find_present_address(plan: Plan) -> tuple[str, str] | None:
    """Returns identifier and endpoint of a candidate that has production's name, now or after this run: the state holds
    those
    of its creation. None where these are still right."""
    if plan.rename and plan.traffic is Traffic.RESTORED:
        return plan.rename.production, str(plan.apps[0].endpoint)
    candidate = plan.candidate_found
    if plan.traffic is Traffic.FROZEN and candidate and candidate.identifier != plan.candidate:
        return candidate.identifier, str(candidate.endpoint)
    return None


def declare_load(
    gates: Gates,
    dump: DumpVersion,
    candidate: Mapping[str, Any],
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
    conformed: pulumi.Stash,
    proofs: Container[str],
) -> dict[str, pulumi.Stash]:
    """Returns the receipts of method dump: it is read to its end while the instance is made, and loaded when both are
    done."""
    version = {"dump": {"bucket": dump.bucket, "key": dump.key, "version": dump.version}}
    receipts: dict[str, pulumi.Stash] = {}
    if SCANNED.name in proofs:
        receipts[SCANNED.name] = declare_receipt(gates, SCANNED, version, parent, depends_on)
    if IMPORTED.name in proofs:
        loaded = {**candidate, **version}
        receipts[IMPORTED.name] = declare_receipt(gates, IMPORTED, loaded, parent, [*receipts.values(), conformed])
    return receipts
