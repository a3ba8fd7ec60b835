"""A target without room is told with the storage that it needs; an endpoint is read for what it names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from restore.aws.client import Aws
from restore.dumps.load.free_storage import Storage, measure, parse_endpoint
from restore.dumps.model import GIB
from restore.errors import PermanentError


def room(free: float, allocated: int = 100) -> Storage:
    return Storage("db", allocated, int(free), datetime(2026, 11, 27, 3, 12, tzinfo=UTC))


def test_a_load_that_just_fits_is_not_refused() -> None:
    assert room(30 * GIB).find_lack(30 * GIB) is None
    assert room(0).find_lack(-1) is None


@pytest.mark.parametrize(
    ("allocated", "lacking", "asked"),
    [(100, 1, 110), (100, 10 * GIB, 110), (100, 10 * GIB + 1, 111), (20, 300 * GIB, 320), (25, 1, 28)],
)
def test_the_storage_asked_for_is_enough_and_one_that_rds_takes(allocated: int, lacking: int, asked: int) -> None:
    problem = room(5 * GIB, allocated).find_lack(5 * GIB + lacking)
    assert problem is not None
    assert f"--allocated-storage {asked} --apply-immediately" in problem.fix
    assert f"free of {allocated} GiB on db at 03:12Z" in problem.found


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("ghost-prod.c1x2y3z4.eu-central-1.rds.amazonaws.com", ("ghost-prod", "eu-central-1")),
        ("Ghost.C1.cn-north-1.rds.amazonaws.com.cn", ("ghost", "cn-north-1")),
        ("mydb.123456789012.rds.cn-north-1.amazonaws.com.cn", ("mydb", "cn-north-1")),
        ("mydb.123456789012.us-gov-west-1.rds.amazonaws.com", ("mydb", "us-gov-west-1")),
        ("mydb.123456789012.us-iso-east-1.rds.c2s.ic.gov", ("mydb", "us-iso-east-1")),
        ("mydb.123456789012.rds.cn-north-1.amazonaws.com.cn.evil.example", None),
        ("ghost-prod.c1x2y3z4.eu-central-1.rds.amazonaws.com.evil.example", None),
        ("db.internal", None),
        ("127.0.0.1", None),
    ],
)
def test_only_an_endpoint_of_rds_names_an_instance(host: str, found: tuple[str, str] | None) -> None:
    assert parse_endpoint(host) == found


def test_no_call_to_aws_is_made_for_a_host_that_is_none_of_its_own() -> None:
    def connect(region: str) -> Aws:
        raise AssertionError(region)

    with pytest.raises(PermanentError, match="no RDS endpoint"):
        measure("localhost", None, "eu-central-1", connect)
