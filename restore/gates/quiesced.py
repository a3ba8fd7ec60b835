"""Gate `quiesced`: nobody writes any more.

Zero replicas prove nothing, for pods write on until their grace period ends (Kubernetes documentation,
"Termination of Pods"). Quiet is: no pod,
terminating ones included; no client session but ours; no prepared transaction; no row written over an interval.
A pod or a database that can't be asked is a problem with a name: a person may know what the program can't see.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from restore import postgres
from restore.config.keys import SAFETY_CHECK
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.context import GateContext, unreachable
from restore.gates.hook import Proof, Watch
from restore.kubernetes import Pod
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN, LEAVING, SNAPSHOT_READY, way_out
from restore.model.waivers import reason
from restore.polling import wait_for
from restore.units import TIME_FORMAT
from validation.verdict import Verdict

SECONDS = 3600.0
PODS_SECONDS = 1800.0
LATEST_SECONDS = 1800.0
OVERDUE = timedelta(minutes=2)
"""How long a pod may outlive its grace period, clocks being what they are, before its node counts as dead."""
INTERVAL_SECONDS = 3.0
SESSION_GRACE_SECONDS = float(os.environ.get("RESTORE_SESSION_GRACE_SECONDS", "90"))
"""How long sessions may outlive the pods: TCP to a killed client ends with the server's next write or keepalive.

The variable is for tests."""


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits until the applications are gone, proves rest on the database that they used, and that it can be kept."""
    facts: dict[str, object] = {
        "deployments": [app.name for app in context.plan.apps],
        "endpoint": str(context.plan.apps[0].endpoint),
    }
    problems = list(without_pods(context, watch))
    database = context.serving()
    if database is None:
        facts["quiet_since"] = datetime.now(UTC).isoformat()
        return verdict(problems, facts, "no pod is left; the database they used is gone")
    problems += resting(context, watch, database, facts)
    if any(reason(problem.subject, watch.gate, context.settings.waive) is None for problem in problems):
        return verdict(problems, facts, "")
    if context.plan.safety_snapshot and not context.plan.adopt_safety:
        problems += ready_for_snapshot(context, watch)
    if context.plan.point.latest and context.plan.candidate_found is None:
        problems += caught_up(context, watch, facts)
    since = str(facts.get("quiet_since", ""))[11:19]
    return verdict(problems, facts, f"no pod, no session and no row written since {since} UTC")


def verdict(problems: list[Problem], facts: dict[str, object], passed: str) -> Proof:
    if not problems:
        return Proof(Verdict.PASS, passed, facts)
    unasked = all(problem.subject.endswith(".unreachable") for problem in problems)
    if unasked:
        return Proof(Verdict.INCONCLUSIVE, "the database can't be asked who uses it", facts, tuple(problems))
    return Proof(Verdict.FAIL, "somebody may still use the database", facts, tuple(problems))


# Pods


def without_pods(context: GateContext, watch: Watch) -> Iterable[Problem]:
    """Waits until no Deployment has a pod left, by the API server's own word, or none but those of dead nodes."""
    last: list[dict[str, bool]] = []

    def read() -> dict[str, bool]:
        last[:] = [pods_left(context)]
        return last[0]

    def settled(found: dict[str, bool]) -> bool:
        if found:
            watch.say(f"waiting for pods to end: {', '.join(found)}")
        return all(found.values())

    try:
        found = wait_for(
            read,
            settled,
            stop=watch.stop,
            deadline=min(watch.deadline, watch.now() + PODS_SECONDS),
            subject="the pods to end",
            found=", ".join,
            longest=2,
        )
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [running(context, "quiesced", list(last[0]) if last else [str(error)])]
    return [running(context, "quiesced", list(found))] if found else []


def running(context: GateContext, gate: str, found: list[str]) -> Problem:
    """The problem `<gate>.pods`: what may still write."""
    namespace = context.settings.namespace
    fix = (
        f"kubectl -n {namespace} get pods -o wide; of a node that is gone for good: "
        f"kubectl -n {namespace} delete pod <name> --force --grace-period=0; of one that runs again: pulumi up"
    )
    return Problem(f"{gate}.pods", "; ".join(found), "no pod of the applications", fix)


def pods_left(context: GateContext) -> dict[str, bool]:
    """What still runs or will, as `indexer-abc (terminating)`; true for what waiting won't end."""
    now = datetime.now(UTC)
    found: dict[str, bool] = {}
    for name, one in context.namespace.deployments([app.name for app in context.plan.apps]).items():
        if one is None:
            continue
        if one.replicas:
            found[f"{name} wants {one.replicas} replicas"] = False
        pods = context.namespace.pods(one.selector)
        found |= {spoken(pod, now): overdue(pod, now) for pod in pods if not pod.ended}
        if not pods and one.terminating:
            found[f"{name}: {one.terminating} terminating"] = False
    return found


def overdue(pod: Pod, now: datetime) -> bool:
    return pod.terminating and pod.to_end is not None and now - pod.to_end > OVERDUE


def spoken(pod: Pod, now: datetime) -> str:
    if overdue(pod, now):
        return f"{pod.name} (should have ended at {pod.to_end:%H:%M:%S} UTC; node {pod.node} doesn't say that it has)"
    return f"{pod.name} (terminating)" if pod.terminating else pod.name


# The database


def resting(context: GateContext, watch: Watch, database: Instance, facts: dict[str, object]) -> Iterable[Problem]:
    """That nobody uses the database; a problem as well when it can't be asked."""
    facts["database"] = database.identifier
    try:
        rest = at_rest(context, watch, database)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        facts["unreachable"] = str(error)
        return [unreachable("quiesced", database, error)]
    facts |= {
        "quiet_since": rest.first.at.isoformat(),
        "sessions": len(rest.sessions),
        "rows_written": rest.rows_written,
        "wal_bytes": rest.wal_bytes,
    }
    return restless(context, database, rest, "quiesced")


def at_rest(context: GateContext, watch: Watch, database: Instance) -> postgres.Quiet:
    """Observes until the database is quiet; after the grace period returns what it found, or raises what keeps it from
    being asked: at once where RDS says why, or where trying again can't help."""
    grace = time.monotonic() + (0 if database.status in BROKEN else SESSION_GRACE_SECONDS)
    while True:
        try:
            with context.connected(database) as connection:
                return observed(watch, connection, grace)
        except TemporaryError as error:
            if watch.stop.is_set() or time.monotonic() > grace:
                raise
            watch.say(f"{database.identifier} doesn't answer: {error.problem.found if error.problem else error}")
            watch.pause(1, f"{database.identifier} to answer")


def observed(watch: Watch, connection: postgres.Connection, grace: float) -> postgres.Quiet:
    while True:
        rest = postgres.quiet(connection, INTERVAL_SECONDS, watch.stop)
        if rest.quiet or time.monotonic() > grace:
            return rest
        watch.say(f"waiting for {len(rest.sessions)} sessions to end and {rest.rows_written} rows to stop")
        watch.pause(1, "the database to be at rest")


def restless(context: GateContext, database: Instance, rest: postgres.Quiet, gate: str) -> tuple[Problem, ...]:
    """One problem for each thing that moves; each may be waived by its name (`<gate>.sessions`), with a reason."""
    found: list[Problem] = []
    if rest.sessions:
        who = "; ".join(
            f"pid {one.pid} {one.user}@{one.database} {one.application or '(no application_name)'} from {one.address}"
            for one in rest.sessions[:10]
        )
        ended = ", ".join(f"pg_terminate_backend({one.pid})" for one in rest.sessions[:10])
        fix = f"stop these clients, or end their sessions: {by_psql(context, database, f'SELECT {ended}')}"
        found.append(Problem(f"{gate}.sessions", f"{len(rest.sessions)} client sessions: {who}", "none", fix))
    if rest.prepared:
        ask = by_psql(context, database, "SELECT gid, owner, database, prepared FROM pg_prepared_xacts")
        fix = f"each may commit at any time: {ask}; then COMMIT PREPARED '<gid>', or ROLLBACK PREPARED '<gid>'"
        found.append(Problem(f"{gate}.prepared", f"prepared transactions: {', '.join(rest.prepared)}", "none", fix))
    if rest.rows_written:
        ask = (
            "SELECT relid::regclass, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables "
            "ORDER BY n_tup_ins + n_tup_upd + n_tup_del DESC LIMIT 20"
        )
        fix = f"find the writer (pg_cron has no session): {by_psql(context, database, ask)}"
        found.append(
            Problem(f"{gate}.writes", f"{rest.rows_written} rows written in {INTERVAL_SECONDS:g} s", "none", fix)
        )
    return tuple(found)


def by_psql(context: GateContext, database: Instance, statement: str) -> str:
    """The command that runs a statement there as the operator; psql asks for the password."""
    host = database.endpoint.host if database.endpoint else "<host>"
    port = database.endpoint.port if database.endpoint else "<port>"
    tls = f"sslmode={context.settings.tls.mode} sslrootcert={context.settings.tls.root_certificate}"
    login = f"host={host} port={port} user={context.settings.login.user} dbname={context.database} {tls}"
    return f"psql {shlex.quote(login)} -c {shlex.quote(statement)}"


# What is kept of it


def ready_for_snapshot(context: GateContext, watch: Watch) -> Iterable[Problem]:
    """Waits until RDS takes a snapshot of the source: it refuses one during a backup or a modification."""
    source = context.plan.source
    if source is None:
        return []

    def settled(found: Instance) -> bool:
        if found.status not in SNAPSHOT_READY:
            watch.say(f"{found.identifier} is {found.status}; the safety snapshot needs it available")
        return found.status in SNAPSHOT_READY or found.status in BROKEN or found.status in LEAVING

    try:
        found = context.rds.wait_until(
            source.resource_id,
            settled,
            stop=watch.stop,
            deadline=watch.deadline,
            subject=f"{source.identifier} to be available",
        )
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [no_snapshot(source, error.problem.found if error.problem else str(error))]
    return [] if found.status in SNAPSHOT_READY else [no_snapshot(found, f"status {found.status}")]


def no_snapshot(source: Instance, found: str) -> Problem:
    """Named as the waiver that does without it: this gate's own would leave the snapshot to fail."""
    needed = f"status {' or '.join(sorted(SNAPSHOT_READY))} for the safety snapshot of {source.identifier}"
    return Problem(SAFETY_CHECK, found, needed, f"{way_out(source.status, source.identifier)}; pulumi up")


def caught_up(context: GateContext, watch: Watch, facts: dict[str, object]) -> Iterable[Problem]:
    """Waits until everything written before it was quiet is restorable: RDS ships its log about every 5 minutes.

    Of a database that couldn't be asked nobody knows when it was quiet: `latest` is then what it says now."""
    if "quiet_since" not in facts:
        source = context.source()
        facts["latest_restorable"] = str(source.latest_restorable) if source else None
        return []
    since = datetime.fromisoformat(str(facts["quiet_since"]))
    name = f"{watch.gate}.latest"
    waived = reason(name, watch.gate, context.settings.waive) is not None

    def restorable() -> datetime:
        source = context.source()
        if source is None or source.latest_restorable is None:
            raise TemporaryError("the source has no LatestRestorableTime")
        return source.latest_restorable

    def reached(found: datetime) -> bool:
        if found < since:
            watch.say(f"waiting for LatestRestorableTime (now {found:%H:%M:%S}) to pass {since:%H:%M:%S} UTC")
        return found >= since

    try:
        found = wait_for(
            restorable,
            reached,
            stop=watch.stop,
            deadline=watch.now() if waived else min(watch.deadline, watch.now() + LATEST_SECONDS),
            subject="LatestRestorableTime",
            found=datetime.isoformat,
        )
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        needed = f"LatestRestorableTime after {since:{TIME_FORMAT}}: what is written until then isn't lost"
        return [Problem(name, str(error), needed, "pulumi up")]
    facts["latest_restorable"] = found.isoformat()
    return []
