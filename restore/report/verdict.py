"""The verdict of a restore as its records prove it: every gate that is needed for what is wanted must be open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from restore.model.gates import GATES, SCANNED, SWITCHED, VALIDATED
from restore.model.request import Traffic
from restore.report.untrusted import (
    EMPTY,
    EvidenceRecord,
    format_text,
    format_texts,
    list_attempts,
    parse_items,
    parse_mapping,
    parse_moment,
    parse_records,
    select_steps,
)
from validation.verdict import Verdict

MOVING = frozenset(gate.name for gate in GATES if gate.proved_at_each_move)
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class GateState:
    """A gate that is needed now, by its newest attempt that counts (None: not tried)."""

    name: str
    attempt: EvidenceRecord | None

    @property
    def open(self) -> bool:
        return bool(self.attempt and self.attempt.get("open") is True)

    @property
    def verdict(self) -> Verdict:
        """PASS when open, also by waivers; FAIL when something was found to be wrong; otherwise INCONCLUSIVE."""
        if self.open:
            return Verdict.PASS
        told = self.attempt.get("verdict") if self.attempt else None
        failed = self.attempt and (told == "FAIL" or (told != "INCONCLUSIVE" and self.attempt.get("problems")))
        return Verdict.FAIL if failed else Verdict.INCONCLUSIVE

    @property
    def waived(self) -> dict[str, str]:
        return format_texts(self.attempt.get("waived")) if self.attempt else {}

    @property
    def summary(self) -> str:
        if self.attempt is None:
            return "not tried"
        return format_text(self.attempt.get("summary")) or format_text(self.attempt.get("error"))


@dataclass(frozen=True)
class RestoreVerdict:
    """The verdict, in one sentence, and the state of every gate that is needed for what the last run wanted."""

    verdict: Verdict
    headline: str
    gates: tuple[GateState, ...]
    traffic: str
    """As the last run wanted it; empty when no run is recorded."""


def judge(evidence: Sequence[EvidenceRecord]) -> RestoreVerdict:
    """Judges a restore by all its records, oldest first."""
    runs = list(select_steps(evidence, "run"))
    last = runs[-1] if runs else EMPTY
    traffic = format_text(parse_mapping(last.get("plan")).get("traffic"))
    states = tuple(judge_gate(name, evidence, find_begin_of_move(runs), last) for name in list_needed(last, evidence))
    verdicts = {gate.verdict for gate in states}
    if Verdict.FAIL in verdicts:
        verdict = Verdict.FAIL
    elif Verdict.INCONCLUSIVE in verdicts or not states:
        verdict = Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.PASS
    if drills := list(select_steps(evidence, "drill")):
        return judge_drill(drills[-1], states, traffic)
    return RestoreVerdict(verdict, write_headline(verdict, states, last), states, traffic)


def judge_drill(drill: EvidenceRecord, states: tuple[GateState, ...], traffic: str) -> RestoreVerdict:
    """Judges a drill that has ended, by its own record: gates are only a part of it."""
    phases = list(parse_records(drill.get("phases")))
    failed = [format_text(phase.get("name")) for phase in phases if phase.get("verdict") != "PASS"]
    if drill.get("passed") is True and phases and not failed:
        headline = "The drill passed: restored, proved, switched to by copies and back; what it made is deleted."
        return RestoreVerdict(Verdict.PASS, headline, states, traffic)
    headline = f"The drill failed: {', '.join(failed) or 'nothing of it was done'}. No traffic was touched."
    return RestoreVerdict(Verdict.FAIL, headline, states, traffic)


def list_needed(last: EvidenceRecord, evidence: Sequence[EvidenceRecord]) -> tuple[str, ...]:
    """Returns the gates that the last run planned; where no run is recorded, every gate that was ever tried."""
    planned = tuple(format_text(name) for name in parse_items(parse_mapping(last.get("plan")).get("gates")))
    return planned or tuple(dict.fromkeys(format_text(attempt.get("gate")) for attempt in list_attempts(evidence)))


def find_begin_of_move(runs: Sequence[EvidenceRecord]) -> datetime:
    """Returns when the first of the latest runs that all want the same traffic began."""
    since = BEGINNING
    traffic = read_traffic(runs[-1]) if runs else ""
    for run in reversed(runs):
        if read_traffic(run) != traffic:
            break
        since = parse_moment(run.get("began")) or since
    return since


def read_traffic(run: EvidenceRecord) -> str:
    """Returns the traffic that a run wanted; "" where its record doesn't say."""
    return format_text(parse_mapping(run.get("plan")).get("traffic"))


def judge_gate(name: str, evidence: Sequence[EvidenceRecord], since: datetime, last: EvidenceRecord) -> GateState:
    """Judges a gate by its newest attempt; one for another database than the last run found proves nothing."""
    of_gate = [attempt for attempt in list_attempts(evidence) if attempt.get("gate") == name]
    tried = [attempt for attempt in of_gate if read_began(attempt) >= (since if name in MOVING else BEGINNING)]
    counting = [attempt for attempt in tried if attempt.get("open") is not True or is_of(attempt, name, last)]
    return GateState(name, counting[-1] if counting else None)


def is_of(attempt: EvidenceRecord, name: str, last: EvidenceRecord) -> bool:
    """Tells whether an attempt is of the database that the last run found; of one that wasn't made yet, made since
    then.

    Records of earlier versions of the program don't say which it was: they count."""
    plan = parse_mapping(last.get("plan"))
    key = "serves_resource_id" if name in MOVING else "candidate_resource_id"
    if name == SCANNED.name or key not in plan:
        return True
    proved = parse_mapping(attempt.get("facts")).get("resource_id")
    if name in MOVING:
        return proved == (plan.get(key) or "gone")
    return proved == plan.get(key) if plan.get(key) else read_began(attempt) >= read_began(last)


def read_began(record: EvidenceRecord) -> datetime:
    """Returns when a record's step began, in UTC; the earliest time of all where it doesn't say."""
    return parse_moment(record.get("began")) or BEGINNING


def write_headline(verdict: Verdict, states: Sequence[GateState], last: EvidenceRecord) -> str:
    """Returns what is true, for somebody who reads nothing else."""
    if not states:
        return "Nothing is proved: no gate has been tried."
    if verdict is Verdict.PASS:
        waived = sum(len(gate.waived) for gate in states)
        return describe_proved(last, find_sample(states)) + (
            f" {waived} failed {'check is' if waived == 1 else 'checks are'} waived, with the reason below."
            if waived
            else ""
        )
    shut = [gate for gate in states if gate.verdict is verdict]
    words = "stays shut" if verdict is Verdict.FAIL else "is not proved"
    why = "; ".join(f"{gate.name} {words}: {gate.summary}" for gate in shut)
    return f"{why}. {describe_unserved(states, last)}"


def find_sample(states: Sequence[GateState]) -> str:
    """Returns of which sample the data was proved; "" where every row was read."""
    proofs = (state.attempt for state in states if state.name == VALIDATED.name and state.attempt)
    reports = (parse_mapping(parse_mapping(proof.get("facts")).get("report")) for proof in proofs)
    return next((format_text(parse_mapping(report.get("sample")).get("verdict")) for report in reports), "")


def describe_proved(last: EvidenceRecord, sample: str) -> str:
    """Describes what is true when every gate is open; `sample` says how much of the data was read, where not all."""
    proved = describe_gates_open(last)
    return f"{proved} The data is proved {sample}." if sample else proved


def describe_gates_open(last: EvidenceRecord) -> str:
    """Describes what is true when every gate is open, whatever was read."""
    plan = parse_mapping(last.get("plan"))
    candidate = format_text(plan.get("candidate")) or "the restored database"
    match format_text(plan.get("traffic")):
        case Traffic.RESTORED:
            return f"The applications serve from {candidate}; its data and settings are proved."
        case Traffic.FROZEN:
            return f"{candidate} is proved and nothing is switched yet; the applications are stopped."
        case Traffic.SOURCE if plan.get("replicas"):
            return "The applications serve from the source again."
        case _:
            return f"{candidate} is proved; the applications use the source and were not touched."


def describe_unserved(states: Sequence[GateState], last: EvidenceRecord) -> str:
    """Describes what the applications use while a gate is shut, as far as the records tell."""
    plan = parse_mapping(last.get("plan"))
    if any(gate.name == SWITCHED.name and gate.attempt is None for gate in states):
        return "This move of traffic has switched nothing."
    if format_text(plan.get("traffic")) == Traffic.SOURCE and not plan.get("replicas"):
        return "The applications use the source and were not touched."
    if format_text(plan.get("traffic")) == Traffic.FROZEN:
        return "Nothing is switched; the applications are stopped."
    return "What the applications use now: python -m restore status."


def list_problems(state: GateState) -> tuple[EvidenceRecord, ...]:
    """Returns what keeps a gate shut: its problems without the waived ones, or what its attempt said."""
    if state.attempt is None or state.open:
        return ()
    recorded = parse_records(state.attempt.get("problems"))
    left = tuple(problem for problem in recorded if format_text(problem.get("subject")) not in state.waived)
    error = {"subject": state.name, "found": state.attempt.get("error"), "needed": "a proof"}
    return left or ({**error, "fix": "pulumi up"},)
