"""Every configuration key: its type, its default and what it means.

Pulumi.yaml's `config` block and docs/configuration.md are made from this (restore/reference.py). A typed key without
a default would be required by the engine, and an empty configuration must be valid: so every key has one, and an empty
string or object stands for "not set".
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from restore.model import InstanceSettings, Method, Traffic

PROJECT = "restore"


@dataclass(frozen=True)
class Field:
    """One field of a key that is an object. `kind`: string, integer, boolean or strings."""

    name: str
    kind: str
    description: str
    default: str = ""
    """As text for the reference; empty where there is none."""


@dataclass(frozen=True)
class Key:
    """One configuration key. `kind` is a type of Pulumi's schema: string, boolean or object."""

    name: str
    kind: str
    description: str
    default: Any = ""
    """What stands in Pulumi.yaml."""
    meaning: str = ""
    """What an empty value stands for, as text."""
    fields: tuple[Field, ...] = ()
    each: str = ""
    """For an object whose own keys are names: what they name."""
    example: str = ""
    choices: tuple[str, ...] = ()


GATES = ("quiesced", "scanned", "conformed", "imported", "validated", "switched", "serving")
SAFETY_CHECK = "safety-snapshot"
"""What `waive` names when the source is past taking a snapshot of it."""
DEFAULT_APPS = ("api-gateway", "indexer", "rpc-orchestrator")
DEFAULT_SECRET_NAME = "database-credentials"
DEFAULT_SECRET_KEY = "DATABASE_URL"
DEFAULT_USER = "ghostadmin"
DEFAULT_TLS_MODE = "verify-full"
DEFAULT_EVIDENCE = "./evidence"
DEFAULT_PREFIX = "database/postgresql/"
BUNDLE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
"""Where AWS publishes the certificates of all RDS regions (RDS User Guide, "Using SSL/TLS to encrypt a connection")."""

_INSTANCE_NOTES: Mapping[str, str] = {
    "instanceClass": "Needed, with dbSubnetGroupName and vpcSecurityGroupIds, when the source is gone.",
    "allocatedStorage": "GiB; never less than the recovery point's.",
    "maxAllocatedStorage": "GiB; the limit of storage autoscaling.",
    "storageThroughput": "MiB/s, gp3 only.",
    "backupRetentionPeriod": "Days.",
    "monitoringInterval": "Seconds.",
    "performanceInsightsRetentionPeriod": "Days.",
}
_INSTANCE_DEFAULTS: Mapping[str, str] = {"deletionProtection": "true"}


def camel_case(name: str) -> str:
    """`instance_class` as `instanceClass`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _kind(annotation: Any) -> str:
    kinds: dict[Any, str] = {str: "string", int: "integer", bool: "boolean", types.NoneType: ""}
    if typing.get_origin(annotation) is tuple:
        return "strings"
    return "".join(kinds[argument] for argument in typing.get_args(annotation))


def instance_fields() -> tuple[Field, ...]:
    """The fields of `instance`: those of InstanceSettings, in camelCase."""
    hints = typing.get_type_hints(InstanceSettings)
    return tuple(
        Field(name, _kind(hint), _INSTANCE_NOTES.get(name, ""), _INSTANCE_DEFAULTS.get(name, "the source's"))
        for name, hint in ((camel_case(python_name), hint) for python_name, hint in hints.items())
    )


REQUEST_KEYS = (
    Key(
        "id",
        "string",
        "Name of this restore, such as inc-1234. The restored instance is <source>-<id>. One id has one recovery point "
        "for ever: another point needs another id. 1-30 lower-case letters, digits and single hyphens, a letter first.",
        meaning="no restore, nothing is touched",
        example="inc-1234",
    ),
    Key(
        "method",
        "string",
        "What the database is restored from: snapshot (automated, manual or AWS Backup), pitr (point in time) or dump "
        "(of pg_dump, in S3).",
        meaning="none, needed with id",
        choices=tuple(Method),
        example="pitr",
    ),
    Key(
        "snapshot",
        "string",
        "For method snapshot: identifier of a DB snapshot (rds:... and awsbackup:... too; an ARN for a shared one), or "
        "latest: the newest available one of the source.",
        meaning="none, needed with method snapshot",
        example="rds:ghost-protocol-prod-db-2026-11-22-04-00",
    ),
    Key(
        "time",
        "string",
        "For method pitr: the second to restore to, RFC 3339 with a zone, or latest: the last restorable second after "
        "the applications were stopped.",
        meaning="none, needed with method pitr",
        example="2026-11-22T14:30:00Z",
    ),
    Key(
        "dump",
        "string",
        "For method dump: key of the object in the bucket of `backups` (of a dump in directory format its prefix, with "
        "the / at its end), or latest: the newest whole one.",
        meaning="none, needed with method dump",
        example="database/postgresql/ghost-protocol-prod-20261122-040000.sql.gz",
    ),
    Key(
        "foreignSnapshot",
        "boolean",
        "The snapshot belongs to another instance than the source, on purpose (production's data into staging).",
        default=False,
    ),
    Key(
        "traffic",
        "string",
        "Whom the applications use: source, frozen (nobody: zero replicas) or restored. It moves only through frozen.",
        default=Traffic.SOURCE.value,
        choices=tuple(Traffic),
        example="frozen",
    ),
    Key(
        "cutover",
        "string",
        "How traffic is switched: secret (the host in the applications' connection URL).",
        default="secret",
        choices=("secret",),
    ),
    Key("incident", "string", "Ticket or link of the incident; it stands in the evidence.", example="PD-5678"),
)

SITE_KEYS = (
    Key(
        "source",
        "string",
        "Identifier of the RDS instance that is to be recovered.",
        meaning="ghost-protocol-<stack>-db",
        example="ghost-protocol-prod-db",
    ),
    Key(
        "namespace",
        "string",
        "Kubernetes namespace of the applications.",
        meaning="ghost-protocol-<stack>",
        example="ghost-protocol-prod",
    ),
    Key(
        "apps",
        "object",
        "Every Deployment that writes to the database, by name; false for one that doesn't. Replicas come back as "
        "found at the first freeze (the runbook expects api-gateway 3, indexer 2, rpc-orchestrator 2). {} as a whole "
        "for a restore that never moves traffic.",
        default={name: {} for name in DEFAULT_APPS},
        each="Deployment",
        fields=(
            Field("replicas", "integer", "Replicas to come back with.", "as found at the first freeze"),
            Field("health", "string", "URL that answers 2xx when healthy; {pod} stands for each pod's address."),
        ),
    ),
    Key(
        "secret",
        "object",
        "The Kubernetes Secret and its key that hold the applications' connection URL.",
        default={},
        fields=(
            Field("name", "string", "Name of the Secret.", DEFAULT_SECRET_NAME),
            Field("key", "string", "Its key that holds the URL.", DEFAULT_SECRET_KEY),
            Field(
                "sourceHost",
                "string",
                "Host by which the URL names the source, where not by its endpoint (a CNAME, or a source now gone).",
                "the source's endpoint",
            ),
        ),
    ),
    Key(
        "login",
        "object",
        "The operator's login to the databases: a password in Secrets Manager, or an IAM token.",
        default={},
        fields=(
            Field("user", "string", "PostgreSQL user.", DEFAULT_USER),
            Field(
                "secretId",
                "string",
                "Secrets Manager secret: the password itself, or RDS's JSON with username and password.",
                "ghost-protocol/<stack>/db-password",
            ),
            Field("iam", "boolean", "Log in by IAM tokens instead of a password.", "false"),
            Field("database", "string", "Database to connect to.", "that of the applications' URL"),
        ),
    ),
    Key(
        "tls",
        "object",
        "How the databases' certificates are verified.",
        default={},
        fields=(
            Field(
                "mode", "string", "verify-full, or verify-ca where certificates carry another name.", DEFAULT_TLS_MODE
            ),
            Field("rootCertificate", "string", f"File with the certificates to trust. AWS publishes them: {BUNDLE}"),
        ),
    ),
    Key(
        "instance",
        "object",
        "Settings of the restored instance that are to differ from the source's; all others are copied from it.",
        default={},
        meaning="as the source",
        fields=instance_fields(),
    ),
    Key(
        "backups",
        "object",
        "Where the dumps of pg_dump are kept, for method dump.",
        default={},
        fields=(
            Field("bucket", "string", "S3 bucket, in the stack's region.", "ghost-protocol-<stack>-backups"),
            Field("prefix", "string", "What the keys of the dumps begin with.", DEFAULT_PREFIX),
            Field("owner", "string", "Role that owns the database; it is created.", "the application's user"),
            Field(
                "allow",
                "strings",
                "Kinds of statements to run that gate scanned refuses otherwise, such as foreign; or privileged_owner.",
            ),
            Field("skip", "strings", "Kinds of statements to leave out, such as subscription."),
        ),
    ),
    Key(
        "validation",
        "object",
        "What the restored data is held against before traffic may move to it.",
        default={},
        fields=(
            Field("checks", "string", "File of expectations."),
            Field("inline", "object", "Expectations written here; a section takes the place of the file's."),
            Field("baseline", "string", "Directory or s3://bucket/prefix with baselines, to compare with the newest."),
            Field("image", "string", "Image of the Job that connects from inside the cluster; it needs psql and sh."),
            Field("budgetSeconds", "integer", "Seconds that all checks together may take.", "1800"),
            Field(
                "lossSeconds", "integer", "Seconds that the comparison with the source, row by row, may take.", "300"
            ),
            Field("workers", "integer", "Connections that check side by side, 1-32.", "4"),
        ),
    ),
    Key(
        "waive",
        "object",
        "What may fail, each with the reason (10 characters at least): a gate's check as reports name it "
        "(conformed.multiAz, validated.rows:users), a family of checks (validated.rows), a whole gate (serving), or "
        "safety-snapshot. A waiver stands in every report.",
        default={},
        meaning="none",
        each="check",
        fields=(),
    ),
    Key(
        "evidence",
        "string",
        "Where the records of all gates are kept: a directory, or s3://bucket/prefix.",
        default=DEFAULT_EVIDENCE,
        example="s3://ghost-protocol-prod-evidence/restores",
    ),
)

KEYS = REQUEST_KEYS + SITE_KEYS
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}

LATER: Mapping[str, str] = {
    "notify": "notifications",
    "runner": "running inside the cluster",
}
"""Keys that this version refuses by name: what they would be for."""


@dataclass(frozen=True)
class ForeignKey:
    """A key of a provider that this program reads too."""

    name: str
    description: str
    example: str = field(default="")


FOREIGN_KEYS = (
    ForeignKey("aws:region", "Region of the source; else AWS_REGION or AWS_DEFAULT_REGION.", "us-east-1"),
    ForeignKey("aws:endpoints", "Endpoints other than AWS's own: a list of one object, by service."),
    ForeignKey("kubernetes:kubeconfig", "Path of the kubeconfig; else KUBECONFIG, ~/.kube/config."),
    ForeignKey("kubernetes:context", "Context of the kubeconfig; else its current one."),
)
