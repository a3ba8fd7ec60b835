"""What stands before a database, as EC2 and RDS describe it. Every read raises PermanentError or TemporaryError."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.model.network import AclEntry, Ingress, Interface, NetworkAcl, RouteTable

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

Shape = Mapping[str, Any]
ANY_PROTOCOL = "-1"
TCP = frozenset({"tcp", "6"})
EVERY_PORT = (0, 65535)
NO_GROUP = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidGroupId.NotFound"})
VALUES = 200
"""The most values of one filter (EC2 API reference, "Filter")."""
MAIN = ""
"""Stands for each subnet that is associated with no route table itself."""


@dataclass(frozen=True)
class SubnetGroup:
    """The subnets of a DB subnet group, and their VPC."""

    vpc: str
    subnets: tuple[str, ...]


def _list(aws: Aws, operation: str, key: str, **parameters: Any) -> list[Shape]:
    with translate_errors("ec2"):
        pages = aws.open_client("ec2").get_paginator(operation).paginate(**parameters)
        return [item for page in pages for item in page[key]]


def _build_filter(name: str, values: Iterable[str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]


def read_ingress(aws: Aws, groups: Sequence[str], port: int) -> tuple[Ingress, ...] | None:
    """Returns whom these security groups let in at a TCP port (ec2:DescribeSecurityGroups); None where one of them
    doesn't exist."""
    pages = aws.open_client("ec2").get_paginator("describe_security_groups")
    answer = call_or_none("ec2", lambda: list(pages.paginate(GroupIds=list(groups))), NO_GROUP)
    if answer is None:
        return None
    described: list[Shape] = [group for page in answer for group in page["SecurityGroups"]]
    rules = [rule for group in described for rule in group.get("IpPermissions", ()) if opens(rule, port)]
    return tuple(dict.fromkeys(item for rule in rules for item in list_ingress(rule)))


def opens(rule: Shape, port: int) -> bool:
    """Tells whether a rule is about this TCP port. Pure."""
    protocol = str(rule.get("IpProtocol"))
    if protocol == ANY_PROTOCOL:
        return True
    return protocol in TCP and int(rule.get("FromPort", 0)) <= port <= int(rule.get("ToPort", 65535))


def list_ingress(rule: Shape) -> Iterator[Ingress]:
    """Yields whom a rule lets in. Pure."""
    yield from (Ingress(block=str(item["CidrIp"])) for item in rule.get("IpRanges", ()))
    yield from (Ingress(block=str(item["CidrIpv6"])) for item in rule.get("Ipv6Ranges", ()))
    yield from (Ingress(group=str(item["GroupId"])) for item in rule.get("UserIdGroupPairs", ()))
    yield from (Ingress(prefix_list=str(item["PrefixListId"])) for item in rule.get("PrefixListIds", ()))


def resolve_prefix_list(aws: Aws, item: Ingress) -> tuple[Ingress, ...]:
    """Returns the blocks of a prefix list (ec2:GetManagedPrefixListEntries); anything else as it is."""
    if not item.prefix_list:
        return (item,)
    entries = _list(aws, "get_managed_prefix_list_entries", "Entries", PrefixListId=item.prefix_list)
    return tuple(Ingress(block=str(entry["Cidr"])) for entry in entries)


def read_subnet_group(aws: Aws, name: str) -> SubnetGroup:
    """Returns the subnets of a DB subnet group (rds:DescribeDBSubnetGroups)."""
    with translate_errors("rds"):
        client = cast("RDSClient", aws.open_client("rds"))
        group = cast("Shape", client.describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"][0])
    members = tuple(str(member["SubnetIdentifier"]) for member in group.get("Subnets", ()))
    return SubnetGroup(str(group.get("VpcId", "")), members)


def read_blocks(aws: Aws, subnets: Sequence[str]) -> Mapping[str, str]:
    """Returns the CIDR of each subnet (ec2:DescribeSubnets)."""
    described = _list(aws, "describe_subnets", "Subnets", SubnetIds=list(subnets))
    return {str(item["SubnetId"]): str(item.get("CidrBlock", "")) for item in described}


def read_acls(aws: Aws, subnets: Sequence[str]) -> Mapping[str, NetworkAcl]:
    """Returns the network ACL of each subnet (ec2:DescribeNetworkAcls)."""
    described = _list(
        aws, "describe_network_acls", "NetworkAcls", Filters=_build_filter("association.subnet-id", subnets)
    )
    return {
        str(association["SubnetId"]): parse_acl(item)
        for item in described
        for association in item.get("Associations", ())
    }


def parse_acl(item: Shape) -> NetworkAcl:
    """Reads the entries of an ACL that are about TCP. Pure."""
    entries: list[Shape] = [entry for entry in item.get("Entries", ()) if _is_about_tcp(entry)]
    return NetworkAcl(
        inbound=tuple(_parse_entry(entry) for entry in entries if not entry.get("Egress")),
        outbound=tuple(_parse_entry(entry) for entry in entries if entry.get("Egress")),
    )


def _is_about_tcp(entry: Shape) -> bool:
    return str(entry.get("Protocol")) in (ANY_PROTOCOL, *TCP)


def _parse_entry(entry: Shape) -> AclEntry:
    ports: Shape = entry.get("PortRange") or {}
    every = str(entry.get("Protocol")) == ANY_PROTOCOL or not ports
    first, last = EVERY_PORT if every else (int(ports["From"]), int(ports["To"]))
    block = str(entry.get("CidrBlock") or entry.get("Ipv6CidrBlock") or "0.0.0.0/0")
    return AclEntry(int(entry["RuleNumber"]), block, str(entry.get("RuleAction")) == "allow", first, last)


def read_routes(aws: Aws, vpc: str) -> Mapping[str, RouteTable]:
    """Returns the route tables of a VPC by subnet, and the main one as MAIN (ec2:DescribeRouteTables)."""
    described = _list(aws, "describe_route_tables", "RouteTables", Filters=_build_filter("vpc-id", [vpc]))
    return {
        MAIN if association.get("Main") else str(association["SubnetId"]): parse_routes(item)
        for item in described
        for association in item.get("Associations", ())
        if association.get("Main") or association.get("SubnetId")
    }


def parse_routes(item: Shape) -> RouteTable:
    """Reads the routes of a table to blocks of addresses that aren't blackholes. Pure."""
    local: list[str] = []
    away: list[str] = []
    for route in item.get("Routes", ()):
        block = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if route.get("State") == "blackhole":
            continue
        if route.get("GatewayId") == "local":
            local.append(str(block))
        elif block or not str(route.get("GatewayId", "")).startswith("vpce-"):
            away.append(str(block or route.get("DestinationPrefixListId", "")))
    return RouteTable(tuple(local), tuple(away))


def read_interfaces(aws: Aws, addresses: Sequence[str]) -> tuple[Interface, ...]:
    """Returns the network interfaces that have one of these IPv4 addresses (ec2:DescribeNetworkInterfaces)."""
    asked = sorted({address for address in addresses if _is_ipv4(address)})
    parts = [asked[start : start + VALUES] for start in range(0, len(asked), VALUES)]
    name = "addresses.private-ip-address"
    return tuple(
        parse_interface(item)
        for part in parts
        for item in _list(aws, "describe_network_interfaces", "NetworkInterfaces", Filters=_build_filter(name, part))
    )


def _is_ipv4(address: str) -> bool:
    return ip_address(address.partition("%")[0]).version == 4


def parse_interface(item: Shape) -> Interface:
    """Reads an interface, with the prefixes that it has for pods. Pure."""
    single = [str(entry["PrivateIpAddress"]) for entry in item.get("PrivateIpAddresses", ())]
    single += [str(entry["Ipv6Address"]) for entry in item.get("Ipv6Addresses", ())]
    prefixes = [str(entry["Ipv4Prefix"]) for entry in item.get("Ipv4Prefixes", ())]
    prefixes += [str(entry["Ipv6Prefix"]) for entry in item.get("Ipv6Prefixes", ())]
    groups = frozenset(str(group["GroupId"]) for group in item.get("Groups", ()))
    return Interface(str(item.get("VpcId", "")), (*single, *prefixes), groups)
