"""The parameter group of an instance, and what its server gets of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, offerings
from sandbox.aws.rds.data.state import Instance, ParameterGroup
from sandbox.aws.rds.service.region import Rds
from sandbox.postgres.host import Host
from sandbox.postgres.server_parameters import Parameter, server_parameters

FORCE_SSL = "rds.force_ssl"


def is_default(name: str) -> bool:
    return name.startswith("default.")


@lru_cache(maxsize=4)
def known_parameters(host: Host) -> Mapping[str, Parameter]:
    return {p.name: p for p in server_parameters(host)}


def find_group(rds: Rds, name: str) -> ParameterGroup:
    """A customer's group, or a default one, which exists by itself. Raises AwsError."""
    plain = identifiers.plain(name, "pg")
    if is_default(plain) and plain not in rds.state.parameter_groups:
        family = plain.removeprefix("default.")
        if family not in {offerings.family(v) for v in offerings.versions(rds.host.binaries.version)}:
            raise AwsError("DBParameterGroupNotFound", f"DBParameterGroup {plain} not found.")
        rds.state.parameter_groups[plain] = ParameterGroup(
            group_shape(rds, plain, family, f"Default parameter group for {family}")
        )
    return rds.parameter_group(plain)


def group_shape(rds: Rds, name: str, family: str, description: str) -> Shape:
    return {
        "DBParameterGroupName": name,
        "DBParameterGroupFamily": family,
        "Description": description,
        "DBParameterGroupArn": rds.arn("pg", name),
    }


def apply_to(rds: Rds, instance: Instance) -> None:
    """Gives a cluster the parameters of its instance's group; they count from its next start or reload."""
    name = instance.shape["DBParameterGroups"][0]["DBParameterGroupName"]
    with rds.store.lock:
        chosen = {
            k: str(v["ParameterValue"]) for k, v in find_group(rds, name).parameters.items() if v.get("ParameterValue")
        }
    cluster = rds.cluster(instance)
    server = known_parameters(rds.host)
    cluster.force_ssl = chosen.get(FORCE_SSL, "1") != "0"
    # A value with {braces} is a formula over the instance's class, which a sandbox doesn't have.
    cluster.parameters = {k: v for k, v in chosen.items() if k in server and "{" not in v}


def in_sync(instance: Instance) -> None:
    """After a start the group's parameters are in effect."""
    for group in instance.shape["DBParameterGroups"]:
        group["ParameterApplyStatus"] = "in-sync"
