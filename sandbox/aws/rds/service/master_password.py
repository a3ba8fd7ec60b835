"""The master user's password where RDS makes and keeps it itself, in Secrets Manager.

User Guide, "Password management with Amazon RDS and AWS Secrets Manager".
"""

from __future__ import annotations

import json
import secrets
import string

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data.state import Instance
from sandbox.aws.rds.service.region import Rds

LENGTH = 28
CHARACTERS = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"


def asked(p: Shape) -> str | None:
    """A new password when RDS is to manage it; None when it isn't. Raises AwsError when one is passed as well."""
    if not p.get("ManageMasterUserPassword"):
        return None
    if p.get("MasterUserPassword"):
        raise AwsError(
            "InvalidParameterCombination",
            "You can't specify both MasterUserPassword and ManageMasterUserPassword in the same call.",
        )
    return "".join(secrets.choice(CHARACTERS) for _ in range(LENGTH))


def keep(rds: Rds, instance: Instance, password: str, key: str | None) -> None:
    """Puts the password into a secret that only the instance's description names."""
    shape = instance.shape
    text = json.dumps({"username": shape["MasterUsername"], "password": password})
    arn = rds.shared.services.keep_secret(rds.region, f"rds!{instance.resource_id.lower()}", text)
    shape["MasterUserSecret"] = {
        "SecretArn": arn,
        "SecretStatus": "active",
        "KmsKeyId": rds.shared.services.key(rds.region, key),
    }


def drop(rds: Rds, instance: Instance) -> None:
    """Removes the secret, if RDS keeps one."""
    if secret := instance.shape.pop("MasterUserSecret", None):
        rds.shared.services.forget_secret(rds.region, secret["SecretArn"])


def changed(rds: Rds, instance: Instance, p: Shape) -> str | None:
    """The password to set when RDS begins to manage it. Raises AwsError for what contradicts how it is managed."""
    managed = "MasterUserSecret" in instance.shape
    if p.get("ManageMasterUserPassword") and not managed:
        password = asked(p)
        assert password is not None
        keep(rds, instance, password, p.get("MasterUserSecretKmsKeyId"))
        return password
    if managed and p.get("MasterUserPassword") and p.get("ManageMasterUserPassword") is not False:
        raise AwsError(
            "InvalidParameterCombination",
            "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
        )
    if managed and p.get("ManageMasterUserPassword") is False and not p.get("MasterUserPassword"):
        raise AwsError(
            "InvalidParameterCombination",
            "You must specify MasterUserPassword when you disable ManageMasterUserPassword.",
        )
    return None
