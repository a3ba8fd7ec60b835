"""Reads the world before anything is declared: AWS and the cluster, side by side."""

from __future__ import annotations

from datetime import datetime

from restore.model import Inventory, Settings


def gather(settings: Settings, now: datetime) -> Inventory:
    """Everything preflight's rules need. Raises Refused with the problems of all parts that couldn't be read."""
    raise NotImplementedError
