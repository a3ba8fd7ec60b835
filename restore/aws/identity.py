"""Who calls AWS: the operator's role, as AWS itself names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from restore.aws.client import Aws, translated
from restore.model.aws_account import Caller

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


def caller(aws: Aws) -> Caller:
    """Account and ARN behind these credentials (sts:GetCallerIdentity, which needs no permission)."""
    with translated("sts"):
        answer = cast("STSClient", aws.client("sts")).get_caller_identity()
    return Caller(answer["Account"], answer["Arn"])
