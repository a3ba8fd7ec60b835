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
    return made_up()


def made_up() -> str:
    return "".join(secrets.choice(CHARACTERS) for _ in range(LENGTH))


def keep(rds: Rds, instance: Instance, password: str, key: str | None) -> None:
    """Puts the password into a secret that only the instance's description names."""
    shape = instance.shape
    tags = {"aws:secretsmanager:owningService": "rds", "aws:rds:primaryDBInstanceArn": shape["DBInstanceArn"]}
    name = f"rds!{instance.resource_id.lower()}"
    arn = rds.shared.services.keep_secret(rds.region, name, text(instance, password), tags)
    shape["MasterUserSecret"] = {
        "SecretArn": arn,
        "SecretStatus": "creating",
        "KmsKeyId": rds.shared.services.key(rds.region, key),
    }


def text(instance: Instance, password: str) -> str:
    """What the secret says."""
    return json.dumps({"username": instance.shape["MasterUsername"], "password": password})


def rotate(rds: Rds, instance: Instance) -> str:
    """A new password, in the secret already: the server gets it next. Raises AwsError when RDS doesn't manage it."""
    secret = instance.shape.get("MasterUserSecret")
    if secret is None:
        raise AwsError(
            "InvalidParameterCombination",
            "You can't specify RotateMasterUserPassword for an instance without ManageMasterUserPassword enabled.",
        )
    password = made_up()
    secret["SecretStatus"] = "rotating"
    rds.shared.services.change_secret(rds.region, secret["SecretArn"], text(instance, password))
    return password


def settle(instance: Instance) -> None:
    """The server has the password that the secret tells."""
    if secret := instance.shape.get("MasterUserSecret"):
        secret["SecretStatus"] = "active"


def drop(rds: Rds, instance: Instance) -> None:
    """Removes the secret, if RDS keeps one."""
    if secret := instance.shape.pop("MasterUserSecret", None):
        rds.shared.services.forget_secret(rds.region, secret["SecretArn"])


def changed(rds: Rds, instance: Instance, p: Shape) -> str | None:
    """The password to set when RDS begins to manage it. Raises AwsError for what contradicts how it is managed."""
    managed = "MasterUserSecret" in instance.shape
    if p.get("RotateMasterUserPassword"):
        if not p.get("ApplyImmediately"):
            raise AwsError(
                "InvalidParameterCombination",
                "You must specify ApplyImmediately when you specify RotateMasterUserPassword.",
            )
        return rotate(rds, instance)
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
