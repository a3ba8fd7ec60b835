"""What RDS tells CloudWatch each minute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.aws.rds.service.region import Rds, now

GIB = 1 << 30
FULL = "storage-full"
DELAY = timedelta(minutes=1)
"""A value is there when its minute is over."""


@dataclass(frozen=True)
class Value:
    """One value of a metric of an instance, in the namespace AWS/RDS."""

    metric: str
    instance: str
    value: float
    unit: str
    at: datetime


def values(rds: Rds) -> Iterator[Value]:
    """The newest ones of every instance with a server. Base backups and archived WAL are not on its volume."""
    with rds.store.lock:
        readings = [(i, i.rest, int(i.shape["AllocatedStorage"])) for i in rds.state.instances.values()]
    at = now().replace(second=0, microsecond=0) - DELAY
    for instance, rest, allocated in readings:
        cluster = rds.cluster(instance)
        if cluster.running:
            free = 0 if rest == FULL else max(0, allocated * GIB - size(cluster.data))
            yield Value("FreeStorageSpace", instance.identifier, float(free), "Bytes", at)


def size(folder: Path) -> int:
    """Bytes of all files below a folder; some go away while it is looked at."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total
