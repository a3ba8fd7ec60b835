"""A restore as parameters of RDS: what its two calls take of the wanted settings. Pure.

Sources: API references of RestoreDBInstanceToPointInTime and RestoreDBInstanceFromDBSnapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from restore.aws.parse import MODIFY
from restore.model.planned import Plan
from restore.model.rds import InstanceSettings
from restore.model.request import Method

NOT_TAKEN = frozenset(
    {
        "performance_insights_enabled",
        "performance_insights_kms_key_id",
        "performance_insights_retention_period",
        "database_insights_mode",
        "monitoring_interval",
        "monitoring_role_arn",
        "maintenance_window",
        "domain",
        "domain_iam_role_name",
    }
)
"""What gate `conformed` brings along: no restore takes these, but a directory, whose refusal would cost the restore."""
RETENTION = "BackupRetentionPeriod"
NAMES: Mapping[str, str] = {
    **{field: name for field, name in MODIFY.items() if field not in NOT_TAKEN},
    "port": "Port",
    "enabled_cloudwatch_logs_exports": "EnableCloudwatchLogsExports",
}
"""Parameter of both calls by field."""
POINT_IN_TIME_ONLY = frozenset({"MaxAllocatedStorage"})


def build_restore(plan: Plan) -> dict[str, Any]:
    """Returns the parameters of the call that makes the candidate, by its tags found again after any kill.

    With `DBSnapshotIdentifier` they are RestoreDBInstanceFromDBSnapshot's, otherwise RestoreDBInstanceToPointInTime's.
    """
    tags = [{"Key": key, "Value": value} for key, value in sorted(plan.tags.items())]
    parameters = {**build_settings(plan.settings), "Tags": tags}
    if plan.point.method is Method.SNAPSHOT:
        taken = {name: value for name, value in parameters.items() if name not in POINT_IN_TIME_ONLY}
        return {"DBInstanceIdentifier": plan.candidate, "DBSnapshotIdentifier": plan.point.snapshot, **taken}
    return {"TargetDBInstanceIdentifier": plan.candidate, **build_point(plan), **parameters}


def build_point(plan: Plan) -> dict[str, Any]:
    """Returns whose backups and which moment of them the candidate is made from."""
    point = plan.point
    backups = (
        {"SourceDBInstanceAutomatedBackupsArn": point.automated_backup_arn}
        if point.automated_backup_arn
        else {"SourceDbiResourceId": point.source_resource_id}
    )
    if point.latest or point.time is None:
        return {**backups, "UseLatestRestorableTime": True}
    return {**backups, "RestoreTime": point.time}


def build_settings(settings: InstanceSettings) -> dict[str, Any]:
    """Returns the wanted settings that a restore takes, without unset ones.

    Automated backups stay off until gate `conformed` has set everything else: RDS would back the instance up at once,
    and take no modification until that has ended. Where the wanted retention isn't known, RDS keeps the source's.
    """
    values: dict[str, Any] = {name: getattr(settings, field) for field, name in NAMES.items()}
    parameters = {name: convert(value) for name, value in values.items() if value not in (None, ())}
    return {**parameters, **({RETENTION: 0} if RETENTION in parameters else {})}


def convert(value: Any) -> Any:
    """Returns a setting as boto3 takes it: a list where the plan has a tuple."""
    return list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
