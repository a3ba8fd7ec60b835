"""What somebody wants to know who was not there, each in a line or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from restore.model.gates import CONFORMED, QUIESCED, SERVING, VALIDATED
from restore.report import loss, timeline
from restore.report.audit import describe_who
from restore.report.untrusted import (
    EMPTY,
    EvidenceRecord,
    format_text,
    list_attempts,
    parse_items,
    parse_mapping,
    parse_moment,
    parse_number,
    select_steps,
)
from restore.report.verdict import list_needed
from restore.units import format_moment, format_precise_duration

METHODS = {"pitr": "point in time", "snapshot": "snapshot", "dump": "dump"}


def find_facts(evidence: Sequence[EvidenceRecord], name: str) -> EvidenceRecord:
    """Returns the facts of a gate's newest attempt that got as far as having any."""
    tried = [attempt for attempt in list_attempts(evidence) if attempt.get("gate") == name and attempt.get("facts")]
    return parse_mapping(tried[-1].get("facts")) if tried else EMPTY


def list_key_facts(evidence: Sequence[EvidenceRecord], last: EvidenceRecord) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields name and lines of each fact; no lines where there is nothing to say."""
    plan, conformed = parse_mapping(last.get("plan")), find_facts(evidence, CONFORMED.name)
    quiet = find_source_quiet(evidence, conformed)
    yield "Recovery point", (describe_point(plan),)
    report = read_losses(evidence, last)
    yield "A switch loses", (describe_loss(plan, parse_moment(plan.get("data_of")), quiet),)
    yield "By the loss report", (report.headline,) if report else ()
    yield "Applications stopped", tuple(describe_outage(outage) for outage in timeline.find_outages(evidence))
    yield "Restored database", (format_text(plan.get("candidate")), format_text(conformed.get("endpoint")))
    yield "When it began to serve", (format_text(find_facts(evidence, SERVING.name).get("recoverability")),)
    yield "Source", (format_text(plan.get("source")), format_text(plan.get("source_resource_id")))
    yield "Safety snapshot of the source", (format_text(plan.get("safety_snapshot")),)
    yield "Left in the restored database", tuple(list_apart(evidence))
    yield "Incident", (format_text(last.get("incident")),)
    yield "Traffic wanted", (format_text(plan.get("traffic")),)
    yield (
        "Closed",
        tuple(
            f"{format_moment(parse_moment(record.get('began')))} by {describe_who(record)}"
            for record in select_steps(evidence, "close")
        ),
    )


def read_losses(evidence: Sequence[EvidenceRecord], last: EvidenceRecord) -> loss.Loss | None:
    """Returns the newest loss report; None where none is made because nothing has to be validated."""
    report = parse_mapping(find_facts(evidence, VALIDATED.name).get("loss"))
    expected = VALIDATED.name in list_needed(last, evidence)
    return loss.read(report) if report or expected else None


def describe_point(plan: EvidenceRecord) -> str:
    """Describes the recovery point of a run's plan, and of when its data are."""
    method, _, value = format_text(plan.get("recovery_point")).partition(":")
    at = parse_moment(plan.get("data_of"))
    if method == "pitr" and at:
        of = value.partition("@")[2]
        return f"point in time {format_moment(at)}" + (f" of {of}" if of else "")
    return f"{METHODS.get(method, method)} {value}" + (f", data of {format_moment(at)}" if at else "")


def find_source_quiet(evidence: Sequence[EvidenceRecord], conformed: EvidenceRecord) -> datetime | None:
    """Returns when writing to the source stopped, by the newest freeze of it (a later one may have frozen the
    candidate)."""
    at_rest = [
        parse_mapping(attempt.get("facts"))
        for attempt in list_attempts(evidence)
        if attempt.get("gate") == QUIESCED.name and attempt.get("open") is True
    ]
    of_source = [proof for proof in at_rest if proof.get("endpoint") != conformed.get("endpoint")]
    return parse_moment(of_source[-1].get("quiet_since")) if of_source else None


def describe_loss(plan: EvidenceRecord, data_of: datetime | None, quiet: datetime | None) -> str:
    """Says in one sentence what a switch loses; the loss report has the rows."""
    if data_of and quiet:
        if quiet <= data_of:
            return "nothing that was committed: writing had stopped before this point"
        span = format_precise_duration(quiet - data_of)
        return f"what was written in the {span} from there until writing stopped at {format_moment(quiet)}"
    said = [format_text(note) for note in plan.get("notes") or () if format_text(note).startswith("a switch loses: ")]
    return said[0].removeprefix("a switch loses: ") if said else ""


def list_apart(evidence: Sequence[EvidenceRecord]) -> Iterator[str]:
    """Yields what the newest `rollback --carry` did not carry, for each table and reason; docs/rescue.md."""
    carried = [record for record in select_steps(evidence, "rescue") if "apart" in record]
    for rows in map(parse_mapping, parse_items(carried[-1].get("apart")) if carried else ()):
        table, reason = format_text(rows.get("table")), format_text(rows.get("reason"))
        yield f"{table}: {parse_number(rows.get('rows')):,} rows ({reason})"


def describe_outage(outage: timeline.Outage) -> str:
    """Describes how long applications were stopped, and since when."""
    if outage.ended is None:
        return f"since {format_moment(outage.began)}"
    return f"{format_precise_duration(outage.ended - outage.began)}, from {format_moment(outage.began)}"
