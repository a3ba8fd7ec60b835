"""What the terminal and the page show, as values: made of the one JSON document of a restore."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from restore.model import Verdict
from restore.report import loss, timeline
from restore.report.judge import GateState, judge, problems
from restore.report.reading import (
    EMPTY,
    Record,
    attempts,
    block,
    clock,
    lasting,
    mapping,
    moment,
    of_step,
    records,
    seconds,
    text,
    texts,
)

SLOW = 5
UNSET = ("", "{}")
"""Defaults that the engine passes for keys that nobody has set."""


@dataclass(frozen=True)
class Finding:
    """Something that keeps a gate shut."""

    gate: str
    subject: str
    found: str
    needed: str
    fix: str


@dataclass(frozen=True)
class Gate:
    """One attempt of a gate."""

    name: str
    verdict: str
    open: bool
    summary: str
    at: str
    seconds: str
    needed: bool
    """Whether it counts for the verdict: the newest attempt of a gate that is needed now."""


@dataclass(frozen=True)
class Check:
    """One check of the data. `state` is PASS, FAIL, INCONCLUSIVE, waived or advisory."""

    name: str
    state: str
    found: str
    needed: str
    fix: str
    query: str
    rows: str
    waived: str
    seconds: str


@dataclass(frozen=True)
class Checks:
    """The newest validation: what is no pass first, then what passed."""

    summary: str
    notable: tuple[Check, ...]
    passed: tuple[Check, ...]
    slowest: tuple[Check, ...]
    not_declared: str


@dataclass(frozen=True)
class Setting:
    """A setting on three sides; `state` is same, changed (asked for otherwise than the source's) or differs."""

    name: str
    source: str
    wanted: str
    found: str
    state: str


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
    check: str
    reason: str
    user: str
    since: str
    used: str
    """What it let through, empty when nothing yet."""


@dataclass(frozen=True)
class Report:
    """Everything that is shown, in the order in which it is shown."""

    stack: str
    id: str
    verdict: Verdict
    headline: str
    updated: str
    findings: tuple[Finding, ...]
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    """Name and lines of what somebody wants to know who was not there."""
    runs: tuple[timeline.Run, ...]
    idle: str
    loss: loss.Loss | None
    checks: Checks | None
    gates: tuple[Gate, ...]
    settings: tuple[Setting, ...]
    settings_changed: tuple[tuple[str, str, str], ...]
    acts: tuple[Act, ...]
    waivers: tuple[Waiver, ...]
    versions: tuple[tuple[str, str], ...]
    config: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def build(document: Record) -> Report:
    """Of the document that restore/report/document.py assembles; works for one without any record."""
    found = records(document.get("records"))
    state = judge(found)
    made = list(of_step(found, "run"))
    last = made[-1] if made else EMPTY
    ran = timeline.runs(found)
    conformed, validated = facts(found, "conformed"), facts(found, "validated")
    return Report(
        stack=text(document.get("stack")),
        id=text(document.get("id")),
        verdict=state.verdict,
        headline=state.headline,
        updated=clock(moment(document.get("updated"))),
        findings=tuple(finding(gate, one) for gate, one in problems(state.gates)) or errors(state.gates),
        facts=tuple((name, lines) for name, lines in key_facts(found, last) if any(lines)),
        runs=ran,
        idle=lasting(timeline.idle(ran)) if len(ran) > 1 else "",
        loss=loss.read(mapping(validated.get("loss"))),
        checks=checks(mapping(validated.get("report"))),
        gates=tuple(gate(one, state.gates) for one in attempts(found)),
        settings=tuple(settings(mapping(conformed.get("settings")))),
        settings_changed=tuple(brought_in_line(conformed)),
        acts=tuple(acts(made)),
        waivers=tuple(waivers(made, found)),
        versions=tuple(versions(last, conformed, found)),
        config=tuple((name, value) for name, value in texts(last.get("config")).items() if value not in UNSET),
        notes=tuple(text(note) for note in mapping(last.get("plan")).get("notes") or ()),
    )


def facts(found: Sequence[Record], name: str) -> Record:
    """Of the newest attempt of a gate that got as far as having any."""
    tried = [one for one in attempts(found) if one.get("gate") == name and one.get("facts")]
    return mapping(tried[-1].get("facts")) if tried else EMPTY


def finding(name: str, problem: Record) -> Finding:
    subject, found, needed, fix = (text(problem.get(field)) for field in ("subject", "found", "needed", "fix"))
    return Finding(name, subject, found, needed, fix)


def errors(states: Sequence[GateState]) -> tuple[Finding, ...]:
    """What an attempt that proved nothing said."""
    return tuple(
        Finding(one.name, one.name, text(one.attempt.get("error")), "a proof", "see the text, then: pulumi up")
        for one in states
        if one.attempt and not one.open
    )


def gate(attempt: Record, states: Sequence[GateState]) -> Gate:
    state = GateState(text(attempt.get("gate")), attempt)
    began, ended = moment(attempt.get("began")), moment(attempt.get("ended"))
    return Gate(
        name=state.name,
        verdict=str(state.verdict),
        open=state.open,
        summary=state.summary,
        at=clock(ended),
        seconds=lasting(ended - began) if began and ended else "",
        needed=any(one.attempt is attempt for one in states),
    )


def key_facts(found: Sequence[Record], last: Record) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What somebody wants to know who was not there."""
    plan, conformed = mapping(last.get("plan")), facts(found, "conformed")
    quiet = source_quiet(found, conformed)
    yield "Recovery point", (point(plan),)
    report = loss.read(mapping(facts(found, "validated").get("loss")))
    yield "A switch loses", (lost(plan, moment(plan.get("data_of")), quiet),)
    yield "By the loss report", (report.headline if report else "",)
    yield "Applications stopped", tuple(stopped(one) for one in timeline.outages(found))
    yield "Restored database", (text(plan.get("candidate")), text(conformed.get("endpoint")))
    yield "Source", (text(plan.get("source")), text(plan.get("source_resource_id")))
    yield "Safety snapshot of the source", (text(plan.get("safety_snapshot")),)
    yield "Incident", (text(last.get("incident")),)
    yield "Traffic wanted", (text(plan.get("traffic")),)
    yield "Closed", tuple(f"{clock(moment(one.get('began')))} by {who(one)}" for one in of_step(found, "close"))


def point(plan: Record) -> str:
    method, _, value = text(plan.get("recovery_point")).partition(":")
    names = {"pitr": "point in time", "snapshot": "snapshot", "dump": "dump"}
    at = moment(plan.get("data_of"))
    if method == "pitr" and at:
        return f"point in time {clock(at)}"
    return f"{names.get(method, method)} {value}" + (f", data of {clock(at)}" if at else "")


def source_quiet(found: Sequence[Record], conformed: Record) -> datetime | None:
    """When writing to the source stopped, by the newest freeze of it (a later one may have frozen the candidate)."""
    at_rest = [
        mapping(one.get("facts"))
        for one in attempts(found)
        if one.get("gate") == "quiesced" and one.get("open") is True
    ]
    of_source = [one for one in at_rest if one.get("endpoint") != conformed.get("endpoint")]
    return moment(of_source[-1].get("quiet_since")) if of_source else None


def lost(plan: Record, data_of: datetime | None, quiet: datetime | None) -> str:
    """In one sentence; the loss report has the rows."""
    if data_of and quiet:
        if quiet <= data_of:
            return "nothing that was committed: writing had stopped before this point"
        return f"what was written in the {lasting(quiet - data_of)} from there until writing stopped at {clock(quiet)}"
    said = [text(note) for note in plan.get("notes") or () if text(note).startswith("a switch loses: ")]
    return said[0].removeprefix("a switch loses: ") if said else ""


def stopped(one: timeline.Outage) -> str:
    if one.ended is None:
        return f"since {clock(one.began)}"
    return f"{lasting(one.ended - one.began)}, from {clock(one.began)}"


def checks(report: Record) -> Checks | None:
    results = records(report.get("results"))
    if not report:
        return None
    made = [check(one) for one in results]
    rank = ("FAIL", "INCONCLUSIVE", "waived", "advisory")
    notable = sorted((one for one in made if one.state in rank), key=lambda one: rank.index(one.state))
    passed = tuple(one for one in made if one.state == "PASS")
    counts = mapping(report.get("counts"))
    read = sum(int(rows) for rows in counts.values() if isinstance(rows, int))
    slow = sorted(zip(made, results, strict=True), key=lambda pair: seconds(pair[1].get("seconds")), reverse=True)
    return Checks(
        summary=f"{len(passed)} of {len(made)} checks pass; {read:,} rows in {len(counts)} tables read in "
        f"{lasting(timedelta(seconds=seconds(report.get('seconds'))))}",
        notable=tuple(notable),
        passed=passed,
        slowest=tuple(one for one, _ in slow[:SLOW]),
        not_declared=text(report.get("not_declared")),
    )


def check(result: Record) -> Check:
    verdict = text(result.get("verdict"))
    waived = text(result.get("waived"))
    state = verdict
    if verdict != "PASS":
        state = "waived" if waived else "advisory" if text(result.get("severity")) == "advisory" else verdict
    return Check(
        name=text(result.get("name")),
        state=state,
        found=text(result.get("found")),
        needed=text(result.get("needed")),
        fix=text(result.get("fix")),
        query=block(result.get("query")),
        rows="; ".join(text(one) for one in records(result.get("examples"))),
        waived=waived,
        seconds=f"{seconds(result.get('seconds')):.2f}",
    )


def settings(rows: Record) -> Iterator[Setting]:
    for name, row in rows.items():
        sides = mapping(row)
        source, wanted, found = (text(sides.get(side)) for side in ("source", "wanted", "found"))
        differs = bool(wanted) and wanted != found
        state = "differs" if differs else "changed" if "source" in sides and source != found else "same"
        yield Setting(text(name), source, wanted, found, state)


def brought_in_line(conformed: Record) -> Iterator[tuple[str, str, str]]:
    for name, change in mapping(conformed.get("changed")).items():
        yield text(name), text(mapping(change).get("from")), text(mapping(change).get("to"))


def acts(made: Sequence[Record]) -> Iterator[Act]:
    for before, run in pairwise((EMPTY, *made)):
        plan, operator = mapping(run.get("plan")), mapping(run.get("operator"))
        yield Act(
            at=clock(moment(run.get("began"))),
            user=text(operator.get("user")),
            host=text(operator.get("host")),
            aws=text(operator.get("aws")),
            moved=f"{text(plan.get('found_traffic')) or 'half-way'} → {text(plan.get('traffic'))}",
            incident=text(run.get("incident")),
            program=text(mapping(run.get("versions")).get("program")),
            commands=tuple(commands(texts(before.get("config")), texts(run.get("config")))),
        )


def commands(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """What leads from one configuration to the next, for the restore's own flat keys, and then `pulumi up`."""
    flat = ("id", "method", "snapshot", "time", "dump", "traffic", "incident")
    for name in flat:
        key = f"restore:{name}"
        old, new = before.get(key, ""), now.get(key, "")
        if new and new != old:
            yield f"pulumi config set {name} {shlex.quote(new)}"
        elif old and not new:
            yield f"pulumi config rm {name}"
    yield "pulumi up"


def who(record: Record) -> str:
    return text(mapping(record.get("operator")).get("user")) or "not known"


def waivers(made: Sequence[Record], found: Sequence[Record]) -> Iterator[Waiver]:
    """Every waiver that any run had, by whom first, and what it let through."""
    first: dict[tuple[str, str], Record] = {}
    for run in made:
        for pair in texts(run.get("waive")).items():
            first.setdefault(pair, run)
    used = [(text(one.get("gate")), subject) for one in attempts(found) for subject in texts(one.get("waived"))]
    for (name, reason), run in first.items():
        let = dict.fromkeys(subject for gate, subject in used if name in (subject, subject.partition(":")[0], gate))
        yield Waiver(name, reason, who(run), clock(moment(run.get("began"))), ", ".join(let))


def versions(last: Record, conformed: Record, found: Sequence[Record]) -> Iterator[tuple[str, str]]:
    yield from texts(last.get("versions")).items()
    yield "PostgreSQL", text(facts(found, "switched").get("server_version") or conformed.get("engine_version"))
