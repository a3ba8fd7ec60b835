"""What is asked for: the configuration of a stack, read and checked all together.

Pure. restore/schema.py lists the keys. Every problem is found before any is reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from restore import schema
from restore.errors import Problem, Refused
from restore.identifiers import MAX_INSTANCE, candidate, instance_fault
from restore.model import RDS_CERTIFICATES, App, DumpStore, Login, Request, SecretKey, Settings, Tls, ValidationSettings
from restore.request import read_request
from restore.values import Reader, removal, setting, shown

KUBERNETES_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII)
SECRET_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
CHECK = re.compile(
    rf"(?:{'|'.join(schema.GATES)})(?:\.[A-Za-z][A-Za-z0-9_-]*(?:[.:]\S(?:.{{0,198}}\S)?)?)?|{schema.SAFETY_CHECK}",
    re.ASCII,
)
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
S3_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^\s?#]*)?", re.ASCII)
TLS_MODES = (schema.DEFAULT_TLS_MODE, "verify-ca")
SHORTEST_REASON = 10
MOST_REPLICAS = 10_000
NO_WRITER = (False, "false")
LONGEST_BUDGET = 86_400


@dataclass(frozen=True)
class Entries:
    """The raw configuration of a stack, by namespace: the arguments of `read`."""

    values: Mapping[str, Any]
    stack: str
    region: str | None
    aws: Mapping[str, Any]
    kubernetes: Mapping[str, Any]

    @property
    def untouched(self) -> bool:
        """Whether nothing but the schema's defaults is set: the engine passes those of an empty stack."""
        defaults = {key.name: key.default for key in schema.KEYS}
        reader = Reader(self.values, [])
        return all(not reader.is_set(key) or reader.equals(key, defaults.get(key)) for key in self.values)

    def settings(self, now: datetime) -> Settings:
        """As `read`."""
        return read(self.values, self.stack, self.region, self.aws, self.kubernetes, now=now)


def collect(entries: Mapping[str, Any], stack: str, environment: Mapping[str, str]) -> Entries:
    """Sorts a stack's configuration by namespace.

    `entries` are full keys and their values. In a program: `{**get_config_env(), **CONFIG.get()}` of
    pulumi.runtime.config; elsewhere the Automation API's `get_all_config`, with each ConfigValue's `value`.
    """
    spaces: dict[str, dict[str, Any]] = {}
    for full_name, value in entries.items():
        space, _, name = full_name.partition(":")
        spaces.setdefault(space, {})[name] = value
    aws = spaces.get("aws", {})
    region = aws.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return Entries(
        values=spaces.get(schema.PROJECT, {}),
        stack=stack,
        region=str(region) if region else None,
        aws=aws,
        kubernetes=spaces.get("kubernetes", {}),
    )


def read(
    values: Mapping[str, Any],
    stack: str,
    region: str | None,
    aws: Mapping[str, Any],
    kubernetes: Mapping[str, Any],
    *,
    now: datetime,
) -> Settings:
    """The settings of a stack. Raises Refused with everything that is wrong."""
    problems: list[Problem] = []
    reader = Reader(values, problems)
    _refuse_unknown(reader)
    request = read_request(reader, now)
    asked = reader.is_set("id")
    if asked and not region:
        reader.refuse("aws:region", "not set", "the region of the source", "pulumi config set aws:region us-east-1")
    cluster = Reader(kubernetes, problems, "kubernetes")
    settings = Settings(
        stack=stack,
        region=region or "",
        source=_source(reader, stack, request),
        namespace=_namespace(reader, stack, asked),
        apps=_apps(reader),
        secret=_secret(reader),
        login=_login(reader, stack),
        tls=_tls(reader, asked),
        evidence=_evidence(reader),
        request=request,
        instance=_instance(reader),
        backups=_backups(reader, stack),
        validation=_validation(reader),
        waive=_waive(reader),
        endpoints=_endpoints(Reader(aws, problems, "aws")),
        kubeconfig=cluster.text("kubeconfig") or None,
        context=cluster.text("context") or None,
    )
    if problems:
        raise Refused(problems)
    return settings


def _refuse_unknown(reader: Reader) -> None:
    for name, purpose in schema.LATER.items():
        if name in reader.values:
            reader.refuse(name, f"a key for {purpose}", "not in this version", removal(name))
    reader.refuse_unknown(schema.BY_NAME, besides=schema.LATER)


def _source(reader: Reader, stack: str, request: Request | None) -> str:
    source = reader.text("source", f"ghost-protocol-{stack}-db")
    fault = instance_fault(source)
    if fault and (request or reader.is_set("source")):
        needed = f"at most {MAX_INSTANCE} lower-case letters, digits and single hyphens, a letter first"
        reader.refuse("source", f"{shown(source)}: {fault}", needed)
    elif request and instance_fault(candidate(source, request.id)):
        name = candidate(source, request.id)
        room = MAX_INSTANCE - len(source) - 1
        needed = f"at most {MAX_INSTANCE} characters for <source>-<id>, so {max(room, 0)} for the id"
        reader.refuse("id", f"{name} has {len(name)} characters", needed, "pulumi config set id <a shorter one>")
    return source


def _namespace(reader: Reader, stack: str, asked: bool) -> str:
    namespace = reader.text("namespace", f"ghost-protocol-{stack}")
    if not KUBERNETES_NAME.fullmatch(namespace) and (asked or reader.is_set("namespace")):
        reader.refuse("namespace", shown(namespace), "at most 63 lower-case letters, digits and hyphens")
    return namespace


def _apps(reader: Reader) -> tuple[App, ...]:
    named = reader.mapping("apps")
    if named is None:
        return tuple(App(name) for name in schema.DEFAULT_APPS)
    apps = reader.section("apps", named)
    _refuse_forgotten(apps)
    return tuple(_app(apps, name) for name in named if apps.values[name] not in NO_WRITER)


def _refuse_forgotten(apps: Reader) -> None:
    """Setting a field of one application replaces the default of all: the others would go on writing."""
    forgotten = [name for name in schema.DEFAULT_APPS if name not in apps.values]
    if len(forgotten) < len(schema.DEFAULT_APPS):
        for name in forgotten:
            found = f"not named, while {', '.join(apps.values)} {'is' if len(apps.values) == 1 else 'are'}"
            needed = "every Deployment that writes; {} where there is nothing to set, false for one that doesn't write"
            apps.refuse(name, found, needed, f"{setting(apps.name(name))} '{{}}'")


def _app(apps: Reader, name: str) -> App:
    if not SUBDOMAIN.fullmatch(name):
        apps.refuse(name, shown(name), "a name of a Deployment: lower-case letters, digits, hyphens and dots")
    app = apps.section(name, ("replicas", "health"))
    health = app.text("health")
    fault = _health_fault(health)
    if fault:
        app.refuse("health", fault, "an http or https URL without user and password, such as http://{pod}:8080/health")
    return App(name, replicas=app.integer("replicas", 0, MOST_REPLICAS), health=health or None)


def _health_fault(url: str) -> str | None:
    if not url:
        return None
    try:
        parts = urlsplit(url.replace("{pod}", "pod.invalid"))
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return "not a URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        return "not an http or https URL"
    return "a URL with a user or password in it" if "@" in parts.netloc else None


def _secret(reader: Reader) -> SecretKey:
    secret = reader.section("secret", _fields("secret"))
    name = secret.text("name", schema.DEFAULT_SECRET_NAME)
    key = secret.text("key", schema.DEFAULT_SECRET_KEY)
    if not SUBDOMAIN.fullmatch(name):
        secret.refuse("name", shown(name), "a name of a Secret: lower-case letters, digits, hyphens and dots")
    if not SECRET_KEY.fullmatch(key):
        secret.refuse("key", shown(key), "a key of a Secret: letters, digits, hyphens, underscores and dots")
    return SecretKey(name, key, secret.text("sourceHost") or None)


def _login(reader: Reader, stack: str) -> Login:
    login = reader.section("login", _fields("login"))
    iam = bool(login.boolean("iam"))
    secret_id = login.text("secretId", "" if iam else f"ghost-protocol/{stack}/db-password")
    return Login(
        user=login.text("user", schema.DEFAULT_USER),
        secret_id=secret_id or None,
        iam=iam,
        database=login.text("database") or None,
    )


def _tls(reader: Reader, asked: bool) -> Tls:
    tls = reader.section("tls", _fields("tls"))
    mode = tls.text("mode", schema.DEFAULT_TLS_MODE)
    if mode not in TLS_MODES:
        needed = f"{' or '.join(TLS_MODES)}: with less, anything on the way could pose as the database"
        tls.refuse("mode", shown(mode), needed, "pulumi config set --path tls.mode verify-full")
    root = tls.text("rootCertificate")
    if asked and not root:
        tls.refuse(
            "rootCertificate",
            "not set",
            "a file with the certificates to trust; AWS publishes those of RDS (RDS User Guide, "
            '"Using SSL/TLS to encrypt a connection")',
            f"curl -fsSo global-bundle.pem {RDS_CERTIFICATES} && "
            "pulumi config set --path tls.rootCertificate ./global-bundle.pem",
        )
    return Tls(mode, root or None)


def _instance(reader: Reader) -> Mapping[str, Any]:
    fields = {field.name: field for field in schema.BY_NAME["instance"].fields}
    instance = reader.section("instance", fields)
    values = {name: _setting(instance, fields[name]) for name in instance.values if name in fields}
    return {name: value for name, value in values.items() if value is not None}


def _setting(instance: Reader, field: schema.Field) -> Any:
    match field.kind:
        case "integer":
            return instance.integer(field.name, 0, 2**31 - 1)
        case "boolean":
            return instance.boolean(field.name)
        case "strings":
            return instance.strings(field.name)
        case _:
            return instance.text(field.name) or None


def _backups(reader: Reader, stack: str) -> DumpStore:
    backups = reader.section("backups", _fields("backups"))
    bucket = backups.text("bucket", f"ghost-protocol-{stack}-backups")
    if not BUCKET.fullmatch(bucket) and backups.is_set("bucket"):
        backups.refuse("bucket", shown(bucket), "the name of an S3 bucket, without s3:// and prefix")
    prefix = backups.text("prefix", schema.DEFAULT_PREFIX).removeprefix("/")
    return DumpStore(
        bucket=bucket,
        prefix=prefix,
        owner=backups.text("owner") or None,
        allow=backups.strings("allow") or (),
        skip=backups.strings("skip") or (),
    )


def _validation(reader: Reader) -> ValidationSettings:
    validation = reader.section("validation", _fields("validation"))
    standard = ValidationSettings()
    return ValidationSettings(
        checks_file=validation.text("checks") or None,
        inline=validation.mapping("inline") or {},
        image=validation.text("image") or None,
        budget_seconds=validation.integer("budgetSeconds", 1, LONGEST_BUDGET) or standard.budget_seconds,
        loss_seconds=validation.integer("lossSeconds", 1, LONGEST_BUDGET) or standard.loss_seconds,
        baseline=validation.text("baseline") or None,
        workers=validation.integer("workers", 1, 32) or standard.workers,
    )


def _waive(reader: Reader) -> Mapping[str, str]:
    waive = reader.section("waive", reader.mapping("waive") or ())
    for name in waive.values:
        if not CHECK.fullmatch(name):
            gates = ", ".join(schema.GATES)
            needed = f"<gate>.<check> as reports name it, or {schema.SAFETY_CHECK}; gates are {gates}"
            waive.refuse(name, "no gate's check", needed, removal(waive.name(name)))
        elif len(waive.text(name)) < SHORTEST_REASON:
            needed = f"a reason of at least {SHORTEST_REASON} characters: it stands in every report"
            waive.refuse(name, "no reason, or hardly one", needed)
    return {name: waive.text(name) for name in waive.values}


def _evidence(reader: Reader) -> str:
    evidence = reader.text("evidence", schema.DEFAULT_EVIDENCE)
    if "://" in evidence and not S3_URL.fullmatch(evidence):
        reader.refuse("evidence", shown(evidence), "a directory, or s3://bucket/prefix")
    return evidence


def _endpoints(aws: Reader) -> Mapping[str, str]:
    """`aws:endpoints`: a list of one object, by service; as text or as it is."""
    value: Any = aws.decoded("endpoints")
    if value is None or value == "":
        return {}
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    found: dict[str, str] = {}
    for item in items:
        if not isinstance(item, Mapping):
            aws.refuse("endpoints", "not a list of objects", 'a list such as [{"rds": "http://127.0.0.1:4566"}]')
            return {}
        found |= {str(name): str(url) for name, url in cast("Mapping[Any, Any]", item).items() if url}
    return found


def _fields(key: str) -> tuple[str, ...]:
    return tuple(field.name for field in schema.BY_NAME[key].fields)
