"""Traffic under kills and other people's hands: random histories, and what must hold after every `up` that succeeds.

The engine is modelled by what matters here: a patch is sent only when its inputs differ from those saved last, a kill
can come before or after saving, and patches of one phase go in any order.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from restore.errors import Refused
from restore.model.cluster import Cluster, ConnectionSecret, Deployment
from restore.model.inventory import Inventory
from restore.model.labels import (
    ANNOTATION_ENDPOINT,
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_PREVIOUS,
    ANNOTATION_REAPPLIED,
    ANNOTATION_REPLICAS,
)
from restore.model.planned import AppPlan, Plan, SecretPlan
from restore.model.request import Traffic
from restore.plan import make
from tests.support.worlds import PITR, SWITCHED_URL, URL, asked, candidate, deployment, inventory, safety, settings
from tests.support.worlds import secret as found_secret

FOUND = {"api": 3, "indexer": 2}
ROUNDS = 14


class KilledError(Exception):
    """The run ends here, wherever it was."""


@dataclass
class GateContext:
    """The cluster, the engine's state, and whose data each application's pods use."""

    chance: random.Random
    apps: dict[str, Deployment] = field(default_factory=lambda: {n: deployment(n, r) for n, r in FOUND.items()})
    secret: ConnectionSecret = field(default_factory=found_secret)
    uses: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(FOUND, URL))
    state: dict[str, object] = field(default_factory=dict[str, object])
    made: bool = False
    saved: bool = False
    versions: int = 0

    def version(self) -> str:
        self.versions += 1
        return f"rv-{self.versions}"

    def inventory(self) -> Inventory:
        found = candidate() if self.made else None
        taken = safety() if self.saved else None
        return inventory(candidate=found, safety_snapshot=taken, cluster=Cluster(dict(self.apps), (), self.secret))

    # What `up` does

    def up(self, traffic: Traffic, kill_after: int | None = None) -> bool:
        """Whether it went through; False when it was refused or killed."""
        try:
            plan = make(settings(asked(PITR, traffic=traffic)), self.inventory())
        except Refused:
            return False
        try:
            self.apply(plan, kill_after)
        except KilledError:
            return False
        return True

    def apply(self, plan: Plan, kill_after: int | None) -> None:
        patches = [self.deployment_patch(plan, app) for app in plan.apps]
        self.chance.shuffle(patches)
        first = [self.secret_patch(plan, plan.secret)] if plan.secret else []
        steps = [*first, *patches, ("candidate", "made", self.make_candidate)]
        if plan.traffic is Traffic.FROZEN:
            self.chance.shuffle(steps)
            steps.append(("safety", "taken", self.take_snapshot))
        for number, (key, inputs, act) in enumerate(steps):
            killed = number == kill_after
            if self.state.get(key) != inputs:
                if killed and self.chance.random() < 0.3:
                    raise KilledError
                act()
                if killed and self.chance.random() < 0.5:
                    raise KilledError
                self.state[key] = inputs
            if killed:
                raise KilledError

    def make_candidate(self) -> None:
        self.made = True

    def take_snapshot(self) -> None:
        self.saved = True

    def deployment_patch(self, plan: Plan, app: AppPlan) -> tuple[str, object, Callable[[], None]]:
        notes = {
            ANNOTATION_ID: plan.id,
            ANNOTATION_REPLICAS: str(app.recorded_replicas),
            ANNOTATION_MANAGER: app.former_manager or "",
            ANNOTATION_REAPPLIED: app.reapplied,
        }
        template = {ANNOTATION_ENDPOINT: str(app.endpoint)}

        def act() -> None:
            found = self.apps[app.name]
            started = found.replicas == 0 or found.template_annotations != template
            if app.replicas == 0:
                self.uses[app.name] = None
            elif started:
                self.uses[app.name] = self.secret.url
            self.apps[app.name] = replace(
                found,
                replicas=app.replicas,
                annotations={**found.annotations, **notes},
                template_annotations=template,
                replicas_manager="pulumi-restore/Apply",
                resource_version=self.version(),
            )

        return app.name, (app.replicas, notes, template), act

    def secret_patch(self, plan: Plan, wanted: SecretPlan) -> tuple[str, object, Callable[[], None]]:
        notes = {
            ANNOTATION_ID: plan.id,
            ANNOTATION_PREVIOUS: str(wanted.previous),
            ANNOTATION_MANAGER: wanted.former_manager or "",
            ANNOTATION_REAPPLIED: wanted.reapplied,
        }

        def act() -> None:
            kept = {**self.secret.annotations, **notes}
            self.secret = replace(self.secret, url=wanted.url, annotations=kept, resource_version=self.version())

        return "secret", (wanted.url, notes), act

    # What other people do

    def scaled(self) -> None:
        """Somebody scales an application, or starts it."""
        name = self.chance.choice(list(FOUND))
        count = self.chance.choice([1, 4])
        if self.apps[name].replicas == 0:
            self.uses[name] = self.secret.url
        self.apps[name] = replace(
            self.apps[name], replicas=count, replicas_manager="kubectl/Update", resource_version=self.version()
        )

    def recreated(self) -> None:
        """Somebody deletes a Deployment and applies its manifest again."""
        name = self.chance.choice(list(FOUND))
        self.apps[name] = deployment(name, FOUND[name], resource_version=self.version())
        self.uses[name] = self.secret.url

    def secret_applied(self) -> None:
        """Somebody applies the manifest of the Secret again: annotations of others stay."""
        self.secret = replace(self.secret, url=URL, resource_version=self.version())

    # What must hold

    def databases_in_use(self) -> set[str]:
        return {url for name, url in self.uses.items() if url and self.apps[name].replicas}

    def holds(self, traffic: Traffic) -> None:
        replicas = {name: found.replicas for name, found in self.apps.items()}
        if traffic is Traffic.FROZEN:
            assert replicas == dict.fromkeys(FOUND, 0)
            return
        url = SWITCHED_URL if traffic is Traffic.RESTORED else URL
        assert all(replicas.values())
        assert self.databases_in_use() == {url}
        assert self.secret.url == url


@pytest.mark.parametrize("seed", range(6))
def test_no_kill_ever_has_both_databases_written_or_loses_replicas_or_the_url(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        context = GateContext(chance)
        for _ in range(ROUNDS):
            traffic = chance.choice(list(Traffic))
            if context.up(traffic, kill_after=chance.choice([None, None, 0, 1, 2, 3])):
                context.holds(traffic)
            assert len(context.databases_in_use()) <= 1
        for traffic in (Traffic.FROZEN, Traffic.RESTORED, Traffic.FROZEN, Traffic.SOURCE):
            assert context.up(traffic)
            context.holds(traffic)
        assert {name: found.replicas for name, found in context.apps.items()} == FOUND
        assert context.secret.url == URL


@pytest.mark.parametrize("seed", range(6))
def test_whatever_others_do_meanwhile_an_up_that_succeeds_means_what_it_says(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        context = GateContext(chance)
        for _ in range(ROUNDS):
            chance.choice([context.scaled, context.recreated, context.secret_applied, lambda: None])()
            traffic = chance.choice([Traffic.FROZEN, Traffic.FROZEN, Traffic.RESTORED, Traffic.SOURCE])
            before = context.databases_in_use()
            if context.up(traffic, kill_after=chance.choice([None, None, 0, 1, 2, 3])) and len(before) <= 1:
                context.holds(traffic)
        for traffic in (Traffic.FROZEN, Traffic.RESTORED, Traffic.FROZEN, Traffic.SOURCE):
            assert context.up(traffic)
            context.holds(traffic)
        assert context.secret.url == URL
