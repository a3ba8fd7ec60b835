"""A source that is gone is known by its address, in whatever partition of AWS it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import botocore
import pytest

from restore.cutover.traffic import ConnectionTarget, find_pointing
from restore.model.context import RestoreContext
from restore.model.rds_address import RdsAddress, parse_address
from restore.model.request import RDS_CERTIFICATES, locate_certificates
from tests.support.worlds import PITR, RUNNING, SOURCE_HOST, URL, inventory, secret, settings


@pytest.mark.parametrize(
    ("host", "target"),
    [
        (SOURCE_HOST, ConnectionTarget.SOURCE),
        ("shop.abc.rds.cn-north-1.amazonaws.com.cn", ConnectionTarget.SOURCE),
        ("shop.abc.cn-north-1.rds.amazonaws.com.cn", ConnectionTarget.SOURCE),
        ("shop.abc.us-gov-west-1.rds.amazonaws.com", ConnectionTarget.SOURCE),
        ("shop.abc.us-iso-east-1.rds.c2s.ic.gov", ConnectionTarget.SOURCE),
        ("shop.abc.us-east-1.rds.amazonaws.com.example.org", ConnectionTarget.ELSEWHERE),
        ("shop-two.abc.rds.cn-north-1.amazonaws.com.cn", ConnectionTarget.ELSEWHERE),
    ],
)
def test_a_source_that_is_gone_is_found_by_its_address(host: str, target: ConnectionTarget) -> None:
    cluster = replace(RUNNING, secret=secret(URL.replace(SOURCE_HOST, host)))
    context = RestoreContext(settings(), PITR, inventory(source=None, cluster=cluster))
    assert find_pointing(context) is target


def test_no_partition_of_aws_is_forgotten() -> None:
    """botocore has a newer one, such as the European Sovereign Cloud, before anybody here does."""
    listed = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
    for partition in listed:
        region = next(name for name in partition["regions"] if not name.endswith("-global"))
        address = parse_address(f"shop.abc.{region}.rds.{partition['outputs']['dnsSuffix']}")
        assert address == RdsAddress("shop", region), partition["id"]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "truststore.pki.rds.amazonaws.com"),
        ("us-gov-east-1", "truststore.pki.us-gov-west-1.rds.amazonaws.com"),
        ("cn-northwest-1", "rds-truststore.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_certificates_are_those_of_the_regions_partition(region: str, host: str) -> None:
    assert locate_certificates(region) == RDS_CERTIFICATES.replace("truststore.pki.rds.amazonaws.com", host)
