"""Tags of everything that has an ARN."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.operations.groups import find_option_group, find_subnet_group
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service.parameter_values import find_group
from sandbox.aws.rds.service.region import Rds

ARN_PARTS = 7


def tag_list(rds: Rds, arn: str) -> list[Shape]:
    """The tags of a resource, to be changed in place. Raises AwsError when there is no such resource."""
    parts = arn.split(":", ARN_PARTS - 1)
    if len(parts) != ARN_PARTS or parts[2] != "rds":
        raise AwsError(
            "InvalidParameterValue", f"The specified resource name does not match an RDS resource in this region: {arn}"
        )
    kind, name = parts[5:]
    if kind in ("db", "snapshot"):
        shape = (rds.instance(name) if kind == "db" else rds.snapshot(name)).shape
        return shape.setdefault("TagList", [])
    if kind == "es" and name not in rds.state.subscriptions:
        raise AwsError("SubscriptionNotFound", f"Subscription {name} does not exist.")
    finders = {"pg": find_group, "subgrp": find_subnet_group, "og": find_option_group}
    if kind in finders:
        finders[kind](rds, name)
    elif kind != "es":
        raise AwsError(
            "InvalidParameterValue", f"The specified resource name does not match an RDS resource in this region: {arn}"
        )
    return rds.state.tags.setdefault(arn, [])


def merged(present: list[Shape], added: list[Shape]) -> list[Shape]:
    """Tags after an addition: a key that is there gets the new value."""
    values: Mapping[str, str] = {t["Key"]: t.get("Value", "") for t in [*present, *added]}
    return [{"Key": key, "Value": value} for key, value in values.items()]


@operation("ResourceName Filters")
def list_tags_for_resource(rds: Rds, p: Shape) -> Shape:
    return {"TagList": list(tag_list(rds, p["ResourceName"]))}


@operation("ResourceName Tags")
def add_tags_to_resource(rds: Rds, p: Shape) -> None:
    tags = tag_list(rds, p["ResourceName"])
    tags[:] = merged(tags, p["Tags"])


@operation("ResourceName TagKeys")
def remove_tags_from_resource(rds: Rds, p: Shape) -> None:
    tags = tag_list(rds, p["ResourceName"])
    tags[:] = [t for t in tags if t["Key"] not in p["TagKeys"]]
