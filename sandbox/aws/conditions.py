"""Requests of a rehearsal: what an instance suffers, what the account may have.

POST /_sandbox/condition                {"instance": id, "condition": name}; see sandbox.aws.rds.work.conditions
POST /_sandbox/description              {"instance": id, "fields": {member of DBInstance: value, or null}}
POST /_sandbox/rotate-master-password   {"instance": id}
POST /_sandbox/limits                   {"limits": {kind: {name: value, or null}}}; see sandbox.aws.rds.service.limits
Each takes a "region", too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from botocore.model import StructureShape

from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data.state import Instance
from sandbox.aws.rds.operations.registry import protocol
from sandbox.aws.rds.service import limits
from sandbox.aws.rds.service.region import Rds
from sandbox.aws.rds.work import conditions
from sandbox.aws.rds.work.jobs import JobRunner

DEFAULT_REGION = "us-east-1"
Route = Callable[[bytes], Shape]


def routes(runner: JobRunner) -> dict[tuple[str, str], Route]:
    """By method and path."""

    def given(body: bytes, *keys: str) -> tuple[Rds, Shape]:
        content = cast("dict[str, Any]", json.loads(body or b"{}"))
        if odd := sorted(content.keys() ^ {*keys, "region"} - {"region"}):
            raise ValueError(f"keys that are missing or unknown: {odd}")
        return runner.region(str(content.get("region", DEFAULT_REGION))), content

    def condition(body: bytes) -> Shape:
        rds, content = given(body, "instance", "condition")
        conditions.set_condition(rds, rds.instance(content["instance"]), content["condition"])
        return described(rds.instance(content["instance"]))

    def description(body: bytes) -> Shape:
        rds, content = given(body, "instance", "fields")
        instance = rds.instance(content["instance"])
        conditions.describe_as(rds, instance, content["fields"], members_of_instance())
        return described(instance)

    def rotation(body: bytes) -> Shape:
        rds, content = given(body, "instance")
        conditions.rotate_master_password(rds, rds.instance(content["instance"]))
        return described(rds.instance(content["instance"]))

    def account(body: bytes) -> Shape:
        rds, content = given(body, "limits")
        with rds.store.lock:
            limits.change(rds, content["limits"])
            rds.store.save()
        return {"limits": content["limits"]}

    served = {"condition": condition, "description": description, "limits": account, "rotate-master-password": rotation}
    return {("POST", name): route for name, route in served.items()}


def described(instance: Instance) -> Shape:
    return {"instance": instance.identifier, "status": instance.status}


def members_of_instance() -> frozenset[str]:
    shape = cast("StructureShape", protocol.model.shape_for("DBInstance"))
    return frozenset(shape.members)
