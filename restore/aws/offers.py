"""What AWS would take for a new RDS instance: quotas, orderable classes, subnets and their addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from restore.aws.client import Aws, translate_errors
from restore.model.capacity import Offer, Quota, Subnet
from restore.model.context import ENGINE

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


class Offers:
    """Reads of one region. Nothing is asked before the first method; each raises PermanentError or TemporaryError."""

    def __init__(self, aws: Aws):
        self._aws = aws

    @property
    def _rds(self) -> RDSClient:
        return cast("RDSClient", self._aws.open_client("rds"))

    def read_quotas(self) -> Mapping[str, Quota]:
        """Returns the account's quotas by name, with the limits that hold for it: DescribeAccountAttributes has those
        of Service Quotas, and also how much is used."""
        with translate_errors("rds"):
            answer = self._rds.describe_account_attributes()
        return {
            str(item.get("AccountQuotaName")): Quota(int(item.get("Used", 0)), int(item.get("Max", 0)))
            for item in answer["AccountQuotas"]
        }

    def list_orderable(self, instance_class: str, version: str | None) -> tuple[Offer, ...]:
        """Returns what the class can be ordered in with this version; with any, where this one can't be ordered."""
        exact = self._list_orderable(DBInstanceClass=instance_class, EngineVersion=version) if version else ()
        return exact or self._list_orderable(DBInstanceClass=instance_class)

    def _list_orderable(self, **criteria: str) -> tuple[Offer, ...]:
        pages = cast("Any", self._rds.get_paginator("describe_orderable_db_instance_options"))
        with translate_errors("rds"):
            listed = [
                page["OrderableDBInstanceOptions"] for page in pages.paginate(Engine=ENGINE, Vpc=True, **criteria)
            ]
        return tuple(_read_offer(item) for page in listed for item in page)

    def list_subnets(self, group: str) -> tuple[Subnet, ...]:
        """Returns the subnets of a subnet group, without their free addresses."""
        with translate_errors("rds"):
            answer = self._rds.describe_db_subnet_groups(DBSubnetGroupName=group)
        members = cast("Sequence[Mapping[str, Any]]", answer["DBSubnetGroups"][0].get("Subnets", ()))
        return tuple(
            Subnet(str(member["SubnetIdentifier"]), str(member["SubnetAvailabilityZone"]["Name"]), None)
            for member in members
        )

    def add_addresses(self, subnets: Sequence[Subnet]) -> tuple[Subnet, ...]:
        """Returns the same subnets with their free addresses (ec2:DescribeSubnets)."""
        with translate_errors("ec2"):
            ec2 = self._aws.open_client("ec2")
            answer = ec2.describe_subnets(SubnetIds=[subnet.identifier for subnet in subnets])
        free = {str(item["SubnetId"]): int(item["AvailableIpAddressCount"]) for item in answer["Subnets"]}
        return tuple(Subnet(subnet.identifier, subnet.zone, free.get(subnet.identifier)) for subnet in subnets)


def _read_offer(item: Mapping[str, Any]) -> Offer:
    return Offer(
        version=str(item.get("EngineVersion", "")),
        storage_type=str(item.get("StorageType", "")),
        zones=frozenset(str(zone["Name"]) for zone in item.get("AvailabilityZones", ())),
        multi_az=bool(item.get("MultiAZCapable", False)),
    )
