"""What AWS asks for what a restore copies: list prices, to tell an order of magnitude before the yes. Pure.

US dollars, on demand, of 2026-05. Storage: https://aws.amazon.com/rds/postgresql/pricing/, "Backup storage", per GiB
and month. Transfer: https://aws.amazon.com/ec2/pricing/on-demand/, "Data Transfer OUT From Amazon EC2 To", other
Regions, per GiB. What isn't listed here is said to be unknown, and never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

READ = "list prices of 2026-05, https://aws.amazon.com/rds/postgresql/pricing/"

STORAGE: Mapping[str, float] = {
    "us-east-1": 0.095,
    "us-east-2": 0.095,
    "us-west-2": 0.095,
}
"""By the region that keeps the copy. Backup storage up to the size of a region's databases costs nothing."""
TRANSFER: Mapping[str, float] = {
    "us-east-1": 0.02,
    "us-east-2": 0.02,
    "us-west-2": 0.02,
}
"""By the region that sends. Between us-east-1 and us-east-2 it is half of it."""
NEIGHBOURS = frozenset({"us-east-1", "us-east-2"})
NEIGHBOURS_TRANSFER = 0.01


def describe_copy_cost(size: int, sender: str, keeper: str) -> str:
    """Returns what a copy of `size` GiB costs at most: RDS bills the blocks that are used, not the size."""
    kept = STORAGE.get(keeper)
    storage = (
        f"up to ${size * kept:.2f} a month for the storage" if kept else f"storage: no list price of {keeper} known"
    )
    if sender == keeper:
        return f"{storage} ({READ})"
    sent = NEIGHBOURS_TRANSFER if {sender, keeper} <= NEIGHBOURS else TRANSFER.get(sender)
    transfer = (
        f"up to ${size * sent:.2f} once for the transfer" if sent else f"transfer: no list price of {sender} known"
    )
    return f"{storage}, {transfer} ({READ})"
