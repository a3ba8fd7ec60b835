"""PostgreSQL as the operator and as the application see it: logins, sessions, and whether anything writes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from restore.aws import Credential
from restore.model import Endpoint, Tls

APPLICATION_NAME = "pulumi-restore"


@dataclass(frozen=True)
class Session:
    """A client's session; never what it runs."""

    pid: int
    user: str
    database: str | None
    application: str
    address: str | None
    """Of the client, None for a local socket."""
    state: str | None
    started: datetime | None


@dataclass(frozen=True)
class Activity:
    """Counters of a server at one moment. `wal`: WAL position in bytes; `rows`: written in this database so far."""

    at: datetime
    wal: int
    rows: int
    commits: int


@dataclass(frozen=True)
class Quiet:
    """An observed interval on the source: who is connected, and what moved in it."""

    sessions: tuple[Session, ...]
    """Client sessions at the end of the interval other than ours and RDS's own."""
    prepared: tuple[str, ...]
    """Prepared transactions: they can still commit."""
    first: Activity
    last: Activity

    @property
    def rows_written(self) -> int:
        raise NotImplementedError

    @property
    def wal_bytes(self) -> int:
        raise NotImplementedError

    @property
    def quiet(self) -> bool:
        """No session, no prepared transaction, no row written."""
        raise NotImplementedError


@dataclass(frozen=True)
class Attempt:
    """A login as the application, tried at an endpoint."""

    user: str
    database: str
    server_version: str
    recovering: bool
    """Still in recovery: can't be written to."""
    missing_privileges: tuple[str, ...]
    """Tables of its schema on which the application's role can't select; `schema x: usage`."""


def connect(
    endpoint: Endpoint, credential: Credential, tls: Tls, database: str, *, statement_seconds: float = 30.0
) -> AbstractContextManager[psycopg.Connection[tuple[Any, ...]]]:
    """A read-only autocommit connection as `APPLICATION_NAME`, closed at the end of the `with`.

    Raises PermanentError (login refused, certificate not verified, root certificate missing, no such database)
    or TemporaryError (no route, refused, starting up, too many connections).
    """
    raise NotImplementedError


def sessions(connection: psycopg.Connection[tuple[Any, ...]]) -> tuple[Session, ...]:
    """Client sessions on all databases, without ours and RDS's own (rdsadmin, rdsrepladmin, ...)."""
    raise NotImplementedError


def quiet(
    connection: psycopg.Connection[tuple[Any, ...]], seconds: float = 3.0, stop: threading.Event | None = None
) -> Quiet:
    """Observe for an interval; connect to the application's database, whose row counters are compared."""
    raise NotImplementedError


def try_login(url: str, endpoint: Endpoint, tls: Tls) -> Attempt:
    """Log in with the application's own URL at another endpoint, verified as the operator's connections are.

    Reads only. Raises as `connect`; the text never contains the URL.
    """
    raise NotImplementedError


def attributed(
    found: Iterable[Session], pods: Mapping[str, Sequence[tuple[str, str | None]]]
) -> Mapping[str, tuple[Session, ...]]:
    """Sessions by Deployment; key "" holds those of nobody. `pods`: (name, address) of each Deployment's pods.

    By the client's address, else by an application_name that is the pod's name or begins with the Deployment's.
    """
    raise NotImplementedError
