"""One database of a rotation: its roles get their new passwords, and that the old ones are dead is proved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from restore import postgres
from restore.aws import Rds
from restore.credentials.plan import COMMAND, LEAVE_SOURCE
from restore.errors import PermanentError, Problem, RestoreError
from restore.model.rds import Credential, Endpoint, Instance
from restore.model.request import Tls
from restore.polling import wait_for
from restore.postgres.errors import is_wrong_password
from restore.postgres.passwords import end_sessions, is_password_accepted, list_other_logins, set_password

MAINTENANCE = "postgres"
"""The database that every instance has; roles are of the whole server."""
RDS_SECONDS = 900.0
"""RDS sets a master password as soon as it can, which is after what else it does with the instance."""


@dataclass(frozen=True)
class RolePassword:
    """One role: how it logs in, and its passwords of before and after."""

    user: str
    new: str = field(repr=False)
    old: tuple[str, ...] = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    """libpq's, without the password."""

    def build_login(self, password: str) -> dict[str, str]:
        return {**self.parameters, "user": self.user, "password": password}


@dataclass(frozen=True)
class OperatorLogins:
    """The operator's logins that a server may know, newest first; one of IAM is made for each server."""

    user: str
    passwords: tuple[str, ...] = field(repr=False)
    make_token: Callable[[Endpoint], Credential] | None = None

    def list_credentials(self, endpoint: Endpoint) -> Iterable[Credential]:
        if self.make_token:
            return [self.make_token(endpoint)]
        return [Credential(self.user, password) for password in self.passwords]


def require_endpoint(database: Instance) -> Endpoint:
    """Raises PermanentError for an instance that has none."""
    if database.endpoint is None:
        fix = f"aws rds wait db-instance-available --db-instance-identifier {database.identifier}; {COMMAND}"
        subject = f"instance {database.identifier}"
        raise PermanentError.of(Problem(subject, f"status {database.status}, no endpoint", "an address", fix))
    return database.endpoint


def find_login(database: Instance, logins: OperatorLogins, tls: Tls) -> Credential | None:
    """Returns the operator's login that this server accepts; None when it refuses the password of each.

    Raises RestoreError when the server can't be asked."""
    endpoint = require_endpoint(database)
    for credential in logins.list_credentials(endpoint):
        try:
            with postgres.connect(endpoint, credential, tls, MAINTENANCE):
                return credential
        except RestoreError as error:
            if not is_wrong_password(error):
                raise
    return None


def list_left_alone(database: Instance, login: Credential, tls: Tls, roles: Iterable[str]) -> tuple[str, ...]:
    """Returns the roles that keep their password there."""
    with postgres.connect(require_endpoint(database), login, tls, MAINTENANCE) as connection:
        return list_other_logins(connection, [*roles])


def change_passwords(database: Instance, login: Credential, roles: Iterable[RolePassword], tls: Tls) -> int:
    """Sets each role's new password and ends the sessions of all; returns how many. Safe to repeat."""
    wanted = [*roles]
    with postgres.administer(require_endpoint(database), login, tls, MAINTENANCE) as connection:
        for role in wanted:
            set_password(connection, role.user, role.new)
        return end_sessions(connection, [role.user for role in wanted])


def reset_master_password(rds: Rds, database: Instance, logins: OperatorLogins, tls: Tls) -> Credential:
    """Has RDS set the operator's newest password on the candidate, and waits until it counts. Raises RestoreError."""
    wait_for(
        lambda: rds.set_master_password(database.resource_id, logins.passwords[0]),
        lambda _sent: True,
        stop=threading.Event(),
        deadline=time.monotonic() + RDS_SECONDS,
        subject=f"{database.identifier} to take the operator's password",
    )
    login = wait_for(
        lambda: find_login(database, logins, tls),
        lambda accepted: accepted is not None and accepted.password == logins.passwords[0],
        stop=threading.Event(),
        deadline=time.monotonic() + RDS_SECONDS,
        subject=f"{database.identifier} to take the operator's password",
        describe=lambda _: "refused",
        fix=COMMAND,
        longest=5.0,
    )
    assert login is not None
    return login


def prove(database: Instance, roles: Iterable[RolePassword], tls: Tls) -> Iterable[Problem]:
    """Yields what is not as it must be: each new password is accepted, each old one refused. Raises RestoreError when
    the server can't be asked."""
    endpoint = require_endpoint(database)
    for role in roles:
        subject = f"role {role.user}"
        if not is_password_accepted(role.build_login(role.new), endpoint, tls):
            needed = f"a login at {database.identifier}"
            yield Problem(subject, f"{database.identifier} refuses its new password", needed, COMMAND)
        if any(is_password_accepted(role.build_login(old), endpoint, tls) for old in role.old if old != role.new):
            needed = f"a login that {database.identifier} refuses"
            yield Problem(subject, f"{database.identifier} still accepts its old password", needed, COMMAND)


def build_unreachable(database: Instance, error: RestoreError) -> Problem:
    """Says that the source can't be asked, and how to go on without it."""
    found = f"{database.status}: {error.problem.found if error.problem else error}"
    needed = "an answer with the operator's login: its passwords were stolen too"
    return Problem(f"instance {database.identifier}", found, needed, LEAVE_SOURCE)
