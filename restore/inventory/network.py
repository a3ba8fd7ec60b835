"""Asks EC2 and the cluster for the network between who must connect and the candidate, side by side.

What can't be asked is said, and stops nobody.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from restore.aws import Aws
from restore.aws import network as ec2
from restore.candidate.settings import choose_target_settings
from restore.inventory.unasked import ask_or_note
from restore.kubernetes import Api, read_pods
from restore.model.context import RestoreContext
from restore.model.network import Caller, Ingress, Interface, Network, Place, Target
from restore.model.nodes import NodePod
from restore.model.rds import Endpoint, InstanceSettings
from restore.model.request import Runner
from restore.preflight.network import is_as_to_source, is_asked
from restore.recovery_points.resolve import resolve

Value = TypeVar("Value")
PORT = 5432


@dataclass(frozen=True)
class Surroundings:
    """What was asked along the way to the candidate."""

    network: Network | None = None
    pods: tuple[NodePod, ...] = ()
    """All pods of the namespace."""


@dataclass(frozen=True)
class _Callers:
    all_pods: tuple[NodePod, ...]
    pods: tuple[Caller, ...]
    here: tuple[Caller, ...]
    interfaces: tuple[Interface, ...] | None


def ask_network(aws: Aws, api: Api, context: RestoreContext, pool: ThreadPoolExecutor) -> Callable[[], Surroundings]:
    """Asks for the path, where that matters still before anything stops; returns what waits for the answers."""
    return _Questions(aws, api, context).begin(pool) if is_asked(context) else Surroundings


def list_targets(context: RestoreContext) -> Iterator[Target]:
    """Yields the candidate as it is or will be; and the source, where no login from here proves its path and it stands
    behind other groups. Pure."""
    origin = None if context.candidate else resolve(context).origin
    settings = context.candidate.settings if context.candidate else origin and choose_target_settings(context, origin)
    if settings is None:
        return
    candidate = _build_target(context.candidate_name, settings)
    yield candidate
    source = context.local_source
    if source and context.settings.runner is Runner.KUBERNETES and not is_as_to_source(context, candidate):
        yield _build_target(source.identifier, source.settings)


def _build_target(instance: str, settings: InstanceSettings) -> Target:
    groups = settings.vpc_security_group_ids
    return Target(instance, settings.port or PORT, groups, settings.db_subnet_group_name or "")


def list_pod_callers(context: RestoreContext, pods: Sequence[NodePod]) -> tuple[Caller, ...]:
    """Returns the applications' pods, with the addresses that their packets may have. Pure."""
    apps = {(context.settings.namespace, app.name) for app, _ in context.apps}
    return tuple(
        Caller(pod.name, tuple(dict.fromkeys(address for address in (pod.address, pod.host) if address)))
        for pod in pods
        if pod.deployment in apps and pod.address
    )


def find_own_addresses(endpoint: Endpoint) -> list[str]:
    """Returns the address from which this machine would reach the server; nothing is sent (UDP's connect)."""
    if not endpoint.host:
        return []
    try:
        family, kind, _, _, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return [str(probe.getsockname()[0])]
    except OSError:
        return []


class _Questions:
    """The questions of one run; a refusal is kept by the question's name."""

    def __init__(self, aws: Aws, api: Api, context: RestoreContext):
        self._aws, self._api, self._context = aws, api, context
        self._unasked: dict[str, str] = {}

    def begin(self, pool: ThreadPoolExecutor) -> Callable[[], Surroundings]:
        callers = pool.submit(self._read_callers)
        targets = [
            (target, pool.submit(self._read_rules, target), pool.submit(self._read_places, target))
            for target in list_targets(self._context)
        ]

        def finish() -> Surroundings:
            known = [replace(rules.result(), **places.result()) for _, rules, places in targets]
            told = callers.result()
            network = Network(tuple(known), told.pods, told.here, told.interfaces, self._unasked)
            return Surroundings(network, told.all_pods)

        return finish

    def _read_callers(self) -> _Callers:
        settings, source = self._context.settings, self._context.local_source
        pods = self._try("pods", lambda: read_pods(self._api, settings.namespace)) or ()
        of_apps = list_pod_callers(self._context, pods)
        endpoint = source.endpoint if source and settings.runner is Runner.LOCAL else None
        own = find_own_addresses(endpoint) if endpoint and not endpoint.via else []
        here = tuple(Caller("this machine", (address,)) for address in own)
        addresses = [address for caller in (*of_apps, *here) for address in caller.addresses]
        interfaces = self._try("network interfaces", lambda: ec2.read_interfaces(self._aws, addresses))
        return _Callers(pods, of_apps, here, interfaces)

    def _read_rules(self, target: Target) -> Target:
        if not target.groups:
            return target
        read = self._try("security groups", lambda: (ec2.read_ingress(self._aws, target.groups, target.port),))
        if read is None:
            return target
        (ingress,) = read
        return replace(target, gone=True) if ingress is None else replace(target, ingress=self._resolve(ingress))

    def _resolve(self, ingress: Sequence[Ingress]) -> tuple[Ingress, ...]:
        """Puts the blocks of prefix lists in their place; one that can't be asked stays."""
        parts = [
            self._try("prefix lists", lambda item=item: ec2.resolve_prefix_list(self._aws, item)) or (item,)
            for item in ingress
        ]
        return tuple(dict.fromkeys(item for part in parts for item in part))

    def _read_places(self, target: Target) -> Mapping[str, object]:
        group = target.subnet_group
        found = self._try("subnets", lambda: ec2.read_subnet_group(self._aws, group)) if group else None
        if found is None or not found.subnets:
            return {}
        blocks = self._try("subnets", lambda: ec2.read_blocks(self._aws, found.subnets)) or {}
        acls = self._try("network ACLs", lambda: ec2.read_acls(self._aws, found.subnets)) or {}
        routes = self._try("route tables", lambda: ec2.read_routes(self._aws, found.vpc)) or {}
        places = tuple(
            Place(subnet, blocks.get(subnet, ""), routes.get(subnet) or routes.get(ec2.MAIN), acls.get(subnet))
            for subnet in found.subnets
        )
        return {"vpc": found.vpc, "places": places}

    def _try(self, name: str, question: Callable[[], Value]) -> Value | None:
        return ask_or_note(self._unasked, name, question)
