"""A source that is gone is known by its address, in whatever partition of AWS it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restore.cutover.traffic import ConnectionTarget, find_pointing
from restore.model.context import RestoreContext
from restore.model.request import RDS_CERTIFICATES, certificates_of
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


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "truststore.pki.rds.amazonaws.com"),
        ("us-gov-east-1", "truststore.pki.us-gov-west-1.rds.amazonaws.com"),
        ("cn-northwest-1", "rds-truststore.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_certificates_are_those_of_the_regions_partition(region: str, host: str) -> None:
    assert certificates_of(region) == RDS_CERTIFICATES.replace("truststore.pki.rds.amazonaws.com", host)
