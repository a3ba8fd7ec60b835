"""One restore as asked for and as found: what rules, plan and notes look at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from restore.model import identifiers
from restore.model.cluster import Deployment
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ID, ANNOTATION_SERVED, TAG_CLOSED, TAG_ID, TAG_STACK
from restore.model.rds import Instance, Snapshot
from restore.model.region import SourceRegion
from restore.model.request import App, Cutover, Request, Settings

ENGINE = "postgres"


@dataclass(frozen=True)
class RestoreContext:
    """Settings with a request, and the inventory read for them."""

    settings: Settings
    request: Request
    inventory: Inventory

    @property
    def candidate_name(self) -> str:
        return identifiers.name_candidate(self.settings.source, self.request.id)

    @property
    def aside_name(self) -> str:
        """What the source is called while the candidate has its name."""
        return identifiers.name_aside(self.settings.source, self.request.id)

    @property
    def renames(self) -> bool:
        return self.request.cutover is Cutover.RENAME

    @property
    def safety_name(self) -> str:
        return identifiers.name_safety_snapshot(self.settings.source, self.request.id)

    @property
    def source(self) -> Instance | None:
        return self.inventory.source

    @property
    def local_source(self) -> Instance | None:
        return self.inventory.local_source

    @property
    def source_region(self) -> SourceRegion | None:
        """The source's region, where it isn't the stack's."""
        return self.inventory.source_region

    @cached_property
    def candidate(self) -> Instance | None:
        """The instance that this restore made, under its own identifier or the source's."""
        instance = self.inventory.candidate
        return instance if instance and self.is_ours(instance.tags) and TAG_CLOSED not in instance.tags else None

    @property
    def copy_name(self) -> str:
        return identifiers.name_snapshot_copy(self.settings.source, self.request.id)

    @cached_property
    def copy(self) -> Snapshot | None:
        """The copy of the snapshot, if this restore made it."""
        snapshot = self.inventory.copy
        return snapshot if snapshot and self.is_ours(snapshot.tags) else None

    @cached_property
    def safety(self) -> Snapshot | None:
        """The safety snapshot, if this restore took it."""
        snapshot = self.inventory.safety_snapshot
        return snapshot if snapshot and self.is_ours(snapshot.tags) else None

    def is_ours(self, tags: Mapping[str, str]) -> bool:
        return tags.get(TAG_ID) == self.request.id and tags.get(TAG_STACK) == self.settings.stack

    @cached_property
    def apps(self) -> tuple[tuple[App, Deployment], ...]:
        """The applications whose Deployments exist."""
        pairs = ((app, self.inventory.cluster.deployments.get(app.name)) for app in self.settings.apps)
        return tuple((app, deployment) for app, deployment in pairs if deployment)

    def is_held(self, annotations: Mapping[str, str]) -> bool:
        """Tells whether this restore has taken the object over."""
        return annotations.get(ANNOTATION_ID) == self.request.id

    @cached_property
    def manages_secret(self) -> bool:
        secret = self.inventory.cluster.secret
        return bool(secret and self.is_held(secret.annotations))

    @cached_property
    def has_served(self) -> bool:
        """Whether a Deployment was ever started on the candidate, by the notes of cutover rename."""
        return any(
            self.is_held(deployment.annotations) and deployment.annotations.get(ANNOTATION_SERVED)
            for _, deployment in self.apps
        )

    @cached_property
    def manages_any(self) -> bool:
        """Whether traffic was ever moved by this restore."""
        return self.manages_secret or any(self.is_held(deployment.annotations) for _, deployment in self.apps)
