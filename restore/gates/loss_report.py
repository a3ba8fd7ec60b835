"""The loss report of gate `validated`: what a switch to the candidate loses, brings back and changes.

Advisory: shown before the switch and kept in the evidence; it never shuts a gate, whatever it finds or doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from restore.errors import RestoreError
from restore.evidence import Store
from restore.gates.hook import Watch
from restore.model.gates import VALIDATED
from restore.model.planned import Plan
from restore.redaction import redacted
from validation.baseline.model import Baseline, BaselineError
from validation.baseline.record import Unread
from validation.connect.target import Target
from validation.expectations.model import Expectations, Limits
from validation.loss import Against, LossReport, as_json, as_text, estimated, run

SHOWN = 10
"""Tables that `up` shows, those that lose most; all are in the evidence."""
GONE = "the source is gone"
NO_BASELINE = "no baselines of it are known (config key validation.baseline)"
AGAIN = "when both answer, compare: python -m validation loss --source-env A --target-env B"
FIX = (
    "if baselines of it were recorded: pulumi config set --path validation.baseline <directory or s3://bucket/prefix>, "
    "then pulumi up; else nobody can count it: ask the applications' owners for their newest records. For the next "
    "time, record one every night: python -m validation baseline record"
)

LastKnown = Callable[[], Baseline | BaselineError | None]
"""Reads what the source last was known to hold: a baseline, why none can be had, or None where none is configured."""


def reported(
    watch: Watch, source: Target | None, last_known: LastKnown, candidate: Target, wanted: Expectations, seconds: float
) -> Mapping[str, Any]:
    """Makes the report within the budget, shows it in `pulumi up`, and gives it as the evidence keeps it."""
    watch.say("comparing with what was there before")
    try:
        report = compared(watch, source, last_known, candidate, wanted, seconds)
        watch.say(f"loss report\n{redacted(as_text(report, SHOWN))}")
        return masked(as_json(report))
    except Exception as error:  # noqa: BLE001 - advisory: a mistake of ours must not stop a restore
        why = redacted(f"{type(error).__name__}: {error}")
        watch.say(f"no loss report: {why}")
        return {"status": "unknown", "headline": f"what a switch loses is unknown: {why}", "tables": []}


def masked(value: Any) -> Any:
    """With every known secret masked: a table's key may hold one, and evidence with a secret is refused as a whole."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {redacted(str(name)): masked(item) for name, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence):
        return [masked(item) for item in cast("Sequence[Any]", value)]
    return value


def compared(
    watch: Watch, source: Target | None, last_known: LastKnown, candidate: Target, wanted: Expectations, seconds: float
) -> LossReport:
    """Row by row with the source; where it is gone or can't be compared, estimated by its newest baseline."""
    left = min(seconds, max(0.0, watch.deadline - watch.now()))
    columns = {one.table: one.column for one in wanted.freshness}
    unknown = (
        run(source, candidate, budget_seconds=left, timestamps=columns, stop=watch.stop)
        if source
        else LossReport((), "the source", str(candidate), problems=(GONE,))
    )
    if not unknown.problems or watch.stop.is_set():
        return unknown
    baseline = last_known()
    if isinstance(baseline, Baseline):
        try:
            report = estimated(baseline, candidate, Limits(left, left))
        except Unread as error:
            return replace(unknown, problems=(*unknown.problems, str(error)))
        return replace(report, notes=(*unknown.problems, *report.notes))
    return replace(unknown, problems=(*unknown.problems, str(baseline or NO_BASELINE)), fix=AGAIN if source else FIX)


def newest(store: Store, plan: Plan) -> Mapping[str, Any]:
    """What the newest proof of this restore says of the loss, in short; for the stack's outputs."""
    try:
        record = store.latest(plan.stack, plan.id, VALIDATED.name)
    except RestoreError as error:
        return {"headline": f"the evidence can't be read: {error}"}
    facts: Mapping[str, Any] = record.get("facts", {}) if record else {}
    report: Mapping[str, Any] = facts.get("loss") or {"headline": "not known: the gate validated has not run"}
    return shortened(report)


def shortened(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """A report without its tables: numbers of rows where any were counted, and the newest that is lost."""
    if report.get("problems"):
        return {name: report[name] for name in ("headline", "status", "fix") if report.get(name)}
    words = ("headline", "status", "precision", "against")
    found: dict[str, Any] = {name: report[name] for name in words if name in report}
    names = {"lost": "lost", "brought_back": "broughtBack", "differing": "differing"}
    if report.get("against") == Against.BASELINE:
        names = {"lost": "fewer", "brought_back": "more"}
    found |= {shown: report[name]["rows"] for name, shown in names.items() if name in report}
    if newest_lost := report.get("lost", {}).get("newest"):
        found["newestLost"] = newest_lost
    return found
