"""The record of one run of the program: who ran it, with which versions and configuration, and what was planned.

Whether it still goes on stands elsewhere: restore.evidence.current_run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from restore.aws import Aws
from restore.evidence import provenance
from restore.model.gates import list_needed_gates
from restore.model.planned import Plan
from restore.model.request import Settings
from restore.redaction import MASK

SHOWN = ("aws:region", "aws:profile", "kubernetes:context")
"""Besides the program's own keys: other namespaces may hold credentials."""


def mask_secrets(entries: Mapping[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """Returns the configuration that may be shown; the values of secret keys are masked."""
    shown = {key: value for key, value in entries.items() if key.startswith("restore:") or key in SHOWN}
    return {key: MASK if key in secret else shown[key] for key in sorted(shown)}


def build_document(settings: Settings, plan: Plan, config: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Returns the record of a run. Asks AWS and the machine who this is; what can't be known stands there as such."""
    return {
        "began": now.isoformat(),
        "operator": provenance.read_operator(Aws.of(settings)),
        "versions": provenance.read_versions(),
        "incident": settings.request.incident if settings.request else None,
        "tell": list(settings.notify.list_told(breach=bool(settings.request and settings.request.breach))),
        "reconcile": list(settings.notify.reconcile),
        "config": dict(config),
        "waive": dict(settings.waive),
        "plan": describe_plan(plan, settings),
    }


def describe_plan(plan: Plan, settings: Settings) -> dict[str, Any]:
    """Returns what a run is going to do, as JSON values; times in RFC 3339."""
    return {
        "traffic": str(plan.traffic),
        "found_traffic": str(plan.found_traffic) if plan.found_traffic else None,
        "gates": [gate.name for gate in list_needed_gates(plan)],
        "method": str(plan.point.method),
        "recovery_point": plan.point.tag,
        "data_of": plan.point.at.isoformat() if plan.point.at else None,
        "source": settings.source,
        "source_resource_id": plan.source.resource_id if plan.source else None,
        "candidate": plan.candidate,
        "candidate_resource_id": plan.candidate_found.resource_id if plan.candidate_found else None,
        "serves_resource_id": plan.serving.resource_id if plan.serving else None,
        "engine_version": plan.engine_version,
        "storage": plan.settings.allocated_storage,
        "safety_snapshot": plan.safety_snapshot,
        "replicas": {app.name: app.replicas for app in plan.apps},
        "notes": list(plan.notes),
    }
