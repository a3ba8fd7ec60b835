"""What the account may have and has."""

from __future__ import annotations

from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service import limits
from sandbox.aws.rds.service.region import Rds


@operation("")
def describe_account_attributes(rds: Rds, _: Shape) -> Shape:
    used = limits.used(rds)
    quotas = [{"AccountQuotaName": n, "Used": used[n], "Max": limits.quota(rds, n)} for n in limits.QUOTAS]
    return {"AccountQuotas": quotas}
