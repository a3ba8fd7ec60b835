"""Whom security groups let in, as far as they say it (EC2's DescribeSecurityGroups)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from restore.aws.client import Aws, translate_errors

ANY_PROTOCOL = "-1"
TCP = frozenset({"tcp", "6"})


@dataclass(frozen=True)
class Ingress:
    """One source of a rule: a block of addresses, or something that doesn't tell its addresses."""

    block: str = ""
    other: str = ""
    """A security group or a prefix list."""


def list_ingress(aws: Aws, groups: Sequence[str], port: int) -> tuple[Ingress, ...]:
    """Returns whom these groups let in at a TCP port; nobody where there are no groups.

    Raises PermanentError, TemporaryError.
    """
    if not groups:
        return ()
    with translate_errors("ec2"):
        pages = aws.open_client("ec2").get_paginator("describe_security_groups").paginate(GroupIds=list(groups))
        described: list[Mapping[str, Any]] = [group for page in pages for group in page["SecurityGroups"]]
    rules = [rule for group in described for rule in group.get("IpPermissions", ()) if opens(rule, port)]
    return tuple(dict.fromkeys(source for rule in rules for source in list_sources(rule)))


def opens(rule: Mapping[str, Any], port: int) -> bool:
    """Tells whether a rule is about this TCP port. Pure."""
    protocol = str(rule.get("IpProtocol"))
    if protocol == ANY_PROTOCOL:
        return True
    return protocol in TCP and int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535))


def list_sources(rule: Mapping[str, Any]) -> Iterator[Ingress]:
    """Yields whom a rule lets in. Pure."""
    yield from (Ingress(block=str(item["CidrIp"])) for item in rule.get("IpRanges", ()))
    yield from (Ingress(block=str(item["CidrIpv6"])) for item in rule.get("Ipv6Ranges", ()))
    yield from (Ingress(other=str(item["GroupId"])) for item in rule.get("UserIdGroupPairs", ()))
    yield from (Ingress(other=str(item["PrefixListId"])) for item in rule.get("PrefixListIds", ()))
