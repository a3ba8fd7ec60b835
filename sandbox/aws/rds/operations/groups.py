"""Subnet groups and option groups, and which groups a new instance belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aws.errors import AwsError, unsupported
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, offerings
from sandbox.aws.rds.operations.parameter_groups import default_name
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service.parameter_values import find_group
from sandbox.aws.rds.service.region import Rds

if TYPE_CHECKING:
    from sandbox.aws.other_services import Subnet

LEAST_ZONES = 2
DEFAULT = "default"


def memberships(rds: Rds, shape: Shape, p: Shape) -> Shape:
    """The groups of an instance: those that are passed, otherwise the defaults. Raises AwsError."""
    subnet_group = find_subnet_group(rds, p.get("DBSubnetGroupName") or DEFAULT)
    return {
        "DBSubnetGroup": subnet_group,
        "DBParameterGroups": [
            parameter_membership(rds, shape["EngineVersion"], p.get("DBParameterGroupName"), "in-sync")
        ],
        "OptionGroupMemberships": [option_membership(rds, shape["EngineVersion"], p.get("OptionGroupName"))],
        "VpcSecurityGroups": security_groups(rds, p.get("VpcSecurityGroupIds"), subnet_group["VpcId"]),
    }


def parameter_membership(rds: Rds, version: str, name: str | None, status: str) -> Shape:
    group = find_group(rds, name or default_name(version)).shape
    if group["DBParameterGroupFamily"] != offerings.family(version):
        raise AwsError(
            "InvalidParameterCombination",
            f"The Parameter Group {group['DBParameterGroupName']} with DBParameterGroupFamily"
            f" {group['DBParameterGroupFamily']} cannot be used for this instance. Please use a Parameter Group with"
            f" DBParameterGroupFamily {offerings.family(version)}",
        )
    return {"DBParameterGroupName": group["DBParameterGroupName"], "ParameterApplyStatus": status}


def option_membership(rds: Rds, version: str, name: str | None) -> Shape:
    group = find_option_group(rds, name or default_option_group(version))
    return {"OptionGroupName": group["OptionGroupName"], "Status": "in-sync"}


def security_groups(rds: Rds, ids: list[str] | None, vpc: str) -> list[Shape]:
    chosen = rds.shared.services.security_groups(rds.region, ids, vpc)
    return [{"VpcSecurityGroupId": group, "Status": "active"} for group in chosen]


# -- subnet groups ----------------------------------------------------------------------------------------------


def find_subnet_group(rds: Rds, name: str) -> Shape:
    """Raises AwsError; the group `default` exists by itself, over the default VPC."""
    plain = identifiers.plain(name, "subgrp")
    if plain == DEFAULT and plain not in rds.state.subnet_groups:
        subnets = rds.shared.services.default_subnets(rds.region)
        rds.state.subnet_groups[plain] = subnet_group(rds, plain, DEFAULT, subnets)
    group = rds.state.subnet_groups.get(plain)
    if group is None:
        raise AwsError("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.")
    return group


def subnet_group(rds: Rds, name: str, description: str, subnets: list[Subnet]) -> Shape:
    return {
        "DBSubnetGroupName": name,
        "DBSubnetGroupDescription": description,
        "DBSubnetGroupArn": rds.arn("subgrp", name),
        "SubnetGroupStatus": "Complete",
        "SupportedNetworkTypes": ["IPV4"],
        **members(subnets),
    }


def members(subnets: list[Subnet]) -> Shape:
    """Raises AwsError as RDS does when the subnets don't make a group."""
    if len({s.vpc for s in subnets}) != 1:
        raise AwsError(
            "InvalidSubnet",
            "The requested subnet is invalid, or multiple subnets were requested that are not all in a common VPC.",
        )
    zones = {s.zone for s in subnets}
    if len(zones) < LEAST_ZONES:
        raise AwsError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage:"
            f" {', '.join(sorted(zones))}. Add subnets to cover at least 2 AZs.",
        )
    return {
        "VpcId": subnets[0].vpc,
        "Subnets": [
            {
                "SubnetIdentifier": s.id,
                "SubnetStatus": "Active",
                "SubnetAvailabilityZone": {"Name": s.zone},
                "SubnetOutpost": {},
            }
            for s in subnets
        ],
    }


@operation("DBSubnetGroupName DBSubnetGroupDescription SubnetIds Tags")
def create_db_subnet_group(rds: Rds, p: Shape) -> Shape:
    name = p["DBSubnetGroupName"].lower()
    if name in rds.state.subnet_groups:
        raise AwsError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    subnets = rds.shared.services.subnets(rds.region, p["SubnetIds"])
    group = subnet_group(rds, name, p["DBSubnetGroupDescription"], subnets)
    rds.state.subnet_groups[name] = group
    rds.state.tags[group["DBSubnetGroupArn"]] = p.get("Tags", [])
    return {"DBSubnetGroup": group}


@operation("DBSubnetGroupName Filters")
def describe_db_subnet_groups(rds: Rds, p: Shape) -> Shape:
    name = p.get("DBSubnetGroupName")
    groups = [find_subnet_group(rds, name)] if name else list(rds.state.subnet_groups.values())
    return {"DBSubnetGroups": filtered(groups, p.get("Filters", []), {})}


@operation("DBSubnetGroupName DBSubnetGroupDescription SubnetIds")
def modify_db_subnet_group(rds: Rds, p: Shape) -> Shape:
    group = find_subnet_group(rds, p["DBSubnetGroupName"])
    group |= members(rds.shared.services.subnets(rds.region, p["SubnetIds"]))
    if p.get("DBSubnetGroupDescription"):
        group["DBSubnetGroupDescription"] = p["DBSubnetGroupDescription"]
    return {"DBSubnetGroup": group}


@operation("DBSubnetGroupName")
def delete_db_subnet_group(rds: Rds, p: Shape) -> None:
    group = find_subnet_group(rds, p["DBSubnetGroupName"])
    name = group["DBSubnetGroupName"]
    if any(i.shape["DBSubnetGroup"]["DBSubnetGroupName"] == name for i in rds.state.instances.values()):
        raise AwsError(
            "InvalidDBSubnetGroupStateFault",
            f"Cannot delete the subnet group '{name}' because at least one database instance is still using it.",
        )
    del rds.state.subnet_groups[name]
    rds.state.tags.pop(group["DBSubnetGroupArn"], None)


# -- option groups ----------------------------------------------------------------------------------------------


def default_option_group(version: str) -> str:
    return f"default:{offerings.ENGINE}-{version.split('.')[0]}"


def find_option_group(rds: Rds, name: str) -> Shape:
    """Raises AwsError; the default groups exist by themselves."""
    plain = identifiers.plain(name, "og") if name.startswith("arn:") else name.lower()
    prefix = f"default:{offerings.ENGINE}-"
    if plain.startswith(prefix) and plain not in rds.state.option_groups:
        major = plain.removeprefix(prefix)
        description = f"Default option group for {offerings.ENGINE} {major}"
        rds.state.option_groups[plain] = option_group(rds, plain, major, description)
    group = rds.state.option_groups.get(plain)
    if group is None:
        raise AwsError("OptionGroupNotFoundFault", f"Specified OptionGroupName: {name} not found.")
    return group


def option_group(rds: Rds, name: str, major: str, description: str) -> Shape:
    return {
        "OptionGroupName": name,
        "OptionGroupDescription": description,
        "EngineName": offerings.ENGINE,
        "MajorEngineVersion": major,
        "Options": [],
        "AllowsVpcAndNonVpcInstanceMemberships": True,
        "OptionGroupArn": rds.arn("og", name),
    }


@operation("OptionGroupName EngineName MajorEngineVersion OptionGroupDescription Tags")
def create_option_group(rds: Rds, p: Shape) -> Shape:
    name = p["OptionGroupName"].lower()
    if p["EngineName"] != offerings.ENGINE:
        raise unsupported(f"engine {p['EngineName']}, only {offerings.ENGINE}")
    if name in rds.state.option_groups:
        raise AwsError("OptionGroupAlreadyExistsFault", f"An option group with the name {name} already exists.")
    group = option_group(rds, name, p["MajorEngineVersion"], p["OptionGroupDescription"])
    rds.state.option_groups[name] = group
    rds.state.tags[group["OptionGroupArn"]] = p.get("Tags", [])
    return {"OptionGroup": group}


@operation("OptionGroupName Filters EngineName MajorEngineVersion")
def describe_option_groups(rds: Rds, p: Shape) -> Shape:
    if p.get("OptionGroupName"):
        groups = [find_option_group(rds, p["OptionGroupName"])]
    else:
        find_option_group(rds, default_option_group(rds.host.binaries.version))
        groups = list(rds.state.option_groups.values())
    groups = [g for g in groups if p.get("EngineName") in (None, g["EngineName"])]
    groups = [g for g in groups if p.get("MajorEngineVersion") in (None, g["MajorEngineVersion"])]
    return {"OptionGroupsList": filtered(groups, p.get("Filters", []), {})}


@operation("OptionGroupName")
def delete_option_group(rds: Rds, p: Shape) -> None:
    group = find_option_group(rds, p["OptionGroupName"])
    name = group["OptionGroupName"]
    used = any(i.shape["OptionGroupMemberships"][0]["OptionGroupName"] == name for i in rds.state.instances.values())
    if used or name.startswith("default:"):
        raise AwsError(
            "InvalidOptionGroupStateFault", f"The option group '{name}' cannot be deleted because it is in use."
        )
    del rds.state.option_groups[name]
    rds.state.tags.pop(group["OptionGroupArn"], None)
