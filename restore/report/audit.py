"""Who ran the program with which words, and who waived what."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from restore.model.gates import APPROVED
from restore.report.untrusted import (
    EMPTY,
    EvidenceRecord,
    format_text,
    format_texts,
    list_attempts,
    parse_mapping,
    parse_moment,
    select_steps,
)
from restore.units import format_moment

TYPED = ("id", "method", "snapshot", "time", "dump", "traffic", "incident")
"""The keys that a person types during an incident."""


@dataclass(frozen=True)
class Act:
    """Who ran the program, from where to where they moved the applications, and with which words."""

    at: str
    user: str
    host: str
    aws: str
    moved: str
    incident: str
    program: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Waiver:
    """A check that somebody waived: who, why, and since when."""

    check: str
    reason: str
    user: str
    since: str
    used: str
    """What it let through, empty when nothing yet."""


@dataclass(frozen=True)
class Approval:
    """A second person's yes to a switch. `used` is when a switch was let pass by it, empty when none was."""

    at: str
    user: str
    aws: str
    digest: str
    used: str


def list_approvals(evidence: Sequence[EvidenceRecord]) -> Iterator[Approval]:
    """Yields every approval, oldest first."""
    opened = [
        attempt for attempt in list_attempts(evidence) if attempt.get("gate") == APPROVED.name and attempt.get("open")
    ]
    used = {format_text(parse_mapping(attempt.get("facts")).get("approved_at")): attempt for attempt in opened}
    for record in select_steps(evidence, "approval"):
        operator, let = parse_mapping(record.get("operator")), used.get(format_text(record.get("written")))
        yield Approval(
            at=format_moment(parse_moment(record.get("written"))),
            user=format_text(operator.get("user")),
            aws=format_text(operator.get("aws")),
            digest=format_text(record.get("digest")),
            used=format_moment(parse_moment(let.get("ended"))) if let else "",
        )


def list_acts(runs: Sequence[EvidenceRecord]) -> Iterator[Act]:
    """Yields one act for each run, oldest first, with the commands that lead to it from the run before."""
    for before, run in pairwise((EMPTY, *runs)):
        plan, operator = parse_mapping(run.get("plan")), parse_mapping(run.get("operator"))
        yield Act(
            at=format_moment(parse_moment(run.get("began"))),
            user=format_text(operator.get("user")),
            host=format_text(operator.get("host")),
            aws=format_text(operator.get("aws")),
            moved=f"{format_text(plan.get('found_traffic')) or 'half-way'} → {format_text(plan.get('traffic'))}",
            incident=format_text(run.get("incident")),
            program=format_text(parse_mapping(run.get("versions")).get("program")),
            commands=tuple(list_commands(format_texts(before.get("config")), format_texts(run.get("config")))),
        )


def list_commands(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """Yields what leads from one configuration to the next, for the restore's own flat keys, and then `pulumi up`."""
    for name in TYPED:
        key = f"restore:{name}"
        old, new = before.get(key, ""), now.get(key, "")
        if new and new != old:
            yield f"pulumi config set {name} {shlex.quote(new)}"
        elif old and not new:
            yield f"pulumi config rm {name}"
    yield "pulumi up"


def describe_who(record: EvidenceRecord) -> str:
    """Returns who ran the program, by the record of that run."""
    return format_text(parse_mapping(record.get("operator")).get("user")) or "not known"


def list_waivers(runs: Sequence[EvidenceRecord], evidence: Sequence[EvidenceRecord]) -> Iterator[Waiver]:
    """Yields every waiver that any run had, by whom first, and what it let through."""
    first: dict[tuple[str, str], EvidenceRecord] = {}
    for run in runs:
        for pair in format_texts(run.get("waive")).items():
            first.setdefault(pair, run)
    used = [
        (format_text(attempt.get("gate")), subject)
        for attempt in list_attempts(evidence)
        for subject in format_texts(attempt.get("waived"))
    ]
    for (name, reason), run in first.items():
        let = dict.fromkeys(subject for gate, subject in used if name in (subject, subject.partition(":")[0], gate))
        yield Waiver(name, reason, describe_who(run), format_moment(parse_moment(run.get("began"))), ", ".join(let))
