"""The sandbox's own requests: faults, the backup window at once, AWS Backup's snapshots, what was published.

GET    /_sandbox/health
GET, POST, DELETE /_sandbox/faults            see sandbox.aws.faults
POST   /_sandbox/backup-window                {"instance": id, "region": "us-east-1"}
POST   /_sandbox/maintenance-window           {"instance": id, "region": "us-east-1"}
POST   /_sandbox/awsbackup                    {"instance": id, "snapshot": optional name, "region": "us-east-1"}
GET    /_sandbox/messages                     everything published to SNS
GET    /_sandbox/rights                       the operator's IAM actions, those taken away, those used so far
POST   /_sandbox/rights                       {"remove": [action, ...]}: exactly these are missing from now on
GET, POST /_sandbox/region, POST /_sandbox/lag       see sandbox.aws.dark_regions
POST   /_sandbox/replication                  see sandbox.aws.bucket_replication
POST   /_sandbox/pace                         {"others": seconds, "steps": {step: seconds}}: from now on
GET    /_sandbox/steps                        the phases of operations that have ended
POST   /_sandbox/condition, description, limits, rotate-master-password     see sandbox.aws.conditions
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast

from sandbox.aws.conditions import Route, routes
from sandbox.aws.errors import AwsError
from sandbox.aws.faults import Fault
from sandbox.aws.iam.guard import OperatorRights
from sandbox.aws.moto_services import MotoServices
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data.state import Instance
from sandbox.aws.rds.operations.instances import ready
from sandbox.aws.rds.operations.modify import maintenance_window
from sandbox.aws.rds.operations.snapshots import take_by_backup_service
from sandbox.aws.rds.service.region import Pace, Rds
from sandbox.aws.rds.work.jobs import STEPS, JobRunner
from sandbox.aws.rds.work.steps import fill_disk, lose_key, take_automated_now

DEFAULT_REGION = "us-east-1"
BAD, MISSING = 400, 404
Answer = tuple[int, Shape]


class Control:
    def __init__(
        self, runner: JobRunner, moto: MotoServices, rights: OperatorRights, more: Mapping[tuple[str, str], Route]
    ) -> None:
        self._runner, self._moto, self._rights = runner, moto, rights
        self._routes: dict[tuple[str, str], Callable[[bytes], Shape]] = {
            ("GET", "health"): lambda _: {"status": "serving"},
            ("GET", "faults"): lambda _: {"faults": runner.shared.faults.waiting()},
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "messages"): lambda _: {"messages": moto.messages()},
            ("POST", "backup-window"): self._backup_window,
            ("POST", "maintenance-window"): self._maintenance_window,
            ("POST", "awsbackup"): self._aws_backup,
            ("POST", "pace"): self._set_pace,
            ("GET", "steps"): lambda _: {"steps": [asdict(step) for step in runner.shared.done]},
            ("GET", "rights"): lambda _: self._present_rights(),
            ("POST", "rights"): self._remove_rights,
            **routes(runner),
            **more,
        }

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """HTTP status and JSON of one request."""
        route = self._routes.get((method, path.removeprefix("/_sandbox/").strip("/")))
        if route is None:
            return MISSING, {"error": f"no {method} {path}"}
        try:
            return 200, route(body)
        except (ValueError, TypeError, KeyError) as error:
            return BAD, {"error": str(error)}
        except AwsError as error:
            return BAD, {"error": str(error), "code": error.code}

    def interfere(self, action: str, form: dict[str, str]) -> None:
        """The faults of a call, before it is done. Raises AwsError."""
        faults = self._runner.shared.faults
        if faults.take("throttle", action):
            raise AwsError("Throttling", "Rate exceeded")
        if fault := faults.take("error", action):
            raise AwsError(fault.code, fault.message)
        named = form.get("DBInstanceIdentifier") or form.get("SourceDBInstanceIdentifier", "")
        if fault := faults.take("drop-connections", action, named):
            for rds, instance in self._everywhere(fault.instance or named):
                rds.cluster(instance).drop_connections()

    def _add_fault(self, body: bytes) -> Shape:
        fault = Fault.parse(body)
        at_once = not fault.operation and fault.kind in ("drop-connections", "storage-full", "key-lost")
        if not at_once:
            self._runner.shared.faults.add(fault)
            return {"waiting": True}
        targets = self._everywhere(fault.instance)
        if not targets:
            raise ValueError(f"no instance {fault.instance!r}")
        for rds, instance in targets:
            if fault.kind == "storage-full":
                fill_disk(rds, instance)
            elif fault.kind == "key-lost":
                lose_key(rds, instance)
            else:
                rds.cluster(instance).drop_connections()
        self._runner.shared.store.save()
        return {"done": [instance.identifier for _, instance in targets]}

    def _clear_faults(self, body: bytes) -> Shape:
        """Forgets what waits, or only the fault that is passed; without one full disks have room again."""
        if body:
            self._runner.shared.faults.remove(Fault.parse(body))
            return {}
        self._runner.shared.faults.clear()
        for rds, instance in self._everywhere(None):
            if instance.rest == "storage-full":
                rds.cluster(instance).set_read_only(on=False)
                with rds.store.lock:
                    instance.rest = "available"
                    if not instance.steps:
                        instance.shape["DBInstanceStatus"] = instance.rest
        return {}

    def _set_pace(self, body: bytes) -> Shape:
        given = cast("dict[str, Any]", json.loads(body))
        by_step = {str(name): float(seconds) for name, seconds in dict(given.get("steps", {})).items()}
        if unknown := sorted(by_step.keys() - STEPS.keys()):
            raise ValueError(f"no step {', '.join(unknown)}; there are {', '.join(sorted(STEPS))}")
        self._runner.shared.pace = Pace(float(given.get("others", 0.0)), by_step)
        return given

    def _present_rights(self) -> Shape:
        rights = self._rights
        return {"actions": list(rights.actions), "removed": sorted(rights.removed), "used": sorted(rights.used)}

    def _remove_rights(self, body: bytes) -> Shape:
        self._rights.remove(cast("list[str]", json.loads(body)["remove"]))
        return self._present_rights()

    def _everywhere(self, identifier: str | None) -> list[tuple[Rds, Instance]]:
        store = self._runner.shared.store
        with store.lock:
            return [
                (self._runner.region(name), instance)
                for name, region in store.regions.items()
                for instance in region.instances.values()
                if identifier in (None, instance.identifier)
            ]

    def _one(self, body: bytes, *optional: str) -> tuple[Rds, Instance, Shape]:
        content = cast("dict[str, Any]", json.loads(body or b"{}"))
        if unknown := content.keys() - {"instance", "region", *optional}:
            raise ValueError(f"unknown keys {sorted(unknown)}")
        rds = self._runner.region(str(content.get("region", DEFAULT_REGION)))
        return rds, rds.instance(str(content["instance"])), content

    def _backup_window(self, body: bytes) -> Shape:
        rds, instance, _ = self._one(body)
        with rds.store.lock:
            ready(instance)
            take_automated_now(rds, instance)
        return {"instance": instance.identifier}

    def _maintenance_window(self, body: bytes) -> Shape:
        rds, instance, _ = self._one(body)
        with rds.store.lock:
            ready(instance)
            maintenance_window(rds, instance)
        return {"instance": instance.identifier}

    def _aws_backup(self, body: bytes) -> Shape:
        rds, instance, content = self._one(body, "snapshot")
        with rds.store.lock:
            taken = take_by_backup_service(rds, instance.identifier, content.get("snapshot"))
            rds.store.save()
        return {"snapshot": taken["DBSnapshotIdentifier"]}
