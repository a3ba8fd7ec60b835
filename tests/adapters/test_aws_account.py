"""The program and the plugin call AWS as the same one, whatever the keys of `aws:` say; moto answers as STS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from restore.aws import Aws, read_caller
from restore.config.settings import collect
from restore.errors import PermanentError
from restore.evidence import provenance
from restore.model.aws_account import AssumedRole, AwsLogin, Caller
from sandbox.standins.aws.provider_config import settings as plugin_settings
from sandbox.standins.aws.rds_client import caller_identity
from tests.support.worlds import NOW

HUB = "arn:aws:iam::111111111111:role/hub"
RESTORE = "arn:aws:iam::222222222222:role/restore"
SITE = {"restore:source": "shop", "restore:namespace": "shop", "aws:region": "us-east-1"}


@pytest.fixture(scope="module")
def sts() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def both(endpoint: str, **aws: Any) -> tuple[Caller, Caller]:
    """As whom the program calls, and the plugin, under one configuration."""
    given = {"endpoints": json.dumps([{"sts": endpoint, "rds": endpoint}]), "region": "us-east-1", **aws}
    settings = collect({**SITE, **{f"aws:{key}": value for key, value in given.items()}}, "prod", {}).read_settings(NOW)
    plugin = caller_identity(plugin_settings(given, {}))
    return read_caller(Aws.of(settings)), Caller(plugin["accountId"], plugin["arn"])


def test_a_role_of_another_account_is_where_preflight_looks_too(sts: str) -> None:
    program, plugin = both(sts, assumeRoles=json.dumps([{"roleArn": HUB}, {"roleArn": RESTORE}]))
    assert (program.account, plugin.account) == ("222222222222", "222222222222")
    assert program.principal == plugin.principal == "arn:aws:sts::222222222222:assumed-role/restore"


def test_without_a_role_both_call_as_the_environment_says(sts: str) -> None:
    program, plugin = both(sts)
    assert program == plugin
    assert program.account == "123456789012"


def test_the_evidence_names_the_account(sts: str) -> None:
    told = provenance.read_operator(Aws("us-east-1", {"sts": sts}))
    assert told["account"] == "123456789012"
    assert told["aws"].startswith("arn:aws:")


def test_an_account_that_is_not_known_is_said_and_stops_nothing() -> None:
    told = provenance.read_operator(Aws("us-east-1", {"sts": "http://127.0.0.1:1"}))
    assert "not known" in told["aws"]
    assert "account" not in told


def test_a_role_that_may_not_be_assumed_is_named_as_the_right_that_is_missing() -> None:
    def refuse(**_: object) -> None:
        answer: Any = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform sts:AssumeRole"}}
        raise ClientError(answer, "AssumeRole")

    aws = Aws("us-east-1", login=AwsLogin(roles=(AssumedRole(RESTORE),)))
    sts = SimpleNamespace(assume_role=refuse)
    aws._make_client = lambda session, service, region: sts  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(PermanentError, match="sts:AssumeRole for the operator's role"):
        aws._assume(Session(), {"RoleArn": RESTORE})  # pyright: ignore[reportPrivateUsage]
