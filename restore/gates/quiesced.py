"""Gate `quiesced`: nobody writes any more.

Quiet is: no pod, terminating ones included; no client session but ours; no prepared transaction; no row written over
an interval. A pod or a database that can't be asked is a problem with a name: a person may know what the program can't
see.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from restore.config.keys import SAFETY_CHECK
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.activity import (
    RunningWorkload,
    build_pods_problem,
    find_activity_problems,
    list_running,
    list_use_facts,
    observe_until_idle,
)
from restore.gates.context import GateContext
from restore.gates.error_problems import build_error_problem, build_unreachable
from restore.gates.hook import Proof, Watch
from restore.gates.source_region import find_unfenced_problems, read_replicated_until
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN, LEAVING, SNAPSHOT_READY, describe_way_out
from restore.model.waivers import find_reason
from restore.units import TIME_FORMAT
from validation.verdict import Verdict

SECONDS = 3600.0
PODS_SECONDS = 1800.0
LATEST_SECONDS = 1800.0


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits until the applications are gone, proves rest on the database that they used, and that it can be kept."""
    facts: dict[str, object] = {
        "deployments": [app.name for app in context.plan.apps],
        "endpoint": str(context.plan.apps[0].endpoint),
    }
    problems = list(await_no_pods(context, watch))
    unseen = find_unfenced_problems(context, watch, context.plan.serving)
    if unseen:
        facts["source_region"] = context.settings.source_region
        return conclude([*problems, *unseen], facts, "")
    database = context.find_serving()
    if database is None:
        facts["quiet_since"] = datetime.now(UTC).isoformat()
        return conclude(problems, facts, "no pod is left; the database they used is gone")
    problems += await_idle_database(context, watch, database, facts)
    if any(find_reason(problem.subject, watch.gate, context.settings.waive) is None for problem in problems):
        return conclude(problems, facts, "")
    if context.plan.safety_snapshot and not context.plan.adopt_safety:
        problems += await_snapshot_ready(context, watch)
    if context.plan.point.latest and context.plan.candidate_found is None:
        problems += await_latest_restorable(context, watch, facts)
    since = str(facts.get("quiet_since", ""))[11:19]
    return conclude(problems, facts, f"no pod, no session and no row written since {since} UTC")


def conclude(problems: list[Problem], facts: dict[str, object], passed: str) -> Proof:
    """Returns PASS without a problem; INCONCLUSIVE where all that is known is that the database can't be asked."""
    if not problems:
        return Proof(Verdict.PASS, passed, facts)
    if all(problem.subject.endswith(".unreachable") for problem in problems):
        return Proof(Verdict.INCONCLUSIVE, "the database can't be asked who uses it", facts, tuple(problems))
    return Proof(Verdict.FAIL, "somebody may still use the database", facts, tuple(problems))


def await_no_pods(context: GateContext, watch: Watch) -> Iterable[Problem]:
    """Waits until no Deployment has a pod left, by the API server's own word, or none but those of dead nodes."""
    last: list[list[RunningWorkload]] = []

    def read() -> list[RunningWorkload]:
        last[:] = [list_running(context)]
        return last[0]

    def are_only_lasting(running: list[RunningWorkload]) -> bool:
        if running:
            watch.say(f"waiting for pods to end: {', '.join(workload.text for workload in running)}")
        return all(workload.lasting for workload in running)

    try:
        running = watch.wait_for(read, are_only_lasting, subject="the pods to end", seconds=PODS_SECONDS, longest=2)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        if not last:
            return [build_error_problem("quiesced.pods", error, "no pod of the applications")]
        running = last[0]
    return [build_pods_problem(context, "quiesced", running)] if running else []


def await_idle_database(
    context: GateContext, watch: Watch, database: Instance, facts: dict[str, object]
) -> Iterable[Problem]:
    """Waits until nobody uses the database; that it can't be asked is a problem too. Adds to `facts`."""
    facts["database"] = database.identifier
    try:
        use = observe_until_idle(context, watch, database)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        facts["unreachable"] = str(error)
        return [build_unreachable("quiesced", database, error)]
    interval = use.interval
    facts |= {
        "quiet_since": interval.first.at.isoformat(),
        "sessions": len(interval.sessions),
        "rows_written": interval.rows_written,
        "wal_bytes": interval.wal_bytes,
        **list_use_facts(use),
    }
    return find_activity_problems(context, database, use, "quiesced")


def await_snapshot_ready(context: GateContext, watch: Watch) -> Iterable[Problem]:
    """Waits until RDS takes a snapshot of the source: it refuses one during a backup or a modification (API reference
    of CreateDBSnapshot)."""
    source = context.plan.source
    if source is None:
        return []

    def is_settled(instance: Instance) -> bool:
        if instance.status not in SNAPSHOT_READY:
            watch.say(f"{instance.identifier} is {instance.status}; the safety snapshot needs it available")
        return instance.status in SNAPSHOT_READY or instance.status in BROKEN or instance.status in LEAVING

    try:
        instance = context.rds.wait_until(
            source.resource_id,
            is_settled,
            stop=watch.stop,
            say=watch.say,
            deadline=watch.deadline,
            subject=f"{source.identifier} to be available",
        )
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [build_snapshot_problem(source, error.problem.found if error.problem else str(error))]
    return [] if instance.status in SNAPSHOT_READY else [build_snapshot_problem(instance, f"status {instance.status}")]


def build_snapshot_problem(source: Instance, found: str) -> Problem:
    """Returns a problem named as the waiver that does without it: this gate's own would leave the snapshot to fail."""
    needed = f"status {' or '.join(sorted(SNAPSHOT_READY))} for the safety snapshot of {source.identifier}"
    return Problem(SAFETY_CHECK, found, needed, f"{describe_way_out(source.status, source.identifier)}; pulumi up")


def read_latest_of_source(context: GateContext) -> datetime | None:
    """Returns the last moment that the source can be restored to, as RDS says now."""
    source = context.find_source()
    return source.latest_restorable if source else None


def await_latest_restorable(context: GateContext, watch: Watch, facts: dict[str, object]) -> Iterable[Problem]:
    """Waits until everything written before it was quiet is restorable: RDS uploads its log every five minutes (User
    Guide, "Restoring a DB instance to a specified time for Amazon RDS").

    Of a database that couldn't be asked nobody knows when it was quiet: `latest` is then what it says now.
    """
    if "quiet_since" not in facts:
        facts["latest_restorable"] = str(read_latest_of_source(context))
        return []
    since = datetime.fromisoformat(str(facts["quiet_since"]))
    name = f"{watch.gate}.latest"
    waived = find_reason(name, watch.gate, context.settings.waive) is not None

    def read() -> datetime:
        latest = read_replicated_until(context) if context.settings.source_region else read_latest_of_source(context)
        if latest is None:
            raise TemporaryError("there is no LatestRestorableTime")
        return latest

    def is_reached(latest: datetime) -> bool:
        if latest < since:
            watch.say(f"waiting for LatestRestorableTime (now {latest:%H:%M:%S}) to pass {since:%H:%M:%S} UTC")
        return latest >= since

    try:
        latest = watch.wait_for(
            read,
            is_reached,
            subject="LatestRestorableTime",
            describe=datetime.isoformat,
            seconds=0 if waived else LATEST_SECONDS,
        )
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        needed = f"LatestRestorableTime after {since:{TIME_FORMAT}}: what is written until then isn't lost"
        return [Problem(name, str(error), needed, "pulumi up")]
    facts["latest_restorable"] = latest.isoformat()
    return []
