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
from functools import partial
from typing import Any

from restore import postgres
from restore.errors import Problem, TemporaryError
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.kubernetes import Pod
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN
from restore.model.request import Settings

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
    """Returns what the API server says of the Deployments and their pods. Raises RestoreError."""
    now = datetime.now(UTC)
    running: list[RunningWorkload] = []
    for name, deployment in context.namespace.read_deployments([app.name for app in context.plan.apps]).items():
        if deployment is None:
            continue
        if deployment.replicas:
            scale = f"scale deployment/{name} --replicas=0"
            running.append(RunningWorkload(f"{name} wants {deployment.replicas} replicas", scale))
        listing = f"get pods -l {shlex.quote(deployment.selector)} -o wide"
        pods = context.namespace.list_pods(deployment.selector)
        running += [_build_running_pod(pod, listing, now) for pod in pods if not pod.ended]
        if not pods and deployment.terminating:
            running.append(RunningWorkload(f"{name}: {deployment.terminating} terminating", listing))
    return running


def _build_running_pod(pod: Pod, listing: str, now: datetime) -> RunningWorkload:
    if pod.terminating and pod.to_end is not None and now - pod.to_end > OVERDUE:
        text = f"{pod.name} (should have ended at {pod.to_end:%H:%M:%S} UTC; node {pod.node} doesn't say that it has)"
        return RunningWorkload(text, f"delete pod {pod.name} --force --grace-period=0", lasting=True)
    return RunningWorkload(f"{pod.name} (terminating)" if pod.terminating else pod.name, listing)


def build_pods_problem(context: GateContext, gate: str, running: Sequence[RunningWorkload]) -> Problem:
    """Returns the problem `<gate>.pods`."""
    commands = dict.fromkeys(f"kubectl -n {context.settings.namespace} {workload.command}" for workload in running)
    fix = "; ".join([*commands, "pulumi up"])
    if any(workload.lasting for workload in running):
        fix += " (delete a pod by force only when its node is gone for good: docs/troubleshooting.md)"
    return Problem(f"{gate}.pods", "; ".join(item.text for item in running), "no pod of the applications", fix)


# The database


@dataclass(frozen=True)
class DatabaseUse:
    """Who uses a database, and what it has counted as written until now."""

    interval: postgres.Quiet
    counters: postgres.WriteCounters
    writers: tuple[postgres.BackgroundWriter, ...] = ()


def observe_until_idle(context: GateContext, watch: Watch, database: Instance) -> DatabaseUse:
    """Observes until nobody uses the database, or the grace period (config key quiet.graceSeconds) is over.

    Raises RestoreError when it can't be asked: at once where RDS says why, or where trying again can't help.
    """
    grace = 0.0 if database.status in BROKEN else context.settings.quiet.grace_seconds
    end = time.monotonic() + grace
    while True:
        try:
            with context.connect(database) as connection:
                interval = _observe(context, watch, connection, end)
                counters = postgres.read_counters(connection)
                return DatabaseUse(interval, counters, _find_background_writers(context, database, connection))
        except TemporaryError as error:
            if watch.stop.is_set() or time.monotonic() > end:
                raise
            watch.say(f"{database.identifier} doesn't answer: {error.problem.found if error.problem else error}")
            watch.pause(1, f"{database.identifier} to answer")


def _observe(context: GateContext, watch: Watch, connection: postgres.Connection, end: float) -> postgres.Quiet:
    while True:
        interval = postgres.observe(connection, INTERVAL_SECONDS, watch.stop, partial(is_ignored, context.settings))
        if interval.quiet or time.monotonic() > end:
            return interval
        watch.say(f"waiting for {len(interval.sessions)} sessions to end and {interval.rows_written} rows to stop")
        watch.pause(1, "the database to be at rest")


def is_ignored(settings: Settings, session: postgres.Session) -> bool:
    """Tells whether a person has said that this session never writes (config key quiet.ignore)."""
    return any(item.covers(session.user, session.application, session.address) for item in settings.quiet.ignore)


def _find_background_writers(
    context: GateContext, database: Instance, connection: postgres.Connection
) -> tuple[postgres.BackgroundWriter, ...]:
    """What writes without a session: the jobs of pg_cron stand in a database of their own."""
    cron, writers = postgres.read_settings(connection)
    writers += postgres.list_subscriptions(connection)
    if cron == context.database:
        writers += postgres.list_cron_jobs(connection, cron)
    elif cron:
        with context.connect(database, cron) as home:
            writers += postgres.list_cron_jobs(home, cron)
    return tuple(writers)


def list_use_facts(use: DatabaseUse) -> dict[str, Any]:
    """Returns what the evidence keeps of it, besides the counts that each gate names itself."""
    ignored = {f"{session.user} {session.application}".strip() for session in use.interval.ignored}
    return {
        "counters": use.counters.as_json(),
        **({"ignored_sessions": sorted(ignored)} if ignored else {}),
        **({"background_writers": [f"{writer.kind}:{writer.name}" for writer in use.writers]} if use.writers else {}),
    }


def find_activity_problems(
    context: GateContext, database: Instance, use: DatabaseUse, gate: str
) -> tuple[Problem, ...]:
    """Returns one problem for each thing that moves; each may be waived by its name (`<gate>.sessions`), with a
    reason."""
    interval = use.interval
    problems: list[Problem] = []
    if interval.sessions:
        found = f"{len(interval.sessions)} client sessions: {describe_sessions(interval.sessions)}"
        fix = f"{build_ending_command(context, database, interval.sessions)}; pulumi up"
        problems.append(Problem(f"{gate}.sessions", found, "none", fix))
    if interval.prepared:
        found = f"prepared transactions, each of which may commit at any time: {', '.join(interval.prepared)}"
        fix = f"{build_psql_command(context, database, PREPARED)} (run what it prints, in its database); pulumi up"
        problems.append(Problem(f"{gate}.prepared", found, "none", fix))
    if interval.rows_written:
        found = f"{interval.rows_written} rows written in {INTERVAL_SECONDS:g} s"
        fix = f"{build_psql_command(context, database, WRITTEN)} (shows the tables: stop what writes them); pulumi up"
        problems.append(Problem(f"{gate}.writes", found, "none", fix))
    problems += [build_writer_problem(context, database, writer, gate) for writer in use.writers]
    return tuple(problems)


def build_writer_problem(
    context: GateContext, database: Instance, writer: postgres.BackgroundWriter, gate: str
) -> Problem:
    """Returns the problem `<gate>.cron:<job>`, `<gate>.subscription:<name>` or `<gate>.partman:<database>`."""
    writes = f"writes to {writer.database} without a client's session"
    needed = "none that is active while nobody may write"
    fix = f"{build_psql_command(context, database, writer.statement, writer.home)}; pulumi up"
    match writer.kind:
        case postgres.WriterKind.CRON:
            return Problem(f"{gate}.cron:{writer.name}", f"an active job of pg_cron {writes}", needed, fix)
        case postgres.WriterKind.SUBSCRIPTION:
            return Problem(f"{gate}.subscription:{writer.name}", f"an enabled subscription {writes}", needed, fix)
        case postgres.WriterKind.PARTMAN:
            reset = f"{reset_worker(database)}; pulumi up"
            return Problem(f"{gate}.partman:{writer.name}", f"pg_partman's worker {writes}", needed, reset)


def reset_worker(database: Instance) -> str:
    """Returns the command that leaves pg_partman's worker without a database."""
    group = database.settings.parameter_group_name or "<parameter group>"
    parameters = "ParameterName=pg_partman_bgw.dbname,ApplyMethod=immediate"
    return f"aws rds reset-db-parameter-group --db-parameter-group-name {group} --parameters {parameters}"


def describe_sessions(sessions: Iterable[postgres.Session]) -> str:
    return "; ".join(
        f"pid {session.pid} {session.user}@{session.database} {session.application or '(no application_name)'} "
        f"from {session.address}"
        for session in list(sessions)[:SHOWN]
    )


def build_ending_command(context: GateContext, database: Instance, sessions: Sequence[postgres.Session]) -> str:
    """Returns the command that ends these sessions."""
    pids = ", ".join(str(session.pid) for session in sessions[:SHOWN])
    statement = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN ({pids})"  # noqa: S608 (numbers)
    return build_psql_command(context, database, statement)


def build_psql_command(context: GateContext, database: Instance, statement: str, name: str = "") -> str:
    """Returns the command that runs a statement there as the operator, in the application's database or in that of this
    name; psql asks for the password."""
    return f"{_build_psql(context, database, name)} -c {shlex.quote(statement)}"


def build_psql_file_command(context: GateContext, database: Instance, path: str) -> str:
    """Returns the command that runs a file there as the operator, in the application's database."""
    return f"{_build_psql(context, database, '')} -f {shlex.quote(path)}"


def _build_psql(context: GateContext, database: Instance, name: str) -> str:
    host = database.endpoint.host if database.endpoint else "<host>"
    port = database.endpoint.port if database.endpoint else "<port>"
    tls = f"sslmode={context.settings.tls.mode} sslrootcert={context.settings.tls.root_certificate}"
    login = f"host={host} port={port} user={context.settings.login.user} dbname={name or context.database} {tls}"
    return f"psql {shlex.quote(login)}"
