"""What else in the account and the server knows the source's instance. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BACKUP_PLAN = "backup-plan"
"""The end of the name of the problem that the database which serves is in no backup plan."""


class DependentKind(StrEnum):
    """As the names of problems have it: `serving.dependent:alarm/<name>`."""

    PROXY = "proxy"
    ALARM = "alarm"
    EVENT_SUBSCRIPTION = "event-subscription"
    BACKUP_SELECTION = "backup-selection"
    IAM_POLICY = "iam-policy"
    FEATURE_ROLE = "feature-role"
    SECRET = "secret"
    DNS_RECORD = "dns-record"
    REPLICATION_SLOT = "replication-slot"
    SUBSCRIPTION = "subscription"
    READ_REPLICA = "read-replica"


class KnownBy(StrEnum):
    """By what a dependent knows the instance: an identifier (and with it ARN and endpoint) can move to another
    instance, a DbiResourceId can't."""

    IDENTIFIER = "its identifier"
    RESOURCE_ID = "its DbiResourceId"
    ARN = "its ARN"
    TAGS = "its tags"
    ENDPOINT = "its endpoint"
    ITSELF = "being in it"


class Follow(StrEnum):
    """The key `dependents`: whether they are only listed, or re-pointed as well."""

    LIST = "list"
    FOLLOW = "follow"


@dataclass(frozen=True)
class Dependent:
    """One thing that knows the instance. `place` is where it stands (a proxy's target group, a plan, a zone, a policy's
    ARN), `detail` what the operator should know besides; never a secret's value."""

    kind: DependentKind
    name: str
    known_by: KnownBy
    place: str = ""
    detail: str = ""

    @property
    def key(self) -> str:
        """Its name in problems, evidence and waivers."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class BackupSelection:
    """One selection of an AWS Backup plan, as GetBackupSelection describes it."""

    plan_id: str
    plan_name: str
    selection_id: str
    name: str
    role_arn: str
    resources: tuple[str, ...] = ()
    """ARNs and patterns of ARNs that are selected."""
    not_resources: tuple[str, ...] = ()
    any_tags: tuple[tuple[str, str], ...] = ()
    """ListOfTags: one of these is enough."""
    conditions: tuple[tuple[str, str, str], ...] = ()
    """Conditions: operator, key and value; all must hold."""


@dataclass(frozen=True)
class Dependents:
    """What was found, and what could not be asked, by what it would have been, with the reason."""

    found: tuple[Dependent, ...] = ()
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])

    def select_kind(self, *kinds: DependentKind) -> tuple[Dependent, ...]:
        return tuple(item for item in self.found if item.kind in kinds)
