"""PostgreSQL as the operator and as the application see it: logins, sessions, and whether anything writes.

Queries read the statistics views only; the operator's role needs pg_monitor (rds_superuser has it).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restore.errors import PermanentError, Problem, TemporaryError
from restore.model import RDS_CERTIFICATES, Credential, Endpoint, Tls
from restore.pgerrors import translated
from restore.redaction import redacted, register_secret
from validation.connect import urls

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

APPLICATION_NAME = "pulumi-restore"
OURS = (APPLICATION_NAME, "validation")
"""application_name of this program's own sessions, its validation's too; they count as ours with our user only."""
RDS_USERS = ("rdsadmin", "rdsrepladmin", "rdsproxyadmin", "rds_backup")
CONNECT_SECONDS = 10
CHANGE_SECONDS = 300.0
"""CREATE DATABASE copies a template, and waits for a checkpoint before version 15."""
SYSTEM = "system"
"""libpq's word for the certificates that the machine trusts (PostgreSQL 16 and later)."""
THEIR_FILES = ("hostaddr", "passfile", "service", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslpassword")
"""Parameters of an application's URL that name things of its own machine."""

SESSIONS = """
select pid, usename, datname, application_name, host(client_addr), state, backend_start
from pg_catalog.pg_stat_activity
where coalesce(backend_type, 'client backend') = 'client backend'
  and usename is not null
  and usename <> all (%(rds)s)
  and pid <> pg_catalog.pg_backend_pid()
  and not (usename = current_user and application_name = any (%(ours)s))
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
WHO = """
select current_user, current_database(), current_setting('server_version'), pg_catalog.pg_is_in_recovery()
"""
PRIVILEGES = """
select pg_catalog.has_schema_privilege(n.oid, 'usage'),
       coalesce(array_agg(c.relname::text order by c.relname) filter (where c.oid is not null), '{}'),
       coalesce(bool_or(pg_catalog.has_table_privilege(c.oid, 'select')), false)
from pg_catalog.pg_namespace n
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
where n.nspname = %(schema)s
group by n.oid
"""

ROW_SECONDS, ALL_ROWS_SECONDS = 10.0, 60.0
"""To read one row: of a table, and of any table at all."""
READABLE = """
with recursive parts(root, part) as (
  select i.inhparent, i.inhrelid from pg_catalog.pg_inherits i
  union
  select p.root, i.inhrelid from parts p join pg_catalog.pg_inherits i on i.inhparent = p.part
)
select n.nspname::text, c.relname::text, c.relkind = 'p'
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and pg_catalog.has_schema_privilege(n.oid, 'usage')
  and pg_catalog.has_any_column_privilege(c.oid, 'select')
  and (c.relkind = 'r' or not exists (
    select from parts p join pg_catalog.pg_class f on f.oid = p.part where p.root = c.oid and f.relkind = 'f'))
order by c.relrowsecurity, c.reltuples <= 0, c.relkind = 'p', c.relpages, c.oid
limit 200
"""
"""Tables of which the connection's user may read a row, those that need least for it first; nothing that a foreign
server or a view's query would answer."""


@dataclass(frozen=True)
class Session:
    """A client's session; never what it runs."""

    pid: int
    user: str
    database: str | None
    application: str
    address: str | None
    """Of the client, None for a local socket, and where the operator's role may not see it."""
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

    @property
    def rows_written(self) -> int:
        return self.last.rows - self.first.rows

    @property
    def wal_bytes(self) -> int:
        """RDS's own heartbeat and checkpoints write some; more than a few KB is somebody else."""
        return self.last.wal - self.first.wal

    @property
    def quiet(self) -> bool:
        """No session, no prepared transaction, no row written. Counters that went back prove nothing."""
        return not self.sessions and not self.prepared and self.rows_written == 0 and self.wal_bytes >= 0


@dataclass(frozen=True)
class Attempt:
    """A login as the application, tried at an endpoint."""

    user: str
    database: str
    server_version: str
    recovering: bool
    """Still in recovery: can't be written to."""
    schema: str
    """In which its tables are, by its URL."""
    missing_privileges: tuple[str, ...]
    """`usage on schema x`, or `select on x.t` for all tables of the schema when not one of them can be read."""


@contextmanager
def connect(
    endpoint: Endpoint, credential: Credential, tls: Tls, database: str, *, statement_seconds: float = 30.0
) -> Generator[Connection]:
    """A read-only autocommit connection as `APPLICATION_NAME`, closed at the end of the `with`.

    Raises PermanentError (login refused, certificate not verified, root certificate missing, no such database)
    or TemporaryError (no route, refused, starting up, too many connections); the same for what is asked in it.
    """
    login = {"user": credential.user, "password": register_secret(credential.password), "dbname": database}
    with _opened(login, endpoint, tls, statement_seconds) as connection:
        yield connection


@contextmanager
def administer(endpoint: Endpoint, credential: Credential, tls: Tls, database: str) -> Generator[Connection]:
    """As `connect`, but to change something; what is changed comes from restore/roles.py."""
    login = {"user": credential.user, "password": register_secret(credential.password), "dbname": database}
    with _opened(login, endpoint, tls, CHANGE_SECONDS, read_only=False) as connection:
        yield connection


@contextmanager
def _opened(
    login: Mapping[str, str], endpoint: Endpoint, tls: Tls, statement_seconds: float, *, read_only: bool = True
) -> Generator[Connection]:
    import psycopg  # a third of a second that a preview need not pay

    settings = f"-c statement_timeout={int(statement_seconds * 1000)}"
    if read_only:
        settings = f"-c default_transaction_read_only=on {settings}"
    parameters: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20000,
        **login,
        "application_name": APPLICATION_NAME,
        "options": f"{login.get('options', '')} {settings}".strip(),
        "host": endpoint.host,
        "hostaddr": "",  # else PGHOSTADDR of the environment would win over the host
        "port": endpoint.port,
        **tls_parameters(tls),
    }
    with translated(endpoint, login.get("user", ""), login.get("dbname", "")):
        connection = psycopg.connect(**parameters, autocommit=True)
        with connection:
            yield connection


def tls_parameters(tls: Tls) -> dict[str, str]:
    """libpq's parameters. Raises PermanentError when the root certificate to verify with isn't there."""
    if tls.root_certificate and tls.root_certificate != SYSTEM and not Path(tls.root_certificate).is_file():
        raise PermanentError.of(no_certificate(tls.root_certificate))
    if not tls.root_certificate:
        raise PermanentError.of(no_certificate("none configured"))
    return {"sslmode": tls.mode, "sslrootcert": tls.root_certificate}


def no_certificate(found: str) -> Problem:
    needed = "the root certificates that RDS's server certificates are verified with"
    fix = f"curl --fail --output rds.pem {RDS_CERTIFICATES}; pulumi config set --path tls.rootCertificate rds.pem"
    return Problem("config tls.rootCertificate", found, needed, fix)


def sessions(connection: Connection) -> tuple[Session, ...]:
    """Client sessions on all databases, without this program's and RDS's own (rdsadmin, ...).

    A session whose kind the operator's role may not see counts as a client's.
    """
    rows = connection.execute(SESSIONS, {"rds": list(RDS_USERS), "ours": list(OURS)}).fetchall()
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


def activity(connection: Connection) -> Activity:
    """The counters now."""
    row = connection.execute(ACTIVITY).fetchone()
    if row is None or row[0] is None:
        raise TemporaryError("the server doesn't tell its WAL position")
    wal, rows, commits, at = row
    return Activity(at=at.astimezone(UTC), wal=int(wal), rows=int(rows), commits=int(commits or 0))


def quiet(connection: Connection, seconds: float = 3.0, stop: threading.Event | None = None) -> Quiet:
    """Observe for an interval; connect to the application's database, whose row counters are compared.

    TemporaryError when stopped before its end.
    """
    first = activity(connection)
    if (stop or threading.Event()).wait(seconds):
        raise TemporaryError("stopped while observing whether the database is at rest")
    return Quiet(
        sessions=sessions(connection),
        prepared=tuple(str(gid) for (gid,) in connection.execute(PREPARED).fetchall()),
        first=first,
        last=activity(connection),
    )


def try_login(url: str, endpoint: Endpoint, tls: Tls) -> Attempt:
    """Log in with the application's own URL at another endpoint, verified as the operator's connections are.

    Reads only. Raises as `connect`, and PermanentError for a URL that can't be used; the text never contains it.
    """
    login = application_login(url)
    schema = urls.parse(url).parameters.get("schema") or "public"
    with _opened(login, endpoint, tls, statement_seconds=30.0) as connection:
        row = connection.execute(WHO).fetchone()
        if row is None:
            raise TemporaryError(f"{endpoint} didn't say who is logged in")
        user, database, version, recovering = row
        privileges = connection.execute(PRIVILEGES, {"schema": schema}).fetchone()
        return Attempt(str(user), str(database), str(version), bool(recovering), schema, missing(schema, privileges))


def read_row(url: str, endpoint: Endpoint, tls: Tls) -> str:
    """Logs in with the application's own URL at this endpoint and reads one row; returns the table that it is of.

    Nothing of the schema is run but, where no other table has a row, row security policies; each read is a read-only
    transaction of its own that is rolled back. Raises as `try_login`; PermanentError when no row can be read.
    """
    login = application_login(url)
    with _opened(login, endpoint, tls, ROW_SECONDS) as connection:
        return any_row(connection, f"PostgreSQL {endpoint}, user {login.get('user', '')}")


def any_row(connection: Connection, subject: str) -> str:
    """As `read_row`, in this autocommit connection, which is left with settings of its own."""
    import psycopg
    from psycopg import sql

    connection.read_only = True
    connection.execute("SET search_path TO pg_catalog")
    connection.execute("SET lock_timeout TO '5s'")
    tables = connection.execute(READABLE).fetchall()
    until, unread = time.monotonic() + ALL_ROWS_SECONDS, ""
    for schema, table, partitioned in tables:
        if time.monotonic() > until:
            unread = f"{ALL_ROWS_SECONDS:.0f} s were not enough"
            break
        only = sql.SQL("" if partitioned else "ONLY ")
        query = sql.SQL("SELECT 1 FROM {}{} LIMIT 1").format(only, sql.Identifier(schema, table))
        try:
            with connection.transaction(force_rollback=True):
                if connection.execute(query).fetchone():
                    return f"{schema}.{table}"
        except psycopg.Error as error:
            if connection.closed:
                raise
            unread = f"{schema}.{table}: {redacted(' '.join(str(error).split()))}"
    found = f"no row in the {len(tables)} tables that it may read" + (f" ({unread})" if unread else "")
    fix = "choose another recovery point under another id, or give the role its rights: GRANT SELECT ON <table> TO it"
    raise PermanentError.of(Problem(subject, found, "one row of any table, read with the application's login", fix))


def application_login(url: str) -> dict[str, str]:
    """The parameters of the application's URL that hold at any endpoint. Raises PermanentError. Pure."""
    try:
        login = urls.connection_parameters(url)
    except urls.UrlError as error:
        needed = "postgresql://user:password@host:port/database"
        raise PermanentError.of(Problem("the application's URL", str(error), needed, "see the secret's key")) from error
    register_secret(login.get("password", ""))
    return {name: value for name, value in login.items() if name not in THEIR_FILES}


def missing(schema: str, found: tuple[Any, ...] | None) -> tuple[str, ...]:
    """Rights the application can't do without, of PRIVILEGES' row. Pure."""
    if found is None:
        return (f"schema {schema} (it doesn't exist)",)
    usage, tables, readable = found
    if not usage:
        return (f"usage on schema {schema}",)
    return () if readable else tuple(f"select on {schema}.{table}" for table in tables)


def attributed(
    found: Iterable[Session], pods: Mapping[str, Sequence[tuple[str, str | None]]]
) -> Mapping[str, tuple[Session, ...]]:
    """Sessions by Deployment; key "" holds those of nobody. `pods`: (name, address) of each Deployment's pods.

    By the client's address, else by an application_name that is the pod's name or begins with the Deployment's.
    """
    by_app: dict[str, list[Session]] = {name: [] for name in ("", *pods)}
    for session in found:
        by_app[owner(session, pods)].append(session)
    return {name: tuple(items) for name, items in by_app.items()}


def owner(session: Session, pods: Mapping[str, Sequence[tuple[str, str | None]]]) -> str:
    """The Deployment a session belongs to, "" for none; of several names that fit, the longest."""
    by_address = [app for app, items in pods.items() if session.address in {a for _, a in items if a}]
    by_pod = [app for app, items in pods.items() if session.application in {name for name, _ in items}]
    by_name = [app for app in pods if session.application == app or session.application.startswith(f"{app}-")]
    for fitting in (by_pod, by_address, by_name):
        if fitting:
            return max(fitting, key=len)
    return ""
