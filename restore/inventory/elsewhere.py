"""Reads what other places keep of a source: regions that aren't the stack's, and accounts that share snapshots with it.

None of it is needed for a restore that is asked for: `python -m restore options` looks there. Nothing here raises: that
a place couldn't be looked at is told beside what the others have.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from restore.aws import Aws, Rds
from restore.errors import RestoreError
from restore.model.identifiers import read_region
from restore.model.inventory import Inventory
from restore.model.rds import Snapshot
from restore.model.region import RegionPoints
from restore.model.request import Settings

MOST_REGIONS = 16


def list_regions(settings: Settings, inventory: Inventory, named: Iterable[str] = ()) -> tuple[str, ...]:
    """Returns the regions to look at: the source's own, those to which its backups are replicated, and those named."""
    replicas = inventory.source.replications if inventory.source else ()
    known = [settings.source_region or "", *(read_region(arn) for arn in replicas), *named]
    return tuple(dict.fromkeys(region for region in known if region and region != settings.region))[:MOST_REGIONS]


def read_elsewhere(settings: Settings, regions: Iterable[str]) -> tuple[RegionPoints, ...]:
    """Returns what each region keeps of the source, asked side by side."""
    names = tuple(regions)
    if not names:
        return ()
    with ThreadPoolExecutor(len(names), thread_name_prefix="elsewhere") as pool:
        return tuple(pool.map(partial(_read_region, settings), names))


def _read_region(settings: Settings, name: str) -> RegionPoints:
    rds = Rds(Aws.of_region(settings, name))
    try:
        snapshots = rds.list_snapshots(identifier=settings.source)
        return RegionPoints(name, snapshots, rds.list_automated_backups(identifier=settings.source))
    except RestoreError as error:
        return RegionPoints(name, silence=_describe_error(error))


def read_shared(settings: Settings) -> tuple[tuple[Snapshot, ...], str]:
    """Returns the source's snapshots that other accounts share with this one, and why they couldn't be asked for."""
    try:
        return Rds(Aws.of(settings)).list_snapshots(identifier=settings.source, shared=True), ""
    except RestoreError as error:
        return (), _describe_error(error)


def _describe_error(error: RestoreError) -> str:
    return error.problem.found if error.problem else str(error)
