"""A price that was guessed would be believed: each has its date, and what nobody knows is said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from restore.model.rds import InstanceSettings
from restore.model.request import PriceSettings
from restore.preflight import prices
from restore.preflight.prices import describe_copy_cost, describe_instance_cost, describe_snapshot_cost

NONE = PriceSettings()
LARGE = InstanceSettings(instance_class="db.r6g.large", storage_type="gp3")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (LARGE, "about $0.24 an hour (db.r6g.large $0.225, 100 GiB of gp3 $0.016; "),
        (InstanceSettings(instance_class="db.t3.micro", storage_type="gp2"), "db.t3.micro $0.018"),
        (InstanceSettings(instance_class="db.m5.4xlarge", storage_type="gp2"), "db.m5.4xlarge $1.424"),
        (InstanceSettings(instance_class="db.r6g.xlarge", multi_az=True), "db.r6g.xlarge Multi-AZ $0.900"),
        (InstanceSettings(instance_class="db.r6g.large", storage_type="io2"), "io2: no price known, not counted"),
        (replace(LARGE, storage_type="io1", iops=10_000), "about $1.61 an hour"),
        (replace(LARGE, storage_type="io1", iops=10_000, multi_az=True), "10,000 IOPS $2.740"),
        (replace(LARGE, storage_type="io2", iops=10_000), "10,000 IOPS: no price known, not counted"),
        (replace(LARGE, iops=14_000, storage_throughput=750), "2,000 IOPS $0.055, more than 500 MiB/s: no price known"),
    ],
)
def test_an_hour_is_told_with_what_it_is_made_of(settings: InstanceSettings, said: str) -> None:
    assert said in describe_instance_cost(settings, 100, "us-east-1", NONE)


@pytest.mark.parametrize(
    ("settings", "region"),
    [
        (InstanceSettings(instance_class="db.x2g.large"), "us-east-1"),
        (InstanceSettings(instance_class="db.r6g.metal"), "us-east-1"),
        (InstanceSettings(), "us-east-1"),
        (LARGE, "me-south-1"),
    ],
)
def test_an_unknown_price_is_never_guessed_and_can_be_set(settings: InstanceSettings, region: str) -> None:
    said = describe_instance_cost(settings, 100, region, NONE)
    assert f"in {region} is known here: pulumi config set --path 'prices.instanceHour" in said
    assert "$" not in said


def test_what_a_large_volume_has_without_a_price_costs_nothing() -> None:
    said = describe_instance_cost(replace(LARGE, iops=12_000, storage_throughput=500), 400, "us-east-1", NONE)
    assert "IOPS" not in said
    assert "MiB/s" not in said


def test_a_region_has_its_own_prices_and_never_another_ones() -> None:
    here = InstanceSettings(instance_class="db.m7g.xlarge", storage_type="gp3")
    assert "db.m7g.xlarge $0.480, 100 GiB of gp3 $0.018" in describe_instance_cost(here, 100, "ap-south-1", NONE)
    said = describe_instance_cost(replace(here, storage_type="io1", iops=3000), 100, "ap-south-1", NONE)
    assert "io1: no price known, not counted, 3,000 IOPS: no price known, not counted" in said
    assert "no price of db.r6g.large in ap-south-1" in describe_instance_cost(LARGE, 100, "ap-south-1", NONE)


def test_what_the_team_pays_stands_above_the_list() -> None:
    own = PriceSettings(instance_hour={"db.r6g.large": 0.10}, storage_month={"gp3": 0.73}, backup_month=0.01)
    said = describe_instance_cost(LARGE, 100, "me-south-1", own)
    assert said == "about $0.20 an hour (db.r6g.large $0.100, 100 GiB of gp3 $0.100; key `prices`)"
    assert describe_snapshot_cost(100, "me-south-1", own) == "up to $1.00 a month (key `prices`)"


@pytest.mark.parametrize(
    ("sender", "keeper", "said"),
    [
        ("us-east-1", "us-west-2", "up to $2.00 once"),
        ("us-east-1", "us-east-2", "up to $1.00 once"),
        ("me-south-1", "us-east-1", "transfer: no price of me-south-1 is known here"),
        ("us-east-1", "me-south-1", "storage: no price of me-south-1 is known here"),
    ],
)
def test_a_copy_costs_transfer_and_storage(sender: str, keeper: str, said: str) -> None:
    assert said in describe_copy_cost(100, sender, keeper, NONE)


def test_a_copy_within_a_region_is_not_transferred() -> None:
    assert "transfer" not in describe_copy_cost(100, "us-east-1", "us-east-1", NONE)


def test_a_price_without_a_source_says_that_nobody_verified_it() -> None:
    assert "not verified" in describe_snapshot_cost(100, "us-west-2", NONE)
    assert "not verified" not in describe_snapshot_cost(100, "us-east-1", NONE)


def test_every_price_has_a_month() -> None:
    tables = (*prices.FAMILIES.values(), *prices.DISKS.values(), *prices.IOPS.values(), prices.BACKUP, prices.TRANSFER)
    for price in (item for table in tables for item in table.values()):
        assert re.fullmatch(r"20\d\d-\d\d", price.read)
        assert price.dollars > 0
