"""What somebody wants to know who was not there, each in a line or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from restore.model.gates import CONFORMED, QUIESCED, VALIDATED
from restore.report import loss, timeline
from restore.report.audit import who
from restore.report.untrusted import EMPTY, Record, attempts, mapping, moment, of_step, text
from restore.report.verdict import needed
from restore.units import clock, measured

METHODS = {"pitr": "point in time", "snapshot": "snapshot", "dump": "dump"}


def facts(found: Sequence[Record], name: str) -> Record:
    """Of the newest attempt of a gate that got as far as having any."""
    tried = [one for one in attempts(found) if one.get("gate") == name and one.get("facts")]
    return mapping(tried[-1].get("facts")) if tried else EMPTY


def key_facts(found: Sequence[Record], last: Record) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and lines; of some there is nothing to say."""
    plan, conformed = mapping(last.get("plan")), facts(found, CONFORMED.name)
    quiet = source_quiet(found, conformed)
    yield "Recovery point", (point(plan),)
    report = losses(found, last)
    yield "A switch loses", (lost(plan, moment(plan.get("data_of")), quiet),)
    yield "By the loss report", (report.headline,) if report else ()
    yield "Applications stopped", tuple(stopped(one) for one in timeline.outages(found))
    yield "Restored database", (text(plan.get("candidate")), text(conformed.get("endpoint")))
    yield "Source", (text(plan.get("source")), text(plan.get("source_resource_id")))
    yield "Safety snapshot of the source", (text(plan.get("safety_snapshot")),)
    yield "Incident", (text(last.get("incident")),)
    yield "Traffic wanted", (text(plan.get("traffic")),)
    yield "Closed", tuple(f"{clock(moment(one.get('began')))} by {who(one)}" for one in of_step(found, "close"))


def losses(found: Sequence[Record], last: Record) -> loss.Loss | None:
    """By the newest loss report; None where none is made because nothing has to be validated."""
    report = mapping(facts(found, VALIDATED.name).get("loss"))
    wanted = VALIDATED.name in needed(last, found)
    return loss.read(report) if report or wanted else None


def point(plan: Record) -> str:
    method, _, value = text(plan.get("recovery_point")).partition(":")
    at = moment(plan.get("data_of"))
    if method == "pitr" and at:
        return f"point in time {clock(at)}"
    return f"{METHODS.get(method, method)} {value}" + (f", data of {clock(at)}" if at else "")


def source_quiet(found: Sequence[Record], conformed: Record) -> datetime | None:
    """When writing to the source stopped, by the newest freeze of it (a later one may have frozen the candidate)."""
    at_rest = [
        mapping(one.get("facts"))
        for one in attempts(found)
        if one.get("gate") == QUIESCED.name and one.get("open") is True
    ]
    of_source = [one for one in at_rest if one.get("endpoint") != conformed.get("endpoint")]
    return moment(of_source[-1].get("quiet_since")) if of_source else None


def lost(plan: Record, data_of: datetime | None, quiet: datetime | None) -> str:
    """In one sentence; the loss report has the rows."""
    if data_of and quiet:
        if quiet <= data_of:
            return "nothing that was committed: writing had stopped before this point"
        return f"what was written in the {measured(quiet - data_of)} from there until writing stopped at {clock(quiet)}"
    said = [text(note) for note in plan.get("notes") or () if text(note).startswith("a switch loses: ")]
    return said[0].removeprefix("a switch loses: ") if said else ""


def stopped(one: timeline.Outage) -> str:
    if one.ended is None:
        return f"since {clock(one.began)}"
    return f"{measured(one.ended - one.began)}, from {clock(one.began)}"
