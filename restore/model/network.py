"""The network between who connects and a database, as EC2 and the cluster tell it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PATH_CHECK = "preflight.path"
"""What `waive` names, with who doesn't get through: `preflight.path:pods`."""


@dataclass(frozen=True)
class Ingress:
    """Whom a rule of a security group lets in: exactly one of these."""

    block: str = ""
    """CIDR."""
    group: str = ""
    """Members of a security group, known by their network interfaces."""
    prefix_list: str = ""
    """A list whose blocks couldn't be asked for."""

    def __str__(self) -> str:
        return self.block or (f"members of {self.group}" if self.group else self.prefix_list)


@dataclass(frozen=True)
class Interface:
    """A network interface of EC2. `blocks`: its addresses and prefixes, as CIDRs."""

    vpc: str
    blocks: tuple[str, ...]
    groups: frozenset[str]


@dataclass(frozen=True)
class RouteTable:
    """Where a subnet's packets go. Only routes that are active count."""

    local: tuple[str, ...] = ()
    """The blocks of the VPC itself."""
    away: tuple[str, ...] = ()
    """The blocks that anything else leads to: a gateway, a peering, an appliance."""


@dataclass(frozen=True)
class AclEntry:
    """An entry of a network ACL that is about TCP."""

    number: int
    block: str
    allows: bool
    first: int
    last: int


@dataclass(frozen=True)
class NetworkAcl:
    """What may enter a subnet and leave it, each in the order in which it counts."""

    inbound: tuple[AclEntry, ...] = ()
    outbound: tuple[AclEntry, ...] = ()


@dataclass(frozen=True)
class Place:
    """A subnet in which the database may lie. What couldn't be asked is None or empty."""

    subnet: str
    block: str = ""
    routes: RouteTable | None = None
    acl: NetworkAcl | None = None


@dataclass(frozen=True)
class Target:
    """A database and what stands before it."""

    instance: str
    port: int
    groups: tuple[str, ...]
    subnet_group: str = ""
    vpc: str = ""
    places: tuple[Place, ...] = ()
    ingress: tuple[Ingress, ...] | None = None
    """Whom its security groups let in at its port; None where that couldn't be asked, or is RDS's own choice."""
    gone: bool = False
    """One of its security groups doesn't exist."""


@dataclass(frozen=True)
class Caller:
    """A process that connects, and the addresses that it may have by the time its packets arrive: its own one, or its
    node's."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """What was read of the network before anything stops."""

    targets: tuple[Target, ...] = ()
    pods: tuple[Caller, ...] = ()
    """The applications' pods: what they reach, the Jobs of their namespace reach too, unless labels give these other
    security groups."""
    here: tuple[Caller, ...] = ()
    """This machine, where it connects itself and without a tunnel."""
    interfaces: tuple[Interface, ...] | None = None
    """Those that have one of the addresses; None where they couldn't be asked."""
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why a part couldn't be asked, by its name."""
