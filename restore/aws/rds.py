"""RDS: instances, snapshots and automated backups of one region, read, and the few calls that change one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from restore.aws import parse
from restore.aws.client import Aws, call_or_none, translate_errors
from restore.errors import PermanentError, Problem
from restore.model.rds import AutomatedBackup, Instance, InstanceSettings, Snapshot
from restore.model.rds_status import DEAD_ENDS, describe_way_out
from restore.polling import ignore, wait_for
from restore.redaction import register_secret

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

NO_INSTANCE = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"})
EXISTS = frozenset({"DBInstanceAlreadyExists", "DBInstanceAlreadyExistsFault"})
NO_SNAPSHOT = frozenset({"DBSnapshotNotFound", "DBSnapshotNotFoundFault"})
HAS_ROLE = frozenset({"DBInstanceRoleAlreadyExists", "DBInstanceRoleAlreadyExistsFault"})
NO_BACKUP = frozenset({"DBInstanceAutomatedBackupNotFound", "DBInstanceAutomatedBackupNotFoundFault"})
KINDS = {"rds:": "automated", "awsbackup:": "awsbackup"}
"""The type by the beginning of a snapshot's name: DescribeDBSnapshots finds these by name only with their type."""


class Rds:
    """RDS of one region. Nothing is asked before the first method; safe to use from several threads.

    Every method raises PermanentError (access denied, no login, refused by RDS) or TemporaryError (throttled, no
    answer) with what was found, what is needed and how to fix it.
    """

    def __init__(self, aws: Aws, tunnel: Mapping[str, str] | None = None):
        """`tunnel`: by identifier or endpoint's host, the local address:port that leads to an instance."""
        self._aws = aws
        self._tunnel = tunnel or {}

    @property
    def _client(self) -> RDSClient:
        return cast("RDSClient", self._aws.open_client("rds"))

    def list_instances(self) -> tuple[Instance, ...]:
        """Returns all instances of the region, with their tags, in one listing."""
        return self._list_instances()

    def find_instance(self, identifier: str) -> Instance | None:
        """Returns the instance that has this identifier now; None when there is none."""
        items = self._list_instances(DBInstanceIdentifier=identifier)
        return items[0] if items else None

    def find_instance_by_resource_id(self, resource_id: str) -> Instance | None:
        """Returns the instance with this DbiResourceId, whatever it is called now; None when it is gone."""
        filters = [{"Name": "dbi-resource-id", "Values": [resource_id]}]
        matching = (item for item in self._list_instances(Filters=filters) if item.resource_id == resource_id)
        return next(matching, None)

    def list_snapshots(
        self, *, identifier: str | None = None, resource_id: str | None = None, shared: bool = False
    ) -> tuple[Snapshot, ...]:
        """Returns all snapshots of an instance (automated, manual, AWS Backup), oldest first, by either name of it.

        By identifier, snapshots of an earlier instance of the same name are among them: compare source_resource_id.
        `shared`: those that other accounts share with this one, instead of its own.
        """
        name: dict[str, Any] = {"DBInstanceIdentifier": identifier} if identifier else {"DbiResourceId": resource_id}
        kinds = ("shared",) if shared else (None, "awsbackup")
        items = {item.arn: item for kind in kinds for item in self._list_snapshots(kind=kind, **name)}
        return tuple(sorted(items.values(), key=lambda item: (item.created is None, item.created, item.identifier)))

    def find_snapshot(self, identifier: str) -> Snapshot | None:
        """Returns one snapshot by its identifier, or by the ARN of a shared one; None when there is none."""
        name = identifier.split(":snapshot:", 1)[-1]
        kind = next((kind for prefix, kind in KINDS.items() if name.startswith(prefix)), None)
        shared = {"IncludeShared": True} if identifier.startswith("arn:") and kind is None else {}
        items = self._list_snapshots(kind=kind, DBSnapshotIdentifier=identifier, **shared)
        return items[0] if items else None

    def list_automated_backups(
        self, *, identifier: str | None = None, resource_id: str | None = None
    ) -> tuple[AutomatedBackup, ...]:
        """Returns the PITR windows of an instance, living or gone (retained), and those replicated to this region."""
        name: dict[str, Any] = {"DBInstanceIdentifier": identifier} if identifier else {"DbiResourceId": resource_id}
        pages = self._client.get_paginator("describe_db_instance_automated_backups")
        listed = call_or_none("rds", lambda: list(pages.paginate(**name)), NO_BACKUP)
        items = [item for page in listed or () for item in page["DBInstanceAutomatedBackups"]]
        return tuple(parse.parse_automated_backup(item) for item in items)

    def list_orderable_versions(self, engine: str = "postgres") -> tuple[str, ...]:
        """Returns the engine versions that the region still creates instances of (API reference of
        DescribeDBEngineVersions: without IncludeAll only those)."""
        pages = self._client.get_paginator("describe_db_engine_versions")
        with translate_errors("rds"):
            items = [item for page in pages.paginate(Engine=engine) for item in page["DBEngineVersions"]]
        return tuple(item.get("EngineVersion", "") for item in items)

    def restore(self, parameters: Mapping[str, Any]) -> bool:
        """Has RDS begin to make an instance of a recovery point; False when one has its identifier already."""
        client = self._client
        call = (
            client.restore_db_instance_from_db_snapshot
            if "DBSnapshotIdentifier" in parameters
            else client.restore_db_instance_to_point_in_time
        )
        return call_or_none("rds", lambda: call(**parameters), EXISTS) is not None

    def modify(
        self,
        resource_id: str,
        desired: InstanceSettings,
        *,
        immediately: bool = True,
        ours: InstanceSettings | None = None,
    ) -> Mapping[str, Any]:
        """Brings the fields that `desired` names to these values; returns the parameters sent, empty for nothing to do.

        Addressed by DbiResourceId: the identifier is looked up right before the call. Changes that somebody else has
        queued (`Instance.pending`) would be applied along (API reference of ModifyDBInstance, ApplyImmediately); what
        waits and is as in `ours` (otherwise `desired`) was queued by us. Raises PermanentError, with nothing sent, for
        such changes, and for an instance that is gone.
        """
        target = self._require_instance(resource_id)
        parameters = parse.build_modification(target.settings, desired)
        if not parameters:
            return {}
        if immediately and (foreign := parse.find_foreign_pending(target.pending, ours or desired)):
            raise PermanentError.of(_build_queued(target, foreign))
        with translate_errors("rds"):
            self._client.modify_db_instance(
                DBInstanceIdentifier=target.identifier, ApplyImmediately=immediately, **parameters
            )
        return parameters

    def rename(self, resource_id: str, identifier: str, waived: Collection[str] = ()) -> str:
        """Begins to give an instance another identifier, at once; returns the one that it had.

        Changes that somebody else has queued would be applied along: raises PermanentError, with nothing sent, unless
        the present identifier is `waived`. ModifyDBInstance knows instances by name alone, and a name may move between
        the look-up and the call: raises PermanentError, too, when its answer is of another instance, and for one that
        is gone.
        """
        target = self._require_instance(resource_id)
        foreign = sorted(target.pending.keys() - {"DBInstanceIdentifier"})
        if foreign and target.identifier not in waived:
            raise PermanentError.of(_build_queued(target, foreign))
        with translate_errors("rds"):
            answer = self._client.modify_db_instance(
                DBInstanceIdentifier=target.identifier, NewDBInstanceIdentifier=identifier, ApplyImmediately=True
            )
        renamed = answer["DBInstance"].get("DbiResourceId", "")
        if renamed != resource_id:
            raise PermanentError.of(_build_moved(target, identifier, renamed))
        return target.identifier

    def add_role(self, resource_id: str, role: str) -> None:
        """Associates an IAM role, given as FEATURE=ARN; one that is associated already is no error. Raises
        PermanentError for an instance that is gone."""
        feature, _, arn = role.partition("=")
        name = self._require_instance(resource_id).identifier
        call = self._client.add_role_to_db_instance
        call_or_none("rds", lambda: call(DBInstanceIdentifier=name, RoleArn=arn, FeatureName=feature), HAS_ROLE)

    def reboot(self, resource_id: str) -> None:
        """Restarts an instance, so that static parameters of its group count. Never for one that serves. Raises
        PermanentError for an instance that is gone."""
        with translate_errors("rds"):
            self._client.reboot_db_instance(DBInstanceIdentifier=self._require_instance(resource_id).identifier)

    def set_master_password(self, resource_id: str, password: str) -> None:
        """Gives the master user a password of our own; RDS then deletes the secret that holds one of its own making
        (API reference of ModifyDBInstance, ManageMasterUserPassword).

        Raises PermanentError, with nothing sent, when somebody else has queued changes, which would be applied along,
        and when the instance is gone. A password of ours that still waits isn't somebody else's change.
        """
        target = self._require_instance(resource_id)
        if foreign := sorted(target.pending.keys() - {"MasterUserPassword"}):
            raise PermanentError.of(_build_queued(target, foreign))
        managed: dict[str, Any] = {"ManageMasterUserPassword": False} if target.managed_secret else {}
        with translate_errors("rds"):
            self._client.modify_db_instance(
                DBInstanceIdentifier=target.identifier,
                MasterUserPassword=register_secret(password),
                ApplyImmediately=True,
                **managed,
            )

    def delete(self, resource_id: str, final_snapshot: str) -> None:
        """Begins to delete an instance, after a final snapshot of this name; its automated backups are kept (API
        reference of DeleteDBInstance, DeleteAutomatedBackups: by default they go at once).

        DeleteDBInstance knows instances by name alone, and a name may move between the look-up and the call: raises
        PermanentError when its answer is of another instance, and when the instance was gone before.
        """
        target = self._require_instance(resource_id)
        with translate_errors("rds"):
            answer = self._client.delete_db_instance(
                DBInstanceIdentifier=target.identifier,
                SkipFinalSnapshot=False,
                FinalDBSnapshotIdentifier=final_snapshot,
                DeleteAutomatedBackups=False,
            )
        deleted = answer["DBInstance"].get("DbiResourceId", "")
        if deleted != resource_id:
            raise PermanentError.of(_build_wrong_deleted(target, deleted, final_snapshot))

    def create_snapshot(self, instance: str, name: str, tags: Mapping[str, str]) -> None:
        """Begins to take a manual snapshot of the instance that has this identifier."""
        with translate_errors("rds"):
            self._client.create_db_snapshot(
                DBInstanceIdentifier=instance,
                DBSnapshotIdentifier=name,
                Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
            )

    def delete_snapshot(self, name: str) -> None:
        """Deletes a manual snapshot for good; one that is gone already is no error."""
        call = self._client.delete_db_snapshot
        call_or_none("rds", lambda: call(DBSnapshotIdentifier=name), NO_SNAPSHOT)

    def discard(self, resource_id: str) -> None:
        """Begins to delete an instance for good: without a final snapshot, its automated backups with it. Only for one
        that a drill has made. Raises PermanentError as `delete` does."""
        target = self._require_instance(resource_id)
        with translate_errors("rds"):
            answer = self._client.delete_db_instance(
                DBInstanceIdentifier=target.identifier, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
            )
        deleted = answer["DBInstance"].get("DbiResourceId", "")
        if deleted != resource_id:
            raise PermanentError.of(_build_wrong_discarded(target, deleted))

    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Sets tags on an instance or a snapshot; setting one again changes nothing."""
        with translate_errors("rds"):
            self._client.add_tags_to_resource(
                ResourceName=arn, Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())]
            )

    def wait_until(
        self,
        resource_id: str,
        condition: Callable[[Instance], bool],
        *,
        stop: threading.Event,
        deadline: float,
        subject: str,
        say: Callable[[str], object] = ignore,
        longest: float = 15.0,
    ) -> Instance:
        """Polls until the instance is as wanted. Ask for the wanted setting: `available` alone may be the past.

        `deadline` is of time.monotonic(), `longest` the longest pause between reads, in seconds; `say` is told which
        temporary error RDS is asked again for. Raises TemporaryError
        when stopped or out of time; PermanentError when the instance is gone, or in a status that waiting can't end
        (`incompatible-restore`, ...).
        """
        return wait_for(
            lambda: self._require_instance(resource_id),
            lambda instance: _can_recover(instance) and condition(instance),
            stop=stop,
            deadline=deadline,
            subject=subject,
            describe=lambda item: (
                f"{item.identifier} is {item.status}, pending changes {sorted(item.pending) or 'none'}"
            ),
            say=say,
            longest=longest,
        )

    def _require_instance(self, resource_id: str) -> Instance:
        item = self.find_instance_by_resource_id(resource_id)
        if item is None:
            raise PermanentError.of(_build_gone(resource_id))
        return item

    def _list_instances(self, **parameters: Any) -> tuple[Instance, ...]:
        pages = self._client.get_paginator("describe_db_instances")
        listed = call_or_none("rds", lambda: list(pages.paginate(**parameters)), NO_INSTANCE)
        items = (parse.parse_instance(item) for page in listed or () for item in page["DBInstances"])
        return tuple(add_tunnel(item, self._tunnel) for item in items)

    def _list_snapshots(self, kind: str | None, **parameters: Any) -> tuple[Snapshot, ...]:
        if kind:
            parameters["SnapshotType"] = kind
        pages = self._client.get_paginator("describe_db_snapshots")
        listed = call_or_none("rds", lambda: list(pages.paginate(**parameters)), NO_SNAPSHOT)
        return tuple(parse.parse_snapshot(item) for page in listed or () for item in page["DBSnapshots"])


def add_tunnel(instance: Instance, tunnel: Mapping[str, str]) -> Instance:
    """Returns the instance with the tunnel to its endpoint, where there is one. Pure."""
    if instance.endpoint is None:
        return instance
    via = tunnel.get(instance.endpoint.host) or tunnel.get(instance.identifier) or ""
    return replace(instance, endpoint=replace(instance.endpoint, via=via))


def _can_recover(instance: Instance) -> bool:
    if instance.status in DEAD_ENDS:
        subject = f"instance {instance.identifier} ({instance.resource_id})"
        fix = describe_way_out(instance.status, instance.identifier)
        raise PermanentError.of(Problem(subject, instance.status, "a status that ends in available", fix))
    return True


def _build_gone(resource_id: str) -> Problem:
    fix = "aws rds describe-db-instances; if it was deleted: pulumi config set id <another one>"
    return Problem(f"instance {resource_id}", "no instance has this DbiResourceId", "the instance", fix)


def _build_moved(target: Instance, identifier: str, renamed: str) -> Problem:
    return Problem(
        f"instance {target.identifier}",
        f"this name moved from {target.resource_id} to {renamed} at the moment of the call: RDS now renames {renamed} "
        f"to {identifier}",
        f"{target.resource_id} renamed to {identifier}",
        f"aws rds describe-db-instances --filters Name=dbi-resource-id,Values={renamed} (then give it back its name)",
    )


def _build_wrong_deleted(target: Instance, deleted: str, final_snapshot: str) -> Problem:
    return Problem(
        f"instance {target.identifier}",
        f"this name moved from {target.resource_id} to {deleted} at the moment of the call: RDS now deletes {deleted}",
        f"{target.resource_id} deleted",
        f"docs/retire.md: {deleted} comes back from its final snapshot {final_snapshot}",
    )


def _build_wrong_discarded(target: Instance, deleted: str) -> Problem:
    return Problem(
        f"instance {target.identifier}",
        f"this name moved from {target.resource_id} to {deleted} at the moment of the call: RDS now deletes {deleted}",
        f"{target.resource_id} deleted",
        "docs/drill.md: restore it at once from its newest snapshot, or from a backup of its source",
    )


def _build_queued(target: Instance, foreign: Sequence[str]) -> Problem:
    return Problem(
        f"instance {target.identifier}",
        f"changes queued by somebody else: {', '.join(foreign)}",
        "no queued changes, because applying ours at once applies them too",
        f"apply or revert them: aws rds modify-db-instance --db-instance-identifier {target.identifier} <options>",
    )
