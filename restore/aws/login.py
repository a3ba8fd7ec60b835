"""The operator's login to a database: from Secrets Manager, or a short-lived IAM token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.errors import PermanentError, Problem
from restore.model.rds import Credential, Endpoint
from restore.model.rds_address import parse_address
from restore.model.request import Login
from restore.redaction import register_secret

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

NO_SECRET = frozenset({"ResourceNotFoundException"})


class Secrets:
    """Logins for the operator. Nothing is asked before the first method; values read are registered as secrets."""

    def __init__(self, aws: Aws):
        self._aws = aws

    def read_login(self, login: Login, endpoint: Endpoint) -> Credential:
        """Returns the login for one server: an IAM token made for it when `login.iam`, otherwise the secret's content.

        An IAM token opens connections for 15 minutes (RDS User Guide, "IAM database authentication for MariaDB, MySQL,
        and PostgreSQL"): ask again for a later connection. Raises PermanentError when the secret is missing, empty or
        unreadable, TemporaryError when AWS doesn't answer.
        """
        if login.iam:
            return self._make_token(login.user, endpoint)
        if not login.secret_id:
            raise PermanentError.of(_build_no_source())
        return self._read_stored(login.secret_id, login.user)

    def check(self, login: Login) -> None:
        """Raises as `read_login` when the configured secret has no password; an IAM token needs none."""
        if not login.iam and login.secret_id:
            self._read_stored(login.secret_id, login.user)

    def read_managed_login(self, arn: str, user: str) -> Credential:
        """Returns the login that RDS has made itself and keeps under this ARN. Raises as `read_login`."""
        return self._read_stored(arn, user)

    def _make_token(self, user: str, endpoint: Endpoint) -> Credential:
        client = cast("RDSClient", self._aws.open_client("rds"))
        address = parse_address(endpoint.host)  # a token is of the database's own region
        region = address.region if address else self._aws.region
        with translate_errors("rds"):
            token = client.generate_db_auth_token(
                DBHostname=endpoint.host, Port=endpoint.port, DBUsername=user, Region=region
            )
        return Credential(user, register_secret(token))

    def _read_stored(self, secret_id: str, user: str) -> Credential:
        client = cast("SecretsManagerClient", self._aws.open_client("secretsmanager"))
        answer = call_or_none("secretsmanager", lambda: client.get_secret_value(SecretId=secret_id), NO_SECRET)
        if answer is None:
            raise PermanentError.of(_build_missing(secret_id, self._aws.region))
        credential = parse_secret(secret_id, answer.get("SecretString") or "", user)
        return Credential(credential.user, register_secret(credential.password))


def parse_secret(secret_id: str, text: str, user: str) -> Credential:
    """Returns the login that a secret holds. A plain string is the password of `user`; RDS's JSON holds `username` and
    `password` together (Secrets Manager User Guide, "JSON structure of AWS Secrets Manager secrets"). Raises
    PermanentError for one without a password. Pure."""
    password: object = text
    if text.lstrip().startswith("{"):
        document = _parse_object(text)
        if document is not None:
            password = document.get("password")
            user = str(document.get("username") or user)
    if not isinstance(password, str) or not password:
        raise PermanentError.of(_build_empty(secret_id))
    return Credential(user, password)


def _parse_object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def _build_missing(secret_id: str, region: str) -> Problem:
    fix = (
        "create it, or name another: pulumi config set --plaintext --path login.secretId <name>; or, from another "
        f"region: aws secretsmanager replicate-secret-to-regions --region <its region> --secret-id {secret_id} "
        f"--add-replica-regions Region={region}"
    )
    return Problem(f"secret {secret_id}", "not in Secrets Manager", "the operator's password", fix)


def _build_empty(secret_id: str) -> Problem:
    needed = "the password as a plain string, or RDS's JSON with username and password"
    return Problem(
        f"secret {secret_id}",
        "no password in it",
        needed,
        f"aws secretsmanager put-secret-value --secret-id {secret_id} --secret-string file://<file>",
    )


def _build_no_source() -> Problem:
    needed = "a secret that holds the password, or IAM authentication"
    fix = "pulumi config set --plaintext --path login.secretId <name>, or pulumi config set --path login.iam true"
    return Problem("config login.secretId", "not set, nor is login.iam", needed, fix)
