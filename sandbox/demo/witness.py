"""Who serves whom, read from AWS, the cluster and the databases: no word of the program that restores is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg

from sandbox.application import names
from sandbox.application.deploy import Application, silent
from sandbox.demo.proofs import Database, Line, RowCounts, utc
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until

WRITE_SECONDS = 20.0
NEWEST = "SELECT max(created_at) FROM transactions"
APPLICATIONS = sum(names.DEPLOYMENTS.values())


@dataclass(frozen=True)
class World:
    """One look: instances by their identifier, and what the applications use."""

    statuses: Mapping[str, str]
    resource_ids: Mapping[str, str]
    serves: str
    """The instance whose address the applications' Secret holds; the address itself where it is none's."""
    ready: int
    """Pods that are ready, and not on their way out."""
    sessions: Mapping[str, int | None]
    """Of the applications, by instance; None where the database doesn't answer."""

    def on(self, identifier: str) -> str:
        """`7 sessions`, or that nobody can know."""
        count = self.sessions.get(identifier)
        return "doesn't answer" if count is None else f"{count} sessions"


@dataclass(frozen=True)
class Witness:
    """Looks with the sandbox's own rights, not with those of the operator whom it watches."""

    layout: Layout
    restore_id: str

    @property
    def candidate(self) -> str:
        return f"{names.INSTANCE}-{self.restore_id}"

    def look(self) -> World:
        application = Application(self.layout, silent)
        described = cast("list[dict[str, Any]]", application.aws.rds.describe_db_instances()["DBInstances"])
        instances = {str(instance["DBInstanceIdentifier"]): instance for instance in described}
        host = urlsplit(application.database_url() or "").hostname or "nothing"
        addresses = {address_of(of): name for name, of in instances.items()}
        pods = application.kube.list("Pod", names.NAMESPACE)
        return World(
            statuses={name: str(of["DBInstanceStatus"]) for name, of in instances.items()},
            resource_ids={name: str(of["DbiResourceId"]) for name, of in instances.items()},
            serves=addresses.get(host, host),
            ready=sum(is_ready(pod) for pod in pods),
            sessions={name: self.sessions(name) for name in instances},
        )

    def database(self, identifier: str) -> Database:
        return Database(self.layout, identifier, named=identifier)

    def sessions(self, identifier: str) -> int | None:
        try:
            return len(self.database(identifier).sessions())
        except (psycopg.Error, KeyError):
            return None

    def content(self, identifier: str, incident: Mapping[str, Any]) -> RowCounts:
        return self.database(identifier).content(incident)

    def newest(self, identifier: str) -> datetime:
        """When the newest transaction there was written."""
        return self.database(identifier).query(NEWEST, {})[0][0]

    def sees_writes(self, identifier: str) -> bool:
        """Whether rows arrive there within WRITE_SECONDS."""
        before = self.newest(identifier)
        try:
            wait_until(lambda: self.newest(identifier) > before, WRITE_SECONDS, "a row", 0.2)
        except TimeoutError:
            return False
        return True


def address_of(instance: Mapping[str, Any]) -> str:
    """Empty while RDS says none."""
    endpoint: Any = instance.get("Endpoint") or {}
    return str(endpoint.get("Address", ""))


def is_ready(pod: Any) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"] and pod["metadata"]["labels"].get("app") in APPS


APPS = frozenset(names.DEPLOYMENTS)


def serving_lines(witness: Witness, world: World, identifier: str) -> list[Line]:
    """That this database, and no other, serves all applications, and takes their rows."""
    others = {name: count for name, count in world.sessions.items() if name != identifier}
    elsewhere = ", ".join(world.on(name) for name in others) or "no other database"
    mine = world.sessions.get(identifier)
    return [
        Line("the Secret names", world.serves, world.serves == identifier),
        Line(
            "the applications",
            f"{world.ready} pods ready, {world.on(identifier)} here; elsewhere: {elsewhere}",
            world.ready == APPLICATIONS and mine == APPLICATIONS and not any(others.values()),
        ),
        Line("rows arrive", f"newest of {utc(witness.newest(identifier))}", witness.sees_writes(identifier)),
    ]


def recovery_line(witness: Witness, incident: Mapping[str, Any], identifier: str) -> Line:
    """That what the incident destroyed is there again."""
    there = witness.content(identifier, incident)
    survived = int(incident["rows_before"]["transactions"]) - int(incident["deleted"])
    return Line(
        "what was destroyed is back",
        f"{there.until_target} transactions ({survived} had survived), {there.ruined_users} ruined e-mail addresses",
        there.until_target > survived and there.ruined_users == 0 and there.known_email == incident["known"]["email"],
    )


def stopped_line(world: World) -> Line:
    """That nobody uses any database."""
    used = {name: count for name, count in world.sessions.items() if count}
    return Line(
        "nobody uses any database", f"{world.ready} pods, sessions: {used or 'none'}", not (world.ready or used)
    )
