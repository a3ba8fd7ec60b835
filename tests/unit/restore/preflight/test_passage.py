"""Who is surely shut out is known before anything stops, and nobody is refused by what can't be known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from restore.model.network import AclEntry, Caller, Ingress, Interface, NetworkAcl, Place, RouteTable, Target
from restore.preflight.passage import Passage, State, judge, lets_through

VPC = "10.0.0.0/16"
POD = Caller("api-1", ("10.0.1.20", "10.0.1.5"))
OF_POD = Interface("vpc-1", ("10.0.1.20", "10.0.1.5"), frozenset({"sg-nodes"}))
OF_NODE = Interface("vpc-1", ("10.0.1.5", "10.0.2.0/28"), frozenset({"sg-nodes"}))
OVERLAY = Caller("api-2", ("192.168.7.7", "10.0.1.5"))
OUTSIDE = Caller("api-3", ("10.9.1.20", "10.9.1.5"))
EVERYBODY = AclEntry(100, "0.0.0.0/0", allows=True, first=0, last=65535)
PRIVATE = RouteTable(local=(VPC,))
ROUTED = RouteTable(local=(VPC,), away=("10.9.0.0/16",))


def target(*rules: Ingress, **changes: Any) -> Target:
    base = Target("shop-inc-1", 5432, ("sg-db",), "shop-subnets", "vpc-1", ingress=rules)
    return replace(base, **changes)


def place(name: str = "subnet-a", **changes: Any) -> Place:
    base = Place(name, "10.0.8.0/24", PRIVATE, NetworkAcl((EVERYBODY,), (EVERYBODY,)))
    return replace(base, **changes)


def state(goal: Target, caller: Caller = POD, *interfaces: Interface, asked: bool = True) -> State:
    return judge(goal, (caller,), interfaces if asked else None).state


BLOCK, OTHER_BLOCK = Ingress(block=VPC), Ingress(block="172.16.0.0/12")
GROUP, OTHER_GROUP = Ingress(group="sg-nodes"), Ingress(group="sg-batch")
LIST = Ingress(prefix_list="pl-vpn")


@pytest.mark.parametrize(
    ("rules", "caller", "interfaces", "expected"),
    [
        ((), POD, (OF_POD,), State.CLOSED),
        ((BLOCK,), POD, (OF_POD,), State.OPEN),
        ((GROUP,), POD, (OF_POD,), State.OPEN),
        ((OTHER_BLOCK,), POD, (OF_POD,), State.CLOSED),
        ((OTHER_BLOCK, OTHER_GROUP), POD, (OF_POD,), State.CLOSED),
        ((OTHER_BLOCK, LIST), POD, (OF_POD,), State.UNKNOWN),
        # its own address is the one that arrives, its node's isn't
        ((Ingress(block="10.0.1.5/32"),), POD, (OF_POD,), State.CLOSED),
        # a pod of an overlay arrives as its node
        ((GROUP,), OVERLAY, (OF_NODE,), State.OPEN),
        ((Ingress(block="10.0.1.0/24"),), OVERLAY, (OF_NODE,), State.OPEN),
        ((OTHER_BLOCK,), OVERLAY, (OF_NODE,), State.CLOSED),
        ((OTHER_GROUP,), OVERLAY, (OF_NODE,), State.UNKNOWN),
        # an address out of a prefix of its node's interface
        ((GROUP,), Caller("api-4", ("10.0.2.9", "10.0.1.5")), (OF_NODE,), State.OPEN),
        ((OTHER_GROUP,), Caller("api-4", ("10.0.2.9", "10.0.1.5")), (OF_NODE,), State.CLOSED),
        # IPv6 pods reach an IPv4 database as their node
        ((Ingress(block="10.0.1.0/24"),), Caller("api-6", ("fd00::7", "10.0.1.5")), (OF_NODE,), State.OPEN),
        # from elsewhere an address may be translated
        ((OTHER_BLOCK, OTHER_GROUP), OUTSIDE, (), State.UNKNOWN),
        ((Ingress(block="10.9.0.0/16"),), OUTSIDE, (), State.OPEN),
        ((), OUTSIDE, (), State.CLOSED),
    ],
)
def test_whom_security_groups_let_in(
    rules: tuple[Ingress, ...], caller: Caller, interfaces: tuple[Interface, ...], expected: State
) -> None:
    assert state(target(*rules), caller, *interfaces) is expected


def test_a_peer_s_interface_doesn_t_shut_it_out_by_its_address() -> None:
    """Its group may be named over a peering, and its address may be translated on the way."""
    peer = Interface("vpc-2", ("10.9.1.20",), frozenset({"sg-nodes"}))
    assert state(target(GROUP), OUTSIDE, peer) is State.OPEN
    assert state(target(OTHER_BLOCK), OUTSIDE, peer) is State.UNKNOWN


def test_without_the_right_to_see_interfaces_nothing_is_surely_closed_but_what_lets_nobody_in() -> None:
    lying = target(OTHER_BLOCK, places=(place(),))
    assert state(lying, OUTSIDE, asked=False) is State.UNKNOWN
    assert state(lying, POD, asked=False) is State.UNKNOWN
    assert state(target(), POD, asked=False) is State.CLOSED


def test_one_application_that_is_shut_out_is_enough_and_is_named() -> None:
    other = Caller("indexer-1", ("10.0.3.3",))
    of_other = Interface("vpc-1", ("10.0.3.3",), frozenset({"sg-batch"}))
    passage = judge(target(GROUP), (POD, other), (OF_POD, of_other))
    assert passage == Passage(
        State.CLOSED, "indexer-1: sg-db let in members of sg-nodes at port 5432, not 10.0.3.3 (in sg-batch)"
    )


def test_of_many_pods_a_few_are_named() -> None:
    pods = [Caller(f"api-{number}", ("10.9.1.1",)) for number in range(9)]
    assert judge(target(OTHER_BLOCK), pods, ()).why.endswith("; and 6 more")


# -- subnets ----------------------------------------------------------------------------------------------------------

DENY_PORT = AclEntry(10, VPC, allows=False, first=5432, last=5432)
DENY_ANSWERS = AclEntry(10, "10.0.1.0/24", allows=False, first=1024, last=65535)


@pytest.mark.parametrize(
    ("acl", "expected"),
    [
        (NetworkAcl((EVERYBODY,), (EVERYBODY,)), State.OPEN),
        (NetworkAcl((DENY_PORT, EVERYBODY), (EVERYBODY,)), State.CLOSED),
        (NetworkAcl((replace(DENY_PORT, number=200), EVERYBODY), (EVERYBODY,)), State.OPEN),
        (NetworkAcl((EVERYBODY,), (DENY_ANSWERS, EVERYBODY)), State.CLOSED),
        (NetworkAcl((EVERYBODY,), (replace(DENY_ANSWERS, last=40000), EVERYBODY)), State.OPEN),
        (NetworkAcl((EVERYBODY,), ()), State.CLOSED),
        (None, State.OPEN),
    ],
)
def test_a_network_acl_is_judged_in_both_directions(acl: NetworkAcl | None, expected: State) -> None:
    assert state(target(BLOCK, places=(place(acl=acl),)), POD, OF_POD) is expected


def test_an_acl_says_nothing_inside_of_its_subnet() -> None:
    shut = NetworkAcl((DENY_PORT,), ())
    assert state(target(BLOCK, places=(place(block="10.0.1.0/24", acl=shut),)), POD, OF_POD) is State.OPEN


def test_an_acl_that_lets_some_in_refuses_nobody_whose_address_may_be_translated() -> None:
    some = NetworkAcl((AclEntry(100, "172.16.0.0/12", allows=True, first=5432, last=5432),), (EVERYBODY,))
    known = Ingress(block="10.9.0.0/16")
    assert state(target(known, places=(place(acl=some, routes=ROUTED),)), OUTSIDE) is State.OPEN
    nobody = NetworkAcl((DENY_PORT,), (EVERYBODY,))
    assert state(target(known, places=(place(acl=nobody, routes=ROUTED),)), OUTSIDE) is State.CLOSED


def test_who_is_outside_needs_a_route_out_of_the_vpc() -> None:
    known = Ingress(block="10.9.0.0/16")
    assert state(target(known, places=(place(),)), OUTSIDE) is State.CLOSED
    assert state(target(known, places=(place(routes=ROUTED),)), OUTSIDE) is State.OPEN
    assert state(target(known, places=(place(routes=None),)), OUTSIDE) is State.OPEN
    assert state(target(BLOCK, places=(place(),)), POD, OF_POD) is State.OPEN
    # an address of the VPC without an interface that can be seen: another account's, in a shared VPC
    assert state(target(BLOCK, places=(place(),)), POD) is State.OPEN


def test_a_subnet_that_rds_may_not_choose_shuts_nothing_but_is_told() -> None:
    shut = place("subnet-b", acl=NetworkAcl((DENY_PORT, EVERYBODY), (EVERYBODY,)))
    both = judge(target(BLOCK, places=(place(), shut)), (POD,), (OF_POD,))
    assert both.state is State.UNKNOWN
    assert "closed if RDS chooses subnet-b: the network ACL of subnet-b" in both.why
    assert state(target(BLOCK, places=(shut, replace(shut, subnet="subnet-c"))), POD, OF_POD) is State.CLOSED


def test_what_an_entry_denies_in_parts_is_put_together() -> None:
    halves = [
        AclEntry(1, VPC, allows=False, first=0, last=30000),
        AclEntry(2, VPC, allows=False, first=30001, last=65535),
    ]
    assert not lets_through([*halves, EVERYBODY], "10.0.1.1", (1024, 65535))
    assert lets_through([*halves, EVERYBODY], "10.1.1.1", (1024, 65535))
    assert lets_through([halves[0], EVERYBODY], "10.0.1.1", (1024, 65535))
