"""IAM roles that an instance's features use (aws_s3, aws_lambda): no call that restores takes them along."""

from __future__ import annotations

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.operations.instances import ready
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service.region import Rds


@operation("DBInstanceIdentifier RoleArn FeatureName")
def add_role_to_db_instance(rds: Rds, p: Shape) -> None:
    instance = rds.instance(p["DBInstanceIdentifier"])
    ready(instance)
    roles: list[Shape] = instance.shape["AssociatedRoles"]
    if any(role["FeatureName"] == p["FeatureName"] for role in roles):
        raise AwsError("DBInstanceRoleAlreadyExists", f"A role is associated with feature {p['FeatureName']} already.")
    roles.append({"RoleArn": p["RoleArn"], "FeatureName": p["FeatureName"], "Status": "ACTIVE"})


@operation("DBInstanceIdentifier RoleArn FeatureName")
def remove_role_from_db_instance(rds: Rds, p: Shape) -> None:
    instance = rds.instance(p["DBInstanceIdentifier"])
    roles: list[Shape] = instance.shape["AssociatedRoles"]
    left = [r for r in roles if (r["RoleArn"], r["FeatureName"]) != (p["RoleArn"], p["FeatureName"])]
    if len(left) == len(roles):
        raise AwsError("DBInstanceRoleNotFound", f"{p['RoleArn']} isn't associated with {instance.identifier}.")
    instance.shape["AssociatedRoles"] = left
