"""What an account may have: its quotas, and the zones in which a class can be had.

A region's `limits` override what holds for a new account: `quotas` (number by name), `zones` (by class, where it is
offered), `without_capacity` (true by class: no machine is free).
Sources: User Guide, "Quotas and constraints for Amazon RDS"; API reference, DescribeAccountAttributes.
"""

from __future__ import annotations

from typing import Any, cast

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.service.region import Rds

QUOTAS = {
    "DBInstances": 40,
    "AllocatedStorage": 100_000,
    "ManualSnapshots": 100,
    "DBParameterGroups": 50,
    "DBSubnetGroups": 50,
    "EventSubscriptions": 20,
    "OptionGroups": 20,
}
"""AllocatedStorage is in GiB, over all instances."""
KNOWN = frozenset({"quotas", "zones", "without_capacity"})


def change(rds: Rds, limits: Shape) -> None:
    """Changes limits of a region, by kind and name; None lifts one. Raises ValueError for what it doesn't know."""
    if unknown := sorted(limits.keys() - KNOWN) + sorted(limits.get("quotas", {}).keys() - QUOTAS.keys()):
        raise ValueError(f"unknown limits {unknown}; known are {sorted(KNOWN)} and the quotas {sorted(QUOTAS)}")
    for kind, values in limits.items():
        merged = {**rds.state.limits.get(kind, {}), **values}
        rds.state.limits[kind] = {name: value for name, value in merged.items() if value is not None}


def quota(rds: Rds, name: str) -> int:
    return int(rds.state.limits.get("quotas", {}).get(name, QUOTAS[name]))


def used(rds: Rds) -> dict[str, int]:
    """How much of each quota is taken."""
    state = rds.state
    manual = sum(s.shape["SnapshotType"] == "manual" for s in state.snapshots.values())
    return {
        "DBInstances": len(state.instances),
        "AllocatedStorage": sum(int(i.shape["AllocatedStorage"]) for i in state.instances.values()),
        "ManualSnapshots": manual,
        "DBParameterGroups": len(state.parameter_groups),
        "DBSubnetGroups": len(state.subnet_groups),
        "EventSubscriptions": len(state.subscriptions),
        "OptionGroups": len(state.option_groups),
    }


def check_quotas(rds: Rds, storage: int) -> None:
    """Raises AwsError when one more instance, of so many GiB, is too many."""
    taken = used(rds)
    if taken["DBInstances"] >= quota(rds, "DBInstances"):
        raise AwsError("InstanceQuotaExceeded", "DB Instance quota exceeded")
    if taken["AllocatedStorage"] + storage > quota(rds, "AllocatedStorage"):
        raise AwsError("StorageQuotaExceeded", "The maximum amount of total storage for all DB instances was exceeded.")


def zones_of(rds: Rds, instance_class: str) -> list[str]:
    """The zones in which a class is offered."""
    offered = cast("dict[str, list[str]]", rds.state.limits.get("zones", {}))
    return offered.get(instance_class, [f"{rds.region}{letter}" for letter in "abc"])


def check_place(rds: Rds, shape: Shape, zone: str | None) -> None:
    """Raises AwsError when no subnet of the group has the class, a machine and an address."""
    name, kind = shape["DBInstanceClass"], shape["StorageType"]
    if name in rds.state.limits.get("without_capacity", {}):
        raise AwsError(
            "InsufficientDBInstanceCapacity",
            f"We currently do not have sufficient {name} capacity in the Availability Zones that you requested.",
        )
    members = cast("list[Any]", shape["DBSubnetGroup"]["Subnets"])
    subnets = rds.shared.services.subnets(rds.region, [member["SubnetIdentifier"] for member in members])
    offered = [zone] if zone else zones_of(rds, name)
    fitting = [subnet for subnet in subnets if subnet.zone in offered and subnet.zone in zones_of(rds, name)]
    if not fitting:
        raise AwsError(
            "InvalidVPCNetworkStateFault",
            "Cannot create a database instance because no subnets exist in availability zones with sufficient capacity"
            f" for VPC and storage type : {kind} for {name}. Please first create at least one new subnet; choose from"
            f" these availability zones: {', '.join(zones_of(rds, name))}.",
        )
    if not any(subnet.free for subnet in fitting):
        raise AwsError(
            "InvalidVPCNetworkStateFault",
            f"The specified VPC {shape['DBSubnetGroup']['VpcId']} doesn't have enough free IP addresses in the subnets"
            f" {', '.join(subnet.id for subnet in fitting)}.",
        )
