"""psycopg's errors in this program's words.

A failed connection has no SQLSTATE in libpq, only a text; RDS's lc_messages is English.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.model.rds import Endpoint
from restore.model.request import build_certificates_command
from restore.redaction import redact

LOGIN_PAGE = 'docs/operate.md, "A database can\'t be reached, or refuses a login"'


@dataclass(frozen=True)
class Kind:
    """A permanent failure, recognised by its text."""

    pattern: re.Pattern[str]
    needed: str
    fix: str


def _make_kind(pattern: str, needed: str, fix: str) -> Kind:
    return Kind(re.compile(pattern, re.IGNORECASE), needed, fix)


PERMANENT = (
    _make_kind(
        r"(password|pam|ldap|gss\w*|certificate) authentication failed|role .* does not exist|not permitted to log in",
        "a login that the server accepts",
        LOGIN_PAGE,
    ),
    _make_kind(
        r"no pg_hba.conf entry|fe_sendauth: no password supplied",
        "a user, database and network that the server lets in over TLS",
        LOGIN_PAGE,
    ),
    _make_kind(
        r"database .* does not exist",
        "the application's database",
        "pulumi config set --path login.database <name>",
    ),
    _make_kind(
        r"certificate verify failed|does not match host name|unable to get local issuer|self.signed certificate"
        r"|root certificate file|weak sslmode|server does not support SSL|could not read root certificate",
        "a server certificate signed by the configured root, for this host name",
        build_certificates_command(),
    ),
    _make_kind(
        r"permission denied",
        "a role that may read this",
        'docs/permissions.md, "PostgreSQL"',
    ),
)


def find_kind(text: str) -> Kind | None:
    """Returns the permanent failure that a text tells of; None for those that may pass."""
    return next((kind for kind in PERMANENT if kind.pattern.search(text)), None)


def explain(endpoint: Endpoint, user: str, database: str, text: str, *, bad_request: bool = False) -> RestoreError:
    """Returns the error for a failure's text: permanent when trying again can't help."""
    subject = f"PostgreSQL {endpoint}, user {user}, database {database}"
    found = redact(" ".join(text.split())) or "no reason given"
    kind = find_kind(found)
    if kind:
        return PermanentError.of(Problem(subject, found, kind.needed, kind.fix))
    if bad_request:
        return PermanentError.of(
            Problem(
                subject,
                found,
                "a query that the server understands",
                "python -m restore report (send it to the maintainers of this program)",
            )
        )
    return TemporaryError.of(Problem(subject, found, "an answer", LOGIN_PAGE))


def is_wrong_password(error: RestoreError) -> bool:
    """Tells whether a login failed by its password, which another one may open."""
    return bool(error.problem and re.search("password authentication failed", error.problem.found))


@contextmanager
def translate(endpoint: Endpoint, user: str, database: str) -> Generator[None]:
    """Runs the context and raises psycopg's errors in it as PermanentError or TemporaryError."""
    import psycopg

    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise explain(endpoint, user, database, str(error)) from error
    except psycopg.Error as error:
        raise explain(endpoint, user, database, str(error), bad_request=True) from error
