"""How long the phases of one restore took, by its records: what estimates of later restores are made of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from restore.model.gates import GATES, IMPORTED
from restore.model.history import PhaseDuration
from restore.report.timeline import RESOURCES
from restore.report.untrusted import (
    EvidenceRecord,
    format_text,
    list_attempts,
    parse_mapping,
    parse_moment,
    parse_number,
    select_steps,
)


def measure(restore_id: str, evidence: Sequence[EvidenceRecord]) -> tuple[PhaseDuration, ...]:
    """Returns each phase that ended well, by the first time that it did. A repeated proof doesn't count."""
    plans = [parse_mapping(run.get("plan")) for run in select_steps(evidence, "run")]
    method = next((format_text(plan.get("method")) for plan in plans if plan.get("method")), "")
    size = next((parse_number(plan.get("storage")) for plan in plans if parse_number(plan.get("storage"))), None)
    return tuple(
        PhaseDuration(restore_id, phase, method, (ended - began).total_seconds(), size, ended)
        for phase, record in find_ended(evidence)
        if (began := parse_moment(record.get("began")))
        and (ended := parse_moment(record.get("ended")))
        and ended >= began
    )


def find_ended(evidence: Sequence[EvidenceRecord]) -> Iterator[tuple[str, EvidenceRecord]]:
    """Yields the record that counts of each phase, by the phase's name."""
    for step in RESOURCES:
        done = (record for record in select_steps(evidence, step) if record.get("ended"))
        yield from ((step, record) for record in [*done][:1])
    for gate in GATES:
        tried = [attempt for attempt in list_attempts(evidence) if attempt.get("gate") == gate.name]
        # A load that was interrupted goes on: what its last attempt took is a part of it
        counting = tried[:1] if gate is IMPORTED else tried
        proved = (
            item for item in counting if item.get("open") is True and not parse_mapping(item.get("facts")).get("held")
        )
        yield from ((gate.name, record) for record in [*proved][:1])
