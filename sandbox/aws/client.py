"""boto3's clients of a sandbox, for tests and for the parts of the sandbox itself."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

import boto3
from botocore.config import Config

from sandbox.aws.faults import FaultClient

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

    from sandbox.machine.layout import Layout

ACCESS_KEY = "AKIASANDBOX000000000"
"""The administrator's: of tests, of the application, and of what else is the sandbox's own."""
OPERATOR_KEY = "ASIASANDBOXOPERATOR0"
"""The operator's: the program has the rights of docs/permissions.md, and no others."""
OPERATOR_ROLE = "restore-operator"
SECRET_KEY = "sandbox"
SESSION_TOKEN = "sandbox-session"
DEFAULT_REGION = "us-east-1"
Service = Literal[
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sts",
    "cloudwatch",
    "kms",
    "ec2",
    "ecr",
    "iam",
    "events",
    "backup",
    "route53",
    "cloudtrail",
    "sqs",
]


@dataclass(frozen=True)
class Clients:
    """Clients by service; `retries` 0 shows every error to the caller."""

    endpoint: str
    region: str = DEFAULT_REGION
    retries: int = 0

    def client(self, service: Service) -> Any:
        """boto3's client; made once, as that takes long and it may be shared by threads."""
        return _client(self, service)

    @property
    def rds(self) -> RDSClient:
        return self.client("rds")

    @property
    def s3(self) -> S3Client:
        return self.client("s3")

    @property
    def secrets(self) -> SecretsManagerClient:
        return self.client("secretsmanager")

    @property
    def sns(self) -> SNSClient:
        return self.client("sns")

    @property
    def sts(self) -> STSClient:
        return self.client("sts")

    @property
    def cloudwatch(self) -> CloudWatchClient:
        return self.client("cloudwatch")

    @property
    def faults(self) -> FaultClient:
        return FaultClient(self.endpoint)

    def rights(self) -> dict[str, list[str]]:
        """The operator's IAM `actions`, which of them are `removed`, and which were `used` since the start."""
        with urllib.request.urlopen(f"{self.endpoint}/_sandbox/rights", timeout=60) as answer:
            return json.load(answer)

    def post(self, action: str, **body: object) -> dict[str, Any]:
        """One of the sandbox's own actions: backup-window, maintenance-window, awsbackup, rights, condition, ..."""
        request = urllib.request.Request(
            f"{self.endpoint}/_sandbox/{action}", data=json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def messages(self) -> list[dict[str, Any]]:
        """Everything published to SNS."""
        with urllib.request.urlopen(f"{self.endpoint}/_sandbox/messages", timeout=60) as answer:
            return json.load(answer)["messages"]


@cache
def _client(to: Clients, service: Service) -> Any:
    make = cast("Any", boto3).client
    return make(
        service,
        endpoint_url=to.endpoint,
        region_name=to.region,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"max_attempts": to.retries}, s3={"addressing_style": "path"}),
    )


def clients(layout: Layout, region: str = DEFAULT_REGION, retries: int = 0) -> Clients:
    return Clients(layout.aws_endpoint, region, retries)
