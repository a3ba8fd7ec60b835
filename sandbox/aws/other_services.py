"""What RDS asks other services: keys, subnets, security groups, topics. Answered by moto, in this process."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from sandbox.aws import ACCOUNT
from sandbox.aws.errors import AwsError

if TYPE_CHECKING:
    from sandbox.aws.query_protocol import Shape


@dataclass(frozen=True)
class Subnet:
    id: str
    zone: str
    vpc: str
    free: int
    """IP addresses that nobody has yet."""


class OtherServices(Protocol):
    def key(self, region: str, name: str | None) -> str:
        """The ARN of a KMS key that can be used; of aws/rds for none. Raises AwsError."""
        ...

    def subnets(self, region: str, ids: list[str]) -> list[Subnet]:
        """Raises AwsError for one that doesn't exist."""
        ...

    def default_subnets(self, region: str) -> list[Subnet]: ...

    def security_groups(self, region: str, ids: list[str] | None, vpc: str) -> list[str]:
        """The ids, or the VPC's default group for none. Raises AwsError for one that doesn't exist."""
        ...

    def keep_secret(self, region: str, name: str, text: str, tags: dict[str, str]) -> str:
        """Makes a secret; returns its ARN."""
        ...

    def change_secret(self, region: str, arn: str, text: str) -> None: ...

    def forget_secret(self, region: str, arn: str) -> None:
        """Deletes a secret at once; one that is gone already is no fault."""
        ...

    def topic_exists(self, region: str, arn: str) -> bool: ...

    def publish(self, region: str, topic: str, event: Shape) -> None: ...


class MotoServiceCalls:
    """Asks by ordinary calls of boto3 in the gateway's own moto, so that they are journalled like any other."""

    def __init__(self, client: ClientMaker) -> None:
        self._client = client

    def key(self, region: str, name: str | None) -> str:
        own = f"arn:aws:kms:{region}:{ACCOUNT}:key/{uuid.uuid5(uuid.NAMESPACE_URL, f'{region}/alias/aws/rds')}"
        if name in (None, "", own):
            return own
        refusal = AwsError(
            "KMSKeyNotAccessibleFault",
            f"The specified KMS key [{name}] does not exist, is not enabled or you do not have permissions to"
            " access it.",
        )
        try:
            key = self._client("kms", region).describe_key(KeyId=name)["KeyMetadata"]
        except Exception as error:
            raise refusal from error
        if key["KeyState"] != "Enabled":
            raise refusal
        return key["Arn"]

    def subnets(self, region: str, ids: list[str]) -> list[Subnet]:
        try:
            described = self._client("ec2", region).describe_subnets(SubnetIds=ids)["Subnets"]
        except Exception as error:
            raise AwsError("InvalidSubnet", f"Some input subnets in :{ids} are invalid.") from error
        return [_subnet(subnet) for subnet in described]

    def default_subnets(self, region: str) -> list[Subnet]:
        filters = [{"Name": "default-for-az", "Values": ["true"]}]
        return [_subnet(s) for s in self._client("ec2", region).describe_subnets(Filters=filters)["Subnets"]]

    def security_groups(self, region: str, ids: list[str] | None, vpc: str) -> list[str]:
        ec2 = self._client("ec2", region)
        if not ids:
            filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
            return [g["GroupId"] for g in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]]
        try:
            ec2.describe_security_groups(GroupIds=ids)
        except Exception as error:
            raise AwsError(
                "InvalidParameterValue", f"Invalid security group , groupId= {', '.join(ids)}, groupName=."
            ) from error
        return ids

    def keep_secret(self, region: str, name: str, text: str, tags: dict[str, str]) -> str:
        labels = [{"Key": key, "Value": value} for key, value in tags.items()]
        secret = self._client("secretsmanager", region).create_secret(Name=name, SecretString=text, Tags=labels)
        return secret["ARN"]

    def change_secret(self, region: str, arn: str, text: str) -> None:
        self._client("secretsmanager", region).put_secret_value(SecretId=arn, SecretString=text)

    def forget_secret(self, region: str, arn: str) -> None:
        client = self._client("secretsmanager", region)
        with suppress(client.exceptions.ResourceNotFoundException):
            client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    def topic_exists(self, region: str, arn: str) -> bool:
        try:
            self._client("sns", region).get_topic_attributes(TopicArn=arn)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, RDS says it isn't there
            return False
        return True

    def publish(self, region: str, topic: str, event: Shape) -> None:
        text = {
            "Event Source": event["SourceType"],
            "Event Time": f"{event['Date']:%Y-%m-%d %H:%M:%S}.000",
            "Source ID": event["SourceIdentifier"],
            "Source ARN": event["SourceArn"],
            "Event Message": event["Message"],
        }
        self._client("sns", region).publish(
            TopicArn=topic, Subject="RDS Notification Message", Message=json.dumps(text)
        )


class ClientMaker(Protocol):
    def __call__(self, service: str, region: str) -> Any: ...


def _subnet(described: object) -> Subnet:
    fields = cast("dict[str, str]", described)
    free = int(fields["AvailableIpAddressCount"])
    return Subnet(fields["SubnetId"], fields["AvailabilityZone"], fields["VpcId"], free)
