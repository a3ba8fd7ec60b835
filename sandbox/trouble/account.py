"""Troubles of the AWS account: quotas, offers, networks, keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from sandbox.application import database
from sandbox.aws.client import clients
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until
from sandbox.runtime.lifecycle import postgres_folder
from sandbox.trouble.controllers.second_account import ACCOUNT, FOLDER
from sandbox.trouble.stage import SECONDS, Memory, Stage, Trouble

SECOND_KEY = "AKIASANDBOXSECOND000"

FAR_ZONE = "us-east-1f"
SMALL_SUBNETS = (("us-east-1a", "172.31.240.0/28"), ("us-east-1b", "172.31.240.16/28"))
FREE_IN_SMALL = 11
"""Of 16 addresses AWS keeps five (VPC User Guide, "Subnet sizing")."""


def limit(limits: Callable[[Stage], dict[str, Any]]) -> Callable[[Stage], Memory]:
    def play(stage: Stage) -> Memory:
        lowered = limits(stage)
        stage.control("limits", limits=lowered)
        return {"limits": {kind: dict.fromkeys(values) for kind, values in lowered.items()}}

    return play


def lift(stage: Stage, memory: Memory) -> None:
    stage.control("limits", limits=memory["limits"])


def use_up(name: str) -> Callable[[Stage], dict[str, Any]]:
    """The quota is what is used already."""

    def limits(stage: Stage) -> dict[str, Any]:
        quotas: Any = stage.aws.rds.describe_account_attributes()["AccountQuotas"]
        return {"quotas": {name: next(q["Used"] for q in quotas if q["AccountQuotaName"] == name)}}

    return limits


def offer_in(*zones: str) -> Callable[[Stage], dict[str, Any]]:
    """The instance's class is offered in these zones alone."""
    return lambda stage: {"zones": {stage.describe()["DBInstanceClass"]: list(zones)}}


def no_machine(stage: Stage) -> dict[str, Any]:
    return {"without_capacity": {stage.describe()["DBInstanceClass"]: True}}


def fill_subnets(stage: Stage) -> Memory:
    """The subnet group gets two small subnets, whose addresses network interfaces take."""
    ec2: Any = stage.aws.client("ec2")
    group: Any = stage.describe()["DBSubnetGroup"]
    subnets: list[str] = []
    interfaces: list[str] = []
    for zone, block in SMALL_SUBNETS:
        subnet = ec2.create_subnet(VpcId=group["VpcId"], CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        subnets.append(subnet)
        for _ in range(FREE_IN_SMALL):
            interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
            interfaces.append(interface["NetworkInterfaceId"])
    name = group["DBSubnetGroupName"]
    stage.aws.rds.modify_db_subnet_group(DBSubnetGroupName=name, SubnetIds=subnets)
    former = [subnet["SubnetIdentifier"] for subnet in group["Subnets"]]
    return {"group": name, "former": former, "subnets": subnets, "interfaces": interfaces}


def free_subnets(stage: Stage, memory: Memory) -> None:
    ec2: Any = stage.aws.client("ec2")
    stage.aws.rds.modify_db_subnet_group(DBSubnetGroupName=memory["group"], SubnetIds=memory["former"])
    for interface in memory["interfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    for subnet in memory["subnets"]:
        ec2.delete_subnet(SubnetId=subnet)


def close_groups(stage: Stage) -> Memory:
    """The groups of the instance lose every rule, which a restored one gets as well; what is connected stays so."""
    ec2: Any = stage.aws.client("ec2")
    ids = [item["VpcSecurityGroupId"] for item in stage.describe()["VpcSecurityGroups"]]
    groups = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    rules = {group["GroupId"]: group["IpPermissions"] for group in groups if group["IpPermissions"]}
    for group, permissions in rules.items():
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)
    return {"rules": rules}


def open_groups(stage: Stage, memory: Memory) -> None:
    ec2: Any = stage.aws.client("ec2")
    for group, permissions in memory["rules"].items():
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)


def disable_key(stage: Stage) -> Memory:
    key = str(stage.describe()["KmsKeyId"]).rpartition("/")[2]
    kms: Any = stage.aws.client("kms")
    kms.disable_key(KeyId=key)
    return {"key": key}


def enable_key(stage: Stage, memory: Memory) -> None:
    kms: Any = stage.aws.client("kms")
    kms.enable_key(KeyId=memory["key"])


RESTORES = ("RestoreDBInstanceFromDBSnapshot", "RestoreDBInstanceToPointInTime", "CreateDBInstance")
NO_GRANT = "The specified KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."


def refuse_grant(stage: Stage) -> Memory:
    """Only the calls that need the key's grant fail; the key itself looks well."""
    message = NO_GRANT.format(key=stage.describe()["KmsKeyId"])
    for operation in RESTORES:
        stage.aws.faults.add("error", operation, 1000, code="KMSKeyNotAccessibleFault", message=message)
    return {}


def grant(stage: Stage, _: Memory) -> None:
    for operation in RESTORES:
        stage.aws.faults.remove("error", operation)


def throttle(stage: Stage) -> Memory:
    stage.aws.faults.add("throttle", "DescribeDBInstances", 30)
    return {}


def let_through(stage: Stage, _: Memory) -> None:
    stage.aws.faults.remove("throttle", "DescribeDBInstances")


def open_second_account(stage: Stage) -> Memory:
    """Another account behind the same endpoint, with an instance of the source's name."""
    layout = Layout.at(stage.layout.root / FOLDER)
    where = stage.start("second-account", "second-account")
    ready = layout.aws / "ready.json"
    wait_until(ready.exists, SECONDS, "the second account", 0.05)
    database.ensure(clients(layout, retries=3))
    stage.control("accounts", key=SECOND_KEY, endpoint=layout.aws_endpoint)
    return {"controller": where}


def close_second_account(stage: Stage, memory: Memory) -> None:
    stage.control("accounts", key=SECOND_KEY, endpoint="")
    stage.stop(memory["controller"])
    layout = Layout.at(stage.layout.root / FOLDER)
    for folder in {postgres_folder(layout), layout.root}:
        if folder.exists():
            shutil.rmtree(folder)


TROUBLES = (
    Trouble(
        "second-account",
        f"The access key {SECOND_KEY} is of account {ACCOUNT}, where an instance has the source's name and other rows.",
        open_second_account,
        close_second_account,
    ),
    Trouble(
        "instance-quota",
        "The account has as many instances as it may: a restore ends with InstanceQuotaExceeded.",
        limit(use_up("DBInstances")),
        lift,
    ),
    Trouble(
        "storage-quota",
        "The account has as much storage as it may: a restore ends with StorageQuotaExceeded.",
        limit(use_up("AllocatedStorage")),
        lift,
    ),
    Trouble(
        "snapshot-quota",
        "The account has as many manual snapshots as it may: another one ends with SnapshotQuotaExceeded.",
        limit(use_up("ManualSnapshots")),
        lift,
    ),
    Trouble(
        "class-elsewhere",
        f"The source's class is orderable in {FAR_ZONE} alone, where its subnet group has no subnet:"
        " InvalidVPCNetworkStateFault.",
        limit(offer_in(FAR_ZONE)),
        lift,
    ),
    Trouble(
        "class-retired",
        "The source's class isn't orderable any more: DescribeOrderableDBInstanceOptions has none.",
        limit(offer_in()),
        lift,
    ),
    Trouble(
        "no-capacity",
        "AWS has no machine of the source's class, though it is orderable: InsufficientDBInstanceCapacity.",
        limit(no_machine),
        lift,
    ),
    Trouble(
        "subnets-full",
        "The subnet group's subnets have no free address (AvailableIpAddressCount 0): InvalidVPCNetworkStateFault.",
        fill_subnets,
        free_subnets,
    ),
    Trouble(
        "groups-closed",
        "The source's security groups have no rule left: nobody who isn't connected already gets through to a copy.",
        close_groups,
        open_groups,
    ),
    Trouble(
        "key-disabled",
        "The source's KMS key is disabled: KeyState Disabled, a restore ends with KMSKeyNotAccessibleFault.",
        disable_key,
        enable_key,
    ),
    Trouble(
        "key-without-grant",
        "RDS gets no grant for the source's KMS key, which looks well: a restore ends with KMSKeyNotAccessibleFault.",
        refuse_grant,
        grant,
    ),
    Trouble(
        "throttled",
        "RDS answers the next 30 DescribeDBInstances with Throttling, Rate exceeded.",
        throttle,
        let_through,
    ),
)
