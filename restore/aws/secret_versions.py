"""Versions of a secret in Secrets Manager, by the staging labels that its rotation goes through.

User Guide, "Rotation by Lambda function": a new value is put as AWSPENDING, set and tested, and gets AWSCURRENT last;
the former current version is AWSPREVIOUS from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.errors import PermanentError, Problem
from restore.redaction import register_secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import GetSecretValueResponseTypeDef

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
NO_VERSION = frozenset({"ResourceNotFoundException"})
ROTATING = frozenset({"InvalidRequestException"})
"""How a secret answers whose rotation is under way already (API reference, RotateSecret)."""


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret."""

    id: str
    stages: frozenset[str]
    text: str = field(repr=False)


class SecretVersions:
    """The versions of secrets of one region. Errors as of restore.aws.login.Secrets; a value that holds no more than a
    password is registered as a secret, others by who reads them."""

    def __init__(self, aws: Aws):
        self._aws = aws

    @property
    def _client(self) -> SecretsManagerClient:
        return cast("SecretsManagerClient", self._aws.open_client("secretsmanager"))

    def read_current(self, secret_id: str) -> SecretVersion:
        """Raises PermanentError for a secret that isn't there."""
        version = self.find_staged(secret_id, CURRENT)
        if version is None:
            fix = f"aws secretsmanager describe-secret --secret-id {secret_id}"
            raise PermanentError.of(Problem(f"secret {secret_id}", "not in Secrets Manager", "the secret", fix))
        return version

    def find_staged(self, secret_id: str, stage: str) -> SecretVersion | None:
        """Returns the version that has this label; None when none has."""
        return self._parse_version(lambda: self._client.get_secret_value(SecretId=secret_id, VersionStage=stage))

    def find_version(self, secret_id: str, version_id: str) -> SecretVersion | None:
        """Returns the version with this id; None when there is none."""
        return self._parse_version(lambda: self._client.get_secret_value(SecretId=secret_id, VersionId=version_id))

    def put(self, secret_id: str, version_id: str, text: str, stage: str) -> None:
        """Adds a version with this id and label. The same again is no change (API reference, PutSecretValue)."""
        with translate_errors("secretsmanager"):
            self._client.put_secret_value(
                SecretId=secret_id, ClientRequestToken=version_id, SecretString=text, VersionStages=[stage]
            )

    def promote(self, secret_id: str, version_id: str) -> None:
        """Makes a version the current one, and ends that it is pending. Safe to repeat."""
        current = self.read_current(secret_id)
        if current.id != version_id:
            self._move(secret_id, CURRENT, from_=current.id, to=version_id)
        pending = self.find_staged(secret_id, PENDING)
        if pending and pending.id == version_id:
            self._move(secret_id, PENDING, from_=version_id)

    def rotate(self, secret_id: str) -> None:
        """Asks the service that manages a secret (RDS) for a new value, now; one that is doing so already is no error.
        (RDS User Guide, "Rotating the master user password secret for a DB instance")."""
        call_or_none("secretsmanager", lambda: self._client.rotate_secret(SecretId=secret_id), ROTATING)

    def _move(self, secret_id: str, stage: str, *, from_: str, to: str | None = None) -> None:
        target = {"MoveToVersionId": to} if to else {}
        with translate_errors("secretsmanager"):
            self._client.update_secret_version_stage(
                SecretId=secret_id, VersionStage=stage, RemoveFromVersionId=from_, **target
            )

    @staticmethod
    def _parse_version(read: Callable[[], GetSecretValueResponseTypeDef]) -> SecretVersion | None:
        answer = call_or_none("secretsmanager", read, NO_VERSION)
        if answer is None:
            return None
        text = answer.get("SecretString") or ""
        if not text.lstrip().startswith("{"):
            register_secret(text.strip())
        return SecretVersion(answer["VersionId"], frozenset(answer.get("VersionStages") or ()), text)
