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
from restore.redaction import redact
from validation.baseline.model import Baseline, BaselineError
from validation.baseline.record import Unread
from validation.connect.target import Target
from validation.expectations.model import Expectations, Limits
from validation.loss import Against, LossReport, as_json, as_text, estimate_loss, run

SHOWN = 10
"""Tables that `up` shows, those that lose most; all are in the evidence."""
GONE = "the source is gone"
NO_BASELINE = "no baselines of it are known (config key validation.baseline)"
AGAIN = "python -m validation loss --source-env A --target-env B (when both answer)"
FIX = (
    "pulumi config set --path validation.baseline <directory or s3://bucket/prefix>; pulumi up (if baselines were "
    "recorded); or ask the applications' owners for their newest records; for the next time: "
    "python -m validation baseline record --from <variable with a URL> --to <directory or s3://bucket/prefix>"
)

LastKnown = Callable[[], Baseline | BaselineError | None]
"""Reads what the source last was known to hold: a baseline, why none can be had, or None where none is configured."""


def make_report(
    watch: Watch,
    source: Target | None,
    last_known: LastKnown,
    candidate: Target,
    expectations: Expectations,
    seconds: float,
) -> Mapping[str, Any]:
    """Makes the report within the budget, shows it in `pulumi up`, and gives it as the evidence keeps it."""
    watch.say("comparing with what was there before")
    try:
        losses = compare(watch, source, last_known, candidate, expectations, seconds)
        watch.say(f"loss report\n{redact(as_text(losses, SHOWN))}")
        return mask(as_json(losses))
    except Exception as error:  # noqa: BLE001 - advisory: a mistake of ours must not stop a restore
        why = redact(f"{type(error).__name__}: {error}")
        watch.say(f"no loss report: {why}")
        return {"status": "unknown", "headline": f"what a switch loses is unknown: {why}", "tables": []}


def add_notes(watch: Watch, report: Mapping[str, Any], notes: Sequence[str]) -> Mapping[str, Any]:
    """Returns the report with what else is to be known of a switch, which `up` shows too."""
    for note in notes:
        watch.say(redact(note))
    return {**report, "notes": [*report.get("notes", ()), *map(redact, notes)]} if notes else report


def mask(value: Any) -> Any:
    """Masks every known secret: a table's key may hold one, and evidence with a secret is refused as a whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(name)): mask(item) for name, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, Sequence):
        return [mask(item) for item in cast("Sequence[Any]", value)]
    return value


def compare(
    watch: Watch,
    source: Target | None,
    last_known: LastKnown,
    candidate: Target,
    expectations: Expectations,
    seconds: float,
) -> LossReport:
    """Compares row by row with the source; where it is gone or can't be compared, estimated by its newest baseline.
    Takes at most `seconds`, and no longer than the gate's deadline."""
    left = min(seconds, max(0.0, watch.deadline - watch.read_clock()))
    columns = {item.table: item.column for item in expectations.freshness}
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
            report = estimate_loss(baseline, candidate, Limits(left, left))
        except Unread as error:
            return replace(unknown, problems=(*unknown.problems, str(error)))
        return replace(report, notes=(*unknown.problems, *report.notes))
    return replace(unknown, problems=(*unknown.problems, str(baseline or NO_BASELINE)), fix=AGAIN if source else FIX)


def read_newest(store: Store, plan: Plan) -> Mapping[str, Any]:
    """Returns what the newest proof of this restore says of the loss, in short; for the stack's outputs."""
    try:
        record = store.read_latest(plan.stack, plan.id, VALIDATED.name)
    except RestoreError as error:
        return {"headline": f"the evidence can't be read: {error}"}
    facts: Mapping[str, Any] = record.get("facts", {}) if record else {}
    report: Mapping[str, Any] = facts.get("loss") or {"headline": "not known: the gate validated has not run"}
    return shorten(report)


def shorten(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a report without its tables: numbers of rows where any were counted, and the newest that is lost."""
    if report.get("problems"):
        return {name: report[name] for name in ("headline", "status", "fix") if report.get(name)}
    words = ("headline", "status", "precision", "against")
    short: dict[str, Any] = {name: report[name] for name in words if name in report}
    names = {"lost": "lost", "brought_back": "broughtBack", "differing": "differing"}
    if report.get("against") == Against.BASELINE:
        names = {"lost": "fewer", "brought_back": "more"}
    short |= {shown: report[name]["rows"] for name, shown in names.items() if name in report}
    if newest_lost := report.get("lost", {}).get("newest"):
        short["newestLost"] = newest_lost
    return short
