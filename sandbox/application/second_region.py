"""A second region beside the application's: prepared as a team would on a quiet day, and the first one lost.

One cluster plays the clusters of both regions, each in a namespace of its own; the one of the second region has the
application's Deployments at zero replicas, which have never run. S3 replicates when `replicate_dumps` is called: until
then its objects wait (PENDING), as S3's own do for minutes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.application import database, manifests, names
from sandbox.application.kubernetes_api import Kube
from sandbox.application.operator_roles import OperatorRoles
from sandbox.aws.client import Clients, clients
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until
from sandbox.rights import documented

FIRST = names.REGION
REGION = "us-west-2"
NAMESPACE = f"{names.NAMESPACE}-west"
BACKUP_BUCKET = f"{names.BACKUP_BUCKET}-west"
REPLICATED_SECONDS = 60.0


def prepare(layout: Layout) -> None:
    """All that a restore there needs and nobody makes during an incident. Idempotent."""
    first, second = clients(layout, retries=3), clients(layout, REGION, retries=3)
    database.ensure_network(second)
    database.ensure_parameters(second)
    _share_password(first, second)
    _replicate_backups(first, second, database.ensure_key(second))
    _bucket(second)
    first.post("replication", **{"from": names.BACKUP_BUCKET, "to": BACKUP_BUCKET})
    _cluster(Kube(layout.kubeconfig))


def source_host(layout: Layout) -> str:
    """Where the application's database answers, in the first region."""
    instance = database.find(clients(layout))
    if instance is None:
        raise RuntimeError(f"{names.INSTANCE} is gone: prepare the second region before")
    return str(instance["Endpoint"]["Address"])


def make_dark(layout: Layout, region: str, how: str) -> None:
    """`how`: hang, refuse, or empty for back again."""
    clients(layout).post("region", name=region, dark=how)


def set_lag(layout: Layout, seconds: float) -> None:
    """How far the replicated backups are behind."""
    clients(layout).post("lag", region=REGION, seconds=seconds)


def replicated_until(layout: Layout) -> str:
    """The last moment that the replicated backups reach, RFC 3339; empty for none."""
    backups = clients(layout, REGION).rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    times = [latest for backup in backups if (latest := backup.get("RestoreWindow", {}).get("LatestTime"))]
    return f"{max(times):%Y-%m-%dT%H:%M:%SZ}" if times else ""


def replicate_dumps(layout: Layout) -> Sequence[str]:
    """What S3's replication does to every object that is missing in the second region; returns their keys."""
    first, second = clients(layout).s3, clients(layout, REGION).s3
    here = {item.get("Key", "") for item in second.list_objects_v2(Bucket=BACKUP_BUCKET).get("Contents", ())}
    there = [item.get("Key", "") for item in first.list_objects_v2(Bucket=names.BACKUP_BUCKET).get("Contents", ())]
    missing = [key for key in there if key not in here]
    for key in missing:
        body = first.get_object(Bucket=names.BACKUP_BUCKET, Key=key)["Body"].read()
        second.put_object(Bucket=BACKUP_BUCKET, Key=key, Body=body)
    return missing


def _share_password(first: Clients, second: Clients) -> None:
    """A replica of the operator's secret (Secrets Manager, ReplicateSecretToRegions)."""
    password = database.ensure_password(first)
    try:
        second.secrets.create_secret(Name=names.MASTER_SECRET, SecretString=password)
    except second.secrets.exceptions.ResourceExistsException:
        second.secrets.put_secret_value(SecretId=names.MASTER_SECRET, SecretString=password)


def _replicate_backups(first: Clients, second: Clients, key: str) -> None:
    """Starts the replication, and waits until something has come over."""
    instance = database.find(first)
    if instance is None:
        raise RuntimeError(f"{names.INSTANCE} is gone: there is nothing to replicate")
    if not second.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]:
        tags: Any = [{"Key": name, "Value": value} for name, value in names.TAGS.items()]
        second.rds.start_db_instance_automated_backups_replication(
            SourceDBInstanceArn=instance["DBInstanceArn"], KmsKeyId=key, BackupRetentionPeriod=7, Tags=tags
        )
    wait_until(lambda: _has_window(second), REPLICATED_SECONDS, "the first replicated backup", 0.2)


def _has_window(second: Clients) -> bool:
    backups = second.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    return any("RestoreWindow" in backup for backup in backups)


def _bucket(second: Clients) -> None:
    present = {bucket.get("Name") for bucket in second.s3.list_buckets()["Buckets"]}
    if BACKUP_BUCKET not in present:
        second.s3.create_bucket(Bucket=BACKUP_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        second.s3.put_bucket_versioning(Bucket=BACKUP_BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _cluster(kube: Kube) -> None:
    """The application's objects as its team keeps them there: at zero, with the URL that they have in the first one."""
    secret = kube.get("Secret", names.NAMESPACE, names.SECRET)
    if secret is None:
        raise RuntimeError(f"secret {names.SECRET} is gone: there is no URL to copy")
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    kube.create(manifests.namespace(NAMESPACE))
    kube.create(manifests.secret(values[names.SECRET_KEY], values["JWT_SECRET"], NAMESPACE))
    for name in names.DEPLOYMENTS:
        kube.create(manifests.deployment(name, 0, within=NAMESPACE))
    roles = [role for role in documented.read().roles if role.namespace == names.NAMESPACE]
    OperatorRoles(kube, tuple(replace(role, namespace=NAMESPACE) for role in roles)).install()


def replicas(layout: Layout) -> dict[str, int]:
    """How many replicas each Deployment of the second region is to have."""
    found = Kube(layout.kubeconfig).list("Deployment", NAMESPACE)
    return {item["metadata"]["name"]: item["spec"]["replicas"] for item in found}


def database_url(layout: Layout) -> str:
    """What the connection secret of the second region says."""
    secret = Kube(layout.kubeconfig).get("Secret", NAMESPACE, names.SECRET)
    if secret is None:
        raise RuntimeError(f"secret {names.SECRET} of {NAMESPACE} is gone")
    return base64.b64decode(secret["data"][names.SECRET_KEY]).decode()


def clear(layout: Layout) -> None:
    """Takes away what restores have made there, and the applications; `prepare` puts these back at zero."""
    kube, rds = Kube(layout.kubeconfig), clients(layout, REGION, retries=3).rds
    for name in names.DEPLOYMENTS:
        kube.delete("Deployment", NAMESPACE, name)
    kube.delete("Secret", NAMESPACE, names.SECRET)
    for instance in rds.describe_db_instances()["DBInstances"]:
        identifier = str(instance.get("DBInstanceIdentifier"))
        rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True)
        rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
    wait_until(lambda: not rds.describe_db_instances()["DBInstances"], REPLICATED_SECONDS, f"{REGION} empty", 0.1)
    for snapshot in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]:
        rds.delete_db_snapshot(DBSnapshotIdentifier=str(snapshot.get("DBSnapshotIdentifier")))
