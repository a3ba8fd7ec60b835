"""The verdict of a restore as its records prove it: every gate that is needed for what is wanted must be open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from restore.model.gates import GATES, SCANNED, SWITCHED
from restore.model.request import Traffic
from restore.report.untrusted import EMPTY, Record, attempts, items, mapping, moment, of_step, records, text, texts
from validation.verdict import Verdict

MOVING = frozenset(gate.name for gate in GATES if gate.proved_at_each_move)
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class GateState:
    """A gate that is needed now, by its newest attempt that counts (None: not tried)."""

    name: str
    attempt: Record | None

    @property
    def open(self) -> bool:
        return bool(self.attempt and self.attempt.get("open") is True)

    @property
    def verdict(self) -> Verdict:
        """PASS when open, also by waivers; FAIL when something was found to be wrong; else INCONCLUSIVE."""
        if self.open:
            return Verdict.PASS
        told = self.attempt.get("verdict") if self.attempt else None
        failed = self.attempt and (told == "FAIL" or (told != "INCONCLUSIVE" and self.attempt.get("problems")))
        return Verdict.FAIL if failed else Verdict.INCONCLUSIVE

    @property
    def waived(self) -> dict[str, str]:
        return texts(self.attempt.get("waived")) if self.attempt else {}

    @property
    def summary(self) -> str:
        if self.attempt is None:
            return "not tried"
        return text(self.attempt.get("summary")) or text(self.attempt.get("error"))


@dataclass(frozen=True)
class Judgement:
    """The verdict, in one sentence, and the state of every gate that is needed for what the last run wanted."""

    verdict: Verdict
    headline: str
    gates: tuple[GateState, ...]
    traffic: str
    """As the last run wanted it; empty when no run is recorded."""


def judge(found: Sequence[Record]) -> Judgement:
    """Of all records of one restore, oldest first."""
    runs = list(of_step(found, "run"))
    last = runs[-1] if runs else EMPTY
    traffic = text(mapping(last.get("plan")).get("traffic"))
    states = tuple(state(name, found, moved(runs), last) for name in needed(last, found))
    verdicts = {one.verdict for one in states}
    if Verdict.FAIL in verdicts:
        verdict = Verdict.FAIL
    elif Verdict.INCONCLUSIVE in verdicts or not states:
        verdict = Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.PASS
    return Judgement(verdict, headline(verdict, states, last), states, traffic)


def needed(last: Record, found: Sequence[Record]) -> tuple[str, ...]:
    """As planned by the last run; where no run is recorded, every gate that was ever tried."""
    planned = tuple(text(name) for name in items(mapping(last.get("plan")).get("gates")))
    return planned or tuple(dict.fromkeys(text(one.get("gate")) for one in attempts(found)))


def moved(runs: Sequence[Record]) -> datetime:
    """When the first of the latest runs that all want the same traffic began."""
    since = BEGINNING
    wanted = traffic_of(runs[-1]) if runs else ""
    for run in reversed(runs):
        if traffic_of(run) != wanted:
            break
        since = moment(run.get("began")) or since
    return since


def traffic_of(run: Record) -> str:
    return text(mapping(run.get("plan")).get("traffic"))


def state(name: str, found: Sequence[Record], since: datetime, last: Record) -> GateState:
    """By the newest attempt; one that opened the gate for another database than the last run found proves nothing."""
    of_gate = [one for one in attempts(found) if one.get("gate") == name]
    tried = [one for one in of_gate if began(one) >= (since if name in MOVING else BEGINNING)]
    counting = [one for one in tried if one.get("open") is not True or is_of(one, name, last)]
    return GateState(name, counting[-1] if counting else None)


def is_of(attempt: Record, name: str, last: Record) -> bool:
    """Whether an attempt is of the database that the last run found; of one that wasn't made yet, made since then.

    Records of earlier versions of the program don't say which it was: they count."""
    plan = mapping(last.get("plan"))
    key = "serves_resource_id" if name in MOVING else "candidate_resource_id"
    if name == SCANNED.name or key not in plan:
        return True
    proved = mapping(attempt.get("facts")).get("resource_id")
    if name in MOVING:
        return proved == (plan.get(key) or "gone")
    return proved == plan.get(key) if plan.get(key) else began(attempt) >= began(last)


def began(record: Record) -> datetime:
    return moment(record.get("began")) or BEGINNING


def headline(verdict: Verdict, states: Sequence[GateState], last: Record) -> str:
    """What is true, for somebody who reads nothing else."""
    if not states:
        return "Nothing is proved: no gate has been tried."
    if verdict is Verdict.PASS:
        waived = sum(len(one.waived) for one in states)
        return proved(last) + (
            f" {waived} failed {'check is' if waived == 1 else 'checks are'} waived, with the reason below."
            if waived
            else ""
        )
    shut = [one for one in states if one.verdict is verdict]
    words = "stays shut" if verdict is Verdict.FAIL else "is not proved"
    why = "; ".join(f"{one.name} {words}: {one.summary}" for one in shut)
    return f"{why}. {unserved(states, last)}"


def proved(last: Record) -> str:
    plan = mapping(last.get("plan"))
    candidate = text(plan.get("candidate")) or "the restored database"
    match text(plan.get("traffic")):
        case Traffic.RESTORED:
            return f"The applications serve from {candidate}; its data and settings are proved."
        case Traffic.FROZEN:
            return f"{candidate} is proved and nothing is switched yet; the applications are stopped."
        case Traffic.SOURCE if plan.get("replicas"):
            return "The applications serve from the source again."
        case _:
            return f"{candidate} is proved; the applications use the source and were not touched."


def unserved(states: Sequence[GateState], last: Record) -> str:
    plan = mapping(last.get("plan"))
    if any(one.name == SWITCHED.name and one.attempt is None for one in states):
        return "This move of traffic has switched nothing."
    if text(plan.get("traffic")) == Traffic.SOURCE and not plan.get("replicas"):
        return "The applications use the source and were not touched."
    if text(plan.get("traffic")) == Traffic.FROZEN:
        return "Nothing is switched; the applications are stopped."
    return "What the applications use now: python -m restore status."


def problems(state: GateState) -> tuple[Record, ...]:
    """What keeps a gate shut: its problems without the waived ones, else what its attempt said."""
    if state.attempt is None or state.open:
        return ()
    found = records(state.attempt.get("problems"))
    left = tuple(one for one in found if text(one.get("subject")) not in state.waived)
    error = {"subject": state.name, "found": state.attempt.get("error"), "needed": "a proof"}
    return left or ({**error, "fix": "pulumi up"},)
