"""Gate `quiesced`: nobody writes any more.

Zero replicas prove nothing, for pods write on until their grace period ends (kubernetes-facts 4). Quiet is: no pod,
terminating ones included; no client session but ours; no prepared transaction; no row written over an interval.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from restore import postgres
from restore.errors import Problem, TemporaryError
from restore.gates.hook import Proof, Watch
from restore.gates.world import World
from restore.model import Endpoint, Instance, Verdict
from restore.statuses import SNAPSHOT_READY
from restore.waiting import wait_for

SECONDS = 3600.0
INTERVAL_SECONDS = 3.0
SESSION_GRACE_SECONDS = float(os.environ.get("RESTORE_SESSION_GRACE_SECONDS", "90"))
"""How long sessions may outlive the pods: TCP to a killed client ends with the server's next write or keepalive.

The variable is for tests."""


def prove(world: World, watch: Watch) -> Proof:
    """Waits until the applications are gone, then proves rest on the database that they used."""
    without_pods(world, watch)
    endpoint = world.plan.apps[0].endpoint
    facts: dict[str, object] = {"deployments": [app.name for app in world.plan.apps], "endpoint": str(endpoint)}
    if gone(world, endpoint):
        facts["quiet_since"] = datetime.now(UTC).isoformat()
        return Proof(Verdict.PASS, "no pod is left; the database they used is gone", facts)
    rest = at_rest(world, watch, endpoint)
    problems = restless(rest, "quiesced")
    since = rest.first.at
    facts |= {
        "quiet_since": since.isoformat(),
        "sessions": len(rest.sessions),
        "rows_written": rest.rows_written,
        "wal_bytes": rest.wal_bytes,
    }
    if problems:
        return Proof(Verdict.FAIL, "somebody still uses the database", facts, problems)
    if world.plan.safety_snapshot and not world.plan.adopt_safety:
        ready_for_snapshot(world, watch)
    if world.plan.point.latest and world.plan.candidate_found is None:
        facts["latest_restorable"] = caught_up(world, watch, since).isoformat()
    return Proof(Verdict.PASS, f"no pod, no session and no row written since {since:%H:%M:%S} UTC", facts)


def gone(world: World, endpoint: Endpoint) -> bool:
    candidate = world.rds.instance(world.plan.candidate)
    if candidate and candidate.endpoint == endpoint:
        return False
    return world.source() is None


def without_pods(world: World, watch: Watch) -> None:
    """Waits until no Deployment has a pod left, by the API server's own word."""

    def none(found: list[str]) -> bool:
        if found:
            watch.say(f"waiting for pods to end: {', '.join(found)}")
        return not found

    wait_for(
        lambda: remaining(world),
        none,
        stop=watch.stop,
        deadline=watch.deadline,
        subject="the pods to end",
        found=", ".join,
        longest=2,
    )


def remaining(world: World) -> list[str]:
    """What still runs or will: `indexer-abc (terminating)`, `api-gateway wants 3 replicas`."""
    found: list[str] = []
    for name, one in world.namespace.deployments([app.name for app in world.plan.apps]).items():
        if one is None:
            continue
        if one.replicas:
            found.append(f"{name} wants {one.replicas} replicas")
        pods = world.namespace.pods(one.selector)
        found += [f"{pod.name} (terminating)" if pod.terminating else pod.name for pod in pods if not pod.ended]
        if not pods and one.terminating:
            found.append(f"{name}: {one.terminating} terminating")
    return found


def at_rest(world: World, watch: Watch, endpoint: Endpoint) -> postgres.Quiet:
    """Observes until the database is quiet; after the grace period returns what it found."""
    login = world.login(endpoint)
    grace = time.monotonic() + SESSION_GRACE_SECONDS
    with postgres.connect(endpoint, login, world.settings.tls, world.database) as connection:
        while True:
            rest = postgres.quiet(connection, INTERVAL_SECONDS, watch.stop)
            if rest.quiet or time.monotonic() > grace:
                return rest
            watch.say(f"waiting for {len(rest.sessions)} sessions to end and {rest.rows_written} rows to stop")
            watch.pause(1, "the database to be at rest")


def restless(rest: postgres.Quiet, gate: str) -> tuple[Problem, ...]:
    """One problem for each thing that moves; each may be waived by its name (`<gate>.sessions`), with a reason."""
    found: list[Problem] = []
    if rest.sessions:
        who = "; ".join(
            f"pid {one.pid} {one.user}@{one.database} {one.application or '(no application_name)'} from {one.address}"
            for one in rest.sessions[:10]
        )
        end = ", ".join(str(one.pid) for one in rest.sessions[:10])
        fix = f"stop these clients, or end them: SELECT pg_terminate_backend(pid) for pid {end}"
        found.append(Problem(f"{gate}.sessions", f"{len(rest.sessions)} client sessions: {who}", "none", fix))
    if rest.prepared:
        fix = "COMMIT PREPARED or ROLLBACK PREPARED each: it may commit at any time"
        found.append(Problem(f"{gate}.prepared", f"prepared transactions: {', '.join(rest.prepared)}", "none", fix))
    if rest.rows_written:
        fix = "find the writer: SELECT * FROM pg_stat_activity; a cron extension writes without a session of its own"
        found.append(
            Problem(f"{gate}.writes", f"{rest.rows_written} rows written in {INTERVAL_SECONDS:g} s", "none", fix)
        )
    return tuple(found)


def ready_for_snapshot(world: World, watch: Watch) -> None:
    """Waits until RDS takes a snapshot of the source: it refuses one during a backup or a modification."""
    source = world.plan.source
    if source is None:
        return

    def ready(found: Instance) -> bool:
        if found.status not in SNAPSHOT_READY:
            watch.say(f"{found.identifier} is {found.status}; the safety snapshot needs it available")
        return found.status in SNAPSHOT_READY

    world.rds.wait_until(
        source.resource_id,
        ready,
        stop=watch.stop,
        deadline=watch.deadline,
        subject=f"{source.identifier} to be available",
    )


def caught_up(world: World, watch: Watch, since: datetime) -> datetime:
    """Waits until everything written before `since` is restorable: RDS ships its log about every 5 minutes."""

    def restorable() -> datetime:
        source = world.source()
        if source is None or source.latest_restorable is None:
            raise TemporaryError("the source has no LatestRestorableTime")
        return source.latest_restorable

    def reached(found: datetime) -> bool:
        if found < since:
            watch.say(f"waiting for LatestRestorableTime (now {found:%H:%M:%S}) to pass {since:%H:%M:%S} UTC")
        return found >= since

    return wait_for(restorable, reached, stop=watch.stop, deadline=watch.deadline, subject="LatestRestorableTime")
