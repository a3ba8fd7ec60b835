"""What the configuration asks for, as values. Times are timezone-aware UTC datetimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict

from restore.model.aws_account import AwsLogin
from restore.model.dependents import Follow
from restore.model.drill import DrillSettings, Targets
from restore.model.dump_kinds import ALLOWABLE, SKIPPABLE, find_allow_fault, find_skip_fault
from restore.model.field_types import (
    JSON,
    OBJECT,
    Bucket,
    Flag,
    KeyPrefix,
    Object,
    Quantity,
    RoleMap,
    SecretKeyName,
    SecretName,
    Section,
    Texts,
    TlsMode,
    Workload,
    refuse_faulty,
    refuse_unlike,
)
from restore.model.notify import NotifySettings
from restore.model.prevention import PreventionSettings
from restore.units import TIME_FORMAT
from validation.expectations.table_names import Table
from validation.keyed.fields import NUMBER, Fault
from validation.verdict import Depth

LATEST = "latest"
SHORTEST_REASON = 10
"""Characters of a reason for which something is let pass."""
ADDRESS = r"urn:pulumi:\S+|[A-Za-z_][^\s']*\.[^\s']+"
ADDRESS_NEEDED = "the address of a Terraform resource (aws_db_instance.main), or a URN of Pulumi"
CONFIGURATION = 'docs/configuration.md, "Fields of `quiet`"'


class Method(StrEnum):
    """How a candidate is made."""

    SNAPSHOT = "snapshot"
    PITR = "pitr"
    DUMP = "dump"


class Runner(StrEnum):
    """Where the gates run that open a connection to a database."""

    LOCAL = "local"
    """In this program, on the machine of `pulumi up`."""
    KUBERNETES = "kubernetes"
    """In Jobs of the applications' namespace."""


class Traffic(StrEnum):
    """Which database serves the applications; it only moves through FROZEN."""

    SOURCE = "source"
    FROZEN = "frozen"
    RESTORED = "restored"


class Cutover(StrEnum):
    """How traffic is moved to another database."""

    SECRET = "secret"
    """The host in the applications' connection URL changes."""
    RENAME = "rename"
    """The instances change names: the URL goes on naming production's, and another instance has that name."""


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
    backup_of: str | None = None
    """The instance whose automated backups are used instead of the source's."""
    incident: str | None = None
    reason: str | None = None
    opened_by: str | None = None
    affected: str | None = None
    contact: str | None = None
    breach: bool = False
    cutover: Cutover = Cutover.SECRET
    drill_of: str | None = None
    """The stack whose drill this is: the candidate is marked as one that may be deleted."""

    @property
    def recovery_point(self) -> str:
        """As written in the candidate's tag: `pitr:2026-11-22T14:30:00Z`, `snapshot:<identifier>`, `dump:<key>`,
        `...:latest`; a backup of another instance is `pitr:2026-11-22T14:30:00Z@<identifier>`."""
        value = {Method.SNAPSHOT: self.snapshot, Method.PITR: self.time, Method.DUMP: self.dump}[self.method]
        text = f"{value:{TIME_FORMAT}}" if isinstance(value, datetime) else str(value)
        return f"{self.method}:{text}@{self.backup_of}" if self.backup_of else f"{self.method}:{text}"


@dataclass(frozen=True)
class App:
    """A Deployment that writes to the database."""

    name: str
    replicas: int | None = None
    """Overrides the replicas found at the first freeze."""
    health: str | None = None
    """URL that answers 2xx when healthy; with `{pod}` as its host each pod is asked, through the API server."""


@dataclass(frozen=True)
class ConnectionKeys(Section):
    """Keys of a Secret that hold the parts of the connection one by one. `host` empty: there is a URL instead."""

    host: str = ""
    """Key of the host."""
    port: str = ""
    """Key of the port; else 5432."""
    user: str = "DB_USER"
    """Key of the user."""
    password: str = "DB_PASSWORD"
    """Key of the password."""
    database: str = "DB_NAME"
    """Key of the database."""


@dataclass(frozen=True)
class SecretKey(Section):
    """The connection secret of the applications: a Kubernetes Secret and the key that holds the URL."""

    name: SecretName = "database-credentials"
    """Name of the Secret."""
    key: SecretKeyName = "DATABASE_URL"
    """Its key that holds the URL."""
    source_host: str | None = None
    """Host by which the URL names the source, where not by its endpoint (a CNAME, or a source now gone)."""
    keys: Annotated[ConnectionKeys, OBJECT] = ConnectionKeys()
    """In place of `key`, where host, port, user, password and database have a key each (DB_HOST, ...): host and port
    are switched."""
    also_keys: Texts = ()
    """Other keys of the same Secret that name the source, or a replica of it, and are switched along."""
    secret_id: str | None = None
    """Secrets Manager secret with the applications' login, from which a controller makes this Secret:
    `credentials rotate` writes the new password there too."""
    controller: Workload | None = None
    """Deployment of the controller that keeps this Secret, as namespace/name; one at zero replicas is paused. Without
    it the places of External Secrets', Vault's and sealed-secrets' own manifests."""
    watch_seconds: Annotated[int, Field(ge=0, le=3600), NUMBER] = 60
    """Seconds after which gate serving reads the URL again (a controller may have put the former one back), and that it
    waits for the first session of applications that are ready."""

    @property
    def read_keys(self) -> tuple[str, ...]:
        """The keys that must be there."""
        parts = self.keys
        own = (parts.host, parts.port, parts.user, parts.password, parts.database) if parts.host else (self.key,)
        return tuple(dict.fromkeys(key for key in (*own, *self.also_keys) if key))

    def name_field(self, key: str) -> str:
        """Returns the field of the configuration that names a key."""
        named = {getattr(self.keys, item.name): f"keys.{item.name}" for item in fields(ConnectionKeys)}
        also = {name: f"alsoKeys[{number}]" for number, name in enumerate(self.also_keys)}
        return {**also, **(named if self.keys.host else {}), **({} if self.keys.host else {self.key: "key"})}[key]

    @property
    def switched_keys(self) -> tuple[str, ...]:
        """The keys that a switch writes."""
        own = (self.keys.host, self.keys.port) if self.keys.host else (self.key,)
        return tuple(dict.fromkeys(key for key in (*own, *self.also_keys) if key))


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
RDS_CERTIFICATES_ELSEWHERE: Mapping[str, str] = {
    "us-gov-": "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/global/global-bundle.pem",
    "cn-": "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem",
}
"""By the beginning of the region's name."""


def locate_certificates(region: str) -> str:
    """Returns where AWS publishes the certificates of all RDS regions of the region's partition (RDS User Guide, "Using
    SSL/TLS to encrypt a connection", as docs.aws.amazon.com and docs.amazonaws.cn have it)."""
    return next(
        (url for start, url in RDS_CERTIFICATES_ELSEWHERE.items() if region.startswith(start)), RDS_CERTIFICATES
    )


def build_certificates_command(region: str = "") -> str:
    """Returns the commands that fetch these certificates and have the program use them."""
    fetch = f"curl --fail --output rds.pem {locate_certificates(region)}"
    return f"{fetch}; pulumi config set --path tls.rootCertificate rds.pem"


@dataclass(frozen=True)
class Tls(Section):
    """How the databases' certificates are verified (libpq's sslmode and sslrootcert)."""

    mode: TlsMode = "verify-full"
    """verify-full, or verify-ca where certificates carry another name."""
    root_certificate: str | None = None
    """File with the certificates to trust. Needed for a restore."""


SKIPPED = refuse_faulty(find_skip_fault, f"one of {', '.join(SKIPPABLE)}; or one object, such as extension:postgis")
ALLOWED = refuse_faulty(find_allow_fault, f"one of {', '.join(ALLOWABLE)}")


@dataclass(frozen=True)
class DumpStore(Section):
    """Where the dumps are kept, and who owns a database that is made of one."""

    bucket: Bucket = ""
    """S3 bucket, in the stack's region. Needed for method dump."""
    prefix: KeyPrefix = "database/postgresql/"
    """What the keys of the dumps begin with."""
    days: Annotated[int, Field(ge=1, le=3650), NUMBER] = 90
    """Days for which the nightly dumps of `prevention.dumpSchedule` are kept."""
    source_bucket: Bucket = ""
    """Bucket of the source's region that is replicated to `bucket`: what it has and `bucket` hasn't is told, with S3's
    replication status, as long as that region answers."""
    owner: str | None = None
    """Role that owns the database, and is created; else the application's user."""
    allow: Annotated[tuple[Annotated[str, Strict(), ALLOWED], ...], JSON] = ()
    """Kinds of statements to run that gate scanned refuses otherwise, such as foreign; or
    privileged_owner."""
    skip: Annotated[tuple[Annotated[str, Strict(), SKIPPED], ...], JSON] = ()
    """What to leave out, with all that depends on it: kinds such as subscription, or single objects such as
    extension:postgis."""
    search_path: Texts = ()
    """Schemas in which functions of the dump look for names that they don't qualify, while it is loaded."""
    map: RoleMap = field(default_factory=dict[str, str])
    """Roles of the dump, and the role that stands for each in the new database: for one that owns something and has
    rights beyond it, such as the master user."""


def _find_address_fault(text: str) -> str | None:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return "no address"
    return None


def _names_somebody(session: IgnoredSession) -> IgnoredSession:
    if not (session.user or session.application or session.address):
        raise Fault("at least one of user, application and address", found="an entry that would ignore every session")
    return session


@dataclass(frozen=True)
class IgnoredSession(Section):
    """Sessions that don't count as use of a database, because a person knows that they never write."""

    reason: Annotated[
        str,
        refuse_faulty(
            lambda text: None if len(text.strip()) >= SHORTEST_REASON else "no reason, or hardly one",
            f"a reason of at least {SHORTEST_REASON} characters: it stands in the evidence",
        ),
    ]
    """Why they may stay (10 characters at least)."""
    user: str | None = None
    """PostgreSQL user; * stands for any characters."""
    application: str | None = None
    """Its application_name; * stands for any characters."""
    address: (
        Annotated[
            str,
            refuse_faulty(_find_address_fault, "an IP address, or a network such as 10.0.0.0/24", fix=CONFIGURATION),
        ]
        | None
    ) = None
    """The client's address, or a network such as 10.0.0.0/24."""

    def covers(self, user: str, application: str, address: str | None) -> bool:
        """Tells whether everything that is named here fits a session."""
        return (
            (self.user is None or fnmatchcase(user, self.user))
            and (self.application is None or fnmatchcase(application, self.application))
            and (self.address is None or _is_in(address, self.address))
        )


def _is_in(address: str | None, network: str) -> bool:
    """A session without an address comes through a socket of the server's own machine."""
    return address is not None and ip_address(address) in ip_network(network, strict=False)


@dataclass(frozen=True)
class QuietSettings(Section):
    """When a database counts as unused."""

    grace_seconds: Annotated[int, Field(ge=0, le=3600), NUMBER] = 90
    """Seconds that clients may stay connected after the pods have ended: TCP to a killed client ends with the server's
    next write or keepalive."""
    ignore: Annotated[
        tuple[Annotated[IgnoredSession, OBJECT, AfterValidator(_names_somebody)], ...],
        JSON,
    ] = ()
    """Sessions that don't count, each by user, application and address (all that are given must fit) and with a
    reason: monitoring, for example. They stand in the evidence."""


def _find_table_fault(text: str) -> str | None:
    try:
        Table.parse(text)
    except ValueError:
        return "no table's name"
    return None


TableName = Annotated[str, refuse_faulty(_find_table_fault, "table or schema.table, as the catalog spells them")]


@dataclass(frozen=True)
class ErasedTable(Section):
    """How rows that are erased on purpose are known, so that they don't come back unnoticed."""

    key: str
    """The table's column by which a row is known."""
    record: TableName | None = None
    """Table of the source that records what was erased; without one, every row that the source no longer has counts."""
    record_key: str | None = None
    """Its column with the erased rows' keys; else named as `key`."""


@dataclass(frozen=True)
class JobSettings(Section):
    """What the Job that connects from inside the cluster needs besides: what meshes, network policies, security groups
    and registries go by."""

    labels: Annotated[Mapping[str, str], JSON] = field(default_factory=dict[str, str])
    """Labels of the Job and its pod: those by which network policies, or security groups for pods, let the applications
    reach the database. Not those by which a Service or Deployment selects its pods: they would count it as theirs."""
    annotations: Annotated[Mapping[str, str], JSON] = field(default_factory=dict[str, str])
    """Annotations of the pod, such as sidecar.istio.io/inject: false (a sidecar never ends, nor does the Job)."""
    service_account: SecretName | None = None
    """ServiceAccount of the pod; else the namespace's default."""
    image_pull_secrets: Annotated[tuple[SecretName, ...], JSON] = ()
    """Secrets with the login to a private registry."""


@dataclass(frozen=True)
class RunnerJob(JobSettings):
    """What the Jobs are made of in which the gates run with `runner: kubernetes`."""

    image: str | None = None
    """Image of this program, made by its Containerfile. Needed with runner kubernetes."""
    cpu: Quantity = "1"
    """CPU that a Job asks for."""
    memory: Quantity = "1Gi"
    """Memory that a Job asks for, and may use."""


@dataclass(frozen=True)
class ValidationSettings(Section):
    """What the restored data is held against, and the image of the Job that connects from inside the cluster."""

    checks_file: Annotated[str | None, Field(alias="checks", description="File of expectations.")] = None
    inline: Object = field(default_factory=dict[str, Any])
    """Expectations written here; a section takes the place of the file's."""
    image: str | None = None
    """Image of the Job that connects from inside the cluster; it needs psql and sh."""
    budget_seconds: Annotated[int | None, Field(ge=1, le=1_209_600), NUMBER] = None
    """Seconds that all checks together may take; else 1800, and as many more as the database's size needs."""
    workers: Annotated[int, Field(ge=1, le=32), NUMBER] = 4
    """Connections that check in parallel."""
    loss_seconds: Annotated[int, Field(ge=1, le=86_400), NUMBER] = 300
    """Seconds that the comparison with the source, row by row, may take."""
    baseline: str | None = None
    """Directory or s3://bucket/prefix with baselines, to compare with the newest."""
    depth: Depth = Depth.FULL
    """full reads every row. sample reads of tables above 32 MiB a part of their blocks, and the report says what was
    read and what that can't find (docs/large.md)."""
    job: Annotated[JobSettings, OBJECT] = field(default_factory=JobSettings)
    """What the Job that connects from inside the cluster needs besides."""


@dataclass(frozen=True)
class CopySettings(Section):
    """How a snapshot is copied that can't be restored as it is: an encrypted one of another account, or one of another
    region."""

    kms_key_id: str | None = None
    """KMS key of the stack's region, by id, ARN or alias, that the copy and what is restored from it are encrypted
    with. Needed for an encrypted snapshot."""


@dataclass(frozen=True)
class CreateSettings(Section):
    """What may be made in the stack's region where it is missing under the source's name."""

    parameter_group: Flag = False
    """The parameter group, with the parameters that the source's own sets."""


Money = Annotated[float, Field(ge=0, allow_inf_nan=False), NUMBER]


@dataclass(frozen=True)
class PriceSettings(Section):
    """What AWS asks of this team, in US dollars, where it isn't the list price that this program knows."""

    instance_hour: Annotated[
        Mapping[
            Annotated[str, refuse_unlike(r"db(\.[a-z0-9-]+){2,3}", "an instance class, such as db.r6g.large")], Money
        ],
        JSON,
    ] = field(default_factory=dict[str, float])
    """An hour of an instance in one zone, by class (db.r6g.large)."""
    storage_month: Annotated[Mapping[str, Money], JSON] = field(default_factory=dict[str, float])
    """A GiB of storage in one zone for a month, by storage type (gp3)."""
    backup_month: Money | None = None
    """A GiB of a snapshot for a month."""


@dataclass(frozen=True)
class Infrastructure(Section):
    """Where the team's own infrastructure code has the source, so that `close` can say how it takes over the instance
    that serves."""

    tool: Annotated[str, refuse_unlike("terraform|pulumi", "terraform or pulumi")] | None = None
    """terraform or pulumi."""
    address: Annotated[str, refuse_unlike(ADDRESS, ADDRESS_NEEDED)] | None = None
    """For Terraform the resource's address (module.database.aws_db_instance.main), for Pulumi its URN."""


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
    quiet: QuietSettings = QuietSettings()
    fence: bool = False
    sequences: str | None = None
    """`ahead`, or None."""
    approvals: int = 1
    """How many persons a switch needs."""
    runner: Runner = Runner.LOCAL
    runner_job: RunnerJob = field(default_factory=RunnerJob)
    tunnel: Mapping[str, str] = field(default_factory=dict[str, str])
    """By endpoint's host or instance identifier, the address and port of this machine that lead to it."""
    erasure: Mapping[str, ErasedTable] = field(default_factory=dict[str, ErasedTable])
    """By table, with its schema unless that is public."""
    dependents: Follow = Follow.LIST
    """Whether what depends on the source is re-pointed after a switch, or only listed."""
    infrastructure: Infrastructure = Infrastructure()
    prices: PriceSettings = field(default_factory=PriceSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    targets: Targets = field(default_factory=Targets)
    drill: DrillSettings = field(default_factory=DrillSettings)
    waive: Mapping[str, str] = field(default_factory=dict[str, str])
    """Check name: reason."""
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    """aws:endpoints, by service name of boto3; empty on AWS itself."""
    aws_login: AwsLogin = field(default_factory=AwsLogin)
    """Whose credentials AWS is called with."""
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags of everything that is made in AWS; the more particular ones count over them."""
    kubeconfig: str | None = None
    context: str | None = None
    source_region: str | None = None
    """The source's region, where it isn't the stack's."""
    copy: CopySettings = CopySettings()
    create: CreateSettings = CreateSettings()
    prevention: PreventionSettings | None = None
    """None where the stack declares none of it."""
