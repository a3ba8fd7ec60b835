"""What the source, or else the baseline, has wrong in the same place: told, and no reason to keep a restore shut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from validation.baseline.faults import LISTED, Comparison, FaultList, Faults, compare
from validation.baseline.model import Baseline
from validation.checks.check import Check
from validation.connect.query import Answer, Answers, Question, Side
from validation.connect.query_runner import Budget
from validation.runner import servers
from validation.runner.result import CheckResult
from validation.runner.servers import Servers
from validation.times import format_rfc3339
from validation.verdict import Severity, Verdict

SHOWN = 5
Results = tuple[CheckResult, ...]


@dataclass(frozen=True)
class Elsewhere:
    """Where else the same was looked for, and what was found wrong there."""

    where: str
    faults: Faults


def tell_known_faults(
    reached: Servers,
    baseline: Baseline | None,
    checks: Sequence[Check],
    results: Results,
    budget: Budget,
) -> Results:
    """Returns the results; of what failed, each fault was looked for in the source, or where it isn't answered, the
    baseline.

    Only then is either server asked, on the snapshot on which it was asked before.
    """
    lists = {
        result.name: check.faults
        for check, result in zip(checks, results, strict=True)
        if check.faults is not None and result.verdict is Verdict.FAIL
    }
    if not lists or (baseline is None and (reached.source is None or reached.source.open is None)):
        return results
    questions = tuple(question for of in lists.values() for question in (of.question, _ask_source(of.question)))
    answers = servers.ask(reached, questions, budget)
    return tuple(
        _tell_known(result, lists[result.name], answers, baseline) if result.name in lists else result
        for result in results
    )


def _ask_source(question: Question) -> Question:
    return replace(question, id=f"{Side.SOURCE}:{question.id}", side=Side.SOURCE)


def _tell_known(result: CheckResult, of: FaultList, answers: Answers, baseline: Baseline | None) -> CheckResult:
    ours, elsewhere = answers.get(of.question.id), _choose_elsewhere(of, answers, baseline)
    if not isinstance(ours, Answer) or elsewhere is None:
        return result
    return judge_known(result, of.things, compare(of.read(ours), elsewhere.faults), elsewhere.where)


def _choose_elsewhere(of: FaultList, answers: Answers, baseline: Baseline | None) -> Elsewhere | None:
    """The source counts where it answered: it says what is so today."""
    theirs = answers.get(_ask_source(of.question).id)
    if isinstance(theirs, Answer):
        return Elsewhere("the source", of.read(theirs))
    recorded: Mapping[str, Faults] = baseline.faults if baseline else {}
    if baseline is not None and of.question.id in recorded:
        return Elsewhere(f"the baseline of {format_rfc3339(baseline.taken)}", recorded[of.question.id])
    return None


def judge_known(result: CheckResult, things: str, compared: Comparison, where: str) -> CheckResult:
    """Returns the result of a failed check in the light of what another database has: only what is new decides.
    Pure."""
    how = f" (more than {LISTED:,}: compared by number and a sample)" if compared.counted else ""
    if not compared.new:
        found, fix = f"as in {where}{how}: {result.found}", f"not needed for the switch; later: {result.fix}"
        return replace(result, found=found, fix=fix, severity=Severity.ADVISORY, as_in=where)
    if not compared.known:
        unexcused = any(fault.decides for fault in compared.named)
        return result if unexcused else replace(result, found=f"{result.found}; nothing of it in {where}")
    found = f"{things}: {compared.new:,} wrong, not counting {compared.known:,} as in {where}{how}"
    named = tuple(fault.shown for fault in compared.named[:SHOWN])
    return replace(result, found=found, examples=named)
