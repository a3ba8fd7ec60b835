"""Troubles of an RDS instance and of the database on it. Played on the source, or on `--instance NAME`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from sandbox.application import database, names
from sandbox.application.deploy import login
from sandbox.machine.processes import wait_until
from sandbox.trouble.stage import SECONDS, Memory, Stage, Trouble

OTHER_REGION = "us-west-2"
DOMAIN = {"Domain": "d-9067012345", "Status": "joined", "FQDN": "corp.ghost.example", "IAMRoleName": "rds-directory"}
ROLE = {"RoleArn": "arn:aws:iam::123456789012:role/rds-s3-export", "FeatureName": "s3Export"}
UNCOPIED: dict[str, Any] = {
    "DedicatedLogVolume": True,
    "NetworkType": "DUAL",
    "DatabaseInsightsMode": "advanced",
    "PerformanceInsightsRetentionPeriod": 465,
    "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
}
"""Settings that a restore doesn't take from its source."""


def condition(name: str) -> Callable[[Stage], Memory]:
    def play(stage: Stage) -> Memory:
        stage.control("condition", instance=stage.instance, condition=name)
        return {}

    return play


def recover(stage: Stage, _: Memory) -> None:
    stage.control("condition", instance=stage.instance, condition="none")
    stage.wait_available()


def description(**fields: Any) -> Callable[[Stage], Memory]:
    """Facts that only DescribeDBInstances tells; their former values are kept."""

    def play(stage: Stage) -> Memory:
        before = stage.describe()
        stage.control("description", instance=stage.instance, fields=fields)
        return {"fields": {name: before.get(name) for name in fields}}

    return play


def describe_again(stage: Stage, memory: Memory) -> None:
    stage.control("description", instance=stage.instance, fields=memory["fields"])


def stop(stage: Stage) -> Memory:
    stage.aws.rds.stop_db_instance(DBInstanceIdentifier=stage.instance)
    wait_until(lambda: stage.describe()["DBInstanceStatus"] == "stopped", SECONDS, "the instance stopped", 0.1)
    return {}


def start(stage: Stage, _: Memory) -> None:
    stage.aws.rds.start_db_instance(DBInstanceIdentifier=stage.instance)
    stage.wait_available()


# -- passwords and databases ------------------------------------------------------------------------------------------


def kept_password(stage: Stage) -> str:
    """The master password as the application's team keeps it."""
    return stage.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]


def master(stage: Stage) -> psycopg.Connection:
    endpoint = stage.describe()["Endpoint"]
    password = kept_password(stage)
    return login(endpoint["Address"], endpoint["Port"], names.MASTER_USER, password, "postgres", stage.layout.ca)


def modify(stage: Stage, **changes: Any) -> None:
    stage.aws.rds.modify_db_instance(DBInstanceIdentifier=stage.instance, ApplyImmediately=True, **changes)
    wait_until(lambda: not stage.describe()["PendingModifiedValues"], SECONDS, "the change made", 0.05)
    stage.wait_available()


def manage_password(stage: Stage) -> Memory:
    modify(stage, ManageMasterUserPassword=True)
    return {}


def rotate_password(stage: Stage) -> Memory:
    if "MasterUserSecret" not in stage.describe():
        modify(stage, ManageMasterUserPassword=True)
    stage.control("rotate-master-password", instance=stage.instance)
    stage.wait_available()
    return {}


def keep_password_again(stage: Stage, _: Memory) -> None:
    modify(stage, ManageMasterUserPassword=False, MasterUserPassword=kept_password(stage))


def change_password(role: str) -> Callable[[Stage], Memory]:
    """ALTER ROLE, as somebody does it whom nobody told."""

    def play(stage: Stage) -> Memory:
        with master(stage) as session:
            text = sql.SQL("ALTER ROLE {} PASSWORD {}")
            session.execute(text.format(sql.Identifier(role), sql.Literal(database.random_text(24))))
        return {}

    return play


def reset_master_password(stage: Stage, _: Memory) -> None:
    modify(stage, MasterUserPassword=kept_password(stage))


def reset_application_password(stage: Stage, _: Memory) -> None:
    """The one that the Secret tells."""
    stage.application.deploy()


def drop_database(stage: Stage) -> Memory:
    with master(stage) as session:
        session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(names.DATABASE)))
    return {}


def seed_database(stage: Stage, _: Memory) -> None:
    stage.application.deploy()


# -- other instances --------------------------------------------------------------------------------------------------


def settings(described: Any) -> dict[str, Any]:
    """What a restore must be told to look like its source."""
    return {
        "DBInstanceClass": described["DBInstanceClass"],
        "DBSubnetGroupName": described["DBSubnetGroup"]["DBSubnetGroupName"],
        "DBParameterGroupName": described["DBParameterGroups"][0]["DBParameterGroupName"],
        "VpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in described["VpcSecurityGroups"]],
        "MultiAZ": described["MultiAZ"],
    }


def copy_of(stage: Stage, name: str) -> None:
    """An instance with the rows of now, from a snapshot that goes again."""
    rds, snapshot, described = stage.aws.rds, f"trouble-{name}", stage.describe()
    rds.create_db_snapshot(DBInstanceIdentifier=stage.instance, DBSnapshotIdentifier=snapshot)
    stage.wait_available()
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=name, DBSnapshotIdentifier=snapshot, **settings(described)
    )
    stage.wait_available(name)
    rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot)


def delete(stage: Stage, name: str, *, keep_backups: bool = False) -> None:
    rds = stage.aws.rds
    rds.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False, ApplyImmediately=True)
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=not keep_backups)
    wait_until(lambda: name not in identifiers(stage), SECONDS, f"{name} deleted", 0.1)


def identifiers(stage: Stage) -> set[str]:
    return {str(i.get("DBInstanceIdentifier")) for i in stage.aws.rds.describe_db_instances()["DBInstances"]}


def rename(stage: Stage, old: str, new: str) -> None:
    stage.aws.rds.modify_db_instance(DBInstanceIdentifier=old, NewDBInstanceIdentifier=new, ApplyImmediately=True)
    wait_until(lambda: new in identifiers(stage), SECONDS, f"{old} renamed to {new}", 0.05)
    stage.wait_available(new)


def replace(stage: Stage) -> Memory:
    """Deleted and restored under its name: another DbiResourceId."""
    former = stage.describe()
    copy_of(stage, f"{stage.instance}-copy")
    delete(stage, stage.instance, keep_backups=True)
    rename(stage, f"{stage.instance}-copy", stage.instance)
    return {"former": former["DbiResourceId"]}


def switch_blue_green(stage: Stage) -> Memory:
    """As a Blue/Green deployment ends: the former production instance stays as NAME-old1."""
    copy_of(stage, f"{stage.instance}-green")
    rename(stage, stage.instance, f"{stage.instance}-old1")
    rename(stage, f"{stage.instance}-green", stage.instance)
    return {}


def switch_back(stage: Stage, _: Memory) -> None:
    delete(stage, stage.instance)
    rename(stage, f"{stage.instance}-old1", stage.instance)


def add_replica(stage: Stage) -> Memory:
    replica = f"{stage.instance}-replica"
    copy_of(stage, replica)
    stage.control("description", instance=stage.instance, fields={"ReadReplicaDBInstanceIdentifiers": [replica]})
    fields = {"ReadReplicaSourceDBInstanceIdentifier": stage.instance}
    stage.control("description", instance=replica, fields=fields)
    return {}


def remove_replica(stage: Stage, _: Memory) -> None:
    stage.control("description", instance=stage.instance, fields={"ReadReplicaDBInstanceIdentifiers": []})
    delete(stage, f"{stage.instance}-replica")


def lose_replicated_source(stage: Stage) -> Memory:
    """The backups live on in another Region; the instance and its own backups don't."""
    described = stage.describe()
    kms: Any = type(stage.aws)(stage.aws.endpoint, OTHER_REGION).client("kms")
    rds: Any = type(stage.aws)(stage.aws.endpoint, OTHER_REGION).client("rds")
    key = {"KmsKeyId": kms.create_key()["KeyMetadata"]["Arn"]} if described["StorageEncrypted"] else {}
    rds.start_db_instance_automated_backups_replication(SourceDBInstanceArn=described["DBInstanceArn"], **key)
    delete(stage, stage.instance)
    return {"region": OTHER_REGION, "resource": described["DbiResourceId"]}


def set_uncopied(stage: Stage) -> Memory:
    before = stage.describe()
    stage.aws.rds.add_role_to_db_instance(DBInstanceIdentifier=stage.instance, **ROLE)
    modify(stage, **UNCOPIED)
    return {"settings": {name: before.get(name) for name in UNCOPIED if before.get(name) is not None}}


def unset_uncopied(stage: Stage, memory: Memory) -> None:
    stage.aws.rds.remove_role_from_db_instance(DBInstanceIdentifier=stage.instance, **ROLE)
    modify(stage, **memory["settings"])


def slow_backup(stage: Stage) -> Memory:
    stage.aws.faults.add("slow-backing-up", seconds=4 * 3600, times=20)
    return {}


def end_slow_backup(stage: Stage, _: Memory) -> None:
    stage.aws.faults.remove("slow-backing-up")


STATUSES = {
    "storage-full": "The volume is full: status storage-full, every write fails with ReadOnlySqlTransaction.",
    "stopping": "RDS is stopping the instance and doesn't end: status stopping, connections are refused.",
    "key-lost": "RDS can't use the KMS key for the moment: inaccessible-encryption-credentials-recoverable, refused.",
    "key-gone": "The KMS key is gone for ever: status inaccessible-encryption-credentials, connections are refused.",
    "failed": "The instance has failed: status failed, connections are refused.",
    "storage-initialization": "Blocks still come from S3 after a restore: that status, and the database serves.",
    "storage-config-upgrade": "RDS upgrades the volume's file system: that status, and the database serves.",
    "hung": "The server is stopped with SIGSTOP: status available, TCP connects, and nothing ever answers.",
    "unreachable": "A security group has no rule for anybody: status available, connecting ends by its time-out.",
}
CONDITIONS = {
    "key-lost": "inaccessible-encryption-credentials-recoverable",
    "key-gone": "inaccessible-encryption-credentials",
}

TROUBLES = (
    *(Trouble(name, says, condition(CONDITIONS.get(name, name)), recover) for name, says in STATUSES.items()),
    Trouble("stopped", "Somebody has stopped the instance: status stopped, connections are refused.", stop, start),
    Trouble(
        "managed-password",
        "RDS makes and keeps the master password: MasterUserSecret names a secret rds!db-..., the password that the"
        " configuration names is wrong.",
        manage_password,
        keep_password_again,
    ),
    Trouble(
        "rotated-password",
        "RDS rotates the managed master password, as every 7 days: server and secret change together, a password that"
        " was read before is wrong.",
        rotate_password,
        keep_password_again,
    ),
    Trouble(
        "changed-password",
        "Somebody has changed the master user's password with ALTER ROLE: the one in Secrets Manager is refused.",
        change_password(names.MASTER_USER),
        reset_master_password,
    ),
    Trouble(
        "changed-application-password",
        "Somebody has changed the application's password: pods stay connected, and fail after their next start.",
        change_password(names.APP_USER),
        reset_application_password,
    ),
    Trouble(
        "dropped-database",
        'DROP DATABASE: the server answers, and says that database "ghost_protocol" does not exist.',
        drop_database,
        seed_database,
    ),
    Trouble(
        "replaced",
        "The instance is deleted and made again under its name: same address, same rows, another DbiResourceId.",
        replace,
        None,
    ),
    Trouble(
        "blue-green",
        "A Blue/Green switchover has happened: NAME is a new instance, the former one and its backups are NAME-old1.",
        switch_blue_green,
        switch_back,
    ),
    Trouble(
        "read-replica",
        "The instance has a read replica NAME-replica, which stays with it when the applications go.",
        add_replica,
        remove_replica,
    ),
    Trouble(
        "cluster-member",
        "The instance belongs to a Multi-AZ DB cluster: DBClusterIdentifier is set.",
        description(DBClusterIdentifier="ghost-protocol-sandbox-cluster"),
        describe_again,
    ),
    Trouble(
        "kerberos",
        "The instance has joined a directory: DomainMemberships names it, and a restore has none.",
        description(DomainMemberships=[DOMAIN]),
        describe_again,
    ),
    Trouble(
        "uncopied-settings",
        "The source has what no restore takes along: an associated role, a dedicated log volume, dual-stack network,"
        " advanced Database Insights, no extended support.",
        set_uncopied,
        unset_uncopied,
    ),
    Trouble(
        "replicated-backup",
        f"The instance is gone with its backups; only those replicated to {OTHER_REGION} are left.",
        lose_replicated_source,
        None,
    ),
    Trouble(
        "long-backup",
        "RDS backs up every new instance for hours: status backing-up, and the database serves.",
        slow_backup,
        end_slow_backup,
    ),
)
