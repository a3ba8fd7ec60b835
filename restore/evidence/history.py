"""The durations of a stack's restores: one document of the stack, made of its records, so that a preview reads one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from restore.errors import RestoreError
from restore.evidence.store import Store
from restore.model.history import History, PhaseDuration
from restore.report.durations import measure
from restore.report.untrusted import format_text, parse_moment, parse_number, parse_records, parse_seconds

NAME = "history.json"
MOST_PHASES = 500
DRILL = "-drill"
"""What the name of a stack ends with that only drills: its restores count for the stack that it drills for."""


def read_history(store: Store, stack: str, *, rebuild: bool = False) -> History:
    """Returns what the restores of a stack, and its drills, took; that the evidence can't be read is told in it.

    Where no document is kept yet, `rebuild` has every record of the stack read instead.
    """
    try:
        kept = [phase for name in (stack, f"{stack}{DRILL}") for phase in _read(store, name, rebuild=rebuild)]
    except RestoreError as error:
        return History(unread=error.problem.found if error.problem else str(error))
    return History(tuple(kept))


def keep_durations(store: Store, stack: str, restore_id: str, evidence: Sequence[Mapping[str, Any]]) -> None:
    """Writes the durations of a restore into its stack's document, if its newest record tells a new one. Raises
    RestoreError."""
    measured = measure(restore_id, evidence)
    if measured == measure(restore_id, evidence[:-1]):
        return
    others = [phase for phase in _read(store, stack, rebuild=True) if phase.restore_id != restore_id]
    newest = sorted((*others, *measured), key=lambda phase: phase.ended)[-MOST_PHASES:]
    store.keep_of_stack(stack, NAME, {"phases": [_compose(phase) for phase in newest]})


def _read(store: Store, stack: str, *, rebuild: bool) -> Iterable[PhaseDuration]:
    document = store.read_of_stack(stack, NAME)
    if document is None and rebuild:
        return [phase for name in store.list_ids(stack) for phase in measure(name, store.read_all(stack, name))]
    return parse(document or {})


def parse(document: Mapping[str, Any]) -> tuple[PhaseDuration, ...]:
    """Reads the document without trusting it."""
    return tuple(
        PhaseDuration(
            restore_id=format_text(phase.get("restore")),
            phase=format_text(phase.get("phase")),
            method=format_text(phase.get("method")),
            seconds=parse_seconds(phase.get("seconds")),
            size=parse_number(phase.get("size")) or None,
            ended=ended,
        )
        for phase in parse_records(document.get("phases"))
        if (ended := parse_moment(phase.get("ended")))
    )


def _compose(phase: PhaseDuration) -> dict[str, Any]:
    return {
        "restore": phase.restore_id,
        "phase": phase.phase,
        "method": phase.method,
        "seconds": phase.seconds,
        "size": phase.size,
        "ended": phase.ended.isoformat(),
    }
