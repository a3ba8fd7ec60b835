"""Clients of a region that may be lost: they give up at once, and need nothing of it to log in."""

from __future__ import annotations

import pytest

from restore.aws import Aws, Secrets
from restore.model.identifiers import read_region
from restore.model.rds import Endpoint
from restore.model.request import Login
from tests.support.worlds import settings

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-example"}


def test_a_region_that_may_be_lost_is_never_waited_for() -> None:
    west = Aws.of_source(settings(region="us-west-2", source_region="us-east-1"))
    client = west.open_client("rds")
    assert client.meta.region_name == "us-east-1"
    assert client.meta.config.read_timeout < 10
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert west.home == "us-west-2", "roles are assumed where the stack is"


def test_an_endpoint_of_the_stacks_region_is_not_asked_for_another_one() -> None:
    endpoints = {"rds": "https://vpce-1.rds.us-west-2.vpce.amazonaws.com", "s3": "http://127.0.0.1:4566"}
    source = Aws.of_source(settings(region="us-west-2", source_region="us-east-1", endpoints=endpoints))
    assert source.endpoints == {"s3": "http://127.0.0.1:4566"}


def test_without_another_region_the_source_is_asked_as_ever() -> None:
    assert Aws.of_source(settings()) == Aws.of(settings())


def test_rights_are_not_waited_for_where_iam_is_lost() -> None:
    client = Aws("us-west-2").open_client("iam")
    assert client.meta.config.read_timeout < 10


def test_a_token_is_of_the_region_of_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    there = Endpoint("shop.abc.us-east-1.rds.amazonaws.com", 5432)
    token = Secrets(Aws("us-west-2")).read_login(Login("admin", iam=True), there).password
    assert "%2Fus-east-1%2Frds-db" in token


def test_an_arn_tells_its_region_and_a_name_tells_none() -> None:
    assert read_region("arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-2026") == "us-east-1"
    assert [read_region(name) for name in ("shop", "rds:shop-2026", "alias/shop", "arn:source")] == ["", "", "", ""]
