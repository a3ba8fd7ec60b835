"""What is asked for: the configuration of a stack, read and checked all together.

Pure. restore/config/keys.py lists the keys. Every problem is found before any is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, cast

from restore.config.keys import DEFAULTS, ELSEWHERE, ENVIRONMENT, PROJECT, AwsKeys, Keys, KubernetesKeys
from restore.config.reader import build_refusal, build_remove_command, build_set_command, read
from restore.config.request import build_time_command, find_contradictions
from restore.errors import Problem, Refused
from restore.model.field_types import decode_json, select_given, to_camel_case
from restore.model.identifiers import MAX_INSTANCE, find_id_fault, find_instance_fault, name_candidate
from restore.model.notify import TOKENS
from restore.model.rds import InstanceSettings
from restore.model.request import App, Cutover, Method, Request, Runner, Settings, build_certificates_command
from validation.document_store import S3
from validation.keyed import json_schema
from validation.keyed.reader import build_json_schema

POINTS = {Method.SNAPSHOT: "snapshot", Method.PITR: "time", Method.DUMP: "dump"}
"""The key that names the recovery point of each method."""


@dataclass(frozen=True)
class Entries:
    """The raw configuration of a stack, by namespace."""

    values: Mapping[str, Any]
    stack: str
    region: str | None
    aws: Mapping[str, Any] = field(default_factory=dict[str, Any])
    kubernetes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secret_keys: frozenset[str] = frozenset()
    """Keys whose values may not be shown; this project's own without its name."""

    @property
    def given(self) -> dict[str, Any]:
        """The keys that say anything but their default: the engine passes all defaults of the schema as values."""
        values = select_given(self.values)
        return {key: value for key, value in values.items() if DEFAULTS.get(key) not in (value, decode_json(value))}

    @property
    def untouched(self) -> bool:
        return not self.given

    def read_settings(self, now: datetime) -> Settings:
        """Returns the settings of a stack. Raises Refused with everything that is wrong."""
        entries = self.given
        keys, unfit = read(Keys, entries, secret_keys=self.secret_keys, context={"now": now})
        aws, unfit_aws = read(AwsKeys, select_given(self.aws), namespace="aws", secret_keys=self.secret_keys)
        kubernetes, unfit_kubernetes = read(
            KubernetesKeys, select_given(self.kubernetes), namespace="kubernetes", secret_keys=self.secret_keys
        )
        problems = [
            *unfit,
            *_find_elsewhere(self.aws),
            *_find_in_another_cluster(self.kubernetes),
            *find_contradictions(entries),
            *_find_beside_the_database(entries),
            *_find_missing(entries, self.region, now),
            *_find_plain_tokens(entries, self.secret_keys),
            *_find_too_long(entries),
            *_find_across_regions(entries, self.region),
            *_find_unpreventable(entries, self.region),
            *_find_unfit_checks(entries),
        ]
        if not keys or not aws or not kubernetes or problems:
            raise Refused([*problems, *unfit_aws, *unfit_kubernetes])
        return Settings(
            stack=self.stack,
            region=self.region or "",
            source=keys.source or "",
            namespace=keys.namespace or "",
            apps=tuple(App(name, app.replicas, app.health) for name, app in keys.apps.items()),
            secret=keys.secret,
            login=keys.login,
            tls=keys.tls,
            evidence=keys.evidence,
            request=_read_request(keys),
            instance=_select_overrides(keys.instance, _read_section(entries, "instance")),
            backups=keys.backups,
            validation=keys.validation,
            quiet=keys.quiet,
            fence=keys.fence,
            sequences=keys.sequences,
            approvals=int(keys.approvals or 1),
            runner=keys.runner,
            runner_job=keys.runner_job,
            tunnel=keys.tunnel,
            erasure=keys.erasure,
            dependents=keys.dependents,
            infrastructure=keys.infrastructure,
            prices=keys.prices,
            notify=keys.notify,
            targets=keys.targets,
            drill=keys.drill,
            waive=keys.waive,
            endpoints={name: url for item in aws.endpoints for name, url in item.items() if url},
            aws_login=aws.login,
            default_tags=aws.default_tags.tags,
            kubeconfig=kubernetes.kubeconfig,
            context=kubernetes.context,
            source_region=keys.source_region,
            copy=keys.copy_,
            create=keys.create,
            prevention=keys.prevention if "prevention" in entries else None,
        )


def collect(
    entries: Mapping[str, Any], stack: str, environment: Mapping[str, str], secret: Iterable[str] = ()
) -> Entries:
    """Sorts a stack's configuration by namespace; `entries` are full keys and their values, `secret` some of them."""
    spaces: dict[str, dict[str, Any]] = {}
    for full_name, value in entries.items():
        space, _, name = full_name.partition(":")
        spaces.setdefault(space, {})[name] = value
    aws = spaces.get("aws", {})
    region = aws.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return Entries(
        values=spaces.get(PROJECT, {}),
        stack=stack,
        region=str(region) if region else None,
        aws=aws,
        kubernetes=_add_environment(spaces.get("kubernetes", {}), environment),
        secret_keys=frozenset(name.removeprefix(f"{PROJECT}:") for name in secret),
    )


def _add_environment(kubernetes: Mapping[str, Any], environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Returns the keys of the Kubernetes provider with those that it takes from the environment."""
    taken = {name: environment[variable] for name, (_, variable) in ELSEWHERE.items() if environment.get(variable)}
    return {**taken, **kubernetes}


def _read_request(keys: Keys) -> Request | None:
    """Every field of a request is a key of the same name; without an id none is asked for."""
    return Request(**{item.name: getattr(keys, item.name) for item in fields(Request)}) if keys.id else None


def _select_overrides(instance: InstanceSettings, instance_entries: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that are given, by their camelCase names."""
    settings = {to_camel_case(item.name): getattr(instance, item.name) for item in fields(InstanceSettings)}
    return {name: value for name, value in settings.items() if name in instance_entries}


def _find_beside_the_database(entries: Mapping[str, Any]) -> Iterable[Problem]:
    """Yields what gates in Jobs would not find: a Job has no folder of this machine."""
    if entries.get("runner") != Runner.KUBERNETES:
        return
    if "image" not in _read_section(entries, "runnerJob"):
        yield build_refusal("runnerJob.image", "not set", "the image that runner kubernetes starts (docs/runner.md)")
    places = {
        "evidence": entries.get("evidence"),
        "validation.baseline": _read_section(entries, "validation").get("baseline"),
    }
    for key, place in places.items():
        if not str(place or (key != "evidence" and S3)).startswith(S3):
            needed = "s3://bucket/prefix: a Job has no directory of this machine (docs/runner.md)"
            fix = f"{build_set_command(key)} s3://<bucket>/<prefix>"
            yield build_refusal(key, str(place or DEFAULTS[key]), needed, fix)


def _find_elsewhere(aws: Mapping[str, Any]) -> Iterable[Problem]:
    """Keys that only the plugin obeys: this program would look at one place and the plugin change another."""
    for name in select_given(aws).keys() & ENVIRONMENT.keys():
        if decode_json(aws[name]) not in ([], {}, False):
            needed = "nothing: only the plugin reads it, and preflight would look elsewhere"
            remove = build_remove_command(f"aws:{name}")
            fix = f"{remove}, and set {ENVIRONMENT[name]} in the environment, which both obey"
            yield build_refusal(f"aws:{name}", "set", needed, fix)


def _find_in_another_cluster(kubernetes: Mapping[str, Any]) -> Iterable[Problem]:
    """Yields keys with which the plugin would not patch what gates look at."""
    for name, value in sorted(select_given(kubernetes).items()):
        if name in ELSEWHERE and decode_json(str(value).lower()) != ELSEWHERE[name][0]:
            needed = "nothing: only the plugin reads it, and it would not change what this program looks at"
            variable = ELSEWHERE[name][1]
            fix = build_remove_command(f"kubernetes:{name}") + (f"; unset {variable}" if variable else "")
            yield build_refusal(f"kubernetes:{name}", "set", needed, fix)


def _find_missing(entries: Mapping[str, Any], region: str | None, now: datetime) -> Iterable[Problem]:
    """Yields what isn't set and is needed: the site's keys always, a restore's with its id."""
    commands = {
        "id": "pulumi config set id inc-1234",
        "method": "pulumi config set method pitr",
        "snapshot": "pulumi config set snapshot latest",
        "time": build_time_command(now),
        "dump": "pulumi config set dump latest",
        "tls.rootCertificate": build_certificates_command(region or ""),
    }
    if not region:
        fix = "pulumi config set aws:region <region>"
        yield build_refusal("aws:region", "not set", "the region of the source", fix)
    for path in _list_needed(entries):
        section, _, name = path.rpartition(".")
        if name not in (_read_section(entries, section) if section else entries):
            description = json_schema.find_description(
                json_schema.find_node(build_json_schema(Keys), (*path.split("."),))
            )
            first_sentence = description.partition(". ")[0].rstrip(".")
            yield build_refusal(path, "not set", first_sentence, commands.get(path, ""))


def _find_plain_tokens(entries: Mapping[str, Any], secret_keys: Iterable[str]) -> Iterable[Problem]:
    """Yields the tokens of `notify` that stand in plain text, and the half of a Slack channel that is missing."""
    notify = _read_section(entries, "notify")
    for name in TOKENS:
        if name in notify and "notify" not in secret_keys:
            fix = f"pulumi config set --secret --path notify.{name} <value>"
            yield build_refusal(f"notify.{name}", "a value in plain text", "a secret of Pulumi", fix)
    if ("slackChannel" in notify) != ("slackToken" in notify):
        missing = "slackToken" if "slackChannel" in notify else "slackChannel"
        option = "--secret " if missing in TOKENS else ""
        fix = f"pulumi config set {option}--path notify.{missing} <value>"
        yield build_refusal(
            f"notify.{missing}", "not set", "both: the channel, and the token of the bot that writes to it", fix
        )


def _read_section(entries: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Returns the fields that are given of an object; none where it is no object."""
    fields = select_given(entries.get(key))
    return cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}


def _list_needed(entries: Mapping[str, Any]) -> Iterable[str]:
    yield from ("source", "namespace")
    if "id" not in entries:
        return
    yield from ("method", "tls.rootCertificate", "login.user")
    if decode_json(_read_section(entries, "login").get("iam")) is not True:
        yield "login.secretId"
    if entries.get("method") in POINTS:
        yield POINTS[entries["method"]]
    if entries.get("method") == Method.DUMP:
        yield "backups.bucket"


def _find_too_long(entries: Mapping[str, Any]) -> Iterable[Problem]:
    """Refuses an id and a source that make a candidate's name too long together, though each may be right."""
    source, restore_id = str(entries.get("source", "")), str(entries.get("id", ""))
    name = name_candidate(source, restore_id)
    if not find_instance_fault(source) and not find_id_fault(restore_id) and find_instance_fault(name):
        room = max(MAX_INSTANCE - len(source) - 1, 0)
        needed = f"at most {MAX_INSTANCE} characters for <source>-<id>, so {room} for the id"
        yield build_refusal("id", f"{name} has {len(name)} characters", needed, "pulumi config set id <a shorter one>")


def _find_across_regions(given: Mapping[str, Any], region: str | None) -> Iterable[Problem]:
    if region and given.get("sourceRegion") == region:
        needed = "another region than the stack's, or no such key: the source is in the stack's region then"
        yield build_refusal(
            "sourceRegion", f"{region}, which is aws:region too", needed, build_remove_command("sourceRegion")
        )
    if given.get("sourceRegion") and given.get("cutover") == Cutover.RENAME:
        needed = "secret: an endpoint's name has its region in it, so no rename gives this region the source's"
        yield build_refusal("cutover", "rename, with sourceRegion", needed, build_remove_command("cutover"))


def _find_unpreventable(entries: Mapping[str, Any], region: str | None) -> Iterable[Problem]:
    """Yields what `prevention` needs of other keys."""
    if "prevention" not in entries:
        return
    prevention = _read_section(entries, "prevention")
    if "image" not in prevention and "image" not in _read_section(entries, "runnerJob"):
        needed = "the image that the scheduled check starts (docs/prevention.md)"
        yield build_refusal("prevention.image", "not set, nor is runnerJob.image", needed)
    if "dumpSchedule" in prevention and "bucket" not in _read_section(entries, "backups"):
        yield build_refusal("backups.bucket", "not set", "the bucket that gets the nightly dump")
    if "sourceRegion" in entries:
        needed = "no such key here: the stack of the source's own region watches over its backups"
        yield build_refusal("prevention", "set, with sourceRegion", needed, build_remove_command("prevention"))
    if region and prevention.get("replicateTo") == region:
        yield build_refusal("prevention.replicateTo", f"{region}, which is aws:region too", "another region")


def _find_unfit_checks(entries: Mapping[str, Any]) -> Iterable[Problem]:
    """Yields the requests of a drill that name no application to ask, and a scratch namespace that isn't one."""
    drill = _read_section(entries, "drill")
    if drill.get("namespace") and drill["namespace"] == entries.get("namespace"):
        needed = "a namespace of its own: copies of the applications run there"
        yield build_refusal("drill.namespace", f"{drill['namespace']}, where the applications are", needed)
    checks = decode_json(drill.get("checks"))
    apps = decode_json(entries.get("apps"))
    known = set(cast("Mapping[str, Any]", apps)) if isinstance(apps, Mapping) else set[str]()
    for number, item in enumerate(cast("list[Any]", checks) if isinstance(checks, list) else []):
        check = _read_section({"check": item}, "check")
        if "{pod}" in str(check.get("url")) and check.get("app") not in known:
            found = f"{check.get('app') or 'none'}, with {{pod}} in the URL"
            needed = f"one of apps: {', '.join(sorted(known)) or 'none is set'}"
            yield build_refusal(f"drill.checks[{number}].app", found, needed)
