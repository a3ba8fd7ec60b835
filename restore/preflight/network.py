"""Rules about the network: who must reach the candidate isn't shut out by what stands before it. Pure.

What shuts out is judged in passage.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from restore.cutover import traffic
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem
from restore.model import waivers
from restore.model.context import RestoreContext
from restore.model.network import PATH_CHECK, Network, Target
from restore.model.request import Traffic
from restore.preflight.passage import Passage, State, judge

PODS, HERE = "pods", "here"
NAMES = {PODS: "the pods", HERE: "here"}


@dataclass(frozen=True)
class Path:
    """From whom to which database, and whether there is a way."""

    origin: str
    """PODS or HERE."""
    target: Target
    passage: Passage

    @property
    def subject(self) -> str:
        return f"path from {NAMES[self.origin]}"

    @property
    def problem(self) -> Problem:
        """What a path that is closed is refused with."""
        groups = " ".join(self.target.groups)
        return Problem(
            f"path from {NAMES[self.origin]}",
            f"to {self.target.instance}: {self.passage.why}",
            f"a way to port {self.target.port}, for gates, Jobs and applications",
            f"aws ec2 describe-security-groups --group-ids {groups}; or: pulumi config set --path "
            "'instance.vpcSecurityGroupIds[0]' <group>",
        )


def is_asked(context: RestoreContext) -> bool:
    """Tells whether the path can still be asked before the first application stops, or before a rehearsal."""
    if traffic.find_pointing(context) is ConnectionTarget.CANDIDATE:
        return False
    match context.request.traffic:
        case Traffic.FROZEN:
            return any(deployment.replicas for _, deployment in context.apps)
        case Traffic.SOURCE:
            return not context.manages_any
        case Traffic.RESTORED:
            return False


def judge_paths(network: Network) -> tuple[Path, ...]:
    """Judges every path of which something is known, each origin's together."""
    return tuple(
        Path(origin, target, judge(target, callers, network.interfaces))
        for origin, callers in ((PODS, network.pods), (HERE, network.here))
        for target in network.targets
        if target.ingress is not None and (callers or (origin == PODS and not target.ingress))
    )


def check_path_open(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a path that is surely closed, and security groups that aren't there, unless waived by name."""
    network = context.inventory.network or Network()
    shut = [(path.origin, path.problem) for path in _list_judged(context) if path.passage.state is State.CLOSED]
    for origin, problem in [*shut, *(("groups", _build_no_group(target)) for target in network.targets if target.gone)]:
        check = f"{PATH_CHECK}:{origin}"
        if not waivers.is_waived(check, context.settings.waive):
            yield waivers.add_command(problem, check)


def _build_no_group(target: Target) -> Problem:
    groups = " ".join(target.groups)
    return Problem(
        "config instance.vpcSecurityGroupIds",
        f"one of {groups} doesn't exist in this region",
        f"security groups for {target.instance}",
        "aws ec2 describe-security-groups --query 'SecurityGroups[].[GroupId,GroupName]' --output text; "
        "pulumi config set --path 'instance.vpcSecurityGroupIds[0]' <group>",
    )


def _list_judged(context: RestoreContext) -> Iterator[Path]:
    """Yields the first path of each origin that isn't open. What this machine has just connected to is open."""
    told: set[tuple[str, str]] = set()
    for path in judge_paths(context.inventory.network or Network()):
        reached = path.origin == HERE and is_as_to_source(context, path.target) and not context.inventory.source_silence
        key = (path.origin, path.passage.why)
        if path.passage.state is not State.OPEN and not reached and key not in told:
            told.add(key)
            yield path


def is_as_to_source(context: RestoreContext, target: Target) -> bool:
    """Tells whether a database stands behind the same groups as the source, in the same subnets."""
    source = context.local_source
    return (
        source is not None
        and set(source.settings.vpc_security_group_ids) == set(target.groups)
        and (source.settings.db_subnet_group_name or "") == target.subnet_group
    )


def list_path_lines(context: RestoreContext) -> Iterable[str]:
    """Says in one line what isn't known, unless it is the way by which the source is reached today; and the tunnel that
    the candidate will need."""
    network = context.inventory.network
    if network is None:
        return
    unknown = [
        f"{path.subject} to {path.target.instance}: {path.passage.why}"
        for path in _list_judged(context)
        if path.passage.state is State.UNKNOWN and not is_as_to_source(context, path.target)
    ]
    if unknown:
        yield f"note: not known whether there is a {'; '.join(unknown)}"
    if network.unasked:
        told = "; ".join(f"{name} ({why})" for name, why in network.unasked.items())
        yield f"note: not asked: the network path: {told}; docs/permissions.md has the rights"
    source = context.local_source
    if source and source.endpoint and source.endpoint.via and context.candidate_name not in context.settings.tunnel:
        yield (
            f"note: the source is reached through a tunnel; {context.candidate_name} needs one of its own once it is "
            'made (docs/runner.md, "A tunnel"), before its gates'
        )
