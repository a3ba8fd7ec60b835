"""Instances, snapshots and automated backups as RDS describes them. Sizes are GiB, as in the RDS API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from restore.model.field_types import (
    Flag,
    Section,
    Texts,
    Whole,
)
from validation.verdict import Verdict as Verdict


@dataclass(frozen=True)
class Endpoint:
    """Where a PostgreSQL server answers."""

    host: str
    port: int
    via: str = field(default="", compare=False)
    """The address and port of this machine that lead there through a tunnel; empty where it is reached as it is."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Credential:
    """A login to a PostgreSQL server; the password never appears in a repr."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class InstanceSettings(Section):
    """Settings of an RDS instance that a restore must carry over; what isn't passed gets RDS's default
    (RDS User Guide, "Restoring to a DB instance", considerations)."""

    instance_class: str | None = None
    """Needed, with dbSubnetGroupName and vpcSecurityGroupIds, when the source is gone."""
    db_subnet_group_name: str | None = None
    vpc_security_group_ids: Texts = ()
    parameter_group_name: str | None = None
    option_group_name: str | None = None
    multi_az: Flag | None = None
    publicly_accessible: Flag | None = None
    port: Whole | None = None
    allocated_storage: Whole | None = None
    """GiB; never less than the recovery point's."""
    max_allocated_storage: Whole | None = None
    """GiB; the limit of storage autoscaling."""
    storage_type: str | None = None
    iops: Whole | None = None
    storage_throughput: Whole | None = None
    """MiB/s, gp3 only."""
    enabled_cloudwatch_logs_exports: Texts = ()
    iam_database_authentication_enabled: Flag | None = None
    performance_insights_enabled: Flag | None = None
    performance_insights_kms_key_id: str | None = None
    performance_insights_retention_period: Whole | None = None
    """Days."""
    monitoring_interval: Whole | None = None
    """Seconds."""
    monitoring_role_arn: str | None = None
    backup_window: str | None = None
    maintenance_window: str | None = None
    backup_retention_period: Whole | None = None
    """Days."""
    auto_minor_version_upgrade: Flag | None = None
    ca_cert_identifier: str | None = None
    copy_tags_to_snapshot: Flag | None = None
    deletion_protection: Flag | None = None
    """Else true, whatever the source has."""
    network_type: str | None = None
    """IPV4 or DUAL."""
    dedicated_log_volume: Flag | None = None
    database_insights_mode: str | None = None
    """standard or advanced."""
    engine_lifecycle_support: str | None = None
    """Whether RDS Extended Support, which costs, begins at the end of the major version; RDS's default enrols."""
    domain: str | None = None
    """Directory of Kerberos logins."""
    domain_iam_role_name: str | None = None
    """Role by which RDS uses that directory."""
    associated_roles: Texts = ()
    """IAM roles of features such as s3Import, as FEATURE=ARN; no call that restores takes them along."""


@dataclass(frozen=True)
class Instance:
    """An RDS instance as found. `resource_id` (DbiResourceId) is its identity; identifiers can move."""

    identifier: str
    resource_id: str
    arn: str
    status: str
    engine: str
    engine_version: str
    endpoint: Endpoint | None
    created: datetime | None
    latest_restorable: datetime | None
    settings: InstanceSettings
    storage_encrypted: bool = False
    kms_key_id: str | None = None
    master_user: str | None = None
    managed_secret: str | None = None
    """ARN of the secret in which RDS keeps a master password of its own making; None where it doesn't."""
    pending: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters_pending_reboot: bool = False
    """Static parameters of its group count only after a reboot."""
    replicas: tuple[str, ...] = ()
    """Identifiers, or ARNs in other regions, of its read replicas."""
    replications: tuple[str, ...] = ()
    """ARNs of its automated backups' replicas in other regions."""
    db_cluster: str | None = None
    """The Multi-AZ DB cluster that it is a member of."""


@dataclass(frozen=True)
class Snapshot:
    """A DB snapshot as found. `kind`: automated, manual, awsbackup, shared, public."""

    identifier: str
    arn: str
    kind: str
    status: str
    engine: str
    engine_version: str
    source_identifier: str
    source_resource_id: str
    created: datetime | None
    """OriginalSnapshotCreateTime: unlike SnapshotCreateTime it doesn't change when a snapshot is copied."""
    allocated_storage: int
    """GiB."""
    storage_type: str | None = None
    iops: int | None = None
    encrypted: bool = False
    kms_key_id: str | None = None
    percent: int | None = None
    copy_of: str = ""
    """ARN of the snapshot that it was copied from; empty for an original."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


REPLICATING = "replicating"


@dataclass(frozen=True)
class AutomatedBackup:
    """The PITR window of an instance, living or gone (DescribeDBInstanceAutomatedBackups)."""

    arn: str
    source_identifier: str
    source_resource_id: str
    status: str
    """active, retained, creating, pending, replicating."""
    engine: str
    engine_version: str
    earliest: datetime | None
    latest: datetime | None
    region: str
    settings: InstanceSettings
    """What the automated backup knows of it; no class, subnet group or security groups."""
    storage_encrypted: bool = False
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_replica(self) -> bool:
        """Whether it was replicated from another region: it is restored by its own ARN, also when its instance is gone
        (API reference of RestoreDBInstanceToPointInTime, SourceDBInstanceAutomatedBackupsArn)."""
        here = self.arn.split(":")[3] if self.arn.count(":") > 3 else self.region
        return self.status == REPLICATING or here != self.region
