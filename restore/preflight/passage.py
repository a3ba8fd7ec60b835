"""Whether somebody gets through to a database, as far as EC2 tells it. Pure.

Looked at are the security groups of the database, and the network ACLs and routes of its subnets. Not looked at: what
the other side lets out, network policies of the cluster, firewalls on the way. Closed is only what is surely closed:
where an address may be translated on its way, no block says who arrives (VPC User Guide, "Security group rules",
"Network ACLs", "Route tables"). What couldn't be asked shuts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address, ip_network

from restore.model.network import AclEntry, Caller, Interface, Place, Target

EPHEMERAL = (1024, 65535)
"""The ports to which answers go (VPC User Guide, "Ephemeral ports")."""
NAMED = 3
"""Callers named in one text."""
Ports = tuple[int, int]


class State(IntEnum):
    """Whether somebody gets through, the worst first."""

    CLOSED = 0
    UNKNOWN = 1
    OPEN = 2


@dataclass(frozen=True)
class Passage:
    """A judgement, with its reason unless it is open."""

    state: State
    why: str = ""


OPEN = Passage(State.OPEN)


@dataclass(frozen=True)
class Source:
    """One address as which a caller may arrive."""

    address: str
    groups: frozenset[str] | None
    """Of its network interface; None where that isn't known."""
    native: bool
    """The caller is in the database's own VPC, where nothing translates addresses but its node."""


def judge(target: Target, callers: Sequence[Caller], interfaces: Sequence[Interface] | None) -> Passage:
    """Tells whether all callers get through to wherever the database may lie: closed, where one surely doesn't."""
    if not target.ingress:
        return Passage(State.CLOSED, f"{_format_groups(target)} let nobody in at port {target.port}")
    by_caller = [(caller, judge_caller(target, caller, interfaces)) for caller in callers]
    state = min((passage.state for _, passage in by_caller), default=State.UNKNOWN)
    if state is State.OPEN:
        return OPEN
    named = [f"{caller.name}: {passage.why}" for caller, passage in by_caller if passage.state is state]
    more = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
    return Passage(state, "; ".join([*named[:NAMED], *more]))


def judge_caller(target: Target, caller: Caller, interfaces: Sequence[Interface] | None) -> Passage:
    """Takes the best of the addresses as which it may arrive. Closed in some of the subnets alone isn't sure: RDS
    chooses one."""
    sources = find_sources(target, caller, interfaces)
    groups = _choose_best(judge_groups(target, source) for source in sources)
    looked = interfaces is not None
    places = {place: judge_place(target, place, sources, looked=looked) for place in target.places}
    shut = {place.subnet: passage for place, passage in places.items() if passage.state is State.CLOSED}
    if groups.state is State.CLOSED or not shut:
        return groups
    why = next(iter(shut.values())).why
    if len(shut) == len(places):
        return Passage(State.CLOSED, why)
    return Passage(State.UNKNOWN, f"closed if RDS chooses {', '.join(shut)}: {why}")


def _choose_best(passages: Iterable[Passage]) -> Passage:
    return max(passages, key=lambda passage: passage.state)


def find_sources(target: Target, caller: Caller, interfaces: Sequence[Interface] | None) -> tuple[Source, ...]:
    """Returns what may arrive of a caller: its own IPv4 address where an interface of the database's VPC has it,
    otherwise any of its addresses, for a node may stand for its pods."""
    owners = {address: _find_owner(address, interfaces or ()) for address in caller.addresses}
    native = any(owner.vpc == target.vpc for owner in owners.values() if owner)
    sources = [Source(address, owner.groups if owner else None, native) for address, owner in owners.items()]
    own = sources[0]
    return (own,) if native and own.groups is not None and ":" not in own.address else tuple(sources)


def _find_owner(address: str, interfaces: Iterable[Interface]) -> Interface | None:
    return next((item for item in interfaces if _is_in(item.blocks, address)), None)


def judge_groups(target: Target, source: Source) -> Passage:
    """Judges the security groups of the database alone. A member of a group that it names is known by its interface."""
    rules = target.ingress or ()
    members = {rule.group for rule in rules if rule.group}
    if _is_in((rule.block for rule in rules if rule.block), source.address) or members & (source.groups or frozenset()):
        return OPEN
    hidden = any(rule.prefix_list for rule in rules) or (bool(members) and source.groups is None)
    let_in = ", ".join(dict.fromkeys(str(rule) for rule in rules))
    known = f" (in {', '.join(sorted(source.groups))})" if source.groups else ""
    why = f"{_format_groups(target)} let in {let_in} at port {target.port}, not {source.address}{known}"
    return Passage(State.UNKNOWN if hidden or not source.native else State.CLOSED, why)


def judge_place(target: Target, place: Place, sources: Sequence[Source], *, looked: bool) -> Passage:
    """Judges what one subnet lets through. `looked`: whether the callers' interfaces could be asked for."""
    acl = _choose_best(judge_acl(target, place, source) for source in sources)
    return acl if acl.state is State.CLOSED or not looked else judge_routes(place, sources)


def judge_acl(target: Target, place: Place, source: Source) -> Passage:
    """Judges a subnet's network ACL, in both directions: it keeps no state, and counts at the subnet's border alone."""
    if place.acl is None or (place.block and holds(place.block, source.address)):
        return OPEN
    address = source.address if source.native else None
    named = source.address if source.native else "anybody"
    if not lets_through(place.acl.inbound, address, (target.port, target.port)):
        return Passage(State.CLOSED, f"the network ACL of {place.subnet} doesn't let {named} in at port {target.port}")
    if not lets_through(place.acl.outbound, address, EPHEMERAL):
        return Passage(State.CLOSED, f"the network ACL of {place.subnet} lets no answer out to {named}")
    return OPEN


def lets_through(entries: Iterable[AclEntry], address: str | None, ports: Ports) -> bool:
    """Tells whether an ACL allows any of these ports for an address, by the first entry that fits; for None, whether
    it allows them for anybody."""
    if address is None:
        return any(entry.allows and _meets(entry, ports) for entry in entries)
    left = [ports]
    for entry in sorted(entries, key=lambda item: item.number):
        if holds(entry.block, address):
            if entry.allows and any(_meets(entry, span) for span in left):
                return True
            left = [part for span in left for part in _cut(span, entry)]
    return False


def _meets(entry: AclEntry, ports: Ports) -> bool:
    return entry.first <= ports[1] and ports[0] <= entry.last


def _cut(span: Ports, entry: AclEntry) -> Iterator[Ports]:
    """Yields what an entry leaves of a span of ports."""
    below, above = (span[0], min(span[1], entry.first - 1)), (max(span[0], entry.last + 1), span[1])
    yield from (part for part in (below, above) if part[0] <= part[1])


def judge_routes(place: Place, sources: Sequence[Source]) -> Passage:
    """Judges the way back to a caller that is surely outside of the VPC: it has no interface there, and no address of
    its blocks."""
    table = place.routes
    if table is None or table.away:
        return OPEN
    if any(source.native or _is_in(table.local, source.address) for source in sources):
        return OPEN
    addresses = ", ".join(source.address for source in sources)
    return Passage(State.CLOSED, f"{place.subnet} has no route out of its VPC, and {addresses} is outside")


def holds(block: str, address: str) -> bool:
    """Tells whether an address is in a block (CIDR), both of one IP version."""
    network = ip_network(block, strict=False)
    parsed = ip_address(address.partition("%")[0])
    return parsed.version == network.version and parsed in network


def _is_in(blocks: Iterable[str], address: str) -> bool:
    return any(holds(block, address) for block in blocks)


def _format_groups(target: Target) -> str:
    return ", ".join(target.groups)
