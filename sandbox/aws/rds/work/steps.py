"""The steps of instances: what really happens to a cluster while a status is shown."""

from __future__ import annotations

from datetime import datetime

from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import shapes
from sandbox.aws.rds.data.state import Instance, Step
from sandbox.aws.rds.data.timestamps import whole_ms
from sandbox.aws.rds.service import backup_replicas, master_password
from sandbox.aws.rds.service.parameter_values import apply_to, in_sync
from sandbox.aws.rds.service.region import Rds
from sandbox.aws.rds.service.snapshot_data import add_automated, begin_snapshot, copy_cluster, finish_snapshot
from sandbox.aws.rds.work.jobs import Finish, step
from sandbox.postgres.cluster import Origin, Place, RecoveryFailed
from sandbox.postgres.files import remove_tree

SLOW_DNS = "slow-dns"


@step
def create(rds: Rds, instance: Instance, arguments: Shape) -> Finish:
    shape, cluster = instance.shape, rds.cluster(instance)
    apply_to(rds, instance)
    cluster.create(shape["MasterUsername"], arguments["password"], arguments["database"])

    def finish() -> None:
        born(rds, instance)
        master_password.settle(instance)
        shape["PendingModifiedValues"].pop("MasterUserPassword", None)
        rds.event("db-instance", instance.identifier, "DB instance created", "creation")

    return finish


@step
def restore(rds: Rds, instance: Instance, arguments: Shape) -> Finish:
    cluster, operation = rds.cluster(instance), str(arguments["operation"])
    if rds.shared.faults.take("fail-restore", operation, instance.identifier):
        raise RecoveryFailed("a fault was asked for")
    rds.scheduler.linger("slow-restore", operation, instance.identifier)
    origin = Origin(cluster.root.with_name(f"{cluster.root.name}.origin"))
    target: datetime | None = arguments["target"]
    apply_to(rds, instance)
    cluster.restore(origin, target)
    if rds.shared.faults.take("storage-full", operation, instance.identifier):
        fill_disk(rds, instance)

    def finish() -> None:
        born(rds, instance)
        rds.event("db-instance", instance.identifier, str(arguments["message"]), "creation")

    return finish


def born(rds: Rds, instance: Instance) -> None:
    """A new instance can be reached."""
    place = rds.cluster(instance).place
    instance.shape["Endpoint"] = {"Address": place.address, "Port": place.port, "HostedZoneId": shapes.HOSTED_ZONE}
    in_sync(instance)


@step
def back_up(rds: Rds, instance: Instance, arguments: Shape) -> Finish | None:
    """The automated backup: a base for point-in-time recovery, and the automated snapshot of it."""
    _forget_origin(rds, instance)
    rds.scheduler.linger("slow-backing-up", str(arguments.get("operation", "")), instance.identifier)
    if not instance.shape["BackupRetentionPeriod"]:
        return None
    cluster = rds.cluster(instance)
    rds.event("db-instance", instance.identifier, "Backing up DB instance", "backup")
    backup = cluster.base_backup()
    latest = cluster.heartbeat()
    name = f"rds:{instance.identifier}-{backup.ended:%Y-%m-%d-%H-%M}"
    folder = f"{instance.resource_id.lower()}-{backup.path.name}"
    rds.host.link(backup.path, rds.host.snapshots / folder)

    def finish() -> None:
        instance.shape["LatestRestorableTime"] = whole_ms(latest)
        add_automated(rds, instance, name, folder, backup.ended)
        rds.event("db-instance", instance.identifier, "Finished DB Instance backup", "backup")

    return finish


@step
def forget_origin(rds: Rds, instance: Instance, _: Shape) -> None:
    """A restore without automated backups ends here."""
    _forget_origin(rds, instance)


@step
def take_snapshot(rds: Rds, instance: Instance, arguments: Shape) -> Finish | None:
    snapshot = rds.state.snapshots.get(arguments["snapshot"])
    if snapshot is None:
        return None  # deleted meanwhile
    rds.scheduler.linger("slow-backing-up", "CreateDBSnapshot", instance.identifier)
    copy_cluster(rds, instance, snapshot)
    return lambda: finish_snapshot(rds, snapshot)


@step
def reboot(rds: Rds, instance: Instance, _: Shape) -> Finish:
    cluster = rds.cluster(instance)
    apply_to(rds, instance)
    cluster.stop()
    cluster.start()

    def finish() -> None:
        instance.rest = "available"
        in_sync(instance)
        rds.event("db-instance", instance.identifier, "DB instance restarted", "availability")

    return finish


@step
def recover_from_crash(rds: Rds, instance: Instance, _: Shape) -> Finish:
    rds.cluster(instance).start()

    def finish() -> None:
        message = "Recovery of the DB instance is complete."
        rds.event("db-instance", instance.identifier, message, "recovery")

    return finish


@step
def halt(rds: Rds, instance: Instance, _: Shape) -> Finish:
    rds.cluster(instance).stop()
    instance.rest = "stopped"
    return lambda: rds.event("db-instance", instance.identifier, "DB instance stopped", "notification")


@step
def resume(rds: Rds, instance: Instance, _: Shape) -> Finish:
    apply_to(rds, instance)
    rds.cluster(instance).start()

    def finish() -> None:
        instance.rest = "available"
        rds.event("db-instance", instance.identifier, "DB instance started", "notification")

    return finish


@step
def rename(rds: Rds, instance: Instance, arguments: Shape) -> Finish:
    """The identifier changes at the end: until then the instance answers to the old one only. Read replicas go on
    naming it; a fault `slow-dns` has the new name answer later than RDS shows it."""
    old, new = instance.identifier, str(arguments["identifier"])
    cluster = rds.cluster(instance)
    place = Place(rds.address(new), int(instance.shape["DbInstancePort"]))
    slow = any(fault["kind"] == SLOW_DNS and fault["instance"] == new for fault in rds.shared.faults.waiting())
    cluster.move(Place(rds.own_address(instance.resource_id), place.port) if slow else place)

    def finish() -> None:
        if slow:
            instance.steps.insert(1, Step("publish", "available", {}))
        for other in rds.state.instances.values():
            if other.shape.get("ReadReplicaSourceDBInstanceIdentifier") == old:
                other.shape["ReadReplicaSourceDBInstanceIdentifier"] = new
            replicas = other.shape["ReadReplicaDBInstanceIdentifiers"]
            other.shape["ReadReplicaDBInstanceIdentifiers"] = [new if name == old else name for name in replicas]
        rds.state.instances[new] = rds.state.instances.pop(old)
        instance.shape |= {"DBInstanceIdentifier": new, "DBInstanceArn": rds.arn("db", new)}
        instance.shape["PendingModifiedValues"].pop("DBInstanceIdentifier", None)
        instance.shape["Endpoint"] = {**instance.shape["Endpoint"], "Address": place.address}
        rds.event("db-instance", new, f"Renamed instance from {old} to {new}", "configuration change")

    return finish


@step
def publish(rds: Rds, instance: Instance, _: Shape) -> Finish | None:
    """The name answers at last, as many seconds after RDS has shown it as the fault says."""
    rds.scheduler.linger(SLOW_DNS, "", instance.identifier)
    rds.cluster(instance).move(Place(rds.address(instance.identifier), int(instance.shape["DbInstancePort"])))
    return None


@step
def set_password(rds: Rds, instance: Instance, arguments: Shape) -> Finish:
    rds.cluster(instance).set_password(instance.shape["MasterUsername"], str(arguments["password"]))

    def finish() -> None:
        master_password.settle(instance)
        instance.shape["PendingModifiedValues"].pop("MasterUserPassword", None)
        rds.event("db-instance", instance.identifier, "Reset master credentials", "configuration change")

    return finish


@step
def change(rds: Rds, instance: Instance, arguments: Shape) -> Finish:
    """Settings of the instance: they show at the end of the step, and are no longer pending then."""
    changes: Shape = arguments["changes"]
    cluster, port = rds.cluster(instance), changes.get("DbInstancePort")
    if "BackupRetentionPeriod" in changes and switches_backups(instance, changes["BackupRetentionPeriod"]):
        interrupt(rds, instance)
    if port and port != cluster.place.port:
        cluster.move(Place(cluster.place.address, int(port)))
    if instance.rest == "storage-full" and "AllocatedStorage" in changes:
        cluster.set_read_only(on=False)
        instance.rest = "available"

    def finish() -> None:
        shape = instance.shape
        shape |= changes
        shape |= shapes.storage(shape)
        pending = shape["PendingModifiedValues"]
        for name in list(pending):
            if name in changes or (name == "Port" and port):
                del pending[name]
        if port:
            shape["Endpoint"] = {**shape["Endpoint"], "Port": port}
        if not shape["BackupRetentionPeriod"]:
            shape.pop("LatestRestorableTime", None)
        rds.event("db-instance", instance.identifier, "Finished updating DB instance settings", "configuration change")

    return finish


def switches_backups(instance: Instance, retention: int) -> bool:
    return bool(retention) != bool(instance.shape["BackupRetentionPeriod"])


def interrupt(rds: Rds, instance: Instance) -> None:
    """Takes the database offline, as RDS does when backups are switched on or off (User Guide, "Enabling automated
    backups")."""
    cluster = rds.cluster(instance)
    cluster.stop()
    cluster.start()


@step
def delete(rds: Rds, instance: Instance, arguments: Shape) -> Finish:
    cluster, region, resource = rds.cluster(instance), rds.state, instance.resource_id
    final: str | None = arguments["final"]
    if hole := rds.shared.unreachable.pop(resource, None):
        hole.close()
    if final and cluster.exists:
        _final_snapshot(rds, instance, final)
    retained = bool(arguments["keep"] and cluster.backups)
    keep = retained or backup_replicas.replicated(rds.store, resource)
    if keep and cluster.exists:
        if not cluster.running:
            cluster.start()
        instance.shape["LatestRestorableTime"] = whole_ms(cluster.heartbeat())
    cluster.destroy(keep_backups=keep)
    _forget_origin(rds, instance)
    master_password.drop(rds, instance)

    def finish() -> None:
        backup_replicas.remember(rds.store, resource, instance.shape)
        if retained:
            region.retained[resource] = {**instance.shape, "DBInstanceStatus": "deleted"}
        else:
            _forget_automated(rds, resource)
        region.instances.pop(instance.identifier, None)
        rds.shared.clusters.pop(resource, None)
        instance.gone = True
        rds.event("db-instance", instance.identifier, "DB instance deleted", "deletion")

    return finish


def _forget_origin(rds: Rds, instance: Instance) -> None:
    """Only once the restore counts as done on disk: until then a kill makes it begin again."""
    root = rds.cluster(instance).root
    remove_tree(root.with_name(f"{root.name}.origin"))


def _final_snapshot(rds: Rds, instance: Instance, name: str) -> None:
    cluster = rds.cluster(instance)
    if not cluster.running:
        cluster.start()
    with rds.store.lock:
        snapshot = rds.state.snapshots.get(name) or begin_snapshot(rds, instance, name, "manual", [])
    if snapshot.shape["Status"] == "available":
        return
    copy_cluster(rds, instance, snapshot)
    with rds.store.lock:
        finish_snapshot(rds, snapshot)


def _forget_automated(rds: Rds, resource: str) -> None:
    snapshots = rds.state.snapshots
    for name, snapshot in list(snapshots.items()):
        if snapshot.shape["SnapshotType"] == "automated" and snapshot.shape["DbiResourceId"] == resource:
            remove_tree(rds.host.snapshots / snapshot.folder)
            del snapshots[name]


def fill_disk(rds: Rds, instance: Instance) -> None:
    """What a full disk does: nothing can be written until the storage grows."""
    rds.cluster(instance).set_read_only(on=True)
    with rds.store.lock:
        instance.rest = "storage-full"
        if not instance.steps:
            instance.shape["DBInstanceStatus"] = "storage-full"
    message = "The DB instance has run out of available storage. Allocate additional storage to resolve this issue."
    rds.event("db-instance", instance.identifier, message, "low storage")


def lose_key(rds: Rds, instance: Instance) -> None:
    """What RDS does when it can't use the KMS key any more: the server is down until the key is back and it is started
    (User Guide, "Viewing Amazon RDS DB instance status")."""
    with rds.store.lock:
        instance.rest = shapes.KEY_LOST
        instance.shape["DBInstanceStatus"] = shapes.KEY_LOST
    rds.cluster(instance).stop()


def take_automated_now(rds: Rds, instance: Instance) -> None:
    """The backup window, at once."""
    rds.scheduler.submit(rds, instance, Step("back_up", "backing-up", {"operation": "backup-window"}))


@step
def noticed(_rds: Rds, _instance: Instance, _: Shape) -> None:
    """RDS goes on showing `available` for a while after it has accepted a change."""


@step
def optimize(_rds: Rds, _instance: Instance, _: Shape) -> None:
    """After the storage has changed RDS moves blocks for as long as that takes; the instance is usable."""
