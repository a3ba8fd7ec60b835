"""What the terminal and the page show, as values: made of the one JSON document of a restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from restore.dependents.infrastructure import DOCUMENT
from restore.model.gates import CONFORMED, SWITCHED, VALIDATED
from restore.report import audit, data_checks, loss, people, timeline
from restore.report.key_facts import find_facts, list_key_facts, read_losses
from restore.report.untrusted import (
    EMPTY,
    EvidenceRecord,
    format_block,
    format_text,
    format_texts,
    list_attempts,
    parse_mapping,
    parse_moment,
    parse_records,
    select_steps,
)
from restore.report.verdict import GateState, judge, list_problems
from restore.units import format_moment, format_precise_duration
from validation.verdict import Verdict

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
class GateAttempt:
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
class SettingRow:
    """A setting on three sides; `state` is same, changed (asked for otherwise than the source's), differs, or, without
    a source, wanted (as asked for) or unknown (nothing to compare with)."""

    name: str
    source: str
    wanted: str
    found: str
    state: str


@dataclass(frozen=True)
class ReportView:
    """Everything that is shown, in the order in which it is shown."""

    stack: str
    id: str
    verdict: Verdict
    headline: str
    updated: str
    findings: tuple[Finding, ...]
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    """Name and lines of what somebody wants to know who was not there."""
    runs: tuple[timeline.TimelineRun, ...]
    idle: str
    loss: loss.Loss | None
    checks: data_checks.DataChecks | None
    gates: tuple[GateAttempt, ...]
    settings: tuple[SettingRow, ...]
    settings_changed: tuple[tuple[str, str, str], ...]
    acts: tuple[audit.Act, ...]
    waivers: tuple[audit.Waiver, ...]
    approvals: tuple[audit.Approval, ...]
    versions: tuple[tuple[str, str], ...]
    config: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    told: tuple[people.Tick, ...]
    reconciled: tuple[people.Tick, ...]
    messages: tuple[people.SentMessage, ...]
    take_over: str
    """The document beside the page that says how infrastructure code takes over the restored database; empty where
    there is none."""


def build(document: EvidenceRecord) -> ReportView:
    """Makes the view of a document of restore/report/document.py; works for one without any record."""
    evidence = parse_records(document.get("records"))
    state = judge(evidence)
    runs = list(select_steps(evidence, "run"))
    last = runs[-1] if runs else EMPTY
    ran = timeline.list_runs(evidence)
    conformed, validated = find_facts(evidence, CONFORMED.name), find_facts(evidence, VALIDATED.name)
    return ReportView(
        stack=format_text(document.get("stack")),
        id=format_text(document.get("id")),
        verdict=state.verdict,
        headline=state.headline,
        updated=format_moment(parse_moment(document.get("updated"))),
        findings=tuple(
            read_finding(needed.name, problem) for needed in state.gates for problem in list_problems(needed)
        ),
        facts=tuple((name, lines) for name, lines in list_key_facts(evidence, last) if any(lines)),
        runs=ran,
        idle=format_precise_duration(timeline.measure_idle(ran)) if len(ran) > 1 else "",
        loss=read_losses(evidence, last),
        checks=data_checks.read(parse_mapping(validated.get("report"))),
        gates=tuple(read_gate(attempt, state.gates) for attempt in list_attempts(evidence)),
        settings=tuple(list_settings(parse_mapping(conformed.get("settings")))),
        settings_changed=tuple(list_brought_in_line(conformed)),
        acts=tuple(audit.list_acts(runs)),
        waivers=tuple(audit.list_waivers(runs, evidence)),
        approvals=tuple(audit.list_approvals(evidence)),
        versions=tuple(list_versions(last, conformed, evidence)),
        config=tuple((name, value) for name, value in format_texts(last.get("config")).items() if value not in UNSET),
        told=people.list_ticks(evidence, people.TOLD),
        reconciled=people.list_ticks(evidence, people.RECONCILED),
        messages=tuple(people.list_messages(evidence)),
        take_over=DOCUMENT if any(record.get("take_over") for record in select_steps(evidence, "close")) else "",
        notes=tuple(format_text(note) for note in parse_mapping(last.get("plan")).get("notes") or ()),
    )


def read_finding(name: str, problem: EvidenceRecord) -> Finding:
    """Reads a problem of a gate; `name` is the gate's."""
    found, needed, fix = (format_block(problem.get(field)) for field in ("found", "needed", "fix"))
    return Finding(name, format_text(problem.get("subject")), found, needed, fix)


def read_gate(attempt: EvidenceRecord, states: Sequence[GateState]) -> GateAttempt:
    """Reads one attempt of a gate; `states` tell whether the verdict counts it."""
    state = GateState(format_text(attempt.get("gate")), attempt)
    began, ended = parse_moment(attempt.get("began")), parse_moment(attempt.get("ended"))
    return GateAttempt(
        name=state.name,
        verdict=str(state.verdict),
        open=state.open,
        summary=state.summary,
        at=format_moment(ended),
        seconds=format_precise_duration(ended - began) if began and ended else "",
        needed=any(needed.attempt is attempt for needed in states),
    )


def list_settings(rows: EvidenceRecord) -> Iterator[SettingRow]:
    """Yields the settings that gate conformed compared, each with its state."""
    for name, row in rows.items():
        sides = parse_mapping(row)
        source, wanted, found = (format_text(sides.get(side)) for side in ("source", "wanted", "found"))
        if wanted and wanted != found:
            state = "differs"
        elif "source" in sides:
            state = "same" if source == found else "changed"
        else:
            state = "wanted" if wanted else "unknown"
        yield SettingRow(format_text(name), source, wanted, found, state)


def list_brought_in_line(conformed: EvidenceRecord) -> Iterator[tuple[str, str, str]]:
    """Yields name, former and new value of each setting that gate conformed changed."""
    for name, change in parse_mapping(conformed.get("changed")).items():
        yield (
            format_text(name),
            format_text(parse_mapping(change).get("from")),
            format_text(parse_mapping(change).get("to")),
        )


def list_versions(
    last: EvidenceRecord, conformed: EvidenceRecord, evidence: Sequence[EvidenceRecord]
) -> Iterator[tuple[str, str]]:
    """Yields name and version of what took part: program, libraries, server."""
    yield from format_texts(last.get("versions")).items()
    yield (
        "PostgreSQL",
        format_text(find_facts(evidence, SWITCHED.name).get("server_version") or conformed.get("engine_version")),
    )
