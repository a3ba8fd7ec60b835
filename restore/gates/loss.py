"""The loss report of gate `validated`: what a switch to the candidate loses, brings back and changes.

Advisory: shown before the switch and kept in the evidence; it never shuts a gate, whatever it finds or doesn't.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from restore.errors import RestoreError
from restore.evidence import Store
from restore.gates.hook import Watch
from restore.model import Plan
from restore.redaction import redacted
from validation.baseline.model import Baseline, BaselineError
from validation.baseline.record import record
from validation.expected import Expectations, Limits
from validation.loss import LossReport, against_baseline, as_json, as_text, run
from validation.target import Target

SHOWN = 10
"""Tables that `up` shows, those that lose most; all are in the evidence."""
GONE = "the source is gone, and no baseline of it is known (config key validation.baseline)"


Before = Target | Baseline | BaselineError | None
"""What to compare with: the source; where it is gone, a baseline, or why there is none."""


def reported(
    watch: Watch, before: Before, candidate: Target, wanted: Expectations, seconds: float
) -> Mapping[str, Any]:
    """Makes the report within the budget, shows it in `pulumi up`, and gives it as the evidence keeps it."""
    watch.say("comparing with what was there before")
    try:
        report = compared(watch, before, candidate, wanted, seconds)
        watch.say(f"loss report\n{redacted(as_text(report, SHOWN))}")
        return masked(as_json(report))
    except Exception as error:  # noqa: BLE001 - advisory: a mistake of ours must not stop a restore
        why = redacted(f"{type(error).__name__}: {error}")
        watch.say(f"no loss report: {why}")
        return {"status": "unknown", "headline": f"no loss report could be made: {why}", "tables": []}


def masked(value: Any) -> Any:
    """With every known secret masked: a table's key may hold one, and evidence with a secret is refused as a whole."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {redacted(str(name)): masked(item) for name, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence):
        return [masked(item) for item in cast("Sequence[Any]", value)]
    return value


def compared(watch: Watch, before: Before, candidate: Target, wanted: Expectations, seconds: float) -> LossReport:
    """Row by row with the source, else by numbers of rows with a baseline. Raises Unread."""
    left = min(seconds, max(0.0, watch.deadline - watch.now()))
    if isinstance(before, Baseline):
        return against_baseline(before, record(candidate, Limits(left, left)))
    if not isinstance(before, Target):
        why = f"; the baseline: {before}" if before else ""
        return LossReport((), "the source", str(candidate), problems=(f"{GONE}{why}",))
    columns = {one.table: one.column for one in wanted.freshness}
    return run(before, candidate, budget_seconds=left, timestamps=columns, stop=watch.stop)


def newest(store: Store, plan: Plan) -> Mapping[str, Any]:
    """What the newest proof of this restore says of the loss, in short; for the stack's outputs."""
    try:
        record = store.latest(plan.stack, plan.id, "validated")
    except RestoreError as error:
        return {"headline": f"the evidence can't be read: {error}"}
    facts: Mapping[str, Any] = record.get("facts", {}) if record else {}
    report: Mapping[str, Any] = facts.get("loss") or {"headline": "not known: the gate validated has not run"}
    return shortened(report)


def shortened(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """A report without its tables: numbers of rows, and the newest that is lost."""
    found: dict[str, Any] = {name: report[name] for name in ("headline", "status", "precision") if name in report}
    names = {"lost": "lost", "brought_back": "broughtBack", "differing": "differing"}
    found |= {shown: report[name]["rows"] for name, shown in names.items() if name in report}
    if newest_lost := report.get("lost", {}).get("newest"):
        found["newestLost"] = newest_lost
    return found
