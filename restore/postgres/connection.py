"""Connections as the operator: verified TLS, bounded statements, read-only unless something is to change."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from restore.errors import PermanentError, Problem
from restore.model.rds import Credential, Endpoint
from restore.model.request import Tls, build_certificates_command
from restore.postgres.errors import translate
from restore.redaction import register_secret
from validation.connect.target import NO_OTHER_SERVER, RESPONSIVE, build_tunnel_keywords

Connection = psycopg.Connection[tuple[Any, ...]]


APPLICATION_NAME = "pulumi-restore"


CHANGE_SECONDS = 300.0
"""CREATE DATABASE copies a template, and waits for a checkpoint before version 15."""


SYSTEM = "system"
"""libpq's word for the certificates that the machine trusts (PostgreSQL 16 and later)."""


@contextmanager
def connect(
    endpoint: Endpoint, credential: Credential, tls: Tls, database: str, *, statement_seconds: float = 30.0
) -> Generator[Connection]:
    """Yields a read-only autocommit connection as `APPLICATION_NAME`, closed at the end of the `with`.

    Raises PermanentError (login refused, certificate not verified, root certificate missing, no such database)
    or TemporaryError (no route, refused, starting up, too many connections); the same for what is asked in it.
    """
    login = build_operator_login(credential, database)
    with open_connection(login, endpoint, tls, statement_seconds) as connection:
        yield connection


@contextmanager
def administer(endpoint: Endpoint, credential: Credential, tls: Tls, database: str) -> Generator[Connection]:
    """Connects as `connect` does, but to change something; what is changed comes from restore/postgres/roles.py. Raises
    as `connect`."""
    login = build_operator_login(credential, database)
    with open_connection(login, endpoint, tls, CHANGE_SECONDS, read_only=False) as connection:
        yield connection


def build_operator_login(credential: Credential, database: str) -> dict[str, str]:
    """Returns the operator's login as libpq parameters: only PostgreSQL's own functions and operators are found without
    a schema's name, so that nothing in the database can stand in for them (PostgreSQL, "Schemas", "The System Catalog
    Schema")."""
    password = register_secret(credential.password)
    return {"user": credential.user, "password": password, "dbname": database, "options": "-c search_path=pg_catalog"}


@contextmanager
def open_connection(
    login: Mapping[str, str], endpoint: Endpoint, tls: Tls, statement_seconds: float, *, read_only: bool = True
) -> Generator[Connection]:
    """Connects as `connect` does, with libpq parameters for the login. Raises as `connect`."""
    settings = f"-c statement_timeout={int(statement_seconds * 1000)}"
    if read_only:
        settings = f"-c default_transaction_read_only=on {settings}"
    parameters: dict[str, Any] = {
        **RESPONSIVE,
        **login,
        "application_name": APPLICATION_NAME,
        "options": f"{login.get('options', '')} {settings}".strip(),
        "host": endpoint.host,
        **NO_OTHER_SERVER,
        "port": endpoint.port,
        **build_tunnel_keywords(endpoint.via),
        **build_tls_parameters(tls),
    }
    with translate(endpoint, login.get("user", ""), login.get("dbname", "")):
        connection = psycopg.connect(**parameters, autocommit=True)
        with connection:
            yield connection


def build_tls_parameters(tls: Tls) -> dict[str, str]:
    """Makes libpq's parameters for TLS. Raises PermanentError when the root certificate to verify with isn't there."""
    if tls.root_certificate and tls.root_certificate != SYSTEM and not Path(tls.root_certificate).is_file():
        raise PermanentError.of(build_no_certificate(tls.root_certificate))
    if not tls.root_certificate:
        raise PermanentError.of(build_no_certificate("none configured"))
    return {"sslmode": tls.mode, "sslrootcert": tls.root_certificate}


def build_no_certificate(found: str) -> Problem:
    """Returns the problem of a root certificate that isn't there."""
    needed = "the root certificates that RDS's server certificates are verified with"
    return Problem("config tls.rootCertificate", found, needed, build_certificates_command())
