"""Instances: made, described, started, stopped, rebooted, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.aws.errors import AwsError, unsupported
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, offerings, shapes
from sandbox.aws.rds.data.state import Instance, Step
from sandbox.aws.rds.operations import groups
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service import limits, master_password
from sandbox.aws.rds.service.region import Rds, now, snapshot_of
from sandbox.aws.rds.service.snapshot_data import begin_snapshot

PASSWORD_MASK = "****"
PASSWORD_RANGE = range(8, 129)
BAD_IN_PASSWORD = re.compile(r"[^\x21-\x7e]|[/@\"]")
CREATION = (
    "DBName DBInstanceIdentifier AllocatedStorage DBInstanceClass Engine MasterUsername MasterUserPassword"
    " VpcSecurityGroupIds AvailabilityZone DBSubnetGroupName PreferredMaintenanceWindow DBParameterGroupName"
    " BackupRetentionPeriod PreferredBackupWindow Port MultiAZ EngineVersion AutoMinorVersionUpgrade LicenseModel Iops"
    " StorageThroughput OptionGroupName PubliclyAccessible Tags StorageType StorageEncrypted KmsKeyId"
    " CopyTagsToSnapshot MonitoringInterval MonitoringRoleArn EnableIAMDatabaseAuthentication DatabaseInsightsMode"
    " EnablePerformanceInsights PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod"
    " EnableCloudwatchLogsExports DeletionProtection MaxAllocatedStorage NetworkType BackupTarget"
    " CACertificateIdentifier DedicatedLogVolume EngineLifecycleSupport EnableCustomerOwnedIp"
    " ManageMasterUserPassword MasterUserSecretKmsKeyId"
)
# Parameters that become something else than an attribute of the same name.
STRUCTURED = (
    "DBSubnetGroupName", "DBParameterGroupName", "OptionGroupName", "VpcSecurityGroupIds", "MasterUserPassword",
    "Tags", "KmsKeyId", "AvailabilityZone", "ManageMasterUserPassword", "MasterUserSecretKmsKeyId",
)  # fmt: skip


@operation(CREATION)
def create_db_instance(rds: Rds, p: Shape) -> Shape:
    if p["Engine"] != offerings.ENGINE:
        raise unsupported(f"engine {p['Engine']}, only {offerings.ENGINE}")
    for required in ("MasterUsername", "AllocatedStorage"):
        if not p.get(required):
            raise AwsError(
                "InvalidParameterValue", f"Invalid {'master user name' if required == 'MasterUsername' else required}"
            )
    password = master_password.asked(p) or checked_password(p.get("MasterUserPassword") or "")
    requested = {"DBInstanceClass": p["DBInstanceClass"], **shapes.answered(p, *STRUCTURED)}
    requested["EngineVersion"] = offerings.creatable(p.get("EngineVersion"), rds.host.binaries.version)
    if p.get("StorageEncrypted") or p.get("KmsKeyId"):
        requested |= {"StorageEncrypted": True, "KmsKeyId": rds.shared.services.key(rds.region, p.get("KmsKeyId"))}
    instance = new_instance(rds, p["DBInstanceIdentifier"], requested, p)
    if p.get("ManageMasterUserPassword"):
        master_password.keep(rds, instance, password, p.get("MasterUserSecretKmsKeyId"))
    arguments = {"password": password, "database": p.get("DBName")}
    rds.scheduler.submit(rds, instance, Step("create", "creating", arguments), Step("back_up", "backing-up"))
    return {"DBInstance": described(instance)}


def checked_password(password: str) -> str:
    """Raises AwsError as RDS does."""
    if len(password) not in PASSWORD_RANGE:
        word = "shorter than 8" if len(password) < PASSWORD_RANGE.start else "longer than 128"
        raise AwsError(
            "InvalidParameterValue",
            f"The parameter MasterUserPassword is not a valid password because it is {word} characters.",
        )
    if BAD_IN_PASSWORD.search(password):
        raise AwsError(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides"
            " '/', '@', '\"', ' ' may be used.",
        )
    return password


def new_instance(rds: Rds, identifier: str, requested: Shape, p: Shape) -> Instance:
    """Registers an instance that is to be made: RDS's defaults, under what is asked. Raises AwsError."""
    name = identifiers.checked(
        identifier, "TargetDBInstanceIdentifier" if "TargetDBInstanceIdentifier" in p else "DBInstanceIdentifier"
    )
    if rds.taken(name):
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
    limits.check_quotas(rds, int(requested.get("AllocatedStorage") or 0))
    shape: Shape = {
        **snapshot_of(dict(shapes.INSTANCE_DEFAULTS)),
        **{key: value for key, value in requested.items() if value is not None},
        "DBInstanceIdentifier": name,
        "DBInstanceArn": rds.arn("db", name),
        "DbiResourceId": identifiers.resource_id(),
        "InstanceCreateTime": now(),
        "AvailabilityZone": p.get("AvailabilityZone") or f"{rds.region}a",
        "TagList": p.get("Tags", []),
        "PendingModifiedValues": {"MasterUserPassword": PASSWORD_MASK} if "MasterUserPassword" in p else {},
    }
    shape.setdefault("DbInstancePort", offerings.PORT)
    validate(shape)
    shape |= shapes.storage(shape)
    shape |= groups.memberships(rds, shape, p)
    limits.check_place(rds, shape, p.get("AvailabilityZone"))
    if shape["StorageEncrypted"] and shape.get("KmsKeyId"):
        rds.shared.services.key(rds.region, shape["KmsKeyId"])
    shape["CertificateDetails"] = certificate(rds, shape["CACertificateIdentifier"])
    if shape["MultiAZ"]:
        shape["SecondaryAvailabilityZone"] = f"{rds.region}{'b' if shape['AvailabilityZone'].endswith('a') else 'a'}"
    return register(rds, shape)


def register(rds: Rds, shape: Shape) -> Instance:
    instance = Instance(shape)
    rds.state.instances[instance.identifier] = instance
    return instance


def certificate(rds: Rds, identifier: str) -> Shape:
    return {"CAIdentifier": identifier, "ValidTill": rds.host.authority.expires}


def validate(shape: Shape) -> None:
    """What RDS checks of an instance's settings before it begins. Raises AwsError."""
    if shape["DBInstanceClass"] not in offerings.CLASSES:
        raise AwsError("InvalidParameterValue", f"Invalid DB Instance class: {shape['DBInstanceClass']}")
    if not 0 <= shape["BackupRetentionPeriod"] <= offerings.LONGEST_RETENTION:
        raise AwsError("InvalidParameterValue", "Retention period must be between 0 and 35.")
    if shape["StorageType"] not in offerings.STORAGE_TYPES:
        raise AwsError("InvalidParameterValue", f"Invalid storage type: {shape['StorageType']}")
    if unknown := set(shape.get("EnabledCloudwatchLogsExports", [])) - set(offerings.LOG_TYPES):
        logs = ", ".join(sorted(unknown))
        raise AwsError(
            "InvalidParameterCombination",
            f"You cannot use the log types '{logs}' with engine version postgres {shape['EngineVersion']}."
            " For supported log types, see the documentation.",
        )
    if shape["CACertificateIdentifier"] not in offerings.CERTIFICATES:
        raise AwsError("CertificateNotFound", f"Certificate not found: {shape['CACertificateIdentifier']}")
    if bool(shape["MonitoringInterval"]) != bool(shape.get("MonitoringRoleArn")):
        raise AwsError(
            "InvalidParameterCombination",
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
        )


FILTERS: dict[str, Callable[[Shape], Iterable[str]]] = {
    "db-instance-id": lambda s: (s["DBInstanceIdentifier"], s["DBInstanceArn"]),
    "dbi-resource-id": lambda s: (s["DbiResourceId"],),
    "engine": lambda s: (s["Engine"],),
    "db-cluster-id": lambda _: (),
    "domain": lambda _: (),
}


@operation("DBInstanceIdentifier Filters")
def describe_db_instances(rds: Rds, p: Shape) -> Shape:
    identifier = p.get("DBInstanceIdentifier")
    instances = [rds.instance(identifier)] if identifier else list(rds.state.instances.values())
    return {"DBInstances": filtered([described(i) for i in instances], p.get("Filters", []), FILTERS)}


def described(instance: Instance) -> Shape:
    """The shape as AWS answers it: the port of an instance stands in its endpoint."""
    return {**snapshot_of(instance.shape), "DbInstancePort": 0}


def ready(instance: Instance, message: str | None = None) -> None:
    """Raises AwsError unless the instance is available, or is while its blocks still come (User Guide, "Viewing Amazon
    RDS DB instance status": storage-initialization)."""
    if instance.status not in ("available", "storage-initialization"):
        raise AwsError(
            "InvalidDBInstanceState", message or f"Instance {instance.identifier} is not in available state."
        )


@operation("DBInstanceIdentifier ForceFailover")
def reboot_db_instance(rds: Rds, p: Shape) -> Shape:
    instance = rds.instance(p["DBInstanceIdentifier"])
    if instance.status != "incompatible-parameters":
        ready(instance)
    if p.get("ForceFailover") and not instance.shape["MultiAZ"]:
        raise AwsError("InvalidParameterCombination", "Cannot failover a Single-AZ DB instance.")
    rds.scheduler.submit(rds, instance, Step("reboot", "rebooting"))
    return {"DBInstance": described(instance)}


@operation("DBInstanceIdentifier DBSnapshotIdentifier")
def stop_db_instance(rds: Rds, p: Shape) -> Shape:
    instance = rds.instance(p["DBInstanceIdentifier"])
    ready(instance)
    steps: list[Step] = []
    if name := p.get("DBSnapshotIdentifier"):
        begun = begin_snapshot(rds, instance, name, "manual", [])
        steps.append(Step("take_snapshot", "backing-up", {"snapshot": begun.shape["DBSnapshotIdentifier"]}))
    rds.scheduler.submit(rds, instance, *steps, Step("halt", "stopping"))
    return {"DBInstance": described(instance)}


@operation("DBInstanceIdentifier")
def start_db_instance(rds: Rds, p: Shape) -> Shape:
    instance = rds.instance(p["DBInstanceIdentifier"])
    if instance.status not in ("stopped", shapes.KEY_LOST):
        raise AwsError("InvalidDBInstanceState", f"Instance {instance.identifier} is not stopped, cannot be started.")
    rds.scheduler.submit(rds, instance, Step("resume", "starting"))
    return {"DBInstance": described(instance)}


@operation("DBInstanceIdentifier SkipFinalSnapshot FinalDBSnapshotIdentifier DeleteAutomatedBackups")
def delete_db_instance(rds: Rds, p: Shape) -> Shape:
    instance = rds.instance(p["DBInstanceIdentifier"])
    final = p.get("FinalDBSnapshotIdentifier")
    refuse_deletion(rds, instance, final, skip=bool(p.get("SkipFinalSnapshot")))
    arguments: dict[str, Any] = {"final": None, "keep": p.get("DeleteAutomatedBackups") is False}
    if final:
        arguments["final"] = identifiers.checked(final, "FinalDBSnapshotIdentifier", identifiers.SNAPSHOT_LENGTH)
    del instance.steps[1:]
    instance.rest = "deleting"
    rds.scheduler.submit(rds, instance, Step("delete", "deleting", arguments))
    instance.shape["DBInstanceStatus"] = "deleting"
    return {"DBInstance": described(instance)}


def refuse_deletion(rds: Rds, instance: Instance, final: str | None, *, skip: bool) -> None:
    """Raises AwsError as RDS does, in its order."""
    if instance.status == "deleting" or instance.rest == "deleting":
        raise AwsError("InvalidDBInstanceState", f"Instance {instance.identifier} is already being deleted.")
    if instance.shape["DeletionProtection"]:
        raise AwsError(
            "InvalidParameterCombination",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        )
    if not final and not skip:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if final and skip:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true.",
        )
    if final and final.lower() in rds.state.snapshots:
        raise AwsError(
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {final} already exists.",
        )
    if final and instance.status in ("creating", "failed", "incompatible-restore"):
        raise AwsError(
            "InvalidDBInstanceState",
            f"Cannot create a snapshot because the database instance {instance.identifier} is not currently in the"
            " available state.",
        )
