"""Whether the source can be reached and logged in to from here, and who a candidate's security groups let in."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

from restore.aws import Aws
from restore.aws.security_groups import Ingress, list_ingress
from restore.cutover.connection_url import name_database
from restore.doctor.finding import Finding, build_ok, from_problem, note
from restore.errors import Problem
from restore.gates.runner import probe
from restore.kubernetes import Api, Namespace
from restore.model.cluster import Cluster
from restore.model.rds import Endpoint, Instance
from restore.model.request import Runner, Settings

SECONDS = 5.0


def examine_source(settings: Settings, instance: Instance, api: Api, cluster: Cluster) -> Iterator[Finding]:
    """Connects to the source as the operator, with its certificate verified, from where the gates will run. Raises
    RestoreError."""
    what, endpoint = "source", instance.endpoint
    if endpoint is None:
        yield note(what, f"not known: {instance.identifier} is {instance.status} and has no endpoint")
        return
    database = name_database(settings, cluster)
    if settings.runner is Runner.KUBERNETES:
        yield build_ok(what, f"from a Job: {probe.ask(api, probe.Question(settings, endpoint, database))}")
        return
    through = f" (through {endpoint.via})" if endpoint.via else ""
    yield build_ok(what, f"{probe.describe_login(settings, endpoint, database)}{through}")


def examine_network_path(settings: Settings, instance: Instance, aws: Aws, namespace: Namespace) -> Iterator[Finding]:
    """Tells whom the security groups that a candidate gets let in: this machine, and the applications' pods."""
    groups = settings.instance.get("vpcSecurityGroupIds") or instance.settings.vpc_security_group_ids
    endpoint = instance.endpoint or Endpoint("", instance.settings.port or 5432)
    rules = list_ingress(aws, tuple(groups), endpoint.port)
    named = ", ".join(groups)
    if settings.runner is Runner.LOCAL and not endpoint.via:
        yield let_in("path from here", find_own_addresses(endpoint), rules, named, endpoint.port)
    pods = [pod.address for pod in namespace.list_pods("") if pod.address]
    yield let_in("path from the pods", pods, rules, named, endpoint.port)


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


def let_in(what: str, addresses: Sequence[str], rules: Sequence[Ingress], groups: str, port: int) -> Finding:
    """Tells whom the security groups of a candidate let in. An address that no block of the rules holds may come in all
    the same: through NAT it has another one, and a rule may name a group instead of addresses."""
    outside = [item for item in addresses if not any(holds(rule.block, item) for rule in rules if rule.block)]
    others = ", ".join(dict.fromkeys(rule.other for rule in rules if rule.other))
    if not rules:
        fix = f"aws ec2 describe-security-groups --group-ids {groups.replace(',', '')}"
        return from_problem(Problem(what, f"{groups} let nobody in at port {port}", "a rule for who must connect", fix))
    if not addresses:
        return note(what, f"not known: no address here; {groups} let in {_format_blocks(rules)} {others}".rstrip())
    if not outside:
        return build_ok(what, f"{groups} let in {', '.join(addresses)} at port {port}")
    also = f", and members of {others}, which can't be known from here" if others else ""
    return note(
        what, f"not known: {groups} let in {_format_blocks(rules)}{also}; {', '.join(outside)} is in none of these"
    )


def _format_blocks(rules: Sequence[Ingress]) -> str:
    return ", ".join(dict.fromkeys(rule.block for rule in rules if rule.block)) or "no block of addresses"


def holds(block: str, address: str) -> bool:
    """Tells whether an address is in a block (CIDR), both of one IP version."""
    network = ip_network(block, strict=False)
    parsed = ip_address(address.partition("%")[0])
    return parsed.version == network.version and parsed in network
