"""Every configuration key: its type, its default and what it means.

Pulumi.yaml's `config` block and docs/configuration.md are made from this by restore/config/reference.py. A typed key
without a default would be required by the engine, and an empty configuration must be valid: so every key has one, and
an empty string or object stands for "not set". What a restore needs is asked for where it is read, in
restore/config/settings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from restore.config.request import DumpKey, InstanceName, RestoreId, SnapshotName, Time
from restore.model.aws_account import AccountIds, AssumedRole, AwsLogin, DefaultTags
from restore.model.dependents import Follow
from restore.model.drill import DrillSettings, Targets
from restore.model.field_types import (
    CONFIG,
    JSON,
    OBJECT,
    DeploymentName,
    Flag,
    HealthUrl,
    LocalAddress,
    Section,
    Texts,
    decode_json,
    refuse_unlike,
    to_camel_case,
)
from restore.model.gates import BY_NAME
from restore.model.notify import NotifySettings
from restore.model.prevention import PreventionSettings
from restore.model.rds import InstanceSettings
from restore.model.request import (
    SHORTEST_REASON,
    CopySettings,
    CreateSettings,
    Cutover,
    DumpStore,
    ErasedTable,
    Infrastructure,
    Login,
    Method,
    PriceSettings,
    QuietSettings,
    Runner,
    RunnerJob,
    SecretKey,
    TableName,
    Tls,
    Traffic,
    ValidationSettings,
)
from restore.model.waivers import is_coverable
from validation.keyed.fields import NUMBER, Fault

PROJECT = "restore"
SAFETY_CHECK = "safety-snapshot"
"""What `waive` names when the source is past taking a snapshot of it."""

NAMED = r"\S(?:.{0,198}\S)?"
CHECK = (
    rf"(?:{'|'.join(BY_NAME)})(?:\.[A-Za-z][A-Za-z0-9_-]*(?:[.:]{NAMED})?)?"
    rf"|preflight\.[A-Za-z][A-Za-z0-9_-]*:{NAMED}|{SAFETY_CHECK}"
)
CHECK_NEEDED = f"<gate>.<check> as reports name it, or {SAFETY_CHECK}; gates are {', '.join(BY_NAME)}"


def _select_writers(value: Any) -> Any:
    """The applications without those that have false in place of settings: they don't write."""
    apps = decode_json(value)
    if not isinstance(apps, Mapping):
        return apps
    return {name: app for name, app in cast("Mapping[Any, Any]", apps).items() if decode_json(app) is not False}


def _check_coverable(name: str) -> str:
    if not is_coverable(name):
        raise Fault("no waiver: docs/operate.md says what none covers", found="a check that no waiver covers")
    return name


def _check_reason(value: Any) -> Any:
    if len(str(value or "").strip()) < SHORTEST_REASON:
        needed = f"a reason of at least {SHORTEST_REASON} characters: it stands in every report"
        raise Fault(needed, found="no reason, or hardly one")
    return value.strip() if isinstance(value, str) else value


class AppKeys(Section, BaseModel):
    model_config = CONFIG

    replicas: Annotated[int, Field(ge=0, le=10_000), NUMBER] | None = None
    """Replicas to come back with; else as found at the first freeze."""
    health: HealthUrl | None = None
    """URL that answers 2xx when healthy; with {pod} as its host each pod is asked, through the API server."""


class RestoreKeys(Section, BaseModel):
    """The keys of one restore, typed during an incident and taken away when it is closed."""

    model_config = CONFIG

    id: RestoreId | None = Field(None, examples=["inc-1234"])
    """Name of this restore; without one nothing is touched. The restored instance is <source>-<id>. One id has one
    recovery point for ever: another point needs another id. 1-30 lower-case letters, digits and single hyphens, a
    letter first."""
    method: Method | None = Field(None, examples=["pitr"])
    """What the database is restored from: snapshot (automated, manual or AWS Backup), pitr (point in time) or dump (of
    pg_dump, in S3). Needed with id."""
    snapshot: SnapshotName | None = Field(None, examples=["rds:shop-prod-db-2026-11-22-04-00"])
    """For method snapshot: identifier of a DB snapshot (rds:... and awsbackup:... too; an ARN for a shared one), or
    latest: the newest available one of the source."""
    time: Time | None = Field(None, examples=["2026-11-22T14:30:00Z"])
    """For method pitr: the second to restore to, RFC 3339 with a zone, or latest: the last restorable second after the
    applications were stopped."""
    backup_of: InstanceName | None = Field(None, examples=["shop-prod-db-old1"])
    """For method pitr: the instance whose automated backups have that second, where not the source's: a Blue/Green
    switchover leaves those of before with <source>-old1."""
    dump: DumpKey | None = Field(None, examples=["database/postgresql/shop-prod-20261122-040000.sql.gz"])
    """For method dump: key of the object in the bucket of `backups` (of a dump in directory format its prefix, with
    the / at its end), or latest: the newest whole one."""
    foreign_snapshot: Flag = False
    """The snapshot belongs to another instance than the source, on purpose (production's data into staging)."""
    traffic: Traffic = Field(Traffic.SOURCE, examples=["frozen"])
    """Which database serves the applications: source, frozen (none: zero replicas) or restored. It moves only through
    frozen."""
    cutover: Cutover = Field(Cutover.SECRET, examples=["rename"])
    """How traffic is moved: secret (the host in the applications' connection URL changes) or rename (the instances
    change names, and the restored one gets the name of the source: docs/rename.md). One for the whole restore."""
    incident: str | None = Field(None, examples=["PD-5678"])
    """Ticket or link of the incident; it stands in the evidence, and as tag restore:incident on what is made."""
    reason: str | None = Field(None, examples=["DELETE without WHERE on orders"])
    """What happened, in a few words: the issue in messages."""
    opened_by: str | None = Field(None, examples=["Ada Lovelace"])
    """Who opened the incident."""
    affected: str | None = Field(None, examples=["orders since 14:30 UTC"])
    """Which data is affected."""
    contact: str | None = Field(None, examples=["Ada Lovelace, +1 555 0100"])
    """Whom to ask: the point of contact in messages; else who opened the incident."""
    breach: Flag = False
    """The incident is a security breach: those of `notify.tellOnBreach` must be told too."""
    drill_of: Annotated[str, Field(pattern=r"\S")] | None = Field(None, examples=["prod"])
    """Set by `python -m restore drill` in the stack that it makes for a drill: the stack whose drill it is. The
    restored instance then has the tag restore:drill, and is deleted with the drill; traffic can't move."""


class Keys(RestoreKeys):
    """All keys of the project: those of one restore, and those of the site, written once per stack."""

    source: InstanceName | None = Field(None, examples=["shop-prod-db"])
    """Identifier of the RDS instance that is to be recovered. Needed."""
    source_region: (
        Annotated[str, refuse_unlike(r"[a-z]{2}(?:-[a-z]+)+-[0-9]", "the name of an AWS Region, such as us-east-1")]
        | None
    ) = Field(None, examples=["us-east-1"])
    """Region of the source, where it isn't the stack's (aws:region): the database is brought back in the stack's region
    from what was replicated or copied there. That region is read as far as it answers, and never waited for nor
    changed."""
    copy_: Annotated[CopySettings, OBJECT] = Field(CopySettings(), alias="copy")
    """How a snapshot is copied that can't be restored as it is: an encrypted one of another account, or one of another
    region."""
    create: Annotated[CreateSettings, OBJECT] = CreateSettings()
    """What may be made in the stack's region where it is missing under the source's name."""
    namespace: (
        Annotated[
            str,
            refuse_unlike(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", "at most 63 lower-case letters, digits and hyphens"),
        ]
        | None
    ) = Field(None, examples=["shop-prod"])
    """Kubernetes namespace of the applications. Needed."""
    apps: Annotated[Mapping[DeploymentName, Annotated[AppKeys, OBJECT]], BeforeValidator(_select_writers)] = {}
    """Every Deployment that writes to the database, by name; false for one that doesn't. Needed to move traffic.
    Replicas come back as found at the first freeze."""
    secret: Annotated[SecretKey, OBJECT] = SecretKey()
    """The Kubernetes Secret and its key that hold the applications' connection URL."""
    login: Annotated[Login, OBJECT] = Login()
    """The operator's login to the databases: a password in Secrets Manager, or an IAM token."""
    tls: Annotated[Tls, OBJECT] = Tls()
    """How the databases' certificates are verified."""
    instance: Annotated[InstanceSettings, OBJECT] = InstanceSettings()
    """Settings of the restored instance that are to differ from the source's; all others are copied from it."""
    backups: Annotated[DumpStore, OBJECT] = DumpStore()
    """Where the dumps of pg_dump are kept, for method dump."""
    validation: Annotated[ValidationSettings, OBJECT] = ValidationSettings()
    """What the restored data is held against before traffic may move to it."""
    quiet: Annotated[QuietSettings, OBJECT] = QuietSettings()
    """When a database counts as unused: gates quiesced and switched wait until no client is connected and no row is
    written."""
    fence: Flag = False
    """Whether a switch takes the applications' role its login on the database that is left, and ends its sessions
    there, so that nothing forgotten goes on writing to it. The way back gives the login back. The operator needs
    CREATEROLE, and from PostgreSQL 16 on the ADMIN option on that role."""
    sequences: Annotated[str, refuse_unlike("ahead", "ahead, or nothing")] | None = Field(None, examples=["ahead"])
    """ahead: before a switch the restored database's sequences are set past the last values that the source gave out,
    so that no number which customers have seen is given out again; where the source can't be asked, past its newest
    baseline and 10,000 steps more. Otherwise those that go back are told. The operator needs UPDATE on them."""
    approvals: Annotated[str, refuse_unlike("2", "2, or nothing")] | None = Field(None, examples=["2"])
    """2: a switch to the restored database needs a second person, whose identity in AWS isn't that of the run: `python
    -m restore approve` (docs/approvals.md). No waiver covers gate approved, and the way back asks nobody."""
    erasure: Annotated[Mapping[TableName, Annotated[ErasedTable, OBJECT]], JSON] = {}
    """Tables of which rows are erased on purpose, by name (schema.table): what a row is known by, and where the source
    keeps its record of erasure. Rows that a restore brings back are marked in the loss report, and keep gate switched
    shut (switched.erasure:<table>)."""
    dependents: Follow = Field(Follow.LIST, examples=["follow"])
    """list: what else knows the source (alarms, proxies, event subscriptions, backup plans, and what no API re-points)
    is listed in the preview with what to do. follow: gate serving also re-points alarms, proxies, event subscriptions
    and backup selections to the database that serves, and back on the way back (docs/dependents.md)."""
    infrastructure: Annotated[Infrastructure, OBJECT] = Infrastructure()
    """Where the team's own infrastructure code has the source; close then prints the commands by which it takes over
    the instance that serves with these names, otherwise with placeholders, for both tools."""
    prices: Annotated[PriceSettings, OBJECT] = PriceSettings()
    """What this team pays AWS, where the list prices of the preview (of us-east-1, some of ap-south-1) don't fit: in
    another region, or with a discount."""
    notify: Annotated[NotifySettings, OBJECT] = NotifySettings()
    """Where messages about a restore go (Slack, PagerDuty, SNS), who must be told, and what must be reconciled
    (docs/notify.md)."""
    prevention: Annotated[PreventionSettings, OBJECT] = PreventionSettings()
    """What the stack declares, once any field is set, so that there is something to restore from: alarms on the age of
    backups and drills, RDS's backup events, replication to a second region, a nightly dump (docs/prevention.md)."""
    targets: Annotated[Targets, OBJECT] = Targets()
    """What a restore must achieve, in time and in data: a drill that misses either fails (docs/drill.md)."""
    drill: Annotated[DrillSettings, OBJECT] = DrillSettings()
    """How `python -m restore drill` rehearses a restore: scratch namespace, requests to the copies, schedule
    (docs/drill.md)."""
    runner: Runner = Field(Runner.LOCAL, examples=["kubernetes"])
    """Where the gates run that open a connection to a database: local (in `pulumi up` itself) or kubernetes (in Jobs of
    the applications' namespace, beside the database, which `pulumi up` follows). With kubernetes the evidence, and the
    baselines, must be in S3."""
    runner_job: Annotated[RunnerJob, OBJECT] = RunnerJob()
    """What the Jobs of runner kubernetes are made of: image, service account, labels, memory."""
    tunnel: Annotated[Mapping[Annotated[str, Field(pattern=r"\S")], LocalAddress], JSON] = {}
    """Tunnels from this machine to databases that it doesn't reach: by instance identifier, or host of an endpoint, the
    local address and port of the tunnel (127.0.0.1:15432). The certificate is verified for the endpoint's own name all
    the same. Jobs don't use them."""
    waive: Annotated[
        Mapping[
            Annotated[str, refuse_unlike(CHECK, CHECK_NEEDED), AfterValidator(_check_coverable)],
            Annotated[str, BeforeValidator(_check_reason)],
        ],
        JSON,
    ] = {}
    """What may fail, each with the reason (10 characters at least): a gate's check as reports name it
    (conformed.multiAz, validated.rows:users), a family of checks (validated.rows), a whole gate (serving),
    safety-snapshot, or one thing that the preview refuses, by its own name (preflight.writer:CronJob/nightly);
    <gate>.unreachable and <gate>.unproved for what could not be asked or could not run. What keeps a gate shut says the
    command. A waiver stands in every report and holds for one restore: close takes it away, and one left over from
    another id is refused until it is given anew. None covers validated.proved and switched.row: nothing serves of which
    no row was read; nor renamed.holder: no reason makes a name move; nor gate approved, whose point is the second
    person."""
    evidence: Annotated[
        str,
        refuse_unlike(
            r"(?!.*://).*|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^\s?#]*)?", "a directory, or s3://bucket/prefix"
        ),
    ] = Field("./evidence", examples=["s3://shop-prod-evidence/restores"])
    """Where the records of all gates are kept: a directory, or s3://bucket/prefix."""


def _parse_endpoints(value: Any) -> Any:
    items = decode_json(value)
    return [items] if isinstance(items, Mapping) else items


def _parse_roles(value: Any) -> Any:
    roles = decode_json(value)
    return [roles] if isinstance(roles, Mapping) else roles


def _require_one_file(key: str) -> AfterValidator:
    """boto3 reads one file of each kind, the plugin any number."""

    def check(files: tuple[str, ...]) -> tuple[str, ...]:
        if len(files) > 1:
            needed = "one file: boto3 reads one, and the plugin and this program must read the same"
            raise Fault(needed, fix=f"pulumi config rm --path '{key}[1]'")
        return files

    return AfterValidator(check)


class AwsKeys(Section, BaseModel):
    """Keys of the AWS provider that this program reads too."""

    model_config = ConfigDict({**CONFIG, "extra": "ignore"})

    region: str | None = Field(None, examples=["us-east-1"])
    """Region in which the database is restored, and of the source unless sourceRegion says another; else AWS_REGION or
    AWS_DEFAULT_REGION."""
    endpoints: Annotated[list[Mapping[str, str]], BeforeValidator(_parse_endpoints)] = []
    """Endpoints other than AWS's own: a list of one object, by service."""
    profile: str | None = Field(None, examples=["shop-prod"])
    """Profile of the shared configuration files; else AWS_PROFILE."""
    assume_roles: Annotated[list[Annotated[AssumedRole, OBJECT]], BeforeValidator(_parse_roles)] = []
    """Roles to assume, each with the credentials of the one before it: roleArn, sessionName, externalId, duration,
    policy, policyArns, sourceIdentity, tags, transitiveTagKeys."""
    access_key: str | None = None
    """Access key; better a profile or the environment."""
    secret_key: str | None = None
    """Secret key; set it with --secret."""
    token: str | None = None
    """Session token; set it with --secret."""
    shared_config_files: Annotated[Texts, _require_one_file("aws:sharedConfigFiles")] = ()
    """The shared configuration file, as a list of one path; else AWS_CONFIG_FILE, ~/.aws/config."""
    shared_credentials_files: Annotated[Texts, _require_one_file("aws:sharedCredentialsFiles")] = ()
    """The credentials file, as a list of one path; else AWS_SHARED_CREDENTIALS_FILE, ~/.aws/credentials."""
    use_fips_endpoint: Flag = False
    """FIPS endpoints."""
    use_dualstack_endpoint: Flag = False
    """Endpoints with IPv6."""
    allowed_account_ids: AccountIds = ()
    """The only accounts in which anything may happen."""
    forbidden_account_ids: AccountIds = ()
    """Accounts in which nothing may happen."""
    default_tags: Annotated[DefaultTags, OBJECT] = DefaultTags()
    """Tags of everything that is made: an object with `tags`."""

    @property
    def login(self) -> AwsLogin:
        return AwsLogin(
            profile=self.profile,
            access_key=self.access_key,
            secret_key=self.secret_key,
            token=self.token,
            roles=tuple(self.assume_roles),
            config_file=next(iter(self.shared_config_files), None),
            credentials_file=next(iter(self.shared_credentials_files), None),
            fips=self.use_fips_endpoint,
            dualstack=self.use_dualstack_endpoint,
            allowed_accounts=self.allowed_account_ids,
            forbidden_accounts=self.forbidden_account_ids,
        )


ENVIRONMENT: Mapping[str, str] = {
    "assumeRoleWithWebIdentity": "AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_SESSION_NAME",
    "customCaBundle": "AWS_CA_BUNDLE",
    "ec2MetadataServiceEndpoint": "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "ec2MetadataServiceEndpointMode": "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "stsRegion": "AWS_ENDPOINT_URL_STS",
}
"""Keys of the AWS provider that change who calls or where, which this program doesn't read: each with the environment
variables that the plugin and boto3 both obey. What isn't listed here changes neither."""


class KubernetesKeys(Section, BaseModel):
    """Keys of the Kubernetes provider that this program reads too."""

    model_config = ConfigDict({**CONFIG, "extra": "ignore"})

    kubeconfig: str | None = None
    """Path of the kubeconfig; else KUBECONFIG, ~/.kube/config."""
    context: str | None = None
    """Context of the kubeconfig; else its current one."""


ELSEWHERE: Mapping[str, tuple[Any, str]] = {
    "cluster": (None, ""),
    "renderYamlToDirectory": (None, ""),
    "enableServerSideApply": (True, "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY"),
    "deleteUnreachable": (False, "PULUMI_K8S_DELETE_UNREACHABLE"),
    "skipUpdateUnreachable": (False, "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
}
"""Keys of the Kubernetes provider with which the plugin would change another cluster than the one that is looked at, or
none, or forget what it has patched: each with what it may say, and its environment variable, if it has one (API docs of
the provider, "Inputs")."""


def _declare_default(default: Any) -> str | bool | dict[str, Any]:
    """A default as Pulumi.yaml has it: its schema knows neither null nor an object's own defaults."""
    if default is None:
        return ""
    return default if isinstance(default, bool | str) else {}


DEFAULTS = {to_camel_case(name): _declare_default(field.default) for name, field in Keys.model_fields.items()}
RESTORE_KEYS = frozenset(to_camel_case(name) for name in RestoreKeys.model_fields)
