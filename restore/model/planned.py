"""What one `up` declares, as values: the plan and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from restore.model.dump import DumpVersion
from restore.model.rds import Endpoint, Instance, InstanceSettings
from restore.model.request import Method, Traffic
from validation.verdict import Verdict as Verdict


@dataclass(frozen=True)
class AppPlan:
    """One Deployment's wanted state: replicas, and the endpoint that its pods are to use (template annotation)."""

    name: str
    replicas: int
    recorded_replicas: int
    former_manager: str | None
    endpoint: Endpoint
    reapplied: str
    """Changes when somebody else changed the replicas, so that the patch is applied again: the engine compares inputs
    with its state, not with the cluster (Pulumi documentation, "pulumi refresh")."""
    health: str | None = None
    database: str = ""
    """With cutover rename: DbiResourceId of the database behind the endpoint, which is the same before and after."""
    served: str = ""
    """With cutover rename: DbiResourceId of the candidate, once the Deployment was started on it."""

    @property
    def pod_annotation(self) -> str:
        """What its pods carry: another value for another database, so that pods are started again for it."""
        return f"{self.endpoint} {self.database}" if self.database else str(self.endpoint)


@dataclass(frozen=True)
class RenamePlan:
    """Which instance is to have production's identifier, and what the other one is called then. Identifiers move, so
    both are meant by DbiResourceId."""

    production: str
    holder: str
    """DbiResourceId of the one that is to have it."""
    leaver: str | None
    """DbiResourceId of the other one; None where it is gone."""
    aside: str
    """Identifier of the other one, if it has to give production's away."""


@dataclass(frozen=True)
class SecretPlan:
    """The wanted value of the connection secret's key."""

    name: str
    key: str
    url: str = field(repr=False)
    original_url: str = field(repr=False)
    """What the key held before this restore changed it: the way back."""
    endpoint: Endpoint
    previous: Endpoint
    former_manager: str | None
    reapplied: str = ""
    """A marker like AppPlan's: it changes when the live URL isn't the wanted one; the patch is then applied again."""
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What each key is to hold that this restore writes."""
    original_values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    previous_also: Mapping[str, str] = field(default_factory=dict[str, str])
    """The host:port that each further key named before this restore changed it."""


@dataclass(frozen=True)
class NewInstance:
    """What an empty instance needs besides settings: nothing gives it a login or encryption."""

    master_user: str
    kms_key_id: str | None
    """None: the key aws/rds of the account."""


@dataclass(frozen=True)
class CopyPlan:
    """The copy of a snapshot that can't be restored as it is."""

    original: str
    """ARN of the snapshot."""
    name: str
    kms_key_id: str | None
    tags: Mapping[str, str]
    adopt: str | None
    """Its identifier when it exists: to import."""


@dataclass(frozen=True)
class ParameterGroupPlan:
    """A parameter group that the region lacks, or lacked when this restore began."""

    name: str
    family: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    adopt: str | None
    """Its name when it exists: to import."""


@dataclass(frozen=True)
class RecoveryPoint:
    """Resolved: exactly one of `snapshot`, `time`, `latest`, `dump` says what the candidate is made from."""

    method: Method
    snapshot: str | None = None
    copy_of: str | None = None
    """The snapshot that can't be restored as it is: `snapshot` is the copy that this restore makes of it."""
    time: datetime | None = None
    latest: bool = False
    source_resource_id: str | None = None
    automated_backup_arn: str | None = None
    """Set for a retained or replicated automated backup; otherwise PITR goes by the source's resource id."""
    dump: DumpVersion | None = None
    tag: str = ""
    at: datetime | None = None
    """The moment of the data: the restore time, the snapshot's or the dump's; None for `latest` until it is made."""
    until: datetime | None = None
    """When a dump was stored: its data is of a moment from `at` until then."""


@dataclass(frozen=True)
class Plan:
    """What one `up` declares. Pure data; restore/program turns it into resources."""

    id: str
    stack: str
    region: str
    traffic: Traffic
    found_traffic: Traffic | None
    """Which database serves the applications now; None for a half-done move."""
    point: RecoveryPoint
    candidate: str
    """Identifier of the candidate."""
    candidate_found: Instance | None
    adopt: str | None
    """DbiResourceId to import: equal to the state's id when it is already there, so always safe to pass."""
    settings: InstanceSettings
    engine_version: str | None
    tags: Mapping[str, str]
    final_snapshot: str
    source: Instance | None
    safety_snapshot: str | None
    """Identifier of the source's safety snapshot; None while traffic was never frozen, or the source is gone."""
    apps: tuple[AppPlan, ...]
    """Empty while traffic was never moved: the Deployments are then not declared at all."""
    secret: SecretPlan | None
    """None while the secret was never switched."""
    serving: Instance | None
    """The one of source and candidate that the applications' URL names after this run, as found; None: it is gone."""
    left: Instance | None
    """The other one; None: it is gone, or not made yet."""
    switched_before: bool = False
    """The candidate serves or has served: it is production, or holds what production wrote."""
    rename: RenamePlan | None = None
    """With cutover rename, in a run that moves the applications."""
    fresh: NewInstance | None = None
    """For method dump."""
    copy: CopyPlan | None = None
    parameter_group: ParameterGroupPlan | None = None
    adopt_safety: str | None = None
    """The safety snapshot's identifier when it exists: to import, as `adopt` is."""
    backup_plans: Mapping[str, str] = field(default_factory=dict[str, str])
    """The AWS Backup plans that the source is in: their names, by id."""
    expected: str = ""
    """How long the restore takes from its beginning to a validated database, and by what that is known."""
    approvals: int = 1
    """How many persons a switch needs: who runs it, and with 2 somebody else who approves it."""
    notes: tuple[str, ...] = ()
    """What the operator should know, as lines: what stops, what is created, what is lost, how long."""
