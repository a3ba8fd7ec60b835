"""The application's RDS instance and what stands around it: made as a team would, found again when it is there."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sandbox.application import names
from sandbox.aws.client import Clients
from sandbox.machine.processes import wait_until

AVAILABLE_SECONDS = 900.0
RESTORABLE_SECONDS = 60.0
LOOPBACK = "127.0.0.0/8"
Shape = Mapping[str, Any]


@dataclass(frozen=True)
class MasterLogin:
    host: str
    port: int
    password: str


def ensure(aws: Clients) -> MasterLogin:
    """The instance, available, and its master password; what exists already is left as it is."""
    password = ensure_password(aws)
    ensure_network(aws)
    if find(aws) is None:
        create(aws, password)
    wait_available(aws)
    instance = find(aws)
    if instance is None:
        raise RuntimeError(f"{names.INSTANCE} vanished while it was being created")
    return MasterLogin(instance["Endpoint"]["Address"], int(instance["Endpoint"]["Port"]), password)


def find(aws: Clients) -> Shape | None:
    """What RDS says of the instance, or None when there is none."""
    try:
        return dict(aws.rds.describe_db_instances(DBInstanceIdentifier=names.INSTANCE)["DBInstances"][0])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "DBInstanceNotFound":
            return None
        raise


def wait_available(aws: Clients) -> None:
    wait_until(lambda: status(aws) == "available", AVAILABLE_SECONDS, f"{names.INSTANCE} available", 0.1)


def wait_restorable(aws: Clients, moment: str) -> None:
    """Waits until that RFC 3339 second can be restored to: RDS ships its log in steps."""
    wait_until(lambda: latest_restorable(aws) > moment, RESTORABLE_SECONDS, f"{moment} to be restorable", 0.2)


def latest_restorable(aws: Clients) -> str:
    """LatestRestorableTime as RFC 3339, in whole seconds; empty before the first backup."""
    latest = (find(aws) or {}).get("LatestRestorableTime")
    return f"{latest:%Y-%m-%dT%H:%M:%SZ}" if latest else ""


def status(aws: Clients) -> str:
    instance = find(aws)
    return str(instance["DBInstanceStatus"]) if instance else "missing"


def ensure_password(aws: Clients) -> str:
    """The master password, kept as a plain string in Secrets Manager."""
    client = aws.secrets
    try:
        return client.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        password = random_text(32)
        client.create_secret(Name=names.MASTER_SECRET, SecretString=password)
        return password


def random_text(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def application_password() -> str:
    """Full of what a URL must escape, so that careless parsing shows."""
    return f"{random_text(12)}%2F:/?#[]@!$&'()*+,;= \"{random_text(12)}"


def create(aws: Clients, password: str) -> None:
    groups = ensure_network(aws)
    ensure_parameters(aws)
    aws.rds.create_db_instance(
        DBInstanceIdentifier=names.INSTANCE,
        Engine="postgres",
        DBInstanceClass="db.r6g.large",
        StorageType="gp3",
        AllocatedStorage=20,
        MaxAllocatedStorage=100,
        MultiAZ=True,
        StorageEncrypted=True,
        KmsKeyId=ensure_key(aws),
        MasterUsername=names.MASTER_USER,
        MasterUserPassword=password,
        DBSubnetGroupName=names.SUBNET_GROUP,
        DBParameterGroupName=names.PARAMETER_GROUP,
        VpcSecurityGroupIds=groups,
        PubliclyAccessible=False,
        DeletionProtection=True,
        BackupRetentionPeriod=7,
        PreferredBackupWindow="03:00-04:00",
        PreferredMaintenanceWindow="sun:05:00-sun:06:00",
        CopyTagsToSnapshot=True,
        EnableCloudwatchLogsExports=["postgresql", "upgrade"],
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=7,
        EnableIAMDatabaseAuthentication=True,
        Tags=[{"Key": key, "Value": value} for key, value in names.TAGS.items()],
    )


def ensure_key(aws: Clients) -> str:
    kms: Any = aws.client("kms")
    for alias in kms.list_aliases()["Aliases"]:
        if alias["AliasName"] == names.KEY_ALIAS and "TargetKeyId" in alias:
            return kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]["Arn"]
    key = kms.create_key(Description=f"Storage of {names.INSTANCE}")["KeyMetadata"]
    kms.create_alias(AliasName=names.KEY_ALIAS, TargetKeyId=key["KeyId"])
    return key["Arn"]


def ensure_network(aws: Clients) -> list[str]:
    """The subnet group, and the ids of the security groups."""
    ec2: Any = aws.client("ec2")
    default = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = ec2.describe_subnets(Filters=default)["Subnets"]
    vpc = subnets[0]["VpcId"]
    inside = [s["SubnetId"] for s in subnets if s["VpcId"] == vpc][:3]
    present = {g.get("DBSubnetGroupName") for g in aws.rds.describe_db_subnet_groups()["DBSubnetGroups"]}
    if names.SUBNET_GROUP not in present:
        aws.rds.create_db_subnet_group(
            DBSubnetGroupName=names.SUBNET_GROUP, DBSubnetGroupDescription="Database subnets", SubnetIds=inside
        )
    _route_to_this_machine(ec2, vpc)
    named = [{"Name": "group-name", "Values": list(names.SECURITY_GROUPS)}]
    group_ids = {g["GroupName"]: g["GroupId"] for g in ec2.describe_security_groups(Filters=named)["SecurityGroups"]}
    for name in names.SECURITY_GROUPS:
        if name not in group_ids:
            group = ec2.create_security_group(GroupName=name, Description=f"PostgreSQL from {name}", VpcId=vpc)
            group_ids[name] = group["GroupId"]
            _let_in_this_machine(ec2, group["GroupId"])
    return [group_ids[name] for name in names.SECURITY_GROUPS]


def _route_to_this_machine(ec2: Any, vpc: str) -> None:
    """Everything in the sandbox has an address of this machine, which is outside of every VPC: a way leads there."""
    main = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    (table,) = ec2.describe_route_tables(Filters=main)["RouteTables"]
    if LOOPBACK not in {route.get("DestinationCidrBlock") for route in table["Routes"]}:
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=LOOPBACK, GatewayId=gateway)


def _let_in_this_machine(ec2: Any, group: str) -> None:
    loopback = [{"CidrIp": LOOPBACK}]
    port = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": loopback}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[port])


def ensure_parameters(aws: Clients) -> None:
    present = {g.get("DBParameterGroupName") for g in aws.rds.describe_db_parameter_groups()["DBParameterGroups"]}
    if names.PARAMETER_GROUP in present:
        return
    version = aws.rds.describe_db_engine_versions(Engine="postgres", DefaultOnly=True)["DBEngineVersions"][0]
    aws.rds.create_db_parameter_group(
        DBParameterGroupName=names.PARAMETER_GROUP,
        DBParameterGroupFamily=version.get("DBParameterGroupFamily", "postgres17"),
        Description="Parameters of the sandbox's database",
    )
    aws.rds.modify_db_parameter_group(
        DBParameterGroupName=names.PARAMETER_GROUP,
        Parameters=[
            {"ParameterName": "log_min_duration_statement", "ParameterValue": "1000", "ApplyMethod": "immediate"}
        ],
    )
