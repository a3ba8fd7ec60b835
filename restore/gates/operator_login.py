"""The operator's login to the candidate: it is ours, so its master user can be given the password that we have.

A restore brings along the master password of its recovery point (User Guide, "Restoring to a DB instance"). Where RDS
manages the source's and rotates it, every 7 days unless told otherwise (User Guide, "Password management with Amazon
RDS and AWS Secrets Manager"), the one in Secrets Manager is of now, and the candidate refuses it.
"""

from __future__ import annotations

import math

from restore import postgres
from restore.errors import Problem, RestoreError
from restore.gates.context import GateContext, require_endpoint
from restore.gates.error_problems import build_error_problem
from restore.gates.hook import Watch
from restore.model.rds import Credential, Endpoint, Instance
from restore.model.request import Method
from restore.postgres.errors import is_wrong_password

SUBJECT = "conformed.login"
LOGIN_SECONDS = 900.0
MAINTENANCE = "postgres"
"""The database that every instance has."""


def ensure_login(context: GateContext, watch: Watch, candidate: Instance) -> Problem | None:
    """Sets the master password of a candidate that refuses the operator's, where login.user is its master user.

    Returns why that failed. What else keeps the operator out is for the gates that need the login to tell. Never for a
    candidate that serves or has served; a loaded dump's login is gate `imported`'s."""
    login, owner = context.settings.login, candidate.master_user
    if login.iam or login.user != owner or context.plan.switched_before or context.plan.point.method is Method.DUMP:
        return None
    endpoint = require_endpoint(candidate)
    if not is_password_refused(context, endpoint):
        return None
    watch.say(f"{candidate.identifier} has another master password (of its recovery point): setting the operator's")
    needed = f"the login of {login.user} at {candidate.identifier}, with the password of login.secretId"
    try:
        set_master_password(context, watch, candidate, seconds=LOGIN_SECONDS)
        watch.wait_for(
            lambda: is_password_refused(context, endpoint),
            lambda refused: not refused,
            seconds=LOGIN_SECONDS,
            subject=f"{candidate.identifier} to take the operator's password",
            longest=5.0,
        )
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return build_error_problem(SUBJECT, error, needed)
    return None


def set_master_password(context: GateContext, watch: Watch, candidate: Instance, *, seconds: float = math.inf) -> None:
    """Sends the operator's password until RDS takes it, for at most `seconds` and the gate's own deadline.

    RDS takes a modification only between its own: during the first backup it answers "not now"."""
    password = context.read_login(require_endpoint(candidate)).password
    watch.wait_for(
        lambda: context.rds.set_master_password(candidate.resource_id, password),
        lambda _sent: True,
        seconds=seconds,
        subject=f"{candidate.identifier} to take the operator's password",
    )


def is_password_refused(context: GateContext, endpoint: Endpoint) -> bool:
    """Tells whether the server knows the operator by another password; False for whatever else keeps it out."""
    try:
        error = find_login_error(context, endpoint, context.read_login(endpoint))
    except RestoreError:
        return False
    return error is not None and is_wrong_password(error)


def find_login_error(context: GateContext, endpoint: Endpoint, login: Credential) -> RestoreError | None:
    """Returns why the server doesn't let that login in; None when it does."""
    try:
        with postgres.connect(endpoint, login, context.settings.tls, MAINTENANCE):
            return None
    except RestoreError as error:
        return error
