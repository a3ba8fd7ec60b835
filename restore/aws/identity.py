"""Who calls AWS: the operator's role, as AWS itself names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from restore.aws.client import Aws, translated

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


def caller(aws: Aws) -> str:
    """Returns the ARN behind these credentials (sts:GetCallerIdentity, which needs no permission)."""
    with translated("sts"):
        return cast("STSClient", aws.client("sts")).get_caller_identity()["Arn"]
