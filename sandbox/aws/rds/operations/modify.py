"""ModifyDBInstance: what applies at once, what waits for the maintenance window, and in which steps."""

from __future__ import annotations

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, offerings, shapes
from sandbox.aws.rds.data.state import Instance, Step
from sandbox.aws.rds.operations import groups
from sandbox.aws.rds.operations.instances import PASSWORD_MASK, certificate, checked_password, described, validate
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service import master_password
from sandbox.aws.rds.service.region import Rds, snapshot_of

# API reference, ModifyDBInstance: these wait for the maintenance window unless ApplyImmediately.
WAITING = [
    "AllocatedStorage",
    "DBInstanceClass",
    "MultiAZ",
    "EngineVersion",
    "LicenseModel",
    "Iops",
    "StorageThroughput",
    "StorageType",
    "CACertificateIdentifier",
    "IAMDatabaseAuthenticationEnabled",
    "DedicatedLogVolume",
]
# These apply as soon as possible, whatever is asked.
SOON = [
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "AutoMinorVersionUpgrade",
    "CopyTagsToSnapshot",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "PubliclyAccessible",
    "PerformanceInsightsEnabled",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "DatabaseInsightsMode",
    "DeletionProtection",
    "MaxAllocatedStorage",
    "NetworkType",
    "EngineLifecycleSupport",
    "DbInstancePort",
]
# Settings of the control plane alone: the status doesn't change for them.
QUIET = frozenset(
    [
        "DeletionProtection",
        "CopyTagsToSnapshot",
        "PreferredBackupWindow",
        "PreferredMaintenanceWindow",
        "AutoMinorVersionUpgrade",
        "MaxAllocatedStorage",
        "VpcSecurityGroups",
        "DBParameterGroups",
        "OptionGroupMemberships",
    ]
)
STATUSES = {
    "MonitoringInterval": "configuring-enhanced-monitoring",
    "IAMDatabaseAuthenticationEnabled": "configuring-iam-database-auth",
    "EnabledCloudwatchLogsExports": "configuring-log-exports",
    "EngineVersion": "upgrading",
}
CHANGEABLE_IN = frozenset(["available", "storage-full", "storage-optimization", "incompatible-parameters"])


@operation(
    "DBInstanceIdentifier AllocatedStorage DBInstanceClass VpcSecurityGroupIds ApplyImmediately MasterUserPassword"
    " DBParameterGroupName BackupRetentionPeriod PreferredBackupWindow PreferredMaintenanceWindow MultiAZ EngineVersion"
    " AllowMajorVersionUpgrade AutoMinorVersionUpgrade LicenseModel Iops StorageThroughput OptionGroupName"
    " NewDBInstanceIdentifier StorageType CACertificateIdentifier CertificateRotationRestart CopyTagsToSnapshot"
    " MonitoringInterval DBPortNumber PubliclyAccessible MonitoringRoleArn EnableIAMDatabaseAuthentication"
    " DatabaseInsightsMode EnablePerformanceInsights PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod"
    " CloudwatchLogsExportConfiguration DeletionProtection MaxAllocatedStorage NetworkType DedicatedLogVolume"
    " EngineLifecycleSupport DBSubnetGroupName ManageMasterUserPassword MasterUserSecretKmsKeyId"
    " RotateMasterUserPassword Domain DomainIAMRoleName"
)
def modify_db_instance(rds: Rds, p: Shape) -> Shape:
    instance = rds.instance(p["DBInstanceIdentifier"])
    if instance.status not in CHANGEABLE_IN:
        raise AwsError("InvalidDBInstanceState", "Database instance is not in available state.")
    at_once = bool(p.get("ApplyImmediately"))
    waiting, soon = wanted(rds, instance, p)
    renamed = new_identifier(rds, instance, p)
    password = master_password.changed(rds, instance, p)
    if password is None and p.get("MasterUserPassword"):
        password = checked_password(p["MasterUserPassword"])
        master_password.drop(rds, instance)
    pending: Shape = instance.shape["PendingModifiedValues"]
    pending |= waiting
    if renamed:
        pending["DBInstanceIdentifier"] = renamed
    if at_once:
        flush = due(instance)
        rds.scheduler.submit(
            rds, instance, *steps(rds, instance, {**soon, **flush}, password, pending.get("DBInstanceIdentifier"))
        )
    else:
        rds.scheduler.submit(rds, instance, *steps(rds, instance, soon, password, None))
    if password:
        pending["MasterUserPassword"] = PASSWORD_MASK
    return {"DBInstance": described(instance)}


def due(instance: Instance) -> Shape:
    """Everything that waits, whoever asked for it: ApplyImmediately applies that too."""
    pending: Shape = instance.shape["PendingModifiedValues"]
    return {key: value for key, value in pending.items() if key in (*WAITING, "BackupRetentionPeriod")}


def wanted(rds: Rds, instance: Instance, p: Shape) -> tuple[Shape, Shape]:
    """What changes: what waits for the window, and what doesn't. Raises AwsError."""
    shape = instance.shape
    requested = {k: v for k, v in shapes.answered(p).items() if k in (*WAITING, *SOON)}
    version = requested.get("EngineVersion")
    if version:
        requested["EngineVersion"] = upgrade(rds, shape, version, major=bool(p.get("AllowMajorVersionUpgrade")))
    if logs := p.get("CloudwatchLogsExportConfiguration"):
        requested["EnabledCloudwatchLogsExports"] = exported(shape, logs)
    if "BackupRetentionPeriod" in p:
        requested["BackupRetentionPeriod"] = p["BackupRetentionPeriod"]
    validate({**shape, **requested})
    refuse_smaller(shape, requested)
    changed = {k: v for k, v in requested.items() if shape.get(k) != v}
    waits = {k: v for k, v in changed.items() if k in WAITING}
    retention = changed.get("BackupRetentionPeriod")
    if retention is not None and bool(retention) != bool(shape["BackupRetentionPeriod"]):
        waits["BackupRetentionPeriod"] = retention  # switching backups on or off needs an outage
    for key in requested:
        if shape.get(key) == requested[key]:
            shape["PendingModifiedValues"].pop(key, None)  # asked back to what it is
    return waits, {k: v for k, v in changed.items() if k not in waits} | memberships(rds, instance, p)


def memberships(rds: Rds, instance: Instance, p: Shape) -> Shape:
    shape, changes = instance.shape, Shape()
    version = p.get("EngineVersion") or shape["EngineVersion"]
    if p.get("DBSubnetGroupName") and p["DBSubnetGroupName"].lower() != shape["DBSubnetGroup"]["DBSubnetGroupName"]:
        changes["DBSubnetGroup"] = groups.find_subnet_group(rds, p["DBSubnetGroupName"])
    if "VpcSecurityGroupIds" in p:
        vpc = shape["DBSubnetGroup"]["VpcId"]
        changes["VpcSecurityGroups"] = groups.security_groups(rds, p["VpcSecurityGroupIds"], vpc)
    if (name := p.get("DBParameterGroupName")) and name != shape["DBParameterGroups"][0]["DBParameterGroupName"]:
        changes["DBParameterGroups"] = [groups.parameter_membership(rds, version, name, "pending-reboot")]
    if name := p.get("OptionGroupName"):
        changes["OptionGroupMemberships"] = [groups.option_membership(rds, version, name)]
    if domain := p.get("Domain"):
        member = {"Domain": domain, "Status": "joined", "IAMRoleName": p.get("DomainIAMRoleName", "")}
        changes["DomainMemberships"] = [member]
    if identifier := p.get("CACertificateIdentifier"):
        changes["CertificateDetails"] = certificate(rds, identifier)
    return {key: value for key, value in changes.items() if shape.get(key) != value}


def upgrade(rds: Rds, shape: Shape, version: str, *, major: bool) -> str:
    present = shape["EngineVersion"]
    if version in (present, present.split(".")[0]):
        return present
    target = offerings.creatable(version, rds.host.binaries.version)
    if target.split(".")[0] != present.split(".")[0] and not major:
        raise AwsError(
            "InvalidParameterCombination",
            "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
        )
    if tuple(map(int, target.split("."))) < tuple(map(int, present.split("."))):
        raise AwsError("InvalidParameterCombination", f"Cannot upgrade {offerings.ENGINE} from {present} to {version}")
    return target


def exported(shape: Shape, configuration: Shape) -> list[str]:
    present: list[str] = list(shape.get("EnabledCloudwatchLogsExports", []))
    off = configuration.get("DisableLogTypes", [])
    present += [log for log in configuration.get("EnableLogTypes", []) if log not in present]
    return [log for log in present if log not in off]


def refuse_smaller(shape: Shape, requested: Shape) -> None:
    size, present = requested.get("AllocatedStorage"), shape["AllocatedStorage"]
    if size is not None and size < present:
        raise AwsError(
            "InvalidParameterCombination",
            f"Invalid storage size for engine name postgres and storage type {shape['StorageType']}: {size}."
            f" Allocated storage can't be reduced from {present}.",
        )


def new_identifier(rds: Rds, instance: Instance, p: Shape) -> str | None:
    """Raises AwsError when the new name is malformed or taken."""
    if not p.get("NewDBInstanceIdentifier"):
        return None
    name = identifiers.checked(p["NewDBInstanceIdentifier"], "NewDBInstanceIdentifier")
    if name == instance.identifier:
        return None
    if rds.taken(name):
        raise AwsError("DBInstanceAlreadyExists", "DB instance already exists")
    return name


def steps(rds: Rds, instance: Instance, changes: Shape, password: str | None, identifier: str | None) -> list[Step]:
    """What happens, in order. Settings of the control plane alone are made at once, and need no step."""
    quiet = {k: v for k, v in changes.items() if k in QUIET}
    instance.shape |= snapshot_of(quiet)
    for key in quiet:
        instance.shape["PendingModifiedValues"].pop(key, None)
    loud = {k: v for k, v in changes.items() if k not in QUIET}
    work = [
        Step("change", status, {"changes": {key: loud.pop(key)}})
        for key, status in STATUSES.items()
        if key in loud and key != "MonitoringInterval"
    ]
    if loud:
        status = (
            STATUSES["MonitoringInterval"]
            if loud.keys() <= {"MonitoringInterval", "MonitoringRoleArn"}
            else "modifying"
        )
        work.insert(0, Step("change", status, {"changes": loud}))
    if "AllocatedStorage" in loud:
        work.append(Step("optimize", "storage-optimization"))
    if password:
        work.append(Step("set_password", "resetting-master-credentials", {"password": password}))
    if identifier:
        work.append(Step("rename", "renaming", {"identifier": identifier}))
    had = instance.shape["BackupRetentionPeriod"]
    if not had and changes.get("BackupRetentionPeriod"):
        work.append(Step("back_up", "backing-up", {"operation": "ModifyDBInstance"}))
    if rds.shared.pace.imitates_aws and work:
        work.insert(0, Step("noticed", "available"))
    return work


def maintenance_window(rds: Rds, instance: Instance) -> None:
    """Applies what waits, as the maintenance window does."""
    identifier = instance.shape["PendingModifiedValues"].get("DBInstanceIdentifier")
    rds.scheduler.submit(rds, instance, *steps(rds, instance, due(instance), None, identifier))
