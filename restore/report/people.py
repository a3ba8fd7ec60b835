"""Who must be told and what must be reconciled, with who ticked it off and when; and the messages that were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from restore.report.untrusted import (
    EMPTY,
    EvidenceRecord,
    format_text,
    parse_items,
    parse_mapping,
    parse_moment,
    select_steps,
)
from restore.units import format_moment

TOLD, RECONCILED = "told", "reconciled"
"""The steps of the records by which a person ticks something off."""
LISTS = {TOLD: "tell", RECONCILED: "reconcile"}
"""The list in the record of a run that each of them ticks off."""


@dataclass(frozen=True)
class Tick:
    """One line of a list. `at` and `who` are empty until it is ticked off."""

    name: str
    at: str = ""
    who: str = ""

    @property
    def state(self) -> str:
        return f"done {self.at}, by {self.who}" if self.at else "OPEN"


@dataclass(frozen=True)
class SentMessage:
    """What became of one message in one channel."""

    event: str
    channel: str
    state: str
    at: str


def list_names(evidence: Sequence[EvidenceRecord], step: str) -> tuple[str, ...]:
    """Returns the names of a list as the last run had it."""
    runs = list(select_steps(evidence, "run"))
    return tuple(format_text(name) for name in parse_items((runs[-1] if runs else EMPTY).get(LISTS[step])))


def list_ticks(evidence: Sequence[EvidenceRecord], step: str) -> tuple[Tick, ...]:
    """Returns every line of a list. The first tick counts: a second one doesn't change when it was done."""
    done: dict[str, Tick] = {}
    for record in select_steps(evidence, step):
        operator = parse_mapping(record.get("operator"))
        who = f"{format_text(operator.get('user'))} ({format_text(operator.get('aws'))})"
        for name in parse_items(record.get("names")):
            done.setdefault(
                format_text(name), Tick(format_text(name), format_moment(parse_moment(record.get("written"))), who)
            )
    return tuple(done.get(name, Tick(name)) for name in list_names(evidence, step))


def list_messages(evidence: Sequence[EvidenceRecord]) -> Iterator[SentMessage]:
    """Yields each message by its newest outcome; one that was begun and has none may have arrived."""
    newest: dict[tuple[str, str, str, str], SentMessage] = {}
    for record in select_steps(evidence, "notify", "notified"):
        event, at = format_text(record.get("event")), format_moment(parse_moment(record.get("written")))
        states = {format_text(name): "not known: the run was ended" for name in parse_items(record.get("channels"))}
        for name, result in parse_mapping(record.get("results")).items():
            states[format_text(name)] = ": ".join(
                filter(None, (format_text(parse_mapping(result).get(key)) for key in ("sent", "detail")))
            )
        for name, state in states.items():
            key = (format_text(record.get("group")), format_text(record.get("state")), event, name)
            newest[key] = SentMessage(event, name, state, at)
    yield from newest.values()
