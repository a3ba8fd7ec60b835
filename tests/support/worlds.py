"""A small world to plan in: a source that breaks at 14:30, its backups, its applications. All of it can be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from restore.errors import Problem
from restore.model.cluster import Cluster, ConnectionSecret, Deployment
from restore.model.dump import DumpChoice, DumpObject
from restore.model.inventory import Inventory
from restore.model.labels import (
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_PREVIOUS,
    ANNOTATION_REPLICAS,
    TAG_ID,
    TAG_POINT,
    TAG_SOURCE,
    TAG_STACK,
)
from restore.model.rds import AutomatedBackup, Endpoint, Instance, InstanceSettings, Snapshot
from restore.model.request import App, DumpStore, Login, Method, Request, SecretKey, Settings, Tls, Traffic
from restore.preflight import rules

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
TARGET = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
SOURCE_HOST = "shop.abc.us-east-1.rds.amazonaws.com"
CANDIDATE_HOST = "shop-inc-1.abc.us-east-1.rds.amazonaws.com"
SOURCE_AT = Endpoint(SOURCE_HOST, 5432)
CANDIDATE_AT = Endpoint(CANDIDATE_HOST, 5432)
PASSWORD = "p%40ss%2Fw%3Ard%25%23%3F"
URL = f"postgresql://shop_app:{PASSWORD}@{SOURCE_HOST}:5432/shop?schema=public&connection_limit=5"
SWITCHED_URL = URL.replace(SOURCE_HOST, CANDIDATE_HOST)

SOURCE_SETTINGS = InstanceSettings(
    instance_class="db.r6g.large",
    db_subnet_group_name="shop-subnets",
    vpc_security_group_ids=("sg-1", "sg-2"),
    parameter_group_name="shop-pg17",
    option_group_name="default:postgres-17",
    multi_az=True,
    publicly_accessible=False,
    port=5432,
    allocated_storage=100,
    max_allocated_storage=500,
    storage_type="gp3",
    iops=3000,
    storage_throughput=125,
    backup_retention_period=7,
    deletion_protection=True,
)


def instance(identifier: str = "shop", resource_id: str = "db-SOURCE", **changes: Any) -> Instance:
    base = Instance(
        identifier=identifier,
        resource_id=resource_id,
        arn=f"arn:aws:rds:us-east-1:123456789012:db:{identifier}",
        status="available",
        engine="postgres",
        engine_version="17.10",
        endpoint=SOURCE_AT,
        created=NOW - timedelta(days=400),
        latest_restorable=NOW - timedelta(minutes=4),
        settings=SOURCE_SETTINGS,
        storage_encrypted=True,
        kms_key_id="key-1",
        tags={"team": "shop", "aws:cloudformation:stack-name": "shop"},
    )
    return replace(base, **changes)


def candidate(point: str = "pitr:2026-11-22T14:30:00Z", **changes: Any) -> Instance:
    tags = {TAG_ID: "inc-1", TAG_STACK: "prod", TAG_POINT: point, TAG_SOURCE: "db-SOURCE", "team": "shop"}
    base = instance("shop-inc-1", "db-CANDIDATE", endpoint=CANDIDATE_AT, tags=tags)
    return replace(base, **changes)


def snapshot(identifier: str = "shop-nightly", **changes: Any) -> Snapshot:
    base = Snapshot(
        identifier=identifier,
        arn=f"arn:aws:rds:us-east-1:123456789012:snapshot:{identifier}",
        kind="manual",
        status="available",
        engine="postgres",
        engine_version="17.10",
        source_identifier="shop",
        source_resource_id="db-SOURCE",
        created=NOW - timedelta(hours=11),
        allocated_storage=100,
        storage_type="gp3",
        encrypted=True,
        kms_key_id="key-1",
    )
    return replace(base, **changes)


def safety() -> Snapshot:
    """The source's safety snapshot of restore inc-1."""
    return snapshot("shop-inc-1-safety", tags={TAG_ID: "inc-1", TAG_STACK: "prod"})


def backup(**changes: Any) -> AutomatedBackup:
    base = AutomatedBackup(
        arn="arn:aws:rds:us-east-1:123456789012:auto-backup:ab-1",
        source_identifier="shop",
        source_resource_id="db-SOURCE",
        status="active",
        engine="postgres",
        engine_version="17.10",
        earliest=NOW - timedelta(days=7),
        latest=NOW - timedelta(minutes=5),
        region="us-east-1",
        settings=InstanceSettings(allocated_storage=100, storage_type="gp3", port=5432),
        storage_encrypted=True,
        kms_key_id="key-1",
    )
    return replace(base, **changes)


def deployment(name: str, replicas: int, **changes: Any) -> Deployment:
    base = Deployment(
        name=name,
        uid=f"uid-{name}",
        resource_version=f"rv-{name}",
        replicas=replicas,
        ready=replicas,
        terminating=0,
        replicas_manager="kubectl-client-side-apply/Update",
    )
    return replace(base, **changes)


def held(name: str, replicas: int, recorded: int, **notes: str) -> Deployment:
    """A Deployment that restore inc-1 has taken over."""
    annotations = {
        ANNOTATION_ID: "inc-1",
        ANNOTATION_REPLICAS: str(recorded),
        ANNOTATION_MANAGER: "helm/Update",
        **notes,
    }
    return deployment(name, replicas, annotations=annotations, replicas_manager="pulumi-restore/Apply")


def secret(url: str | None = URL, **changes: Any) -> ConnectionSecret:
    keys = ("DATABASE_URL", "JWT_SECRET", "REDIS_URL")
    return replace(
        ConnectionSecret("database-credentials", "DATABASE_URL", keys, url, "kubectl/Update", {}, "rv-secret"),
        **changes,
    )


def held_secret(url: str, previous: str = f"{SOURCE_HOST}:5432") -> ConnectionSecret:
    return secret(
        url, annotations={ANNOTATION_ID: "inc-1", ANNOTATION_PREVIOUS: previous, ANNOTATION_MANAGER: "helm/Update"}
    )


def cluster(api: Deployment | None, indexer: Deployment | None, url: ConnectionSecret | None) -> Cluster:
    return Cluster({"api": api, "indexer": indexer}, (), url)


RUNNING = cluster(deployment("api", 3), deployment("indexer", 2), secret())
FROZEN = cluster(held("api", 0, 3), held("indexer", 0, 2), secret())
SWITCHED = cluster(held("api", 3, 3), held("indexer", 2, 2), held_secret(SWITCHED_URL))
FROZEN_AGAIN = cluster(held("api", 0, 3), held("indexer", 0, 2), held_secret(SWITCHED_URL))
RETURNED = cluster(held("api", 3, 3), held("indexer", 2, 2), held_secret(URL))

PITR = Request("inc-1", Method.PITR, Traffic.FROZEN, time=TARGET)
LATEST = Request("inc-1", Method.PITR, Traffic.FROZEN, time="latest")
SNAPSHOT = Request("inc-1", Method.SNAPSHOT, Traffic.FROZEN, snapshot="latest")
DUMP = Request("inc-1", Method.DUMP, Traffic.FROZEN, dump="latest")
DUMP_KEY = "database/postgresql/shop-20261122-040000.sql.gz"


def dump(**changes: Any) -> DumpObject:
    base = DumpObject(
        bucket="shop-backups",
        key=DUMP_KEY,
        version="v-1",
        size=2 << 30,
        modified=NOW - timedelta(hours=10, minutes=30),
        began=NOW - timedelta(hours=11),
        server_version="17.6 (Debian 17.6-1)",
        expansion=5.0,
    )
    return replace(base, **changes)


def dumped(**changes: Any) -> Inventory:
    """A world in which a dump was looked up and nothing is made of it yet."""
    versions = ("16.14", "17.5", "17.6", "17.10", "17.9", "18.1")
    choice = {"dump": DumpChoice(dump(), "admin"), "orderable_versions": versions}
    return inventory(**{**choice, **changes})


def settings(request: Request | None = PITR, **changes: Any) -> Settings:
    base = Settings(
        stack="prod",
        region="us-east-1",
        source="shop",
        namespace="shop-prod",
        apps=(App("api"), App("indexer")),
        secret=SecretKey("database-credentials", "DATABASE_URL", watch_seconds=0),
        login=Login("admin", "shop/admin"),
        tls=Tls("verify-full", "ca.pem"),
        evidence="./evidence",
        backups=DumpStore("shop-backups", "database/postgresql/"),
        request=request,
    )
    return replace(base, **changes)


def inventory(**changes: Any) -> Inventory:
    base = Inventory(
        now=NOW,
        source=instance(),
        backups=(backup(),),
        snapshots=(snapshot(),),
        candidate=None,
        open_restores=(),
        cluster=RUNNING,
    )
    return replace(base, **changes)


def restored(**changes: Any) -> Inventory:
    """With the candidate made and the safety snapshot taken."""
    parts = {"candidate": candidate(), "open_restores": (candidate(),), "safety_snapshot": safety()}
    return inventory(**{**parts, **changes})


def asked(request: Request = PITR, **changes: Any) -> Request:
    return replace(request, **changes)


def problems(configured: Settings, world: Inventory) -> dict[str, Problem]:
    """By subject."""
    listed = rules.find_problems(configured, world)
    by_subject: Mapping[str, Problem] = {problem.subject: problem for problem in listed}
    assert len(by_subject) == len(listed), listed
    return dict(by_subject)


def only_problem(configured: Settings, world: Inventory) -> Problem:
    listed = rules.find_problems(configured, world)
    assert len(listed) == 1, listed
    assert all((listed[0].subject, listed[0].found, listed[0].needed, listed[0].fix))
    return listed[0]
