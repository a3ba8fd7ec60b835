"""Reads what is known of an instance, and deletes it step by step: a run that was killed is gone on with by the next.

The name of the final snapshot is written into a tag of the instance and into the evidence first; then deletion
protection is lifted and the deletion begun. While RDS deletes, and afterwards, the tag or the record tells the next run
what it waits for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from restore.aws.metrics import Measured
from restore.errors import PermanentError, Problem, Refused, RestoreError
from restore.evidence import Store, publish
from restore.model.inventory import Inventory
from restore.model.labels import TAG_FINAL, TAG_ID
from restore.model.rds import AutomatedBackup, Instance, InstanceSettings, Snapshot
from restore.model.request import Settings
from restore.polling import wait_for
from restore.retire.decision import PAGE, Retirement, RetireWorld, find_line, find_problems, make_retirement, render

STEP = "retire"
WAIT_SECONDS = 24 * 3600.0
"""A final snapshot takes as long as the last one is old and the database is large: hours, and seldom more."""
UNPROTECTED = InstanceSettings(deletion_protection=False)


class RdsCalls(Protocol):
    """What of RDS is needed to retire an instance; restore.aws.Rds has it."""

    def list_instances(self) -> tuple[Instance, ...]: ...
    def find_instance_by_resource_id(self, resource_id: str) -> Instance | None: ...
    def find_snapshot(self, identifier: str) -> Snapshot | None: ...
    def list_snapshots(self, *, resource_id: str | None = None) -> tuple[Snapshot, ...]: ...
    def list_automated_backups(self, *, resource_id: str | None = None) -> tuple[AutomatedBackup, ...]: ...
    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None: ...
    def modify(self, resource_id: str, desired: InstanceSettings) -> Mapping[str, Any]: ...
    def delete(self, resource_id: str, final_snapshot: str) -> None: ...


@dataclass(frozen=True)
class Retiring:
    """One run of the command. `measure`: the hourly sessions of an instance since then; `read`: the inventory."""

    settings: Settings
    resource_id: str
    days: int
    not_asked: str
    rds: RdsCalls
    store: Store
    read: Callable[[], Inventory]
    measure: Callable[[Instance, datetime], tuple[Measured, ...]]
    operator: Mapping[str, str]
    clock: Callable[[], datetime]
    say: Callable[[str], object] = print
    stop: threading.Event = field(default_factory=threading.Event)
    longest: float = 15.0
    """Seconds between two looks at the deletion, at most."""

    def run(self, confirm: Callable[[str], bool]) -> bool:
        """Deletes the instance and waits for its final snapshot; False when not confirmed.

        Raises Refused with everything that stands against it, RestoreError for what went wrong then.
        """
        target = self.rds.find_instance_by_resource_id(self.resource_id)
        if target is None or (target.status == "deleting" and TAG_FINAL in target.tags):
            return self._finish(self._require_begun())
        shown = self._judge(target)
        if not confirm(render(shown)):
            return False
        plan = self._judge(target)  # again: what was true before the question may have changed
        self.rds.add_tags(plan.target.arn, {TAG_FINAL: plan.final_snapshot})
        begun = self._describe(plan)
        self._record(plan.restore_id, begun)
        if plan.target.settings.deletion_protection:
            self.rds.modify(self.resource_id, UNPROTECTED)
        self.rds.delete(self.resource_id, plan.final_snapshot)
        return self._finish({"id": plan.restore_id, **begun})

    def _judge(self, target: Instance) -> Retirement:
        """Reads the world, and returns the plan. Raises Refused."""
        inventory, instances = self.read(), self.rds.list_instances()
        now = next((item for item in instances if item.resource_id == self.resource_id), target)
        world = RetireWorld(
            settings=self.settings,
            now=inventory.now,
            target=now,
            instances=instances,
            open_restores=inventory.open_restores,
            secret=inventory.cluster.secret,
            snapshots=(*self.rds.list_snapshots(resource_id=self.resource_id), *self._read_tagged(now)),
            backups=self.rds.list_automated_backups(resource_id=self.resource_id),
            validated=self._read_validated(instances),
            connections=self._measure(now, inventory.now - timedelta(days=self.days)),
            days=self.days,
            not_asked=self.not_asked,
        )
        if problems := find_problems(world):
            raise Refused(problems)
        return make_retirement(world)

    def _read_tagged(self, target: Instance) -> tuple[Snapshot, ...]:
        """Returns the snapshot that has the tag's name, whosever it is: an instance restored from it by hand may have
        inherited the tag."""
        tagged = target.tags.get(TAG_FINAL)
        snapshot = self.rds.find_snapshot(tagged) if tagged else None
        return (snapshot,) if snapshot else ()

    def _measure(self, target: Instance, since: datetime) -> tuple[Measured, ...] | None:
        try:
            return self.measure(target, since)
        except RestoreError as error:
            self.say(f"CloudWatch can't be asked who was connected: {error}")
            return None

    def _read_validated(self, instances: Iterable[Instance]) -> frozenset[str]:
        """Returns the instances of the target's line for which gate `validated` has opened."""
        listed = tuple(instances)
        line = find_line(listed, self.resource_id)
        ids = {item.tags[TAG_ID] for item in listed if item.resource_id in line and TAG_ID in item.tags}
        records = [
            record
            for restore_id in sorted(ids)
            for record in self.store.read_newest_first(self.settings.stack, restore_id, "validated")
        ]
        return frozenset(
            str(record["facts"].get("resource_id")) for record in records if record.get("open") and record.get("facts")
        )

    def _require_begun(self) -> Mapping[str, Any]:
        """Returns the newest record of this deletion. Raises Refused when there is none."""
        stack = self.settings.stack
        records = [self.store.read_newest_first(stack, restore_id, STEP) for restore_id in self.store.list_ids(stack)]
        begun = [record for found in records for record in found if record.get("resource_id") == self.resource_id]
        if not begun:
            fix = "aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,DbiResourceId]'"
            needed = "the DbiResourceId of an instance of this region, in full"
            raise Refused([Problem(f"instance {self.resource_id}", "no such instance", needed, fix)])
        return max(begun, key=lambda record: str(record["written"]))

    def _finish(self, begun: Mapping[str, Any]) -> bool:
        """Waits until the instance is gone and its final snapshot available, and records it once."""
        name = str(begun["final_snapshot"])
        if begun.get("ended"):
            self.say(f"{begun['identifier']} ({self.resource_id}) was retired before; its final snapshot is {name}")
            return True
        self.say(f"waiting until {begun['identifier']} is deleted and snapshot {name} available; Ctrl-C ends nothing")
        wait_for(
            lambda: self.rds.find_instance_by_resource_id(self.resource_id),
            lambda instance: instance is None or instance.status not in ("deleting", "available"),
            stop=self.stop,
            deadline=time.monotonic() + WAIT_SECONDS,
            subject=f"the deletion of {self.resource_id}",
            describe=lambda instance: f"status {instance.status}" if instance else "gone",
            fix=f"python -m restore retire {self.resource_id}",
            say=self.say,
            first=min(0.5, self.longest),
            longest=self.longest,
        )
        self._require_deleted(name)
        kept = {key: begun[key] for key in RECORDED if key in begun}
        self._record(str(begun["id"]), {**kept, "ended": self.clock().isoformat()})
        self.say(f"Retired: {begun['identifier']} ({self.resource_id}). Its final snapshot is {name}.")
        return True

    def _require_deleted(self, name: str) -> None:
        """Raises PermanentError unless the instance is gone and its final snapshot can be restored."""
        instance, snapshot = self.rds.find_instance_by_resource_id(self.resource_id), self.rds.find_snapshot(name)
        if instance is not None:
            found, subject = f"status {instance.status}", f"instance {instance.identifier} ({self.resource_id})"
        elif snapshot is None or snapshot.status != "available":
            found, subject = snapshot.status if snapshot else "no such snapshot", f"snapshot {name}"
        else:
            return
        fix = f"{PAGE}: the instance's automated backups are kept; look at them before anything else"
        raise PermanentError.of(Problem(subject, found, "a deleted instance with an available final snapshot", fix))

    def _describe(self, plan: Retirement) -> dict[str, Any]:
        return {
            "began": self.clock().isoformat(),
            "ended": None,
            "operator": dict(self.operator),
            "resource_id": self.resource_id,
            "identifier": plan.target.identifier,
            "final_snapshot": plan.final_snapshot,
            "connections": plan.connections,
            "holders": list(plan.holders),
        }

    def _record(self, restore_id: str, content: Mapping[str, Any]) -> None:
        publish.record(self.store, self.settings.stack, restore_id, STEP, content, warn=self.say)


RECORDED = ("began", "ended", "operator", "resource_id", "identifier", "final_snapshot", "connections", "holders")
