"""Who calls AWS: the operator's role, as AWS itself names it. Both reads raise PermanentError or TemporaryError."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from restore.aws.client import Aws, translate_errors
from restore.model.aws_account import Caller
from restore.units import parse_date

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


def read_caller(aws: Aws) -> Caller:
    """Returns the account and ARN behind these credentials (sts:GetCallerIdentity, which needs no permission)."""
    with translate_errors("sts"):
        answer = cast("STSClient", aws.open_client("sts")).get_caller_identity()
    return Caller(answer["Account"], answer["Arn"])


def read_server_time(aws: Aws) -> datetime | None:
    """Returns the clock of STS, in whole seconds; None when its answer doesn't tell it (RFC 9110, section 6.6.1).
    Signatures hold by it."""
    with translate_errors("sts"):
        answer = cast("STSClient", aws.open_client("sts")).get_caller_identity()
    return parse_date(answer["ResponseMetadata"]["HTTPHeaders"].get("date"))
