"""The gates: one table of their names, their order, what each is a proof of, and the moves that need it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from restore.model.planned import Plan
from restore.model.request import Traffic


class Move(StrEnum):
    """What a run does to the applications' traffic."""

    NONE = "none"
    """A rehearsal: traffic is at the source and was never moved; no application is declared."""
    FREEZE = "freeze"
    SWITCH = "switch"
    RETURN = "return"
    """Back to the source."""


class Subject(StrEnum):
    """What a gate is a proof of: its evidence and its receipt hold the DbiResourceId of that database."""

    TRAFFIC = "traffic"
    """The database that serves. Traffic moves, so these gates are proved again at every move."""
    CANDIDATE = "candidate"
    """The restored instance. These gates stay proved until what they prove changes."""
    DUMP = "dump"
    """The bytes in S3, of no database; proved as long as the candidate's."""


@dataclass(frozen=True)
class GateDefinition:
    """One gate as every part of the program knows it."""

    name: str
    """In receipts, evidence, waivers and reports."""
    does: str
    """Its work, in a few words for the report's timeline."""
    subject: Subject
    moves: frozenset[Move]
    """The moves that need it open."""
    dump_only: bool = False
    rename_only: bool = False
    approvals_only: bool = False

    @property
    def proved_at_each_move(self) -> bool:
        return self.subject is Subject.TRAFFIC


_FORWARD = frozenset({Move.NONE, Move.FREEZE, Move.SWITCH})
_SERVING = frozenset({Move.SWITCH, Move.RETURN})

QUIESCED = GateDefinition("quiesced", "prove that nobody writes", Subject.TRAFFIC, frozenset({Move.FREEZE}))
SCANNED = GateDefinition("scanned", "read and judge the dump", Subject.DUMP, _FORWARD, dump_only=True)
CONFORMED = GateDefinition("conformed", "bring settings in line", Subject.CANDIDATE, _FORWARD)
IMPORTED = GateDefinition("imported", "load the dump", Subject.CANDIDATE, _FORWARD, dump_only=True)
VALIDATED = GateDefinition("validated", "check the data", Subject.CANDIDATE, _FORWARD)
APPROVED = GateDefinition(
    "approved", "ask a second person", Subject.TRAFFIC, frozenset({Move.SWITCH}), approvals_only=True
)
SWITCHED = GateDefinition("switched", "prove that a switch is safe", Subject.TRAFFIC, _SERVING)
RENAMED = GateDefinition("renamed", "give the database production's name", Subject.TRAFFIC, _SERVING, rename_only=True)
SERVING = GateDefinition("serving", "prove who serves", Subject.TRAFFIC, _SERVING)

GATES = (QUIESCED, SCANNED, CONFORMED, IMPORTED, VALIDATED, APPROVED, SWITCHED, RENAMED, SERVING)
"""In the order in which they can open."""
BY_NAME = {gate.name: gate for gate in GATES}


def determine_move(plan: Plan) -> Move:
    """Returns what this plan does to traffic. It has applications as soon as traffic was moved once."""
    match plan.traffic:
        case Traffic.FROZEN:
            return Move.FREEZE
        case Traffic.RESTORED:
            return Move.SWITCH
        case Traffic.SOURCE:
            return Move.RETURN if plan.apps else Move.NONE


def list_needed_gates(plan: Plan) -> tuple[GateDefinition, ...]:
    """Returns the gates that must be open for what the plan wants, in the order in which they can open."""
    move, dump = determine_move(plan), plan.point.dump is not None
    renames = plan.rename is not None
    return tuple(
        gate
        for gate in GATES
        if move in gate.moves
        and (dump or not gate.dump_only)
        and (renames or not gate.rename_only)
        and (plan.approvals > 1 or not gate.approvals_only)
    )


def list_candidate_gates(plan: Plan) -> tuple[GateDefinition, ...]:
    """Returns the gates that prove the candidate, whatever this plan does to traffic."""
    dump = plan.point.dump is not None
    return tuple(gate for gate in GATES if gate.subject is Subject.CANDIDATE and (dump or not gate.dump_only))
