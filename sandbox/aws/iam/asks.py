"""Which actions each operation asks for, and on which resources: the Service Authorization Reference as data.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html, and the other services' pages
beside it.
What RDS does with the caller's rights in other services (keys, secrets, roles) stands there as dependent actions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sandbox.aws import ACCOUNT
from sandbox.aws.iam.calls import Call
from sandbox.aws.iam.policy import Ask

RDS_RESOURCES: Mapping[str, Mapping[str, str]] = {
    "DescribeDBInstances": {"DBInstanceIdentifier": "db"},
    "DescribeDBSnapshots": {"DBSnapshotIdentifier": "snapshot", "DBInstanceIdentifier": "db"},
    "DescribeDBSnapshotAttributes": {"DBSnapshotIdentifier": "snapshot"},
    "DescribeDBInstanceAutomatedBackups": {"DBInstanceIdentifier": "db"},
    "DescribeDBEngineVersions": {},
    "DescribeEvents": {},
    "DescribeDBLogFiles": {"DBInstanceIdentifier": "db"},
    "DownloadDBLogFilePortion": {"DBInstanceIdentifier": "db"},
    "DescribeOrderableDBInstanceOptions": {},
    "DescribeAccountAttributes": {},
    "DescribeDBSubnetGroups": {"DBSubnetGroupName": "subgrp"},
    "CopyDBSnapshot": {"SourceDBSnapshotIdentifier": "snapshot", "TargetDBSnapshotIdentifier": "snapshot"},
    "CreateDBParameterGroup": {"DBParameterGroupName": "pg"},
    "ModifyDBParameterGroup": {"DBParameterGroupName": "pg"},
    "DescribeDBParameterGroups": {"DBParameterGroupName": "pg"},
    "DescribeDBParameters": {"DBParameterGroupName": "pg"},
    "ListTagsForResource": {"ResourceName": ""},
    "AddTagsToResource": {"ResourceName": ""},
    "RemoveTagsFromResource": {"ResourceName": ""},
    "RestoreDBInstanceFromDBSnapshot": {
        "DBInstanceIdentifier": "db",
        "DBSnapshotIdentifier": "snapshot",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "RestoreDBInstanceToPointInTime": {
        "TargetDBInstanceIdentifier": "db",
        "SourceDBInstanceIdentifier": "db",
        "SourceDBInstanceAutomatedBackupsArn": "auto-backup",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "CreateDBInstance": {
        "DBInstanceIdentifier": "db",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "CreateDBSnapshot": {"DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snapshot"},
    "ModifyDBInstance": {
        "DBInstanceIdentifier": "db",
        "NewDBInstanceIdentifier": "db",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "ModifyDBSnapshotAttribute": {"DBSnapshotIdentifier": "snapshot"},
    "AddRoleToDBInstance": {"DBInstanceIdentifier": "db"},
    "RebootDBInstance": {"DBInstanceIdentifier": "db"},
    "StartDBInstance": {"DBInstanceIdentifier": "db"},
    "StopDBInstance": {"DBInstanceIdentifier": "db"},
    "DescribeDBProxies": {"DBProxyName": "db-proxy"},
    "DescribeDBProxyTargets": {"DBProxyName": "db-proxy"},
    "RegisterDBProxyTargets": {"DBProxyName": "target-group", "DBInstanceIdentifiers": "db"},
    "DeregisterDBProxyTargets": {"DBProxyName": "target-group", "DBInstanceIdentifiers": "db"},
    "DescribeEventSubscriptions": {"SubscriptionName": "es"},
    "CreateEventSubscription": {"SubscriptionName": "es"},
    "ModifyEventSubscription": {"SubscriptionName": "es"},
    "DeleteEventSubscription": {"SubscriptionName": "es"},
    "StartDBInstanceAutomatedBackupsReplication": {"SourceDBInstanceArn": "db"},
    "StopDBInstanceAutomatedBackupsReplication": {"SourceDBInstanceArn": "db"},
    "AddSourceIdentifierToSubscription": {"SubscriptionName": "es"},
    "RemoveSourceIdentifierFromSubscription": {"SubscriptionName": "es"},
    "DeleteDBInstance": {"DBInstanceIdentifier": "db"},
    "DeleteDBSnapshot": {"DBSnapshotIdentifier": "snapshot"},
}
"""By operation: the kind of the resource that each parameter names; for a list of all, the first one's kind."""
NEW: Mapping[str, str] = {
    "RestoreDBInstanceFromDBSnapshot": "DBInstanceIdentifier",
    "RestoreDBInstanceToPointInTime": "TargetDBInstanceIdentifier",
    "CreateDBInstance": "DBInstanceIdentifier",
    "CreateDBSnapshot": "DBSnapshotIdentifier",
    "CopyDBSnapshot": "TargetDBSnapshotIdentifier",
    "CreateDBParameterGroup": "DBParameterGroupName",
}
"""By operation: the parameter with the name of what is made, whose tags are those of the request."""
ANYTHING = frozenset(
    {
        "cloudwatch:GetMetricStatistics",
        "cloudwatch:GetMetricData",
        "cloudtrail:LookupEvents",
        "secretsmanager:ListSecrets",
        "iam:GetAccountAuthorizationDetails",
        "route53:ListHostedZones",
        "backup:ListBackupPlans",
    }
)
"""Actions without resources."""
EC2_DESCRIPTIONS = frozenset(
    {
        "DescribeNetworkAcls",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
    }
)
FREE = frozenset({"sts:GetCallerIdentity"})
"""No permissions are required. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
NO_KEY = "KMSKeyNotAccessibleFault"
"""How RDS tells that the caller has no right to a key."""
OF_VERSION = {
    "GetObject": "GetObjectVersion",
    "DeleteObject": "DeleteObjectVersion",
    "PutObjectTagging": "PutObjectVersionTagging",
}
"""The action for a version of an object, where it isn't that for the object."""
S3_ACTIONS = {"ListObjectsV2": "ListBucket", "HeadObject": "GetObject"}


class UnknownOperationError(Exception):
    """It isn't known which rights an operation needs."""


class World(Protocol):
    """What the answer depends on besides the request."""

    def tags(self, region: str, arn: str) -> Mapping[str, str]:
        """The tags of a resource of RDS; none for one that doesn't exist."""
        ...

    def key(self, region: str, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """The ARN of the KMS key of one's own that the instance to be made is encrypted with."""
        ...


@dataclass(frozen=True)
class Need:
    """What an operation asks for; the resource as AWS shows it in a refusal, and the code of that refusal."""

    ask: Ask
    shown: str
    code: str = "AccessDenied"


def needs(call: Call, world: World) -> list[Need]:
    """All of them must be allowed. Raises UnknownOperationError: nothing is allowed because nobody thought of it."""
    action = f"{call.service}:{call.operation}"
    if action in FREE:
        return []
    if action in ANYTHING:
        return [Need(Ask(action), "")]
    if call.service not in SERVICES:
        raise UnknownOperationError(f"{action}: add it to sandbox/aws/iam/asks.py")
    return list(SERVICES[call.service](call, world))


def _rds(call: Call, world: World) -> Iterator[Need]:
    if call.operation not in RDS_RESOURCES:
        raise UnknownOperationError(f"rds:{call.operation}: add it to sandbox/aws/iam/asks.py")
    action, sent = f"rds:{call.operation}", _tags(call.parameters)
    new = NEW.get(call.operation)
    for parameter, arn in _resources(call):
        stored: Mapping[str, str] = {} if parameter == new else world.tags(call.region, arn)
        yield Need(Ask(action, arn, {**_context("Resource", stored), **_context("Request", sent)}), arn)
        if parameter == new and sent:
            yield Need(Ask("rds:AddTagsToResource", arn, _context("Request", sent)), arn)
    yield from _forwarded(call, world)


def _resources(call: Call) -> list[tuple[str, str]]:
    """Parameter and ARN of each resource that a call names; of a list of all, the ARN with a star; else a star."""
    kinds = RDS_RESOURCES[call.operation]
    named = [
        (name, _rds_arn(call, kinds[name], value)) for name in kinds for value in _listed(call.parameters.get(name))
    ]
    kind = next(iter(kinds.values()), "")
    return named or [("", _rds_arn(call, kind, "*") if kind else "*")]


def _listed(value: Any) -> list[str]:
    """The names of a parameter that has one, or several; none where it isn't given."""
    return cast("list[str]", value) if isinstance(value, list) else [str(value)] if value else []


def _rds_arn(call: Call, kind: str, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:rds:{call.region}:{ACCOUNT}:{kind}:{name.lower()}"


def _tags(parameters: Mapping[str, Any]) -> Mapping[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in parameters.get("Tags", ())}


def _context(kind: str, tags: Mapping[str, str]) -> dict[str, str]:
    return {f"aws:{kind}Tag/{key}": value for key, value in tags.items()}


def _forwarded(call: Call, world: World) -> Iterator[Need]:
    """What RDS does in other services with the caller's rights, for the instance that is made or changed."""
    via = {"kms:ViaService": f"rds.{call.region}.amazonaws.com"}
    if key := world.key(call.region, call.operation, call.parameters):
        yield Need(Ask("kms:DescribeKey", key, via), key, NO_KEY)
        yield Need(Ask("kms:Decrypt", key, via), key, NO_KEY)
        yield Need(Ask("kms:CreateGrant", key, {**via, "kms:GrantIsForAWSResource": "true"}), key, NO_KEY)
    if role := call.parameters.get("MonitoringRoleArn"):
        passed = {"iam:PassedToService": "monitoring.rds.amazonaws.com"}
        yield Need(Ask("iam:PassRole", role, passed), role)
    for role in _roles_of_rds(call):
        yield Need(Ask("iam:PassRole", role, {"iam:PassedToService": "rds.amazonaws.com"}), role)
    if call.parameters.get("ManageMasterUserPassword"):
        secret = f"arn:aws:secretsmanager:{call.region}:{ACCOUNT}:secret:rds!db-"
        for action in ("secretsmanager:CreateSecret", "secretsmanager:TagResource"):
            yield Need(Ask(action, secret), secret)


def _roles_of_rds(call: Call) -> Iterator[str]:
    """The roles that RDS itself is to assume: of a feature, of a directory."""
    if call.operation == "AddRoleToDBInstance":
        yield str(call.parameters["RoleArn"])
    if name := call.parameters.get("DomainIAMRoleName"):
        yield f"arn:aws:iam::{ACCOUNT}:role/{name}"


def _ec2(call: Call, _: World) -> Iterator[Need]:
    """Its descriptions have no resources, but for the entries of a prefix list."""
    if call.operation == "GetManagedPrefixListEntries":
        arn = f"arn:aws:ec2:{call.region}:{ACCOUNT}:prefix-list/{call.parameters.get('PrefixListId', '')}"
        yield Need(Ask("ec2:GetManagedPrefixListEntries", arn), arn, "UnauthorizedOperation")
        return
    if call.operation not in EC2_DESCRIPTIONS:
        raise UnknownOperationError(f"ec2:{call.operation}: add it to sandbox/aws/iam/asks.py")
    yield Need(Ask(f"ec2:{call.operation}"), "", "UnauthorizedOperation")


def _ecr(call: Call, _: World) -> Iterator[Need]:
    if call.operation != "DescribeImages":
        raise UnknownOperationError(f"ecr:{call.operation}: add it to sandbox/aws/iam/asks.py")
    arn = f"arn:aws:ecr:{call.region}:{ACCOUNT}:repository/{call.parameters.get('repositoryName', '')}"
    yield Need(Ask("ecr:DescribeImages", arn), arn, "AccessDeniedException")


def _secrets(call: Call, _: World) -> Iterator[Need]:
    """AWS shows a secret as the caller has named it; policies match its ARN, which ends in six random characters."""
    name = str(call.parameters.get("SecretId", ""))
    arn = name if name.startswith("arn:") else f"arn:aws:secretsmanager:{call.region}:{ACCOUNT}:secret:{name}-000000"
    yield Need(Ask(f"secretsmanager:{call.operation}", arn), name, "AccessDeniedException")


def _s3(call: Call, _: World) -> Iterator[Need]:
    if not call.operation:
        raise UnknownOperationError("an S3 operation: add it to sandbox/aws/iam/calls.py")
    action = S3_ACTIONS.get(call.operation, call.operation)
    if "VersionId" in call.parameters:
        action = OF_VERSION.get(action, action)
    of_bucket = action == "ListBucket"
    bucket = f"arn:aws:s3:::{call.parameters['Bucket']}"
    arn = bucket if of_bucket else f"{bucket}/{call.parameters['Key']}"
    context = {"s3:prefix": call.parameters["Prefix"]} if of_bucket and "Prefix" in call.parameters else {}
    yield Need(Ask(f"s3:{action}", arn, context), f'"{arn}"')


def _kms(call: Call, _: World) -> Iterator[Need]:
    name = str(call.parameters.get("KeyId", ""))
    arn = name if name.startswith("arn:") else f"arn:aws:kms:{call.region}:{ACCOUNT}:key/{name}"
    yield Need(Ask(f"kms:{call.operation}", arn), arn, "AccessDeniedException")


def _iam(call: Call, _: World) -> Iterator[Need]:
    """The provider asks who it is by GetUser or ListRoles where it may not ask STS (skipCredentialsValidation)."""
    action = f"iam:{call.operation}"
    if call.operation not in ("SimulatePrincipalPolicy", "GetRole", "GetUser", "ListRoles"):
        raise UnknownOperationError(f"{action}: add it to sandbox/aws/iam/asks.py")
    arn = str(
        call.parameters.get("PolicySourceArn") or f"arn:aws:iam::{ACCOUNT}:role/{call.parameters.get('RoleName', '')}"
    )
    yield Need(Ask(action, arn), arn)


def _cloudwatch(call: Call, _: World) -> Iterator[Need]:
    """An alarm's name stands in a body that isn't read here: whoever may change one may change any."""
    if call.operation == "PutMetricData":  # decided by the namespace alone
        named = {"cloudwatch:namespace": str(call.parameters.get("Namespace", ""))}
        yield Need(Ask("cloudwatch:PutMetricData", "*", named), "")
        return
    if call.operation not in ("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms", "ListTagsForResource"):
        raise UnknownOperationError(f"cloudwatch:{call.operation}: add it to sandbox/aws/iam/asks.py")
    arn = f"arn:aws:cloudwatch:{call.region}:{ACCOUNT}:alarm:*"
    yield Need(Ask(f"cloudwatch:{call.operation}", arn), arn)


def _backup(call: Call, _: World) -> Iterator[Need]:
    """A selection is decided by its plan; its role is passed to AWS Backup."""
    if not call.operation:
        raise UnknownOperationError("an operation of AWS Backup: add it to sandbox/aws/iam/calls.py")
    plan = f"arn:aws:backup:{call.region}:{ACCOUNT}:backup-plan:{call.parameters['BackupPlanId']}"
    yield Need(Ask(f"backup:{call.operation}", plan), plan, "AccessDeniedException")
    if role := call.parameters.get("BackupSelection", {}).get("IamRoleArn"):
        passed = {"iam:PassedToService": "backup.amazonaws.com"}
        yield Need(Ask("iam:PassRole", role, passed), role, "AccessDeniedException")


def _route53(call: Call, _: World) -> Iterator[Need]:
    if not call.operation:
        raise UnknownOperationError("an operation of Route 53: add it to sandbox/aws/iam/calls.py")
    zone = f"arn:aws:route53:::hostedzone/{call.parameters['HostedZoneId']}"
    yield Need(Ask(f"route53:{call.operation}", zone), zone)


SNS_OPERATIONS = frozenset(
    ["Publish", "CreateTopic", "GetTopicAttributes", "ListTagsForResource", "DeleteTopic", "ListSubscriptionsByTopic"]
)


def _sns(call: Call, _: World) -> Iterator[Need]:
    if call.operation not in SNS_OPERATIONS:
        raise UnknownOperationError(f"sns:{call.operation}: add it to sandbox/aws/iam/asks.py")
    named = str(call.parameters.get("TopicArn") or call.parameters.get("ResourceArn") or "")
    topic = named or f"arn:aws:sns:{call.region}:{ACCOUNT}:{call.parameters.get('Name', '')}"
    yield Need(Ask(f"sns:{call.operation}", topic), topic, "AuthorizationError")


SERVICES = {
    "rds": _rds,
    "secretsmanager": _secrets,
    "s3": _s3,
    "kms": _kms,
    "iam": _iam,
    "ec2": _ec2,
    "ecr": _ecr,
    "cloudwatch": _cloudwatch,
    "backup": _backup,
    "route53": _route53,
    "sns": _sns,
}
