"""What the prevention costs a month, at list prices. Pure.

US dollars, on demand, of 2026-05: https://aws.amazon.com/cloudwatch/pricing/ (custom metric, standard alarm),
https://aws.amazon.com/s3/pricing/ (S3 Standard, per GB and month), and those of restore/preflight/prices.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from restore.model.prevention import PreventionSettings
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.preflight.prices import describe_copy_cost, find_backup_price
from restore.prevention.alarms import list_alarms

ALARM, METRIC = 0.10, 0.30
"""US East; CloudWatch's price differs little between Regions."""
STORED: Mapping[str, float] = {"us-east-1": 0.023, "us-east-2": 0.023, "us-west-2": 0.023}
SHARE = 0.25
"""Of a database's size, that a compressed dump takes: an assumption, said as such."""
SOURCES = "list prices of 2026-05, https://aws.amazon.com/cloudwatch/pricing/, https://aws.amazon.com/s3/pricing/"


def describe_costs(settings: Settings, prevention: PreventionSettings, source: Instance | None) -> Iterator[str]:
    """Yields a line for each thing that is billed."""
    count = len(list_alarms(settings, prevention))
    yield f"{count} alarms and {count} metrics: ${count * (ALARM + METRIC):.2f} a month ({SOURCES})"
    size = (source.settings.allocated_storage or 0) if source else 0
    if not size:
        return
    if prevention.dump_schedule:
        yield _describe_dumps(settings, size)
    if prevention.replicate_to:
        cost = describe_copy_cost(size, settings.region, prevention.replicate_to, settings.prices)
        yield f"backups in {prevention.replicate_to}, first copy of {size} GiB: {cost}; then what changes each day"
    days = source.settings.backup_retention_period if source else 0
    if (days or 0) < prevention.retention_days:
        free = "nothing up to the size of the region's databases"
        price = find_backup_price(settings.region, settings.prices)
        then = f"then ${price.dollars} per GiB and month ({price.origin})" if price else "then by GiB"
        yield f"{prevention.retention_days} days of automated backups: {free}, {then}"


def _describe_dumps(settings: Settings, size: int) -> str:
    days, price = settings.backups.days, STORED.get(settings.region)
    kept = f"{days} dumps of up to {size * SHARE:.0f} GiB (a quarter of {size} GiB)"
    if price is None:
        return f"{kept}: no list price of S3 in {settings.region} known"
    return f"{kept}: up to ${size * SHARE * days * price:.2f} a month ({SOURCES})"
