"""A second person's approval of a switch: what is approved, by whom, and whether it holds for this run. Pure.

A decision is known by its digest. Whatever changes it (another instance under the candidate's name, another proof of
the data, a waiver) is another decision, which nobody has approved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from restore.model.aws_account import SESSION
from restore.model.labels import TAG_POINT, TAG_SOURCE
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.units import TIME_FORMAT, format_duration

STEP = "approval"
"""The step of the record by which a person approves; the gate is `approved`."""
HOLDS = timedelta(hours=12)
"""A shift: who approved should still be there when it is done."""
COMMAND = "python -m restore approve"
SINGLE_SIGN_ON = "AWSReservedSSO_"
"""Roles of IAM Identity Center, which names the session after the user. A session of any other role is called what its
caller likes (AWS STS API, "AssumeRole", RoleSessionName)."""


@dataclass(frozen=True)
class Decision:
    """What is decided: which database is to serve from then on, and by which proof of its data."""

    stack: str
    restore: str
    candidate: str
    """DbiResourceId."""
    source: str
    """DbiResourceId; empty where none is pinned."""
    recovery_point: str
    validated: str
    """When the candidate's data was proved, RFC 3339."""
    terms: str
    """What the configuration says of the switch, by its digest."""
    served: int = 0
    """How often it was proved to serve before: a second switch, after a way back, is another decision."""

    @property
    def digest(self) -> str:
        return _hash(asdict(self))


@dataclass(frozen=True)
class Approval:
    """One record of an approval."""

    digest: str
    arn: str
    person: str
    at: datetime


def digest_terms(settings: Settings) -> str:
    """Returns the digest of what the configuration says of the switch: how, with which waivers, to whom."""
    request = settings.request
    terms = {
        "waive": dict(settings.waive),
        "cutover": str(request.cutover) if request else "",
        "apps": [asdict(app) for app in settings.apps],
        "namespace": settings.namespace,
        "secret": asdict(settings.secret),
        "fence": settings.fence,
        "sequences": settings.sequences,
        "erasure": sorted(settings.erasure),
        "dependents": str(settings.dependents),
    }
    return _hash(terms)


def make_decision(
    settings: Settings, candidate: Instance, validated: Mapping[str, Any], servings: Iterable[Mapping[str, Any]] = ()
) -> Decision:
    """Returns the decision that stands to be made. `validated`: the record in which that gate opened for the candidate;
    `servings`: all records of gate `serving`."""
    facts: Mapping[str, Any] = validated.get("facts") or {}
    return Decision(
        stack=settings.stack,
        restore=settings.request.id if settings.request else "",
        candidate=candidate.resource_id,
        source=candidate.tags.get(TAG_SOURCE, ""),
        recovery_point=candidate.tags.get(TAG_POINT, ""),
        validated=str(facts.get("held") or validated.get("ended")),
        terms=digest_terms(settings),
        served=sum(is_of(record, candidate) for record in servings),
    )


def is_of(record: Mapping[str, Any], candidate: Instance) -> bool:
    """Tells whether a gate opened for this very instance."""
    facts: Mapping[str, Any] = record.get("facts") or {}
    return record.get("open") is True and facts.get("resource_id") == candidate.resource_id


def name_person(arn: str) -> str:
    """Returns whom an ARN stands for: of a session its role, for the session's name is free; of IAM Identity Center the
    role and its user."""
    session = SESSION.fullmatch(arn)
    if session is None or session["role"].startswith(SINGLE_SIGN_ON):
        return arn
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"


def read_approval(record: Mapping[str, Any]) -> Approval:
    """Reads a record of an approval."""
    operator: Mapping[str, Any] = record.get("operator") or {}
    written = datetime.fromisoformat(str(record["written"])).astimezone(UTC)
    return Approval(str(record.get("digest")), str(operator.get("aws")), str(operator.get("user")), written)


def find_approval(records: Iterable[Mapping[str, Any]], decision: Decision, arn: str, now: datetime) -> Approval | str:
    """Returns the approval that holds for a run by `arn`, otherwise why none does. `records`: newest first."""
    reasons: list[str] = []
    for record in records:
        approval = read_approval(record)
        fault = find_fault(approval, decision, arn, now)
        if fault is None:
            return approval
        reasons.append(f"that of {approval.at:{TIME_FORMAT}} by {approval.arn} {fault}")
    return "; ".join(reasons) or "nobody has approved this switch"


def find_fault(approval: Approval, decision: Decision, arn: str, now: datetime) -> str | None:
    """Returns why an approval doesn't hold, None where it does."""
    if approval.digest != decision.digest:
        return f"is of {approval.digest}; what is to be switched now is {decision.digest}"
    if now - approval.at > HOLDS:
        return f"is older than {format_duration(HOLDS)}"
    if not approval.arn.startswith("arn:"):
        return "has no identity of AWS"
    if name_person(approval.arn) == name_person(arn):
        return "is by the same identity as this run"
    return None


def describe_needed(arn: str) -> str:
    return f"an approval by another identity than {name_person(arn)}, of at most {format_duration(HOLDS)} ago"


def render(decision: Decision, settings: Settings, waived: Sequence[str], loss: str) -> str:
    """Returns what is about to be approved, for an 80-column terminal. `waived`: problems that were let pass; `loss`:
    what a switch loses, in a line."""
    accepted = [f"  waiver {name}: {reason}" for name, reason in settings.waive.items()]
    return "\n".join(
        [
            f"Approval of the switch of restore {decision.restore} on stack {decision.stack}:",
            f"  the applications of {settings.namespace} move to {decision.candidate},",
            f"  made from {decision.recovery_point or 'an unknown recovery point'},",
            f"  its data proved at {decision.validated}",
            f"  away from {decision.source or 'a source that is not known'}",
            f"  loss: {loss}",
            *accepted,
            *(f"  let pass: {subject}" for subject in waived),
            f"  digest {decision.digest}: it changes with anything of the above",
            f"Holds for {format_duration(HOLDS)}, and only for a run by somebody else.",
        ]
    )


def _hash(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
