"""What `status` says as text for an 80-column terminal, and as JSON for scripts. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from restore.status.model import EXIT_CODES, GateLine, Place, Situation, Status, Step
from restore.units import TIME_FORMAT, format_moment

WIDTH = 80
INDENT = 9
HEADLINES: Mapping[Situation, str] = {
    Situation.DONE: "nothing goes on, and nothing is waited for",
    Situation.RUNNING: "`pulumi up` runs",
    Situation.WAITING: "done so far: the next step is yours",
    Situation.UNFINISHED: "not finished, and nobody runs it",
    Situation.SHUT: "a gate is shut, and nobody runs it",
    Situation.UNKNOWN: "not everything could be read",
}


def render(status: Status, width: int = WIDTH, *, with_places: bool = True) -> str:
    """Returns the text; only commands and addresses are wider than `width` characters. `with_places`: instances,
    snapshots and applications, each with its commands."""
    lines = [f"stack {status.stack}, {format_moment(status.at)}: {HEADLINES[status.situation]}", ""]
    for title, text in (
        ("serves", status.serves),
        ("restore", status.restore),
        ("run", status.run),
        ("safe", status.safe),
        ("next", status.next),
    ):
        lines += _wrap(title, text, width)
    for step in status.steps:
        lines += _wrap("now", _describe_step(step), width)
    for gate in status.gates:
        lines += _wrap("gate", _describe_gate(gate), width)
    for note in status.notes:
        lines += _wrap("", note, width) if not note.startswith("  ") else [f"{'':{INDENT}}{note}"]
    for unread in status.unread:
        lines += _wrap("UNREAD", unread, width)
    if with_places:
        lines += [line for place in status.places for line in ("", *_list_place(place))]
    return "\n".join(lines)


def _describe_step(step: Step) -> str:
    return ": ".join(filter(None, (step.label, step.said, step.progress)))


def _describe_gate(gate: GateLine) -> str:
    ended = f" ({gate.ended})" if gate.ended else ""
    return f"{gate.name}: {gate.state}{': ' + gate.summary if gate.summary else ''}{ended}"


def _list_place(place: Place) -> Iterable[str]:
    yield f"{place.what} {place.name}: {place.state}"
    yield from (f"  {line}" for line in (place.console, *place.commands) if line)


def _wrap(title: str, text: str, width: int) -> list[str]:
    wrapped = textwrap.wrap(text, width - INDENT, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{title if number == 0 else '':{INDENT}}{line}" for number, line in enumerate(wrapped)]


def render_json(status: Status, *, indent: int | None = 2) -> str:
    """Returns one JSON object; docs/status.md says what its fields mean."""
    document = {
        "stack": status.stack,
        "at": f"{status.at:{TIME_FORMAT}}",
        "situation": str(status.situation),
        "exit_code": EXIT_CODES[status.situation],
        "serves": status.serves,
        "restore": status.restore,
        "run": status.run,
        "safe": status.safe,
        "next": status.next,
        "steps": [_build_step_document(step) for step in status.steps],
        "gates": [vars(gate) for gate in status.gates],
        "notes": [note.strip() for note in status.notes],
        "places": [{**vars(place), "commands": list(place.commands)} for place in status.places],
        "unread": list(status.unread),
    }
    return json.dumps(document, indent=indent)


def _build_step_document(step: Step) -> Mapping[str, Any]:
    estimate = step.estimate
    return {
        "name": step.name,
        "said": step.said,
        "began": f"{step.began:{TIME_FORMAT}}" if step.began else None,
        "seconds": round(step.elapsed.total_seconds()) if step.elapsed is not None else None,
        "seconds_left": round(step.left.total_seconds()) if step.left is not None else None,
        "percent": step.percent,
        "estimate": {"typical": round(estimate.typical), "measured": estimate.measured, "basis": estimate.basis}
        if estimate
        else None,
    }
