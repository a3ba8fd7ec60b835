"""Who still uses a database: the applications' pods, client sessions, prepared transactions, and rows written.

Zero replicas prove nothing, for pods write on until their grace period ends (Kubernetes documentation, "Termination of
Pods").
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from restore import postgres
from restore.errors import Problem, TemporaryError
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.kubernetes import Pod
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN

OVERDUE = timedelta(minutes=2)
"""How long a pod may outlive its grace period, clocks being what they are, before its node counts as dead."""
INTERVAL_SECONDS = 3.0
SHOWN = 10
"""Sessions that a problem names, and that its command ends."""
WRITTEN = (
    "SELECT relid::regclass, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables "
    "ORDER BY n_tup_ins + n_tup_upd + n_tup_del DESC LIMIT 20"
)
PREPARED = "SELECT format('ROLLBACK PREPARED %L', gid), owner, database, prepared FROM pg_prepared_xacts"


# Pods


@dataclass(frozen=True)
class RunningWorkload:
    """What of a Deployment may still write: one of its pods, or a number of replicas that it is to have."""

    text: str
    """`indexer-abc (terminating)`"""
    command: str
    """kubectl's arguments behind the namespace, to look at it or to end it."""
    lasting: bool = False
    """Waiting doesn't end it."""


def list_running(context: GateContext) -> list[RunningWorkload]:
    """What the API server says of the Deployments and their pods. Raises RestoreError."""
    now = datetime.now(UTC)
    running: list[RunningWorkload] = []
    for name, deployment in context.namespace.deployments([app.name for app in context.plan.apps]).items():
        if deployment is None:
            continue
        if deployment.replicas:
            scale = f"scale deployment/{name} --replicas=0"
            running.append(RunningWorkload(f"{name} wants {deployment.replicas} replicas", scale))
        listing = f"get pods -l {shlex.quote(deployment.selector)} -o wide"
        pods = context.namespace.pods(deployment.selector)
        running += [_running_pod(pod, listing, now) for pod in pods if not pod.ended]
        if not pods and deployment.terminating:
            running.append(RunningWorkload(f"{name}: {deployment.terminating} terminating", listing))
    return running


def _running_pod(pod: Pod, listing: str, now: datetime) -> RunningWorkload:
    if pod.terminating and pod.to_end is not None and now - pod.to_end > OVERDUE:
        text = f"{pod.name} (should have ended at {pod.to_end:%H:%M:%S} UTC; node {pod.node} doesn't say that it has)"
        return RunningWorkload(text, f"delete pod {pod.name} --force --grace-period=0", lasting=True)
    return RunningWorkload(f"{pod.name} (terminating)" if pod.terminating else pod.name, listing)


def pods_problem(context: GateContext, gate: str, running: Sequence[RunningWorkload]) -> Problem:
    """The problem `<gate>.pods`."""
    commands = dict.fromkeys(f"kubectl -n {context.settings.namespace} {workload.command}" for workload in running)
    fix = "; ".join([*commands, "pulumi up"])
    if any(workload.lasting for workload in running):
        fix += " (delete a pod by force only when its node is gone for good: docs/troubleshooting.md)"
    return Problem(f"{gate}.pods", "; ".join(item.text for item in running), "no pod of the applications", fix)


# The database


def observe_until_idle(context: GateContext, watch: Watch, database: Instance) -> postgres.Quiet:
    """Observes until nobody uses the database, or the grace period (config key quiet.graceSeconds) is over.

    Raises RestoreError when it can't be asked: at once where RDS says why, or where trying again can't help.
    """
    grace = 0.0 if database.status in BROKEN else context.settings.quiet.grace_seconds
    end = time.monotonic() + grace
    while True:
        try:
            with context.connect(database) as connection:
                return _observe(watch, connection, end)
        except TemporaryError as error:
            if watch.stop.is_set() or time.monotonic() > end:
                raise
            watch.say(f"{database.identifier} doesn't answer: {error.problem.found if error.problem else error}")
            watch.pause(1, f"{database.identifier} to answer")


def _observe(watch: Watch, connection: postgres.Connection, end: float) -> postgres.Quiet:
    while True:
        interval = postgres.observe(connection, INTERVAL_SECONDS, watch.stop)
        if interval.quiet or time.monotonic() > end:
            return interval
        watch.say(f"waiting for {len(interval.sessions)} sessions to end and {interval.rows_written} rows to stop")
        watch.pause(1, "the database to be at rest")


def activity_problems(
    context: GateContext, database: Instance, interval: postgres.Quiet, gate: str
) -> tuple[Problem, ...]:
    """One problem for each thing that moves; each may be waived by its name (`<gate>.sessions`), with a reason."""
    problems: list[Problem] = []
    if interval.sessions:
        found = f"{len(interval.sessions)} client sessions: {describe_sessions(interval.sessions)}"
        fix = f"{ending_command(context, database, interval.sessions)}; pulumi up"
        problems.append(Problem(f"{gate}.sessions", found, "none", fix))
    if interval.prepared:
        found = f"prepared transactions, each of which may commit at any time: {', '.join(interval.prepared)}"
        fix = f"{psql_command(context, database, PREPARED)} (run what it prints, in its database); pulumi up"
        problems.append(Problem(f"{gate}.prepared", found, "none", fix))
    if interval.rows_written:
        found = f"{interval.rows_written} rows written in {INTERVAL_SECONDS:g} s"
        fix = f"{psql_command(context, database, WRITTEN)} (shows the tables: stop what writes them); pulumi up"
        problems.append(Problem(f"{gate}.writes", found, "none", fix))
    return tuple(problems)


def describe_sessions(sessions: Iterable[postgres.Session]) -> str:
    return "; ".join(
        f"pid {session.pid} {session.user}@{session.database} {session.application or '(no application_name)'} "
        f"from {session.address}"
        for session in list(sessions)[:SHOWN]
    )


def ending_command(context: GateContext, database: Instance, sessions: Sequence[postgres.Session]) -> str:
    """The command that ends these sessions."""
    pids = ", ".join(str(session.pid) for session in sessions[:SHOWN])
    statement = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN ({pids})"  # noqa: S608 (numbers)
    return psql_command(context, database, statement)


def psql_command(context: GateContext, database: Instance, statement: str) -> str:
    """The command that runs a statement there as the operator; psql asks for the password."""
    host = database.endpoint.host if database.endpoint else "<host>"
    port = database.endpoint.port if database.endpoint else "<port>"
    tls = f"sslmode={context.settings.tls.mode} sslrootcert={context.settings.tls.root_certificate}"
    login = f"host={host} port={port} user={context.settings.login.user} dbname={context.database} {tls}"
    return f"psql {shlex.quote(login)} -c {shlex.quote(statement)}"
