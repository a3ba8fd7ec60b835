"""The rights of all phases, and preflight's rules, for a restore by each method, as if there were one today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from restore.doctor.finding import Finding, State, build_ok, from_problem, note
from restore.errors import Problem
from restore.inventory.access import ask_rights
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Settings
from restore.model.rights import Denied, Phase, RightsAnswers
from restore.preflight import applications, rights, rules

EVERY_PHASE = frozenset(Phase) - {Phase.RETIRE}
"""To delete an instance is no part of a restore, and few may."""
IN_AN_INCIDENT: tuple[rules.Rule, ...] = (applications.check_other_writers_stopped,)
"""Rules about what is only stopped when it is needed."""


def examine_rights(worlds: Sequence[tuple[Settings, Inventory]]) -> Iterator[Finding]:
    """Yields a finding for the rights of each method, and one for each right that is denied, told once."""
    denied: dict[str, Finding] = {}
    not_asked: dict[str, Finding] = {}
    for settings, inventory in worlds:
        answers = ask_rights(settings, inventory, EVERY_PHASE)
        yield _count_rights(f"rights, {_name_method(settings)}", answers)
        for state in (State.PROBLEM, State.NOTE):
            of_state = replace(answers, denied=tuple(item for item in answers.denied if _name_state(item) is state))
            for problem in rights.check_rights_given(_build_context(settings, replace(inventory, rights=of_state))):
                denied.setdefault(problem.subject, from_problem(problem, state))
        not_asked |= {what: note("rights", f"not asked: {what}") for what in answers.not_asked}
    yield from (*denied.values(), *not_asked.values())


def _name_state(denied: Denied) -> State:
    return State.NOTE if rights.is_optional(denied.right) else State.PROBLEM


def _count_rights(what: str, answers: RightsAnswers) -> Finding:
    allowed = answers.asked - len(answers.denied)
    found = f"{allowed} of {answers.asked} are given"
    return build_ok(what, found) if answers.asked and not answers.denied else note(what, f"{found}, see below")


def examine_preflight(worlds: Sequence[tuple[Settings, Inventory]]) -> Iterator[Finding]:
    """Yields what would refuse a restore by each method today; what is only stopped in an incident is a note."""
    problems: dict[Problem, State] = {}
    for settings, inventory in worlds:
        context = _build_context(settings, inventory)
        states = {
            problem: State.NOTE if rule in IN_AN_INCIDENT else State.PROBLEM
            for rule in rules.RULES
            if rule is not rights.check_rights_given
            for problem in rule(context)
        }
        problems |= states
        if State.PROBLEM not in states.values():
            yield build_ok(f"preflight, {_name_method(settings)}", "a restore would be accepted")
    yield from (from_problem(problem, state) for problem, state in problems.items())
    rooms = [inventory.capacity for _, inventory in worlds if inventory.capacity]
    unasked = {what: why for room in rooms for what, why in room.unasked.items()}
    nodes = dict.fromkeys(inventory.nodes.unasked for _, inventory in worlds if inventory.nodes)
    yield from (note(what, f"not asked: {why}") for what, why in unasked.items())
    yield from (note("room on the nodes", f"not asked: {why}") for why in nodes if why)


def _build_context(settings: Settings, inventory: Inventory) -> RestoreContext:
    if settings.request is None:
        raise ValueError("the doctor looks with a request")
    return RestoreContext(settings, settings.request, inventory)


def _name_method(settings: Settings) -> str:
    return str(settings.request.method) if settings.request else ""
