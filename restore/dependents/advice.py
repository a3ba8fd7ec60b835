"""What a switch does to each kind of dependent, and what to do about it. Pure.

What follows a name: RDS User Guide, "Renaming a DB instance": endpoint and ARN are made of the identifier, metrics and
events belong to it, tags, read replicas and the DbiResourceId stay with the instance.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from restore.model.dependents import Dependent, DependentKind, KnownBy
from restore.model.rds import Instance
from restore.model.request import Request

K = DependentKind
SECRET, RENAME = "secret", "rename"
"""Kinds of cutover, as the key `cutover` has them."""
FOLLOWED = frozenset({K.PROXY, K.ALARM, K.EVENT_SUBSCRIPTION, K.BACKUP_SELECTION})
"""What `dependents: follow` re-points; everything else is only listed."""


@dataclass(frozen=True)
class Kind:
    """`effect`: what becomes of it by a cutover by secret; `page`: the page that says how to re-point it."""

    plural: str
    effect: str
    page: str


KINDS: Mapping[DependentKind, Kind] = {
    K.PROXY: Kind("RDS Proxies", "go on connecting to the source", 'docs/dependents.md, "RDS Proxy"'),
    K.ALARM: Kind("CloudWatch alarms", "go on watching the source", 'docs/dependents.md, "Alarms"'),
    K.EVENT_SUBSCRIPTION: Kind(
        "event subscriptions", "go on telling of the source", 'docs/dependents.md, "Event subscriptions"'
    ),
    K.BACKUP_SELECTION: Kind(
        "AWS Backup selections", "go on backing up the source", 'docs/dependents.md, "AWS Backup"'
    ),
    K.IAM_POLICY: Kind("IAM policies", "go on letting log in to the source only", 'docs/dependents.md, "IAM policies"'),
    K.FEATURE_ROLE: Kind(
        "feature roles", "are given to the restored instance by gate conformed", 'docs/dependents.md, "Feature roles"'
    ),
    K.SECRET: Kind(
        "Secrets Manager secrets",
        "go on naming the source, and rotation changes its password",
        'docs/dependents.md, "Secrets"',
    ),
    K.DNS_RECORD: Kind("DNS records", "go on pointing to the source", 'docs/dependents.md, "DNS records"'),
    K.REPLICATION_SLOT: Kind(
        "logical replication slots",
        "stay in the source: a restored database has none",
        'docs/dependents.md, "Logical replication"',
    ),
    K.SUBSCRIPTION: Kind(
        "logical subscriptions",
        "come along with the restore, enabled, and share their slot",
        'docs/dependents.md, "Logical replication"',
    ),
    K.READ_REPLICA: Kind("read replicas", "go on replicating the source", 'docs/dependents.md, "Read replicas"'),
}
MOVES_WITH_NAME = frozenset({KnownBy.IDENTIFIER, KnownBy.ARN, KnownBy.ENDPOINT})
STAYS_WITH_INSTANCE = frozenset({K.READ_REPLICA, K.REPLICATION_SLOT, K.SUBSCRIPTION, K.FEATURE_ROLE})
"""Whatever the instance is called."""


def read_cutover(request: Request) -> str:
    """Returns how traffic is switched."""
    return str(getattr(request, "cutover", SECRET))


def stays_behind(dependent: Dependent, cutover: str) -> bool:
    """Tells whether the dependent still belongs to the former instance after such a cutover.

    A rename takes along what knows the instance by a name; RDS Proxy stays with the instance it has registered."""
    if cutover == RENAME and dependent.known_by in MOVES_WITH_NAME:
        return dependent.kind in STAYS_WITH_INSTANCE or dependent.kind is K.PROXY
    return dependent.known_by is not KnownBy.TAGS and dependent.kind is not K.FEATURE_ROLE


def describe_effect(dependent: Dependent, cutover: str) -> str:
    """Returns what becomes of it, as the end of a sentence about several."""
    if dependent.known_by is KnownBy.TAGS:
        return "take the restored instance along, which has the source's tags"
    if cutover == RENAME and not stays_behind(dependent, cutover) and dependent.kind is not K.FEATURE_ROLE:
        return "follow the name to the restored instance"
    return KINDS[dependent.kind].effect


def build_command(dependent: Dependent, former: Instance, serving: Instance) -> str:
    """Returns the command that points a dependent from one instance to the other, or the page that says how."""
    make = COMMANDS.get(dependent.kind)
    return make(dependent, former, serving) if make else KINDS[dependent.kind].page


def _build_proxy_command(dependent: Dependent, former: Instance, serving: Instance) -> str:
    name = shlex.quote(dependent.name)
    return (
        f"aws rds deregister-db-proxy-targets --db-proxy-name {name} --db-instance-identifiers {former.identifier}; "
        f"aws rds register-db-proxy-targets --db-proxy-name {name} --db-instance-identifiers {serving.identifier}"
    )


def _build_alarm_command(dependent: Dependent, former: Instance, serving: Instance) -> str:
    del former, serving
    return f"aws cloudwatch describe-alarms --alarm-names {shlex.quote(dependent.name)}; {KINDS[K.ALARM].page}"


def _build_subscription_command(dependent: Dependent, former: Instance, serving: Instance) -> str:
    name = f"--subscription-name {shlex.quote(dependent.name)} --source-identifier"
    return (
        f"aws rds add-source-identifier-to-subscription {name} {serving.identifier}; "
        f"aws rds remove-source-identifier-from-subscription {name} {former.identifier}"
    )


def _build_selection_command(dependent: Dependent, former: Instance, serving: Instance) -> str:
    del former
    plan, _, role = dependent.place.partition(" ")
    selection = f"SelectionName=restored,IamRoleArn={role},Resources={serving.arn}"
    return f"aws backup create-backup-selection --backup-plan-id {plan} --backup-selection {selection}"


COMMANDS: Mapping[DependentKind, Callable[[Dependent, Instance, Instance], str]] = {
    K.PROXY: _build_proxy_command,
    K.ALARM: _build_alarm_command,
    K.EVENT_SUBSCRIPTION: _build_subscription_command,
    K.BACKUP_SELECTION: _build_selection_command,
}
