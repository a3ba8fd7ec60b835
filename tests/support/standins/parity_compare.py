"""Compares what an engine did with what was recorded; what varies from run to run is left out."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any, cast

from tests.support.standins.parity_runner import Record

NOT_CALLS = ("start", "Cancel", "SIGINT", "CheckConfig", "DiffConfig", "Configure", "Check")
MOMENTS = ("t", "stopped_at")
RETRY_DETAIL = ("n", "nerr", "errors")
TRACE = re.compile(r"(?m)^(?:Traceback|[ \t]+).*\n?")
INSTANCE_ID = re.compile(r"\bdb-0{20}\d+")
UNKNOWN = re.compile(r"<pulumi\.output\.Unknown object at 0x[0-9a-f]+>")
PARALLEL_INSTANCES = ("08-destroy-state",)
"""Instances are made side by side there: the fake provider's numbers for them vary."""
GOES_ON = "--continue-on-error"
"""With it a failure stops nothing that is independent, so there is no race."""
RANDOM_NAME = re.compile(r"\b(\w+)-[0-9a-f]{7}\b")
KEPT_LINES = re.compile(
    r"(?:^|\s)error: |^rc=|violates plan|#/config/|unprotected|Resource (renamed|deleted)|ERR |^extra keys|^up |^last "
)
PARTS = ("rc", "timed_out", "steps", "order", "summary", "messages", "hooks", "calls", "lines", "pending", "state")


def compare(scenario: str, step: Record, expected: Record, actual: Record) -> dict[str, str]:
    """The parts of a step that differ, each with how."""
    if scenario in PARALLEL_INSTANCES:
        expected, actual = (json.loads(INSTANCE_ID.sub("db-N", json.dumps(r))) for r in (expected, actual))
    if GOES_ON not in step.get("run", ()):
        expected, actual = without_races(expected, actual)
    differences: dict[str, str] = {}
    for part in PARTS:
        recorded, got = (VIEWS[part](record) for record in (expected, actual))
        if part == "lines" and expected.get("cut"):
            got = [line for line in got if line in recorded]
        if recorded != got:
            differences[part] = describe(recorded, got)
    return differences


def without_races(expected: Record, actual: Record) -> tuple[Record, Record]:
    """Leaves out resources that had begun in one run only, where both runs failed.

    Which of several independent steps have begun when one fails is left open by the real engine too. So one that
    failed in the recording may be left out as well, but only if another that failed there fails now.
    """
    if not (_failed(expected) and _failed(actual)):
        return expected, actual
    begun, broken = ([_resources(record, word) for record in (expected, actual)] for word in ("start", "failed"))
    varying = begun[0] ^ begun[1]
    if not broken[0] & broken[1]:
        varying -= broken[0]
    return (_only(expected, varying), _only(actual, varying)) if varying else (expected, actual)


def _resources(record: Record, word: str) -> set[str]:
    """The resources of the steps that `start`, are `done` or `failed`."""
    return {op[2] for op in record["ops"] if op[0] == word}


def _failed(record: Record) -> bool:
    summary: Record | None = record.get("summary")
    return summary is not None and summary.get("result") == "failed"


def _only(record: Record, varying: set[str]) -> Record:
    names = {res.rpartition("::")[2] for res in varying}
    state: Record = record.get("state", {})
    kept: Record = {
        **record,
        "summary": "varies",
        "ops": [op for op in record["ops"] if op[2] not in varying],
        "diags": [d for d in record["diags"] if d[1] not in varying],
        "provider": [c for c in record.get("provider", []) if c.get("urn") not in varying],
        "hooks": [h for h in record.get("hooks", []) if noted(h).get("res") not in names],
    }
    if "resources" in state:
        kept["state"] = {**state, "resources": [r for r in state["resources"] if r["res"] not in varying]}
    return kept


def noted(entry: Any) -> Record:
    """What a hook noted; the recording counts repetitions."""
    return cast(Record, entry[1] if isinstance(entry, list) else entry)


def describe(recording: Any, got: Any) -> str:
    if isinstance(recording, Counter) and isinstance(got, Counter):
        recorded, now = cast(Counter[str], recording), cast(Counter[str], got)
        return f"only recorded {dict(recorded - now)}, only now {dict(now - recorded)}"
    if isinstance(recording, dict) and isinstance(got, dict):
        before, after = cast(Record, recording), cast(Record, got)
        keys = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))
        return "; ".join(f"{k}: {describe(before.get(k), after.get(k))}" for k in keys)
    return f"recorded {recording!r}, now {got!r}"


def _text(value: Any) -> str:
    return RANDOM_NAME.sub(r"\1-RANDOM", json.dumps(value, sort_keys=True))


def _steps(record: Record) -> Counter[str]:
    return Counter(_text(op) for op in record.get("ops", []))


def _order(record: Record) -> dict[str, list[str]]:
    """The steps of each resource, in order: between independent resources there is none."""
    order: dict[str, list[str]] = {}
    for op in record.get("ops", []):
        order.setdefault(op[2], []).append(f"{op[0]} {op[1]}")
    return order


def _messages(record: Record) -> Counter[str]:
    shown = (d for d in record.get("diags", []) if d[0] in ("error", "warning") and "from $PATH" not in d[2])
    return Counter(_text([d[0], d[1], TRACE.sub("", d[2]).strip()]) for d in shown)


def _hooks(record: Record) -> dict[str, list[str]]:
    """What the program noted: for each resource in order, else sorted. Repetitions count once."""
    hooks: dict[str, list[str]] = {}
    for entry in record.get("hooks", []):
        kept = {k: "T" if _is_moment(k, v) else _read(v) for k, v in noted(entry).items() if k not in RETRY_DETAIL}
        notes = hooks.setdefault(str(kept.get("res", "")), [])
        text = _text(kept)
        if not notes or notes[-1] != text:
            notes.append(text)
    if "" in hooks:
        hooks[""] = sorted(set(hooks[""]))
    return hooks


def _read(value: Any) -> Any:
    """A map that the program noted as Python wrote it: its keys come in any order."""
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    return ast.literal_eval(UNKNOWN.sub("'unknown'", value))


def _is_moment(key: str, value: Any) -> bool:
    return key in MOMENTS or (key in ("begin", "end") and not isinstance(value, str))


def _calls(record: Record) -> Counter[str]:
    calls = [c for c in record.get("provider", []) if c["m"] not in NOT_CALLS]
    return Counter(_text({k: v for k, v in call.items() if k not in ("t", "address")}) for call in calls)


def _lines(record: Record) -> list[str]:
    """Of what a script prints: errors, exit codes and results, each once."""
    lines = (line.strip() for line in record.get("lines", []))
    lines = (line.partition("  /  code:")[0] for line in lines)
    kept = (line[max(line.find("error: "), 0) :] for line in lines if KEPT_LINES.search(line))
    return sorted({RANDOM_NAME.sub(r"\1-RANDOM", line) for line in kept})


def _pending(record: Record) -> Counter[str]:
    return Counter(map(_text, record.get("state", {}).get("pending", [])))


def _state(record: Record) -> dict[str, str]:
    """The resources; without order, as independent ones have none."""
    state = record.get("state", {})
    if "resources" not in state:
        return {"": json.dumps(state)}
    return {_text([r["res"], r.get("delete", False)]): _text(r) for r in state["resources"]}


def _timed_out(record: Record) -> bool:
    return bool(record.get("timed_out"))


def _summary(record: Record) -> Any:
    return record.get("summary")


VIEWS: dict[str, Callable[[Record], Any]] = {
    "rc": itemgetter("rc"),
    "timed_out": _timed_out,
    "steps": _steps,
    "order": _order,
    "summary": _summary,
    "messages": _messages,
    "hooks": _hooks,
    "calls": _calls,
    "lines": _lines,
    "pending": _pending,
    "state": _state,
}
