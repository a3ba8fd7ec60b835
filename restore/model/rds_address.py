"""Which instance an RDS endpoint names, in every partition. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

ADDRESS = re.compile(
    r"(?P<identifier>[a-z0-9-]+)\.[a-z0-9]+\."
    r"(?:(?P<region>[a-z0-9-]+)\.rds\.(?:amazonaws\.(?:com(?:\.cn)?|eu)"
    r"|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
    r"|rds\.(?P<china>cn-[a-z0-9-]+)\.amazonaws\.com\.cn)",
    re.ASCII | re.IGNORECASE,
)
"""Every partition has a suffix of its own (botocore, data/partitions.json); in China the region stands behind `rds`
(Amazon Web Services in China, RDS User Guide: <name>.<hash>.rds.cn-north-1.amazonaws.com.cn). Clusters and proxies have
such an address too, and are no instances."""


@dataclass(frozen=True)
class RdsAddress:
    """Of an instance; both in lower case."""

    identifier: str
    region: str


def parse_address(host: str) -> RdsAddress | None:
    """Returns the parts of an address; None for what is no endpoint of RDS."""
    match = ADDRESS.fullmatch(host)
    return RdsAddress(match["identifier"].lower(), (match["region"] or match["china"]).lower()) if match else None
