"""Who is connected to a server, and whether anything writes. The role needs pg_monitor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from restore.errors import TemporaryError
from restore.postgres.connection import APPLICATION_NAME, Connection
from restore.postgres.roles import READ_PREFIX

OURS = (APPLICATION_NAME, "validation")
"""application_name of this program's own sessions, its validation's too. They count as ours only with our user, or with
the role that reads a loaded dump."""
READER = f"^{READ_PREFIX}[0-9]+$"


RDS_USERS = ("rdsadmin", "rdsrepladmin", "rdsproxyadmin", "rds_backup")


SESSIONS = """
select pid, usename, datname, application_name, host(client_addr), state, backend_start
from pg_catalog.pg_stat_activity
where coalesce(backend_type, 'client backend') = 'client backend'
  and usename is not null
  and usename <> all (%(rds)s)
  and pid <> pg_catalog.pg_backend_pid()
  and not (application_name = any (%(ours)s) and (usename = current_user or usename ~ %(reader)s))
order by pid
"""


PREPARED = "select gid from pg_catalog.pg_prepared_xacts order by prepared"


ACTIVITY = """
select (case when pg_catalog.pg_is_in_recovery()
          then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end
        - '0/0'::pg_lsn)::bigint,
       (select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_catalog.pg_stat_user_tables),
       (select xact_commit from pg_catalog.pg_stat_database where datname = current_database()),
       pg_catalog.clock_timestamp()
"""


@dataclass(frozen=True)
class Session:
    """A client's session; never what it runs."""

    pid: int
    user: str
    database: str | None
    application: str
    address: str | None
    """The client's IP address; None for a local socket, and where the operator's role may not see it."""
    state: str | None
    started: datetime | None


@dataclass(frozen=True)
class Activity:
    """Counters of a server at one moment, by its own clock. `wal`: position in bytes; `rows`: written so far."""

    at: datetime
    wal: int
    rows: int
    """Inserted, updated and deleted in the tables of the connection's database; of ended and idle sessions."""
    commits: int


@dataclass(frozen=True)
class Quiet:
    """An observed interval: who is connected, and what moved in it."""

    sessions: tuple[Session, ...]
    """Client sessions at the end of the interval other than ours and RDS's own."""
    prepared: tuple[str, ...]
    """Prepared transactions: they can still commit."""
    first: Activity
    last: Activity
    ignored: tuple[Session, ...] = ()
    """Sessions that a person has said don't write (config key quiet.ignore)."""

    @property
    def rows_written(self) -> int:
        return self.last.rows - self.first.rows

    @property
    def wal_bytes(self) -> int:
        """RDS's own heartbeat and checkpoints write some; more than a few KB is another writer."""
        return self.last.wal - self.first.wal

    @property
    def quiet(self) -> bool:
        """No session, no prepared transaction, no row written. Counters that went back prove nothing."""
        return not self.sessions and not self.prepared and self.rows_written == 0 and self.wal_bytes >= 0


def read_server_start(connection: Connection) -> datetime:
    """Returns when the server was started, to the microsecond: no two servers have the same. Raises TemporaryError when
    the server doesn't tell it."""
    row = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    if row is None:
        raise TemporaryError("the server doesn't tell when it was started")
    return row[0]


def list_sessions(connection: Connection) -> tuple[Session, ...]:
    """Reads the client sessions on all databases, without this program's and RDS's own (rdsadmin, ...).

    A session whose kind the operator's role may not see counts as a client's.
    """
    rows = connection.execute(SESSIONS, {"rds": list(RDS_USERS), "ours": list(OURS), "reader": READER}).fetchall()
    return tuple(
        Session(
            pid=int(pid),
            user=str(user),
            database=database,
            application=str(application or ""),
            address=address,
            state=state,
            started=started.astimezone(UTC) if started else None,
        )
        for pid, user, database, application, address, state, started in rows
    )


def read_activity(connection: Connection) -> Activity:
    """Reads the counters. Raises TemporaryError when the server doesn't tell its WAL position."""
    row = connection.execute(ACTIVITY).fetchone()
    if row is None or row[0] is None:
        raise TemporaryError("the server doesn't tell its WAL position")
    wal, rows, commits, at = row
    return Activity(at=at.astimezone(UTC), wal=int(wal), rows=int(rows), commits=int(commits or 0))


def observe(
    connection: Connection,
    seconds: float = 3.0,
    stop: threading.Event | None = None,
    ignored: Callable[[Session], bool] = lambda _: False,
) -> Quiet:
    """Observes for so many seconds; the connection is to the application's database, whose row counters are compared.

    `ignored` says which sessions don't count. Raises TemporaryError when stopped before the end.
    """
    first = read_activity(connection)
    if (stop or threading.Event()).wait(seconds):
        raise TemporaryError("stopped while observing whether the database is at rest")
    sessions = list_sessions(connection)
    return Quiet(
        sessions=tuple(session for session in sessions if not ignored(session)),
        ignored=tuple(session for session in sessions if ignored(session)),
        prepared=tuple(str(gid) for (gid,) in connection.execute(PREPARED).fetchall()),
        first=first,
        last=read_activity(connection),
    )


def attribute(
    sessions: Iterable[Session], pods: Mapping[str, Sequence[tuple[str, str | None]]]
) -> Mapping[str, tuple[Session, ...]]:
    """Returns the sessions by Deployment; key "" holds those of nobody. `pods`: (name, address) of each Deployment's
    pods.

    By the client's address, otherwise by an application_name that is the pod's name or begins with the Deployment's.
    """
    by_app: dict[str, list[Session]] = {name: [] for name in ("", *pods)}
    for session in sessions:
        by_app[find_deployment(session, pods)].append(session)
    return {name: tuple(items) for name, items in by_app.items()}


def find_deployment(session: Session, pods: Mapping[str, Sequence[tuple[str, str | None]]]) -> str:
    """Returns the Deployment a session belongs to, "" for none; of several names that fit, the longest."""
    by_address = [app for app, items in pods.items() if session.address in {a for _, a in items if a}]
    by_pod = [app for app, items in pods.items() if session.application in {name for name, _ in items}]
    by_name = [app for app in pods if session.application == app or session.application.startswith(f"{app}-")]
    for fitting in (by_pod, by_address, by_name):
        if fitting:
            return max(fitting, key=len)
    return ""
