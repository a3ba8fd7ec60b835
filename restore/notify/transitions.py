"""Which transition of a restore a record tells of, and whether it was told already. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from restore.model.gates import CONFORMED, QUIESCED, SERVING, VALIDATED, Move, determine_move
from restore.model.planned import Plan
from restore.model.request import Traffic
from restore.report.untrusted import EvidenceRecord, format_text, parse_items, parse_mapping, select_steps

CLAIM, OUTCOME = "notify", "notified"
"""The steps of the records: before a message is sent, and after it."""
TRAFFIC = "traffic"


class Event(StrEnum):
    """What people are told."""

    OPENED = "opened"
    FROZEN = "frozen"
    RESTORED = "restored"
    VALIDATED = "validated"
    FAILED = "failed"
    SWITCHED = "switched"
    GOING_BACK = "going back"
    RETURNED = "back at the source"
    OVER = "over"


class Sent(StrEnum):
    """What is known of one message."""

    YES = "sent"
    NO = "not sent"
    """Refused, or nobody answered the connection: the next run tries again."""
    UNKNOWN = "not known"
    """It may have arrived: it is not sent again."""


@dataclass(frozen=True)
class Transition:
    """Something to tell. Of a group only the newest state counts: the same one again is no transition."""

    event: Event
    group: str
    state: str
    detail: str = ""


def build_opened() -> Transition:
    return Transition(Event.OPENED, "life", "opened")


def build_over(serves: str) -> Transition:
    return Transition(Event.OVER, "life", "over", f"the applications use the {serves} database")


def find_going_back(plan: Plan, evidence: Sequence[EvidenceRecord]) -> Transition | None:
    """Returns the beginning of the way back to the source; None where traffic never left it, or is back."""
    left = (Event.FROZEN.value, Event.SWITCHED.value, Event.GOING_BACK.value)
    if determine_move(plan) is Move.RETURN and _find_state(evidence, TRAFFIC) in left:
        return Transition(Event.GOING_BACK, TRAFFIC, Event.GOING_BACK.value)
    return None


def build_gate_transition(plan: Plan, attempt: EvidenceRecord, evidence: Sequence[EvidenceRecord]) -> Transition | None:
    """Returns what the end of a gate's attempt means; None for a gate that nobody has to be told of, and for a stop by
    the operator (an attempt that is neither open nor has a problem)."""
    gate, summary = format_text(attempt.get("gate")), format_text(attempt.get("summary"))
    if attempt.get("open") is not True:
        subjects = [
            format_text(parse_mapping(problem).get("subject")) for problem in parse_items(attempt.get("problems"))
        ]
        if not subjects:
            return None
        moves = sum(format_text(claim.get("group")) == TRAFFIC for claim in select_steps(evidence, CLAIM))
        digest = hashlib.sha256("\n".join(sorted(subjects)).encode()).hexdigest()[:16]
        detail = f"gate {gate}: {summary}: {', '.join(subjects[:5])}{' ...' if len(subjects) > 5 else ''}"
        return Transition(Event.FAILED, f"gate {gate}", f"failed {moves} {digest}", detail)
    resource_id = format_text(parse_mapping(attempt.get("facts")).get("resource_id"))
    match gate:
        case QUIESCED.name:
            return Transition(Event.FROZEN, TRAFFIC, Event.FROZEN.value, summary)
        case CONFORMED.name:
            return Transition(Event.RESTORED, "restored", resource_id, summary)
        case VALIDATED.name:
            return Transition(Event.VALIDATED, f"gate {gate}", f"open {resource_id}", summary)
        case SERVING.name:
            event = Event.RETURNED if plan.traffic is Traffic.SOURCE else Event.SWITCHED
            return Transition(event, TRAFFIC, event.value, summary)
        case _:
            return None


def list_due(
    transition: Transition, channels: Collection[str], repeatable: Collection[str], evidence: Sequence[EvidenceRecord]
) -> tuple[str, ...]:
    """Returns the channels that are to hear of it now.

    A message that was begun and has no outcome (the run was killed) may have arrived: it is sent again only through a
    channel that drops what it has had (`repeatable`).
    """
    if _find_state(evidence, transition.group) != transition.state:
        return tuple(channels)
    known: dict[str, Sent] = {}
    for record in _list_newest(evidence, transition):
        if record.get("step") == CLAIM:
            known |= {format_text(channel): Sent.UNKNOWN for channel in parse_items(record.get("channels"))}
        else:
            known |= {
                format_text(name): read_sent(result) for name, result in parse_mapping(record.get("results")).items()
            }
    again = {Sent.NO: tuple(channels), Sent.UNKNOWN: tuple(repeatable)}
    return tuple(name for name in channels if name not in known or name in again.get(known[name], ()))


def read_sent(result: object) -> Sent:
    value = format_text(parse_mapping(result).get("sent"))
    return Sent(value) if value in set(Sent) else Sent.UNKNOWN


def find_thread(evidence: Sequence[EvidenceRecord], channel: str) -> str:
    """Returns the `ts` of the first message of this restore in a Slack channel; empty where there is none."""
    for record in select_steps(evidence, OUTCOME):
        slack = parse_mapping(parse_mapping(record.get("results")).get("slack"))
        if slack.get("channel") == channel and slack.get("ts"):
            return format_text(slack.get("ts"))
    return ""


def describe(transition: Transition) -> dict[str, Any]:
    """Returns what both records of a transition hold."""
    return {"event": transition.event.value, "group": transition.group, "state": transition.state}


def _find_state(evidence: Sequence[EvidenceRecord], group: str) -> str:
    claims = [record for record in select_steps(evidence, CLAIM) if record.get("group") == group]
    return format_text(claims[-1].get("state")) if claims else ""


def _list_newest(evidence: Sequence[EvidenceRecord], transition: Transition) -> Iterator[Mapping[str, Any]]:
    """Yields the records of the group since its state became the newest one."""
    of_group = [record for record in select_steps(evidence, CLAIM, OUTCOME) if record.get("group") == transition.group]
    others = [number for number, record in enumerate(of_group) if record.get("state") != transition.state]
    yield from of_group[others[-1] + 1 :] if others else of_group
