"""What a region has under the names that an instance in another one uses: groups, and what a parameter group sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.model.region import SecurityGroup

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

NO_GROUP = frozenset({"DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"})


class Groups:
    """Groups of one region. Nothing is asked before the first method; each raises PermanentError, TemporaryError."""

    def __init__(self, aws: Aws):
        self._aws = aws

    @property
    def _rds(self) -> RDSClient:
        return cast("RDSClient", self._aws.open_client("rds"))

    def list_subnet_groups(self) -> Mapping[str, str]:
        """Returns the VPC of each DB subnet group, by name."""
        with translate_errors("rds"):
            pages = list(self._rds.get_paginator("describe_db_subnet_groups").paginate())
        groups = [group for page in pages for group in page["DBSubnetGroups"]]
        return {str(group.get("DBSubnetGroupName")): str(group.get("VpcId")) for group in groups}

    def list_parameter_groups(self) -> Mapping[str, str]:
        """Returns the family of each DB parameter group, by name."""
        with translate_errors("rds"):
            pages = list(self._rds.get_paginator("describe_db_parameter_groups").paginate())
        groups = [group for page in pages for group in page["DBParameterGroups"]]
        return {str(group.get("DBParameterGroupName")): str(group.get("DBParameterGroupFamily")) for group in groups}

    def read_parameters(self, group: str) -> Mapping[str, str]:
        """Returns what a parameter group sets, the defaults of its family left out; nothing for one that is gone."""
        pages = self._rds.get_paginator("describe_db_parameters")
        listed = call_or_none("rds", lambda: list(pages.paginate(DBParameterGroupName=group, Source="user")), NO_GROUP)
        items = [item for page in listed or () for item in page["Parameters"]]
        return {
            str(item.get("ParameterName")): str(item["ParameterValue"]) for item in items if "ParameterValue" in item
        }

    def find_security_groups(self, *, ids: Sequence[str] = (), names: Sequence[str] = ()) -> tuple[SecurityGroup, ...]:
        """Returns the security groups with these ids, or with any of these names."""
        if not ids and not names:
            return ()
        wanted: dict[str, Any] = (
            {"GroupIds": list(ids)} if ids else {"Filters": [{"Name": "group-name", "Values": list(names)}]}
        )
        with translate_errors("ec2"):
            pages = self._aws.open_client("ec2").get_paginator("describe_security_groups").paginate(**wanted)
            described: list[Mapping[str, Any]] = [group for page in pages for group in page["SecurityGroups"]]
        return tuple(
            SecurityGroup(str(group["GroupId"]), str(group["GroupName"]), str(group.get("VpcId", "")))
            for group in described
        )
