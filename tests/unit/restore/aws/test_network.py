"""What EC2 describes is read as it counts: a rule, an entry or a route that is misread would refuse or let pass."""

from __future__ import annotations

from typing import Any

from restore.aws.network import list_ingress, opens, parse_acl, parse_interface, parse_routes
from restore.model.network import AclEntry, Ingress, Interface, RouteTable


def rule(**changes: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.0.0/8"}], **changes}


def test_a_rule_counts_for_its_own_port_alone() -> None:
    assert opens(rule(), 5432)
    assert opens(rule(IpProtocol="-1", FromPort=None, ToPort=None), 5432)
    assert not opens(rule(), 6432)
    assert not opens(rule(IpProtocol="udp"), 5432)


def test_everything_that_a_rule_lets_in_is_read() -> None:
    more = {"Ipv6Ranges": [{"CidrIpv6": "fd00::/8"}], "UserIdGroupPairs": [{"GroupId": "sg-app"}]}
    listed = list(list_ingress(rule(**more, PrefixListIds=[{"PrefixListId": "pl-vpn"}])))
    assert listed == [
        Ingress("10.0.0.0/8"),
        Ingress("fd00::/8"),
        Ingress(group="sg-app"),
        Ingress(prefix_list="pl-vpn"),
    ]


def test_an_acl_has_two_directions_and_its_entries_about_tcp() -> None:
    """Protocol 6 is TCP, 17 UDP, -1 any (EC2 API reference, "NetworkAclEntry")."""
    entries = [
        {"RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "Egress": False, "CidrBlock": "10.0.0.0/8",
         "PortRange": {"From": 5432, "To": 5433}},
        {"RuleNumber": 110, "Protocol": "17", "RuleAction": "deny", "Egress": False, "CidrBlock": "0.0.0.0/0"},
        {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": True, "Ipv6CidrBlock": "::/0"},
    ]  # fmt: skip
    acl = parse_acl({"Entries": entries})
    assert acl.inbound == (AclEntry(100, "10.0.0.0/8", allows=True, first=5432, last=5433),)
    assert acl.outbound == (AclEntry(32767, "::/0", allows=False, first=0, last=65535),)


def test_only_active_routes_to_addresses_lead_out_of_a_vpc() -> None:
    table = parse_routes(
        {
            "Routes": [
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                {"DestinationCidrBlock": "10.9.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "blackhole"},
                {"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-1", "State": "active"},
                {"DestinationPrefixListId": "pl-vpn", "TransitGatewayId": "tgw-1", "State": "active"},
                {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"},
            ]
        }
    )
    assert table == RouteTable(("10.0.0.0/16",), ("pl-vpn", "0.0.0.0/0"))


def test_an_interface_has_addresses_and_prefixes() -> None:
    """Pods of EKS have addresses out of prefixes (EKS User Guide, "Assign more IP addresses to Amazon EKS nodes with
    prefixes")."""
    described = {
        "VpcId": "vpc-1",
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.5"}],
        "Ipv6Addresses": [{"Ipv6Address": "fd00::5"}],
        "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.2.0/28"}],
        "Groups": [{"GroupId": "sg-nodes"}],
    }
    blocks = ("10.0.1.5", "fd00::5", "10.0.2.0/28")
    assert parse_interface(described) == Interface("vpc-1", blocks, frozenset({"sg-nodes"}))
