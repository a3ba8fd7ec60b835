"""The configuration: what is valid, and everything that is refused, all at once and with a way out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pulumi_aws
import pulumi_kubernetes
import pytest
import yaml

from restore.config import keys, reference
from restore.config.settings import Entries, collect
from restore.errors import Problem, Refused
from restore.gates.registry import PROOFS
from restore.model.aws_account import AssumedRole, AwsLogin
from restore.model.field_types import to_camel_case
from restore.model.gates import BY_NAME
from restore.model.request import (
    RDS_CERTIFICATES,
    App,
    DumpStore,
    ErasedTable,
    IgnoredSession,
    Login,
    Method,
    Request,
    Runner,
    SecretKey,
    Settings,
    Tls,
    Traffic,
    ValidationSettings,
)
from sandbox.machine.layout import CHECKOUT
from validation.expectations.file import from_mapping

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SITE: Mapping[str, Any] = {
    "source": "shop-prod-db",
    "namespace": "shop-prod",
    "login": {"user": "ops", "secretId": "shop/ops"},
    "tls": {"rootCertificate": "ca.pem"},
    "backups": {"bucket": "shop-backups"},
}
NAMED = {f"restore:{name}": value for name, value in SITE.items()}
REGION = {"AWS_REGION": "us-east-1"}
PITR = {"id": "inc-1", "method": "pitr", "time": "2026-11-22T14:30:00Z"}
DUMP = {"id": "inc-1", "method": "dump", "dump": "latest"}
SNAPSHOT = {"id": "inc-1", "method": "snapshot", "snapshot": "latest"}


def settings_of(values: Mapping[str, Any], region: str | None = "us-east-1", stack: str = "prod") -> Settings:
    return Entries({**SITE, **values}, stack, region).read_settings(NOW)


def request_of(values: Mapping[str, Any]) -> Request:
    request = settings_of(values).request
    assert request
    return request


def problems_of(
    values: Mapping[str, Any], region: str | None = "us-east-1", secret_keys: frozenset[str] = frozenset()
) -> dict[str, Problem]:
    with pytest.raises(Refused) as refused:
        Entries({**SITE, **values}, "prod", region, secret_keys=secret_keys).read_settings(NOW)
    return {problem.subject.removeprefix("config "): problem for problem in refused.value.problems}


def defaults() -> dict[str, Any]:
    """What the engine passes for an empty stack: every default of the schema, objects as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.DEFAULTS.items()}


# What is valid


def test_what_comes_after_the_switch_is_off_until_it_is_asked_for() -> None:
    plain = settings_of({})
    assert (plain.fence, plain.sequences, plain.erasure, plain.quiet.ignore) == (False, None, {}, ())
    wanted = settings_of(
        {
            "fence": "true",
            "sequences": "ahead",
            "erasure": {"users": {"key": "id", "record": "audit.erased", "recordKey": "user_id"}},
            "quiet": {"ignore": [{"user": "datadog", "address": "10.0.0.0/8", "reason": "monitoring, read only"}]},
        }
    )
    assert (wanted.fence, wanted.sequences) == (True, "ahead")
    assert wanted.erasure == {"users": ErasedTable("id", "audit.erased", "user_id")}
    assert wanted.quiet.ignore == (IgnoredSession("monitoring, read only", user="datadog", address="10.0.0.0/8"),)


def test_the_defaults_of_the_schema_say_the_same_as_no_configuration_at_all() -> None:
    assert settings_of({**defaults(), **SITE}) == settings_of({})


def test_the_defaults_that_the_engine_passes_for_an_empty_stack_do_not_count_as_touched() -> None:
    def untouched(values: Mapping[str, Any]) -> bool:
        return collect({f"restore:{key}": value for key, value in values.items()}, "prod", {}).untouched

    assert untouched({})
    assert untouched(defaults())
    assert untouched(keys.DEFAULTS)
    for changed in (
        {"id": "inc-1"},
        {"foreignSnapshot": "true"},
        {"apps": {"api": {"replicas": 1}}},
        {"instance": {"multiAz": True}},
    ):
        assert not untouched({**defaults(), **changed})


def test_what_a_team_calls_its_own_is_no_default_of_the_program() -> None:
    assert settings_of({}) == Settings(
        stack="prod",
        region="us-east-1",
        source="shop-prod-db",
        namespace="shop-prod",
        apps=(),
        secret=SecretKey("database-credentials", "DATABASE_URL"),
        login=Login("ops", "shop/ops"),
        tls=Tls("verify-full", "ca.pem"),
        evidence="./evidence",
        request=None,
        backups=DumpStore("shop-backups", "database/postgresql/"),
    )
    texts = (CHECKOUT / "Pulumi.yaml").read_text() + (CHECKOUT / "docs" / "configuration.md").read_text()
    assert "ghost" not in texts
    assert "api-gateway" not in texts


def test_a_restore_is_asked_for_by_four_values_on_top_of_the_defaults() -> None:
    request = request_of({**defaults(), **SITE, **PITR, "traffic": "frozen"})
    assert request == Request("inc-1", Method.PITR, Traffic.FROZEN, time=datetime(2026, 11, 22, 14, 30, tzinfo=UTC))
    assert request.recovery_point == "pitr:2026-11-22T14:30:00Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T14:30:00Z", "2026-11-22T14:30:00"),
        ("2026-11-22t14:30:00z", "2026-11-22T14:30:00"),
        ("2026-11-22T14:30:00.000Z", "2026-11-22T14:30:00"),
        ("2026-11-22T15:30:00+01:00", "2026-11-22T14:30:00"),
        ("2026-11-22T00:30:00-14:00", "2026-11-22T14:30:00"),
    ],
)
def test_every_way_to_write_a_moment_means_that_moment(text: str, moment: str) -> None:
    assert request_of({**PITR, "time": text}).time == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_a_time_that_yaml_made_a_datetime_means_the_same() -> None:
    time = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    assert request_of({**PITR, "time": time}).time == time


@pytest.mark.parametrize(
    "name",
    [
        "latest",
        "rds:ghost-protocol-prod-db-2026-11-22-04-00",
        "awsbackup:job-1b2c",
        "Pre-Migration-1",
        "arn:aws:rds:us-east-1:123456789012:snapshot:rds:other-2026-11-22-04-00",
        "a" * 247,
    ],
)
def test_every_kind_of_snapshot_can_be_named(name: str) -> None:
    assert request_of({**SNAPSHOT, "snapshot": name}).snapshot == name


def test_a_restore_that_moves_no_traffic_needs_no_applications() -> None:
    assert settings_of({"apps": {}}).apps == ()


def test_an_expectation_that_says_nothing_is_not_dropped_on_the_way_to_the_one_who_refuses_it() -> None:
    inline = {"tables": "", "migrations": None}
    assert settings_of({"validation": {"inline": inline}}).validation.inline == inline


@pytest.mark.parametrize("written", [5, 5.0, "5", " 5 "])
def test_a_number_is_the_same_however_it_arrives(written: Any) -> None:
    assert settings_of({"apps": {"worker": {"replicas": written}}}).apps == (App("worker", replicas=5),)


@pytest.mark.parametrize("as_text", [True, False])
def test_objects_are_read_whether_they_arrive_as_objects_or_as_json(as_text: bool) -> None:
    objects: dict[str, Any] = {
        "apps": {"worker": {"replicas": 4, "health": "http://{pod}:8080/health"}, "api": {}},
        "secret": {"name": "db", "key": "URL", "sourceHost": "db.internal"},
        "login": {"user": "ops", "iam": True, "database": "app"},
        "tls": {"mode": "verify-ca", "rootCertificate": "/etc/ca.pem"},
        "instance": {"multiAz": "false", "allocatedStorage": 40.0, "vpcSecurityGroupIds": ["sg-1"], "storageType": ""},
        "validation": {
            "checks": "c.toml",
            "inline": {"required": ["rows"]},
            "image": "psql:1",
            "workers": 2,
            "lossSeconds": 60,
            "baseline": "b",
        },
        "waive": {"validated.rows:users": "purged on Friday"},
    }
    values = {name: json.dumps(value) for name, value in objects.items()} if as_text else objects
    settings = settings_of(values)
    assert settings.apps == (App("worker", 4, "http://{pod}:8080/health"), App("api"))
    assert settings.secret == SecretKey("db", "URL", "db.internal")
    assert settings.login == Login("ops", None, iam=True, database="app")
    assert settings.tls == Tls("verify-ca", "/etc/ca.pem")
    assert settings.instance == {"multiAz": False, "allocatedStorage": 40, "vpcSecurityGroupIds": ("sg-1",)}
    assert settings.validation == ValidationSettings("c.toml", {"required": ["rows"]}, "psql:1", None, 2, 60, "b")
    assert settings.waive == {"validated.rows:users": "purged on Friday"}


def test_keys_are_sorted_by_namespace_and_the_region_falls_back_to_the_environment() -> None:
    entries = {
        "restore:id": "inc-1",
        "aws:endpoints": '[{"rds": "http://127.0.0.1:4566", "s3": ""}]',
        "kubernetes:kubeconfig": "cluster/kubeconfig",
        "kubernetes:context": "sandbox",
        "pulumi:disable-default-providers": "[]",
    }
    found = collect(entries, "prod", {"AWS_DEFAULT_REGION": "eu-west-1"})
    assert (found.values, found.region) == ({"id": "inc-1"}, "eu-west-1")
    settings = replace(found, values=SITE).read_settings(NOW)
    assert (settings.endpoints, settings.kubeconfig, settings.context) == (
        {"rds": "http://127.0.0.1:4566"},
        "cluster/kubeconfig",
        "sandbox",
    )
    assert collect({"aws:region": "us-west-2"}, "prod", {"AWS_REGION": "eu-west-1"}).region == "us-west-2"


# What is refused


@pytest.mark.parametrize(
    ("values", "key", "says"),
    [
        ({"methd": "pitr"}, "methd", "method, perhaps"),
        ({"foreignsnapshot": "true"}, "foreignsnapshot", "foreignSnapshot, perhaps"),
        ({"secret": {"nmae": "x"}}, "secret.nmae", "secret.name, perhaps"),
        (
            {"instance": {"instance_class": "db.r6g.large"}},
            "instance.instance_class",
            "instance.instanceClass, perhaps",
        ),
        ({"apps": {"api": {"replica": 2}}}, "apps.api.replica", "apps.api.replicas, perhaps"),
        ({"backups": {"buckt": "x"}}, "backups.buckt", "backups.bucket, perhaps"),
        ({"notify": {"slackChanel": "C0123456789"}}, "notify.slackChanel", "notify.slackChannel, perhaps"),
    ],
)
def test_a_misspelt_key_is_never_ignored(values: Mapping[str, Any], key: str, says: str) -> None:
    assert says in problems_of(values)[key].needed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-11-22T14:30:00", "no zone"),
        ("2026-11-22 14:30:00Z", "2026-11-22 14:30:00Z"),
        ("2026-11-22T14:30Z", "2026-11-22T14:30Z"),
        ("2026-11-22T14:30:00.5Z", "part of a second"),
        ("2026-11-22T15:00:01Z", "in the future"),
        ("2026-02-30T14:30:00Z", "no such date"),
        ("2026-11-22T14:30:60Z", "no such date"),
        ("0001-01-01T00:00:00+14:00", "no such date"),
        ("1763821800", "1763821800"),
        ("２０２６-11-22T14:30:00Z", "２０２６"),
        ("", "not set"),
    ],
)
def test_a_time_that_could_be_misread_is_refused(text: str, says: str) -> None:
    assert says in problems_of({**PITR, "time": text})["time"].found


@pytest.mark.parametrize(
    "name",
    ["Inc-1", "1-inc", "inc--1", "inc-", "inc_1", "inc 1", "-inc", "é", "a" * 31, "inc\n1", "../x", "ﬁx", "inc-١", 12],
)
def test_an_id_that_rds_would_refuse_is_refused_here(name: Any) -> None:
    assert "lower-case" in problems_of({**PITR, "id": name})["id"].needed


def test_a_candidate_name_too_long_for_rds_is_refused_with_the_room_that_is_left() -> None:
    problem = problems_of({**PITR, "source": "s" * 50, "id": "i" * 13})["id"]
    assert "12 for the id" in problem.needed
    assert request_of({**PITR, "source": "s" * 50, "id": "i" * 12})


@pytest.mark.parametrize("name", ["a" * 248, "a--b", "x y", "rds:", "a_b", "'; drop", "arn:aws:rds:x:1:snapshot:a"])
def test_a_snapshot_that_cannot_exist_is_refused(name: str) -> None:
    assert "snapshot" in problems_of({**SNAPSHOT, "snapshot": name})


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({**SNAPSHOT, "time": "2026-11-22T14:30:00Z"}, "time"),
        ({**PITR, "snapshot": "latest"}, "snapshot"),
        ({**PITR, "foreignSnapshot": True}, "foreignSnapshot"),
        ({**PITR, "dump": "latest"}, "dump"),
        ({**DUMP, "time": "latest"}, "time"),
        ({**PITR, "method": ""}, "method"),
        ({**PITR, "method": "PITR"}, "method"),
        ({**PITR, "traffic": "candidate"}, "traffic"),
        ({**SNAPSHOT, "snapshot": ""}, "snapshot"),
        ({**SNAPSHOT, "foreignSnapshot": "true"}, "snapshot"),
        ({"method": "pitr"}, "id"),
        ({"traffic": "restored"}, "id"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(values: Mapping[str, Any], key: str) -> None:
    assert set(problems_of(values)) == {key}


JOBS: Mapping[str, Any] = {
    "runner": "kubernetes",
    "runnerJob": {"image": "registry.example/restore:1"},
    "evidence": "s3://shop-evidence/restores",
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"evidence": "./evidence"}, "evidence"),
        ({"evidence": ""}, "evidence"),
        ({"runnerJob": ""}, "runnerJob.image"),
        ({"runnerJob": {"image": "r:1", "memory": "2 GB"}}, "runnerJob.memory"),
        ({"validation": {"baseline": "./baselines"}}, "validation.baseline"),
        ({"runner": "lambda"}, "runner"),
    ],
)
def test_a_job_is_never_sent_to_look_for_a_folder_of_this_machine(change: Mapping[str, Any], key: str) -> None:
    assert set(problems_of({**PITR, **JOBS, **change})) == {key}


def test_gates_run_here_unless_they_are_asked_to_run_in_jobs() -> None:
    assert settings_of(PITR).runner is Runner.LOCAL
    assert settings_of({**PITR, **JOBS}).runner is Runner.KUBERNETES


@pytest.mark.parametrize("address", ["15432", "localhost:15432", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000"])
def test_a_tunnel_that_libpq_could_not_use_is_refused(address: str) -> None:
    assert set(problems_of({**PITR, "tunnel": {"shop-prod-db": address}})) == {"tunnel.shop-prod-db"}
    assert settings_of({**PITR, "tunnel": {"shop-prod-db": "[::1]:15432"}}).tunnel == {"shop-prod-db": "[::1]:15432"}


def test_a_rename_is_not_taken_for_a_way_into_another_region() -> None:
    """The applications would stay at the lost region's endpoint."""
    assert set(problems_of({**PITR, "sourceRegion": "us-west-2", "cutover": "rename"})) == {"cutover"}


def test_what_this_version_cannot_do_is_said_and_not_guessed() -> None:
    assert problems_of({**PITR, "cutover": "dns"})["cutover"].needed == "one of secret, rename"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("", "not set"),
        ("s3://bucket/key.sql.gz", "a URL"),
        ("a" * 252, "252 characters"),
        ("nightly#1.sql.gz", "'#'"),
        ("nightly\n.sql.gz", "in it"),
    ],
)
def test_a_dump_that_the_candidate_s_tag_could_not_pin_is_refused(key: str, says: str) -> None:
    assert says in problems_of({**DUMP, "dump": key})["dump"].found


def test_without_a_root_certificate_the_database_is_not_trusted_and_the_way_to_get_one_is_said() -> None:
    problem = problems_of({**PITR, "tls": {}})["tls.rootCertificate"]
    assert RDS_CERTIFICATES in problem.fix


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"tls": {"mode": "require"}}, "tls.mode"),
        ({"apps": {"api": {"replicas": -1}}}, "apps.api.replicas"),
        ({"apps": {"api": {"replicas": 2.5}}}, "apps.api.replicas"),
        ({"apps": {"api": {"replicas": True}}}, "apps.api.replicas"),
        ({"apps": {"api": {"replicas": "many"}}}, "apps.api.replicas"),
        ({"apps": {"api": {"replicas": "1e999"}}}, "apps.api.replicas"),
        ({"apps": {"API": {}}}, "apps.API"),
        ({"apps": ["api"]}, "apps"),
        ({"apps": "{not json"}, "apps"),
        ({"apps": {"api": {"health": "ftp://x"}}}, "apps.api.health"),
        ({"apps": {"api": {"health": "http://u:p@{pod}/"}}}, "apps.api.health"),
        ({"apps": {"api": {"health": "http://{pod}:99999/"}}}, "apps.api.health"),
        ({"secret": {"name": "Bad_Name"}}, "secret.name"),
        ({"secret": {"key": "a/b"}}, "secret.key"),
        ({"instance": {"multiAz": "yes"}}, "instance.multiAz"),
        ({"instance": {"vpcSecurityGroupIds": "sg-1"}}, "instance.vpcSecurityGroupIds"),
        ({"instance": {"vpcSecurityGroupIds": [1]}}, "instance.vpcSecurityGroupIds[0]"),
        ({"backups": {"bucket": "s3://backups"}}, "backups.bucket"),
        ({"backups": {"bucket": "b-1", "skip": ["extensoin:postgis"]}}, "backups.skip[0]"),
        ({"backups": {"bucket": "b-1", "skip": ["subscription", "extension:"]}}, "backups.skip[1]"),
        ({"backups": {"bucket": "b-1", "allow": ["publication"]}}, "backups.allow[0]"),
        ({"instance": {"port": True}}, "instance.port"),
        ({"validation": {"workers": 0}}, "validation.workers"),
        ({"validation": {"inline": "rows"}}, "validation.inline"),
        ({"waive": {"serving": "because"}}, "waive.serving"),
        ({"waive": {"serving": ""}}, "waive.serving"),
        ({"waive": {"rows:users": "purged on Friday"}}, 'waive["rows:users"]'),
        ({"waive": {"everything": "it is fine, really"}}, "waive.everything"),
        ({"waive": {"validated.": "it is fine, really"}}, 'waive["validated."]'),
        ({"evidence": "gs://bucket"}, "evidence"),
        ({"source": "-db"}, "source"),
        ({"namespace": "Prod"}, "namespace"),
        ({"foreignSnapshot": True}, "id"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_path(values: Mapping[str, Any], key: str) -> None:
    assert set(problems_of(values)) == {key}


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {"id": "X", "method": "pitr", "time": "now", "aps": {}, "tls": {"mode": "off"}}
    found = problems_of(wrong, region=None)
    assert set(found) == {"id", "time", "aps", "tls.mode", "tls.rootCertificate", "aws:region"}
    assert all(problem.found and problem.needed and problem.fix for problem in found.values())


@pytest.mark.parametrize(
    "name",
    [
        "serving",
        "conformed.multiAz",
        "validated.rows",
        "validated.rows:users",
        'validated.fk:"odd name".x',
        "safety-snapshot",
    ],
)
def test_every_name_that_a_report_prints_can_be_waived(name: str) -> None:
    assert settings_of({"waive": {name: "decided by Ann, PD-5678"}}).waive == {name: "decided by Ann, PD-5678"}


def test_a_waiver_of_a_gate_that_is_no_more_is_not_accepted() -> None:
    assert tuple(BY_NAME) == tuple(PROOFS)


def test_an_application_without_settings_is_stopped_like_any_other() -> None:
    """`indexer:` in a stack file is null."""
    named = {"indexer": None, "api-gateway": "{}", "worker": "", "rpc": {"replicas": "4"}, "cron": "false", "ui": False}
    assert settings_of({"apps": named}).apps == (App("indexer"), App("api-gateway"), App("worker"), App("rpc", 4))


def test_the_command_in_a_fix_can_be_pasted_into_a_shell() -> None:
    assert problems_of({"waive": {"validated.rows:users": "no"}})['waive["validated.rows:users"]'].fix == (
        """pulumi config set --path 'waive["validated.rows:users"]' <value>"""
    )
    assert problems_of({"apps": {"a.b": {"replicas": -1}}})['apps["a.b"].replicas'].fix == (
        """pulumi config set --path 'apps["a.b"].replicas' <value>"""
    )
    assert problems_of({"instance": {"x": 1}})["instance.x"].fix == "pulumi config rm --path instance.x"


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, ["source", "namespace"]),
        (PITR, ["source", "namespace", "tls.rootCertificate", "login.user", "login.secretId"]),
        ({**PITR, "login": {"iam": "true"}}, ["source", "namespace", "tls.rootCertificate", "login.user"]),
        (
            {**DUMP, "login": '{"user": "ops"}'},
            ["source", "namespace", "tls.rootCertificate", "login.secretId", "backups.bucket"],
        ),
        ({"id": "inc-1"}, ["source", "namespace", "method", "tls.rootCertificate", "login.user", "login.secretId"]),
    ],
)
def test_what_is_needed_and_not_set_is_asked_for_and_never_guessed(
    values: Mapping[str, Any], missing: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        Entries(values, "prod", "us-east-1").read_settings(NOW)
    found = refused.value.problems
    assert [problem.subject for problem in found] == [f"config {path}" for path in missing]
    assert {problem.found for problem in found} == {"not set"}
    assert all("pulumi config set " in problem.fix and problem.needed for problem in found)


def test_the_value_of_a_secret_key_is_never_shown() -> None:
    secret = {"login": {"user": "ops", "secretId": ["hunter2"]}, "time": "hunter2", "waive": {"serving": "hunter2"}}
    found = problems_of({**PITR, **secret}, secret_keys=frozenset({"login", "time", "waive"}))
    assert set(found) == {"login.secretId", "time", "waive.serving"}
    assert "hunter2" not in str(list(found.values()))


def test_a_wrong_key_of_a_provider_is_named_with_its_namespace() -> None:
    with pytest.raises(Refused) as refused:
        Entries(SITE, "prod", "us-east-1", aws={"endpoints": "http://127.0.0.1:1"}).read_settings(NOW)
    [problem] = refused.value.problems
    assert (problem.subject, problem.needed) == ("config aws:endpoints", "a list of objects")


def test_a_long_value_is_not_thrown_at_the_operator() -> None:
    assert len(problems_of({**PITR, "time": "x" * 10_000})["time"].found) < 100


# The files made from the schema, and the examples


def test_the_files_made_from_the_schema_are_up_to_date() -> None:
    made = reference.render_files()
    assert set(made) == {CHECKOUT / "Pulumi.yaml", CHECKOUT / "docs" / "configuration.md"}
    assert {path: path.read_text() for path in made} == made


def test_the_real_cli_never_refuses_the_project_for_a_short_name_that_it_reserves() -> None:
    assert "\n  restore:secret:\n" in reference.render_config_block()
    assert "\n  secret:" not in reference.render_config_block()


def test_pulumi_yaml_gives_every_key_a_default_so_that_none_is_required() -> None:
    project = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
    assert project["name"] == keys.PROJECT
    assert [name.removeprefix("restore:") for name in project["config"]] == list(keys.DEFAULTS)
    kinds = {"string": str, "boolean": bool, "object": dict}
    assert all(
        isinstance(key["default"], kinds[key["type"]]) and key["description"] for key in project["config"].values()
    )


@pytest.mark.parametrize("stack", ["prod", "staging"])
def test_the_example_of_a_stack_is_valid_with_a_restore_and_without(stack: str) -> None:
    entries = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert collect(entries, stack, {}).read_settings(NOW).request is None
    asked = {"id": "inc-1", "method": "snapshot", "snapshot": "latest", "traffic": "frozen"}
    settings = collect(
        {**entries, **{f"restore:{key}": value for key, value in asked.items()}}, stack, {}
    ).read_settings(NOW)
    assert settings.request
    assert settings.source == f"ghost-protocol-{stack}-db"
    assert from_mapping(settings.validation.inline).declared >= {"rows"}


# Whose credentials


def aws_problems(**given: Any) -> dict[str, Problem]:
    with pytest.raises(Refused) as refused:
        Entries(SITE, "prod", "us-east-1", aws=given).read_settings(NOW)
    return {problem.subject.removeprefix("config "): problem for problem in refused.value.problems}


def test_every_key_that_says_who_calls_reaches_the_login() -> None:
    given = {
        "profile": "prod",
        "accessKey": "A",
        "secretKey": "S",
        "token": "T",
        "assumeRoles": '[{"roleArn": "arn:aws-cn:iam::123456789012:role/a", "externalId": "7", "tags": {"a": "b"}}]',
        "sharedConfigFiles": '["c"]',
        "sharedCredentialsFiles": '["d"]',
        "useFipsEndpoint": "true",
        "useDualstackEndpoint": "true",
        "allowedAccountIds": '["012345678901"]',
        "forbiddenAccountIds": '["123456789012"]',
    }
    role = AssumedRole("arn:aws-cn:iam::123456789012:role/a", external_id="7", tags={"a": "b"})
    assert Entries(SITE, "prod", "us-east-1", aws=given).read_settings(NOW).aws_login == AwsLogin(
        "prod", "A", "S", "T", (role,), "c", "d", True, True, ("012345678901",), ("123456789012",)
    )


@pytest.mark.parametrize("name", sorted(keys.ENVIRONMENT))
def test_a_key_that_only_the_plugin_obeys_is_refused_by_name(name: str) -> None:
    problem = aws_problems(**{name: "x"})[f"aws:{name}"]
    assert f"pulumi config rm aws:{name}" in problem.fix
    assert keys.ENVIRONMENT[name] in problem.fix


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster", "other"),
        ("renderYamlToDirectory", "rendered"),
        ("enableServerSideApply", "false"),
        ("deleteUnreachable", "true"),
        ("skipUpdateUnreachable", "true"),
    ],
)
def test_a_plugin_that_would_patch_another_cluster_or_none_is_refused(name: str, value: str) -> None:
    variable = keys.ELSEWHERE[name][1]
    told = [collect({**NAMED, f"kubernetes:{name}": value}, "prod", REGION)]
    told += [collect(NAMED, "prod", {**REGION, variable: value})] if variable else []
    for entries in told:
        with pytest.raises(Refused) as refused:
            entries.read_settings(NOW)
        (problem,) = refused.value.problems
        assert problem.subject == f"config kubernetes:{name}"
        assert problem.fix.startswith(f"pulumi config rm kubernetes:{name}")
        assert variable in problem.fix


def test_a_plugin_that_is_told_its_own_defaults_is_let_be() -> None:
    given = {"kubernetes:enableServerSideApply": "true", "kubernetes:deleteUnreachable": "false"}
    assert collect({**NAMED, **given}, "prod", REGION).read_settings(NOW).kubeconfig is None


def test_every_key_of_the_kubernetes_provider_has_been_thought_of() -> None:
    """A key of a newer plugin that changes another cluster would be ignored by this program without a word."""
    harmless = {
        *("alwaysRender", "clusterIdentifier", "enableConfigMapMutable", "enablePatchForce", "enableSecretMutable"),
        *("helmReleaseSettings", "kubeClientSettings", "namespace", "suppressDeprecationWarnings"),
        *("suppressHelmHookWarnings", "upsertExistingObjects"),
    }
    known = {to_camel_case(name) for name in keys.KubernetesKeys.model_fields} | keys.ELSEWHERE.keys() | harmless
    parameters = inspect.signature(pulumi_kubernetes.ProviderArgs.__init__).parameters
    arguments = {to_camel_case(name) for name in parameters if not name.startswith("_")}
    assert "kubeconfig" in arguments
    assert arguments <= known


def test_keys_of_the_plugin_that_change_neither_who_nor_where_are_let_be() -> None:
    given = {"maxRetries": "3", "skipCredentialsValidation": "true", "defaultTags": '{"tags": {"a": "b"}}'}
    assert Entries(SITE, "prod", "us-east-1", aws=given).read_settings(NOW).aws_login == AwsLogin()


@pytest.mark.parametrize(
    "given", ['{"tags": {"cost": "shop"}}', {"tags": '{"cost": "shop"}'}, {"tags": {"cost": "shop"}}]
)
def test_the_tags_that_the_plugin_gives_to_all_are_given_to_the_candidate_too(given: Any) -> None:
    site = Entries(SITE, "prod", "us-east-1", aws={"defaultTags": given}).read_settings(NOW)
    assert site.default_tags == {"cost": "shop"}


def test_every_key_of_the_provider_has_been_thought_of() -> None:
    """A key of a newer plugin that changes who calls or where would be ignored by this program without a word."""
    harmless = {
        *("ignoreTags", "insecure", "maxRetries", "retryMode", "s3UsEast1RegionalEndpoint"),
        *("s3UsePathStyle", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation"),
        *("skipRequestingAccountId", "tagPolicyCompliance", "tokenBucketRateLimiterCapacity", "userAgents"),
    }
    known = {to_camel_case(name) for name in keys.AwsKeys.model_fields} | keys.ENVIRONMENT.keys() | harmless
    parameters = inspect.signature(pulumi_aws.ProviderArgs.__init__).parameters
    arguments = {to_camel_case(name) for name in parameters if not name.startswith("_")}
    assert "assumeRoles" in arguments
    assert arguments <= known


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({"assumeRoles": '[{"rolArn": "x"}]'}, "aws:assumeRoles[0].rolArn"),
        ({"assumeRoles": '[{"roleArn": "restore"}]'}, "aws:assumeRoles[0].roleArn"),
        (
            {"assumeRoles": '[{"roleArn": "arn:aws:iam::123456789012:role/a", "duration": "1 hour"}]'},
            "aws:assumeRoles[0].duration",
        ),
        ({"sharedConfigFiles": '["a", "b"]'}, "aws:sharedConfigFiles"),
        ({"allowedAccountIds": '["12"]'}, "aws:allowedAccountIds[0]"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(given: Mapping[str, str], subject: str) -> None:
    assert subject in aws_problems(**given)


def test_a_secret_key_that_is_refused_is_not_shown() -> None:
    with pytest.raises(Refused) as refused:
        Entries(SITE, "prod", "us-east-1", {"token": ["hidden"]}, secret_keys=frozenset({"aws:token"})).read_settings(
            NOW
        )
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        {"quiet": {"ignore": [{"reason": "everybody is welcome"}]}},
        {"quiet": {"ignore": [{"user": "datadog", "reason": "why not"}]}},
        {"quiet": {"ignore": [{"user": "datadog"}]}},
        {"quiet": {"ignore": [{"address": "the office", "reason": "monitoring, read only"}]}},
        {"sequences": "behind"},
        {"erasure": {"a.b.c": {"key": "id"}}},
        {"erasure": {"users": {}}},
    ],
)
def test_an_entry_that_would_excuse_everything_or_means_nothing_is_refused(values: Mapping[str, Any]) -> None:
    [name] = values
    [(subject, problem)] = problems_of(values).items()
    assert subject.startswith(name)
    assert problem.fix


def test_a_token_in_plain_text_is_refused_and_not_shown() -> None:
    notify = {"notify": {"slackChannel": "C0123456789", "slackToken": "xoxb-1-2"}}
    problem = problems_of(notify)["notify.slackToken"]
    assert "--secret" in problem.fix
    assert "xoxb" not in str(problem)
    settings = Entries({**SITE, **notify}, "prod", "us-east-1", secret_keys=frozenset({"notify"})).read_settings(NOW)
    assert settings.notify.slack_token == "xoxb-1-2"
    assert "xoxb" not in repr(settings)


def test_a_token_goes_to_no_address_in_the_clear() -> None:
    notify = {"notify": {"slackUrl": "http://slack.example/api"}}
    assert "https://" in problems_of(notify)["notify.slackUrl"].needed


def test_half_a_slack_channel_is_no_silent_restore() -> None:
    assert "notify.slackToken" in problems_of({"notify": {"slackChannel": "C0123456789"}})


WATCHED: Mapping[str, Any] = {"prevention": {"image": "registry.example/restore:1"}}


def test_nothing_is_watched_over_unless_a_field_of_prevention_is_set() -> None:
    assert settings_of({}).prevention is None
    assert settings_of({"prevention": "{}"}).prevention is None
    watched = settings_of(WATCHED).prevention
    assert watched is not None
    assert (watched.retention_days, watched.enforce, watched.dump_schedule) == (35, False, None)


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"prevention": {"everyMinutes": 5}}, "prevention.image"),
        ({"prevention": {"image": "i", "replicateTo": "us-east-1"}}, "prevention.replicateTo"),
        ({"prevention": {"image": "i", "oldestDump": "26"}}, "prevention.oldestDump"),
        ({"prevention": {"image": "i", "dumpSchedule": "at night"}}, "prevention.dumpSchedule"),
        ({"prevention": {"image": "i", "retentionDays": 36}}, "prevention.retentionDays"),
        ({**WATCHED, "sourceRegion": "us-west-2"}, "prevention"),
        ({"prevention": {"image": "i", "dumpSchedule": "30 3 * * *"}, "backups": {}}, "backups.bucket"),
    ],
)
def test_a_prevention_that_could_not_work_is_refused(values: Mapping[str, Any], refused: str) -> None:
    assert set(problems_of(values)) == {refused}


def test_the_image_of_the_runner_serves_the_schedule_too() -> None:
    assert settings_of({"prevention": {"everyMinutes": 5}, "runnerJob": {"image": "i"}}).prevention is not None
