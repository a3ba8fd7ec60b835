"""Identifiers, ARNs and what AWS says of bad ones (pure)."""

from __future__ import annotations

import re
import secrets

from sandbox.aws import ACCOUNT
from sandbox.aws.errors import AwsError

IDENTIFIER = re.compile(r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]*(?<!-)")
INSTANCE_LENGTH = 63
SNAPSHOT_LENGTH = 255
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def arn(region: str, kind: str, name: str) -> str:
    return f"arn:aws:rds:{region}:{ACCOUNT}:{kind}:{name}"


def plain(identifier: str, kind: str) -> str:
    """The name inside an ARN of that kind, or the identifier itself; in lower case, as RDS stores it."""
    return identifier.rpartition(f":{kind}:")[2].lower()


def checked(value: str, parameter: str, longest: int = INSTANCE_LENGTH) -> str:
    """The identifier as RDS stores it. Raises AwsError for a malformed one."""
    if not IDENTIFIER.fullmatch(value) or len(value) > longest:
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain"
            " only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive"
            " hyphens.",
        )
    return value.lower()


def resource_id() -> str:
    return "db-" + "".join(secrets.choice(ALPHABET) for _ in range(26))


def backup_id(resource: str) -> str:
    """The id of an instance's automated backups, in their ARN."""
    return "ab-" + resource.removeprefix("db-").lower()
