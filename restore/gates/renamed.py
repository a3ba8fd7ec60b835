"""Gate `renamed`, cutover rename only: the database that is to serve has production's name, and answers to it.

RDS renames by a name, and names move. So each call is decided by what is found at that moment, by DbiResourceId; its
answer must name the instance that was meant; and a gate that was killed, or refused, goes on from wherever it stands.
An endpoint follows its instance's identifier after minutes, and DNS after that: the gate ends when a connection to
production's endpoint, its certificate verified, reaches the database that is to serve.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from restore import postgres
from restore.cutover.names import Done, Obstacle, Rename, Step, Wait, find_next_step, name_pending_check
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.context import GateContext, require_endpoint
from restore.gates.hook import RESOURCE_ID, Proof, Stopped, Watch
from restore.model.planned import RenamePlan
from restore.model.rds import Instance
from restore.model.waivers import find_reason
from validation.verdict import Verdict

SECONDS = 24 * 3600.0
"""RDS renames nothing during the first backup of a restored instance, which can take hours."""
NAME_SECONDS = 1800.0
"""RDS and DNS take about ten minutes for each name; the first read of a restored volume is slow besides."""
UNLISTED_SECONDS = 120.0
"""RDS may not list an instance for a moment while its name changes."""
HOLDER = "renamed.holder"
PRODUCTION = "renamed.production"
LONGEST = 5.0
PAGE = 'docs/rename.md, "When it stops halfway"'


def prove(context: GateContext, watch: Watch) -> Proof:
    """Gives the instance that is to serve production's identifier, and waits until its endpoint reaches it."""
    plan = context.plan.rename
    if plan is None:
        return Proof(Verdict.PASS, "no name is to be moved")
    facts: dict[str, Any] = {RESOURCE_ID: plan.holder, "production": plan.production, "calls": []}
    problems = list(move_names(context, watch, plan, facts))
    if is_shut(context, watch, problems):
        return Proof(Verdict.FAIL, f"{plan.production} is not the database that is to serve", facts, tuple(problems))
    problems += follow_name(context, watch, plan, facts)
    if problems:
        return Proof(Verdict.FAIL, f"{plan.production} may reach another database", facts, tuple(problems))
    return Proof(Verdict.PASS, f"{plan.production} is {plan.holder}, and its endpoint reaches it", facts)


def move_names(context: GateContext, watch: Watch, plan: RenamePlan, facts: dict[str, Any]) -> Iterable[Problem]:
    """Makes the calls that are still to be made, and waits for each; the problems that keep it from the end, and those
    that were waived.

    Raises Stopped when the operator ends the run."""
    mover = Mover(context, watch, plan, facts)
    try:
        outcome = watch.wait_for(
            mover.advance, lambda problems: problems is not None, subject="RDS to rename", first=0.2, longest=LONGEST
        )
    except TemporaryError as error:
        if watch.stop.is_set():
            raise Stopped(f"gate {watch.gate} stopped by the operator: {error}; run `pulumi up` again") from error
        return [build_refusal_problem(plan, error, facts)]
    return outcome or []


class Mover:
    """Takes one step at a time from what is found then."""

    def __init__(self, context: GateContext, watch: Watch, plan: RenamePlan, facts: dict[str, Any]):
        self._context, self._watch, self._plan, self._facts = context, watch, plan, facts
        self._waived: dict[str, Obstacle] = {}
        self._refusal: RestoreError | None = None
        self._sent = -math.inf

    def advance(self) -> list[Problem] | None:
        """Takes the next step; returns None while there is more to do.

        Raises TemporaryError where the same may succeed later."""
        try:
            instances = read_instances(self._context, self._plan)
            self._facts["names"] = {instance.identifier: instance.resource_id for instance in instances}
            outcome = self._take(find_next_step(self._plan, instances, self._accepted))
        except TemporaryError:
            raise
        except RestoreError as error:
            # An answer that was lost makes the next try a refusal, and the name is, or is becoming, ours: look again
            if self._refusal:
                return [build_refusal_problem(self._plan, error, self._facts)]
            self._refusal = error
            return None
        self._refusal = None
        return outcome

    @property
    def _accepted(self) -> frozenset[str]:
        return frozenset(self._waived)

    def _take(self, step: Step) -> list[Problem] | None:
        match step:
            case Done():
                return [build_pending_problem(obstacle) for obstacle in self._waived.values()]
            case Obstacle() if step.pending and is_waived(self._context, self._watch, step):
                self._waived[step.instance] = step
            case Obstacle() if (
                step.instance == self._plan.holder and self._watch.read_clock() - self._sent < UNLISTED_SECONDS
            ):
                self._watch.say(f"{step.instance} isn't listed at the moment")
            case Obstacle():
                return [build_obstacle_problem(self._plan, step, self._facts)]
            case Wait():
                self._watch.say(step.text)
            case Rename():
                send(self._context, self._watch, step, self._accepted, self._facts)
                self._sent = self._watch.read_clock()
        return None


def is_shut(context: GateContext, watch: Watch, problems: Iterable[Problem]) -> bool:
    return any(find_reason(problem.subject, watch.gate, context.settings.waive) is None for problem in problems)


def is_waived(context: GateContext, watch: Watch, obstacle: Obstacle) -> bool:
    return find_reason(name_pending_check(obstacle.instance), watch.gate, context.settings.waive) is not None


def read_instances(context: GateContext, plan: RenamePlan) -> list[Instance]:
    """Reads the two instances as they are now, by DbiResourceId, and whoever has a name that is needed. Raises
    RestoreError."""
    own = [context.rds.find_instance_by_resource_id(resource) for resource in (plan.leaver, plan.holder) if resource]
    named = [context.rds.find_instance(name) for name in (plan.production, plan.aside)]
    return list({instance.resource_id: instance for instance in [*named, *own] if instance}.values())


def send(context: GateContext, watch: Watch, step: Rename, waived: frozenset[str], facts: dict[str, Any]) -> None:
    """Makes one call. Raises RestoreError."""
    watch.say(f"renaming {step.resource_id} to {step.identifier}")
    former = context.rds.rename(step.resource_id, step.identifier, waived)
    facts["calls"] = [*facts["calls"], {RESOURCE_ID: step.resource_id, "from": former, "to": step.identifier}]


def build_pending_problem(obstacle: Obstacle) -> Problem:
    return Problem(
        f"renamed.pending:{obstacle.instance}", obstacle.found, obstacle.needed, f"{obstacle.fix}; pulumi up"
    )


def build_obstacle_problem(plan: RenamePlan, obstacle: Obstacle, facts: Mapping[str, Any]) -> Problem:
    if obstacle.pending:
        return build_pending_problem(obstacle)
    found = f"{obstacle.instance}: {obstacle.found}; {describe_names(plan, facts)}"
    return Problem(HOLDER, found, f"{obstacle.needed}, so that {plan.production} is {plan.holder}", obstacle.fix)


def build_refusal_problem(plan: RenamePlan, error: RestoreError, facts: Mapping[str, Any]) -> Problem:
    found = error.problem.found if error.problem else " ".join(str(error).split())
    fix = (
        "pulumi up (goes on where it stands); or, back: pulumi config set traffic frozen; pulumi up; "
        f"pulumi config set traffic source; pulumi up ({PAGE})"
    )
    return Problem(
        HOLDER, f"{found}; {describe_names(plan, facts)}", f"{plan.production} as a name of {plan.holder}", fix
    )


def describe_names(plan: RenamePlan, facts: Mapping[str, Any]) -> str:
    """Says who is called what, for the person who is to go on or back."""
    names: Mapping[str, str] = facts.get("names", {})
    nobody = "" if plan.production in names or not names else f", and nobody is {plan.production}"
    return ", ".join(f"{resource_id} is {name}" for name, resource_id in names.items()) + nobody


# Where the name leads


def follow_name(context: GateContext, watch: Watch, plan: RenamePlan, facts: dict[str, Any]) -> Iterable[Problem]:
    """Waits until production's endpoint is that of the database, and reaches it and not the other one; for at most
    NAME_SECONDS. Raises Stopped when the operator ends the run."""
    since = watch.read_clock()
    last = ["nothing was asked yet"]

    def is_reached() -> bool:
        try:
            last[0] = describe_reach(context, plan, facts)
        except RestoreError as error:
            problem = error.problem
            last[0] = f"{problem.subject}: {problem.found}" if problem else " ".join(str(error).split())
        if last[0]:
            watch.say(f"waiting for {plan.production} to answer: {last[0]}")
        return not last[0]

    try:
        watch.wait_for(is_reached, bool, subject=plan.production, seconds=NAME_SECONDS, longest=LONGEST)
    except TemporaryError as error:
        if watch.stop.is_set():
            raise Stopped(f"gate {watch.gate} stopped by the operator: {error}; run `pulumi up` again") from error
        needed = f"the database {plan.holder} behind the endpoint of {plan.production}"
        fix = f"aws rds describe-db-instances --db-instance-identifier {plan.production}; pulumi up"
        return [Problem(PRODUCTION, last[0], needed, fix)]
    facts["seconds_until_reached"] = round(watch.read_clock() - since, 1)
    return []


def describe_reach(context: GateContext, plan: RenamePlan, facts: dict[str, Any]) -> str:
    """Says why production's endpoint isn't known to reach the database; empty when it is. Raises RestoreError.

    Two servers never start at the same microsecond: the one behind production's endpoint is not the other instance's
    when theirs differ."""
    holder = context.find_serving()
    if holder is None or holder.identifier != plan.production:
        return f"{plan.holder} is {holder.identifier if holder else 'gone'}"
    endpoint = require_endpoint(holder)
    started = read_start(context, holder)
    facts["endpoint"] = str(endpoint)
    left = context.find_left()
    try:
        other = read_start(context, left) if left else None
    except RestoreError as error:
        facts["left_unreachable"] = error.problem.found if error.problem else str(error)
        return ""
    if other is not None and other == started:
        return f"{endpoint} still reaches {left.identifier if left else 'the other database'}"
    return ""


def read_start(context: GateContext, instance: Instance) -> datetime:
    with context.connect(instance) as connection:
        return postgres.read_server_start(connection)
