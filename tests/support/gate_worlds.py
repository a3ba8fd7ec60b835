"""A world for gates: the plan is a real one, each outside system a stand-in that answers from memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Mapping
from collections.abc import Sequence as SequenceOf
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from restore import plan as plans
from restore import postgres
from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.evidence import Store
from restore.gates.context import GateContext
from restore.gates.hook import Gate, Proof, Running, Watch, attempt
from restore.kubernetes import Pod
from restore.model.cluster import Deployment, Reference, Writer
from restore.model.inventory import Inventory
from restore.model.labels import ANNOTATION_ENDPOINT
from restore.model.rds import AutomatedBackup, Credential, Endpoint, Instance, InstanceSettings, Snapshot
from restore.model.request import QuietSettings, Request, Settings, Tls, Traffic
from restore.postgres import Activity, Attempt, Fence, Quiet, Session
from restore.postgres.background_writers import BackgroundWriter
from restore.postgres.errors import LOGIN_PAGE
from restore.postgres.sequences import Name, Sequence
from restore.postgres.write_counters import WriteCounters
from sandbox.machine.layout import CHECKOUT
from tests.support import worlds
from tests.support.skipped_waits import skipped_waits

STOPPED = TemporaryError.of(Problem("PostgreSQL", "connection refused", "an answer", LOGIN_PAGE))
REFUSED = PermanentError.of(Problem("PostgreSQL", "password authentication failed", "a login", LOGIN_PAGE))
QUIET_AT = datetime(2026, 11, 22, 14, 50, tzinfo=UTC)
QUIET = Quiet((), (), Activity(QUIET_AT, 0, 0, 0), Activity(QUIET_AT, 0, 0, 0))
COUNTERS = WriteCounters(QUIET_AT, QUIET_AT, None, 100, {"public.users": 100})
KNOWN = "the instance was stopped by the storage team"
WRITER = Session(7, "shop_app", "shop", "forgotten", "10.0.0.9", "idle", None)
DEAD = worlds.instance(status="stopped")
NO_SNAPSHOT = {"safety-snapshot": KNOWN}
PROVED = {"proved": "db-CANDIDATE", "resource_id": "db-CANDIDATE"}
"""The receipt of `switched`."""
MAY_ALL = Attempt("shop_app", "shop", "17.10", recovering=False, schema="public", missing_privileges=())


@dataclass
class Rds:
    """Instances by identifier, and every change that was asked for."""

    instances: list[Instance]
    modified: list[tuple[str, InstanceSettings]] = field(default_factory=list[tuple[str, InstanceSettings]])
    roles: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    rebooted: list[str] = field(default_factory=list[str])
    passwords: dict[str, str] = field(default_factory=dict[str, str])
    renamed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    refusals: list[RestoreError] = field(default_factory=list[RestoreError])
    windows: tuple[AutomatedBackup, ...] = ()

    def list_automated_backups(self, *, resource_id: str) -> tuple[AutomatedBackup, ...]:
        return tuple(one for one in self.windows if one.source_resource_id == resource_id)

    def find_snapshot(self, identifier: str) -> Snapshot | None:
        del identifier
        return None

    def find_instance(self, identifier: str) -> Instance | None:
        return next((instance for instance in self.instances if instance.identifier == identifier), None)

    def find_instance_by_resource_id(self, resource_id: str) -> Instance | None:
        return next((instance for instance in self.instances if instance.resource_id == resource_id), None)

    def wait_until(self, resource_id: str, condition: Callable[[Instance], bool], **_: object) -> Instance:
        instance = self.find_instance_by_resource_id(resource_id)
        assert instance is not None
        if not condition(instance):
            raise TemporaryError(f"out of time; {instance.identifier} is {instance.status}")
        return instance

    def modify(self, resource_id: str, desired: InstanceSettings, *, ours: InstanceSettings | None = None) -> None:
        del ours
        self.modified.append((resource_id, desired))
        values = {item.name: getattr(desired, item.name) for item in fields(desired)}
        named = {name: value for name, value in values.items() if value not in (None, ())}
        self._change(resource_id, lambda instance: replace(instance, settings=replace(instance.settings, **named)))

    def rename(self, resource_id: str, identifier: str, waived: SequenceOf[str] = ()) -> str:
        """Fails as often as `refusals` says; otherwise it is done at once."""
        del waived
        if self.refusals:
            raise self.refusals.pop(0)
        former = self.find_instance_by_resource_id(resource_id)
        assert former is not None
        assert self.find_instance(identifier) is None
        self.renamed.append((former.identifier, identifier))
        self._change(resource_id, lambda one: replace(one, identifier=identifier, pending={}))
        return former.identifier

    def add_role(self, resource_id: str, role: str) -> None:
        self.roles.append((resource_id, role))
        self._change(
            resource_id,
            lambda instance: replace(
                instance,
                settings=replace(instance.settings, associated_roles=(*instance.settings.associated_roles, role)),
            ),
        )

    def reboot(self, resource_id: str) -> None:
        self.rebooted.append(resource_id)
        self._change(resource_id, lambda instance: replace(instance, parameters_pending_reboot=False))

    def _change(self, resource_id: str, change: Callable[[Instance], Instance]) -> None:
        self.instances = [
            change(instance) if instance.resource_id == resource_id else instance for instance in self.instances
        ]

    def set_master_password(self, resource_id: str, password: str) -> None:
        self.passwords[resource_id] = password


@dataclass
class Namespace:
    found: Mapping[str, Deployment | None]
    url: str
    by_selector: Mapping[str, SequenceOf[Pod]] = field(default_factory=dict[str, SequenceOf[Pod]])
    writers: tuple[Writer, ...] = ()
    told: tuple[Reference, ...] = ()
    later: list[str] = field(default_factory=list[str])
    """URLs that are read before `url`, the last first."""

    def read_deployments(self, names: SequenceOf[str]) -> Mapping[str, Deployment | None]:
        return {name: self.found.get(name) for name in names}

    def list_pods(self, selector: str) -> SequenceOf[Pod]:
        return self.by_selector.get(selector, ())

    def read_connection_secret(self, _secret: object) -> Any:
        return worlds.secret(self.later.pop() if self.later else self.url)

    def find_references(self, _apps: object, _secret: object) -> tuple[Reference, ...]:
        return self.told

    def find_secret_writers(self, _secret: object) -> tuple[Writer, ...]:
        return self.writers


class Secrets:
    def read_login(self, _login: object, _endpoint: Endpoint) -> Credential:
        return Credential("admin", "operators-password")


@dataclass
class Databases:
    """PostgreSQL by host: what a connection, or the application's read of a row, comes to there."""

    down: dict[str, RestoreError] = field(default_factory=dict[str, RestoreError])
    unread: dict[str, RestoreError] = field(default_factory=dict[str, RestoreError])
    rest: Quiet = QUIET
    before: list[Quiet] = field(default_factory=list[Quiet])
    """What is observed before that, the last first."""
    login: Attempt | RestoreError = MAY_ALL
    counters: WriteCounters = COUNTERS
    writers: list[BackgroundWriter] = field(default_factory=list[BackgroundWriter])
    sequences: dict[str, dict[Name, Sequence]] = field(default_factory=dict[str, dict[Name, Sequence]])
    there: dict[str, tuple[Session, ...]] = field(default_factory=dict[str, tuple[Session, ...]])
    asked: list[str] = field(default_factory=list[str])
    started: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When each server was started, by the host that reaches it."""

    @contextmanager
    def connect(self, endpoint: Endpoint, *_: object) -> Generator[str]:
        self.asked.append(endpoint.host)
        if endpoint.host in self.down:
            raise self.down[endpoint.host]
        yield endpoint.host

    def read_row(self, _url: str, endpoint: Endpoint, _tls: Tls) -> str:
        self.asked.append(endpoint.host)
        if error := self.unread.get(endpoint.host) or self.down.get(endpoint.host):
            raise error
        return "public.users"

    def list_sessions(self, connection: str) -> tuple[Session, ...]:
        return self.there.get(connection, ())

    def read_server_start(self, connection: str) -> datetime:
        return self.started.get(connection, QUIET_AT)

    def read_counters(self, _connection: str) -> WriteCounters:
        return self.counters

    def read_next_transaction(self, _connection: str) -> int:
        return 1234

    def read_settings(self, _connection: str) -> tuple[str, list[BackgroundWriter]]:
        return "", list(self.writers)

    def list_subscriptions(self, _connection: str) -> list[BackgroundWriter]:
        return []

    def list_sequences(self, host: str) -> Mapping[Name, Sequence]:
        return dict(self.sequences.get(host, {}))

    def set_sequence(self, host: str, name: Name, last: int) -> None:
        self.sequences[host][name] = replace(self.sequences[host][name], last=last)

    def read_fence(self, _connection: str, _role: str) -> Fence:
        return Fence(can_login=True, restore_id="", comment="")

    def install(self, patch: pytest.MonkeyPatch) -> None:
        def observe(*_: object) -> Quiet:
            return self.before.pop() if self.before else self.rest

        def try_login(*_: object) -> Attempt:
            if isinstance(self.login, RestoreError):
                raise self.login
            return self.login

        patch.setattr(postgres, "connect", self.connect)
        patch.setattr(postgres, "read_row", self.read_row)
        patch.setattr(postgres, "list_sessions", self.list_sessions)
        patch.setattr(postgres, "observe", observe)
        patch.setattr(postgres, "read_server_start", self.read_server_start)
        patch.setattr(postgres, "read_counters", self.read_counters)
        patch.setattr(postgres, "read_next_transaction", self.read_next_transaction)
        patch.setattr(postgres, "read_settings", self.read_settings)
        patch.setattr(postgres, "read_fence", self.read_fence)
        patch.setattr(postgres, "administer", self.connect)
        patch.setattr(postgres, "list_sequences", self.list_sequences)
        patch.setattr(postgres, "set_sequence", self.set_sequence)
        patch.setattr(postgres, "list_subscriptions", self.list_subscriptions)
        patch.setattr(postgres, "try_login", try_login)


@dataclass
class Stage:
    """One gate's surroundings; `prove` runs it as the hook does, waivers and evidence included."""

    context: GateContext
    rds: Rds
    namespace: Namespace
    records: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    waited_seconds: float = 0.0
    """By the last proof, without its taking so long."""

    def prove(
        self,
        name: str,
        work: Callable[[GateContext, Watch], Proof],
        *,
        receipt: Mapping[str, Any] | None = None,
        earlier: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> str | None:
        """None when the gate opens, else why it doesn't."""

        def record(document: Mapping[str, Any]) -> str:
            self.records.append(document)
            return self.context.store.write("prod", "inc-1", name, document)

        gate = Gate(name, seconds, lambda watch: work(self.context, watch), record, self.context.settings.waive)
        running = Running()
        with skipped_waits() as stop:
            running.stop = stop
            error = attempt(gate, running, lambda _text: None, receipt, earlier)
        self.waited_seconds = stop.seconds
        return error

    @property
    def last(self) -> Mapping[str, Any]:
        return self.records[-1]

    @property
    def problems(self) -> dict[str, Mapping[str, str]]:
        """Of the last attempt, by subject; each with a way out that an operator can take."""
        by_subject: dict[str, Mapping[str, str]] = {problem["subject"]: problem for problem in self.last["problems"]}
        for problem in by_subject.values():
            assert actionable(problem["fix"]), problem
        return by_subject


COMMANDS = ("aws", "curl", "kubectl", "psql", "pulumi", "python")
PAGE = re.compile(r'(docs/\w+\.md), "([^"]+)"')


def actionable(fix: str) -> bool:
    """Whether a fix begins with a command, or names a page of this repository by a heading that is there."""
    page = PAGE.match(fix)
    if page:
        headings = [line.lstrip("# ") for line in (CHECKOUT / page[1]).read_text().splitlines() if line[:1] == "#"]
        return page[2] in headings
    return fix.split()[0] in COMMANDS


def stage(request: Request, inventory: Inventory, folder: Path, **changes: Any) -> Stage:
    """The plan is made of what is found, with these settings changed; Kubernetes is as found."""
    configured: Settings = worlds.settings(request, **{"quiet": QuietSettings(0), **changes})
    secret = inventory.cluster.secret
    assert secret is not None
    assert secret.url is not None
    rds = Rds([instance for instance in (inventory.source, inventory.candidate) if instance])
    namespace = Namespace(inventory.cluster.deployments, secret.url)
    context = GateContext(
        settings=configured,
        plan=plans.make(configured, inventory),
        aws=cast("Any", None),
        rds=cast("Any", rds),
        secrets=cast("Any", Secrets()),
        api=cast("Any", None),
        namespace=cast("Any", namespace),
        store=Store.open(str(folder)),
    )
    return Stage(context, rds, namespace)


def watch(gate: str) -> Watch:
    return Watch(gate, 0, threading.Event(), lambda _text: None)


# At its turn


def frozen(folder: Path, waive: Mapping[str, str] | None = None, **changes: Any) -> Stage:
    world = worlds.inventory(**{"source": DEAD, "cluster": worlds.FROZEN, **changes})
    return stage(worlds.asked(worlds.PITR), world, folder, waive=NO_SNAPSHOT | dict(waive or {}))


def back(folder: Path, waive: Mapping[str, str] | None = None, **settings: Any) -> Stage:
    inventory = worlds.restored(cluster=worlds.FROZEN_AGAIN)
    return stage(worlds.asked(traffic=Traffic.SOURCE), inventory, folder, waive=dict(waive or {}), **settings)


def forth(folder: Path, **settings: Any) -> Stage:
    return stage(worlds.asked(traffic=Traffic.RESTORED), worlds.restored(cluster=worlds.FROZEN), folder, **settings)


def resumed(traffic: Traffic, folder: Path, **settings: Any) -> Stage:
    cluster = worlds.SWITCHED if traffic is Traffic.RESTORED else worlds.RETURNED
    at = stage(worlds.asked(traffic=traffic), worlds.restored(cluster=cluster), folder, **settings)
    at.namespace.found = {name: replace(worlds.held(name, 1, 1), selector=name) for name in ("api", "indexer")}
    notes = {ANNOTATION_ENDPOINT: str(at.context.plan.apps[0].endpoint)}
    pods = {
        name: [Pod(f"{name}-1", "u", "10.0.0.1", "n", "Running", ready=True, terminating=False, annotations=notes)]
        for name in ("api", "indexer")
    }
    at.namespace.by_selector = pods
    plan = replace(at.context.plan, apps=tuple(replace(app, replicas=1) for app in at.context.plan.apps))
    return replace(at, context=replace(at.context, plan=plan))


def of_pods(*names: str) -> tuple[Session, ...]:
    return tuple(Session(n, "shop_app", "shop", f"{name}-1", None, "idle", None) for n, name in enumerate(names))
