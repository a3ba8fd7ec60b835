"""The words of this program as values: what is asked for, what is found, and what is planned.

Times are timezone-aware UTC datetimes, sizes GiB as in the RDS API. docs/architecture.md has the glossary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from restore.durations import TIME_FORMAT
from restore.errors import Problem
from restore.field_types import (
    NUMBER,
    Bucket,
    Flag,
    KeyPrefix,
    Object,
    SecretKeyName,
    SecretName,
    Section,
    Texts,
    TlsMode,
    Whole,
)
from validation.verdict import Verdict as Verdict

LATEST = "latest"


class Method(StrEnum):
    """How a candidate is made."""

    SNAPSHOT = "snapshot"
    PITR = "pitr"
    DUMP = "dump"


class Traffic(StrEnum):
    """Whom the applications use; it only moves through FROZEN."""

    SOURCE = "source"
    FROZEN = "frozen"
    RESTORED = "restored"


# What is asked for (config)


@dataclass(frozen=True)
class Request:
    """One restore as the operator asked for it. `snapshot`, `time` and `dump` hold LATEST or one exact value."""

    id: str
    method: Method
    traffic: Traffic
    snapshot: str | None = None
    time: datetime | str | None = None
    dump: str | None = None
    """Key of the object in the bucket of dumps; of a dump in directory format the prefix, with its `/`."""
    foreign_snapshot: bool = False
    """The snapshot may be of another instance: named on purpose (`foreignSnapshot: true`)."""
    incident: str | None = None

    @property
    def recovery_point(self) -> str:
        """As written in the candidate's tag: `pitr:2026-11-22T14:30:00Z`, `snapshot:<identifier>`, `dump:<key>`,
        `...:latest`."""
        value = {Method.SNAPSHOT: self.snapshot, Method.PITR: self.time, Method.DUMP: self.dump}[self.method]
        text = f"{value:{TIME_FORMAT}}" if isinstance(value, datetime) else str(value)
        return f"{self.method}:{text}"


@dataclass(frozen=True)
class App:
    """A Deployment that writes to the database."""

    name: str
    replicas: int | None = None
    """Overrides the replicas found at the first freeze."""
    health: str | None = None
    """URL that answers 2xx when healthy; `{pod}` stands for each pod's address."""


@dataclass(frozen=True)
class SecretKey(Section):
    """The connection secret of the applications: a Kubernetes Secret and the key that holds the URL."""

    name: SecretName = "database-credentials"
    """Name of the Secret."""
    key: SecretKeyName = "DATABASE_URL"
    """Its key that holds the URL."""
    source_host: str | None = None
    """Host by which the URL names the source, where not by its endpoint (a CNAME, or a source now gone)."""


@dataclass(frozen=True)
class Login(Section):
    """The operator's login to the databases."""

    user: str = ""
    """PostgreSQL user. Needed for a restore."""
    secret_id: str | None = None
    """Secrets Manager secret: the password itself, or RDS's JSON with username and password. Needed without `iam`."""
    iam: Flag = False
    """Log in by IAM tokens instead of a password."""
    database: str | None = None
    """Database to connect to; else that of the applications' URL."""


RDS_CERTIFICATES = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
"""Where AWS publishes the certificates of all RDS regions (RDS User Guide, "Using SSL/TLS to encrypt a connection")."""


@dataclass(frozen=True)
class Tls(Section):
    """How the databases' certificates are verified (libpq's sslmode and sslrootcert)."""

    mode: TlsMode = "verify-full"
    """verify-full, or verify-ca where certificates carry another name."""
    root_certificate: str | None = None
    """File with the certificates to trust. Needed for a restore."""


@dataclass(frozen=True)
class DumpStore(Section):
    """Where the dumps are kept, and who owns a database that is made of one."""

    bucket: Bucket = ""
    """S3 bucket, in the stack's region. Needed for method dump."""
    prefix: KeyPrefix = "database/postgresql/"
    """What the keys of the dumps begin with."""
    owner: str | None = None
    """Role that owns the database, and is created; else the application's user."""
    allow: Texts = ()
    """Kinds of statements to run that gate scanned refuses otherwise, such as foreign; or
    privileged_owner."""
    skip: Texts = ()
    """Kinds of statements to leave out, such as subscription."""


@dataclass(frozen=True)
class ValidationSettings(Section):
    """What the restored data is held against, and the image of the Job that connects from inside the cluster."""

    checks_file: Annotated[str | None, Field(alias="checks", description="File of expectations.")] = None
    inline: Object = field(default_factory=dict[str, Any])
    """Expectations written here; a section takes the place of the file's."""
    image: str | None = None
    """Image of the Job that connects from inside the cluster; it needs psql and sh."""
    budget_seconds: Annotated[int, Field(ge=1, le=86_400), NUMBER] = 1800
    """Seconds that all checks together may take."""
    workers: Annotated[int, Field(ge=1, le=32), NUMBER] = 4
    """Connections that check in parallel."""
    loss_seconds: Annotated[int, Field(ge=1, le=86_400), NUMBER] = 300
    """Seconds that the comparison with the source, row by row, may take."""
    baseline: str | None = None
    """Directory or s3://bucket/prefix with baselines, to compare with the newest."""


@dataclass(frozen=True)
class Settings:
    """The whole configuration of a stack. `request` is None while no restore is asked for."""

    stack: str
    region: str
    source: str
    namespace: str
    apps: tuple[App, ...]
    secret: SecretKey
    login: Login
    tls: Tls
    evidence: str
    """Directory, or s3://bucket/prefix."""
    request: Request | None
    instance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Overrides of what is otherwise copied from the source; keys are InstanceSettings' fields in camelCase."""
    backups: DumpStore = DumpStore()
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    waive: Mapping[str, str] = field(default_factory=dict[str, str])
    """Check name: reason."""
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    """aws:endpoints, by service name of boto3; empty on AWS itself."""
    kubeconfig: str | None = None
    context: str | None = None


# What is found (AWS)


@dataclass(frozen=True)
class Endpoint:
    """Where a PostgreSQL server answers."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Credential:
    """A login to a PostgreSQL server; the password never appears in a repr."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class InstanceSettings(Section):
    """Settings of an RDS instance that a restore must carry over (rds-facts: a restore gets defaults else)."""

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
    storage_type: str | None = None
    iops: int | None = None
    encrypted: bool = False
    kms_key_id: str | None = None
    percent: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


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


# What is found (S3)


@dataclass(frozen=True)
class DumpObject:
    """A dump in S3 as found."""

    bucket: str
    key: str
    version: str
    """The S3 version id; `etag:<ETag>` for a directory, and in a bucket without versioning. Empty in a listing."""
    size: int
    """Bytes as stored."""
    modified: datetime
    storage_class: str = "STANDARD"
    readable: bool = True
    """False for an archived object without a restored copy."""
    began: datetime | None = None
    """The time in its key: when the backup was started; None where the key has none."""
    server_version: str = ""
    """Of the server it was taken from, as its first bytes tell; "" where they don't, and in a listing."""
    expansion: float = 1.0
    """Bytes of SQL for each byte as stored, as its first bytes tell."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def at(self) -> datetime:
        """The moment of the data, as near as it can be told: not before it was begun, not after it was stored."""
        return self.began or self.modified


@dataclass(frozen=True)
class DumpChoice:
    """The dump that is meant, and the login of the instance to be made for it; or why there is none."""

    dump: DumpObject | None = None
    master_user: str = ""
    problems: tuple[Problem, ...] = ()


# What is found (Kubernetes)


@dataclass(frozen=True)
class Deployment:
    """A Deployment as found. `replicas_manager`: who owns spec.replicas, as `manager/operation`, None if nobody."""

    name: str
    uid: str
    resource_version: str
    replicas: int
    ready: int
    terminating: int | None
    """status.terminatingReplicas (Kubernetes 1.35 and later), None where the server doesn't report it."""
    replicas_manager: str | None
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    template_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    selector: str = ""
    """Label selector of its pods, as text for a list call."""


@dataclass(frozen=True)
class Writer:
    """Something else that may write, or bring pods back: found and named, so that it can be stopped first."""

    kind: str
    """HorizontalPodAutoscaler, ScaledObject, CronJob, Job, ArgoCD, Flux."""
    name: str
    detail: str
    stop: str
    """The command that suspends it."""
    blocking: bool
    """False: known to be harmless at zero replicas (an HPA is inactive then), only told."""


@dataclass(frozen=True)
class ConnectionSecret:
    """The applications' secret as found; the URL never appears in a repr."""

    name: str
    key: str
    keys: tuple[str, ...]
    url: str | None = field(repr=False)
    key_manager: str | None
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    resource_version: str = ""
    immutable: bool = False
    """Nobody can change its values, only replace it as a whole."""


@dataclass(frozen=True)
class Cluster:
    """The namespace as found. `deployments` has None for one that doesn't exist."""

    deployments: Mapping[str, Deployment | None]
    writers: tuple[Writer, ...]
    secret: ConnectionSecret | None
    """None: the Secret itself doesn't exist."""


@dataclass(frozen=True)
class Inventory:
    """The world at one moment: everything the rules of preflight need, read before anything is declared."""

    now: datetime
    source: Instance | None
    backups: tuple[AutomatedBackup, ...]
    snapshots: tuple[Snapshot, ...]
    """Of the source (any kind), and the one that was named, whosever it is."""
    candidate: Instance | None
    """The instance that has the candidate's identifier."""
    open_restores: tuple[Instance, ...]
    """Instances tagged as candidates of this stack, not closed."""
    cluster: Cluster
    safety_snapshot: Snapshot | None = None
    orderable_versions: tuple[str, ...] = ()
    """PostgreSQL versions that the region still creates."""
    dump: DumpChoice | None = None
    """For method dump, while the candidate is still to be made."""
    dumps: tuple[DumpObject, ...] = ()
    """All of the bucket, newest first; read for `python -m restore options` only."""


# Tags and annotations by which everything made or changed is found again

TAG_ID = "restore:id"
TAG_STACK = "restore:stack"
TAG_POINT = "restore:recovery-point"
TAG_SOURCE = "restore:source-resource-id"
TAG_CLOSED = "restore:closed"
TAG_DUMP = "restore:dump-version"

FIELD_MANAGER = "pulumi-restore"
NOTE_ID = "restore.pulumi/id"
NOTE_REPLICAS = "restore.pulumi/replicas"
NOTE_MANAGER = "restore.pulumi/former-manager"
NOTE_REAPPLIED = "restore.pulumi/reapplied"
NOTE_ENDPOINT = "restore.pulumi/endpoint"
NOTE_PREVIOUS = "restore.pulumi/previous-endpoint"


# What is planned


@dataclass(frozen=True)
class AppPlan:
    """One Deployment's wanted state: replicas, and the endpoint that its pods are to use (template annotation)."""

    name: str
    replicas: int
    recorded_replicas: int
    former_manager: str | None
    endpoint: Endpoint
    reapplied: str
    """Changes when somebody else changed the replicas, so that the patch is applied again (kubernetes-facts 10)."""
    health: str | None = None


@dataclass(frozen=True)
class SecretPlan:
    """The wanted value of the connection secret's key."""

    name: str
    key: str
    url: str = field(repr=False)
    original_url: str = field(repr=False)
    """What the key held before this restore changed it: the way back."""
    endpoint: Endpoint
    previous: Endpoint
    former_manager: str | None
    reapplied: str = ""
    """As AppPlan's: changes when the live URL isn't the wanted one, so that the patch is applied again."""


@dataclass(frozen=True)
class DumpVersion:
    """Exactly these bytes: see DumpObject."""

    bucket: str
    key: str
    version: str


@dataclass(frozen=True)
class Fresh:
    """What an empty instance needs besides settings: nothing gives it a login or encryption."""

    master_user: str
    kms_key_id: str | None
    """None: the key aws/rds of the account."""


@dataclass(frozen=True)
class RecoveryPoint:
    """Resolved: exactly one of `snapshot`, `time`, `latest`, `dump` says what the candidate is made from."""

    method: Method
    snapshot: str | None = None
    time: datetime | None = None
    latest: bool = False
    source_resource_id: str | None = None
    automated_backup_arn: str | None = None
    """Set for a retained or replicated automated backup; else PITR goes by the source's resource id."""
    dump: DumpVersion | None = None
    tag: str = ""
    at: datetime | None = None
    """The moment of the data: the restore time, the snapshot's or the dump's; None for `latest` until it is made."""
    until: datetime | None = None
    """Of a dump: when it was stored. Its data is of a moment from `at` until then."""


@dataclass(frozen=True)
class Plan:
    """What one `up` declares. Pure data; restore/program turns it into resources."""

    id: str
    stack: str
    region: str
    traffic: Traffic
    found_traffic: Traffic | None
    """As found; None for a half-done move."""
    point: RecoveryPoint
    candidate: str
    """Identifier of the candidate."""
    candidate_found: Instance | None
    adopt: str | None
    """DbiResourceId to import: equal to the state's id when it is already there, so always safe to pass."""
    settings: InstanceSettings
    engine_version: str | None
    tags: Mapping[str, str]
    final_snapshot: str
    source: Instance | None
    safety_snapshot: str | None
    """Identifier of the source's safety snapshot; None while traffic was never frozen, or the source is gone."""
    apps: tuple[AppPlan, ...]
    """Empty while traffic was never moved: the Deployments are then not declared at all."""
    secret: SecretPlan | None
    """None while the secret was never switched."""
    serving: Instance | None
    """Of source and candidate the one that the applications' URL names after this run, as found; None: it is gone."""
    left: Instance | None
    """The other one; None: it is gone, or not made yet."""
    switched_before: bool = False
    """The candidate serves or has served: it is production, or holds what production wrote."""
    fresh: Fresh | None = None
    """For method dump."""
    adopt_safety: str | None = None
    """The safety snapshot's identifier when it exists: to import, as `adopt` is."""
    notes: tuple[str, ...] = ()
    """What the operator should know, as lines: what stops, what is created, what is lost, how long."""
