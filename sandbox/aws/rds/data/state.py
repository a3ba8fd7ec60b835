"""What RDS remembers, per region; on disk as one JSON file that is replaced whole."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sandbox.aws.query_protocol import Shape

EVENTS_KEPT = 2000


@dataclass
class Step:
    """One phase of an operation: `name` says what is done, `status` what the instance shows meanwhile."""

    name: str
    status: str
    arguments: Shape = field(default_factory=dict[str, Any])


@dataclass
class Instance:
    """`shape` is what DescribeDBInstances answers; `steps` is what is still to do; `rest` the status after it."""

    shape: Shape
    steps: list[Step] = field(default_factory=list[Step])
    rest: str = "available"
    gone: bool = False

    @property
    def identifier(self) -> str:
        return self.shape["DBInstanceIdentifier"]

    @property
    def resource_id(self) -> str:
        return self.shape["DbiResourceId"]

    @property
    def status(self) -> str:
        return self.shape["DBInstanceStatus"]


@dataclass
class Snapshot:
    """`folder` is the copy's name below the snapshots; `instance` the shape of its instance at that moment."""

    shape: Shape
    folder: str
    instance: Shape


@dataclass
class ParameterGroup:
    shape: Shape
    parameters: dict[str, Shape] = field(default_factory=dict[str, Shape])


@dataclass
class Region:
    """Everything by its identifier; `retained` are automated backups of deleted instances, by resource id.

    `replicas` are automated backups of other regions' instances, by resource id: region, KmsKeyId, and the shape of the
    source once that is gone. `limits` are what the account may not have: see service/limits.py.
    """

    instances: dict[str, Instance] = field(default_factory=dict[str, Instance])
    snapshots: dict[str, Snapshot] = field(default_factory=dict[str, Snapshot])
    retained: dict[str, Shape] = field(default_factory=dict[str, Shape])
    replicas: dict[str, Shape] = field(default_factory=dict[str, Shape])
    subnet_groups: dict[str, Shape] = field(default_factory=dict[str, Shape])
    parameter_groups: dict[str, ParameterGroup] = field(default_factory=dict[str, ParameterGroup])
    option_groups: dict[str, Shape] = field(default_factory=dict[str, Shape])
    subscriptions: dict[str, Shape] = field(default_factory=dict[str, Shape])
    proxies: dict[str, Shape] = field(default_factory=dict[str, Any])
    tags: dict[str, list[Shape]] = field(default_factory=dict[str, list[Shape]])
    events: list[Shape] = field(default_factory=list[Shape])
    limits: Shape = field(default_factory=dict[str, Any])


class Store:
    """The regions, a lock for whoever reads or changes them, and their file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.regions: dict[str, Region] = _load(path) if path.exists() else {}

    def region(self, name: str) -> Region:
        with self.lock:
            return self.regions.setdefault(name, Region())

    def save(self) -> None:
        """Writes all; a kill leaves the file before or after, never half of it."""
        with self.lock:
            for region in self.regions.values():
                del region.events[:-EVENTS_KEPT]
            text = json.dumps({name: asdict(region) for name, region in self.regions.items()}, default=_encode)
            part = self.path.with_suffix(".part")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(text)
            part.replace(self.path)


def _encode(value: object) -> Shape:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    raise TypeError(f"{type(value).__name__} has no place in the state")


def _decode(value: Shape) -> object:
    return datetime.fromisoformat(value["$time"]) if value.keys() == {"$time"} else value


def _load(path: Path) -> dict[str, Region]:
    content = cast("dict[str, Shape]", json.loads(path.read_text(), object_hook=_decode))
    return {name: _region(parts) for name, parts in content.items()}


def _instance(parts: Shape) -> Instance:
    steps = [Step(**step) for step in parts["steps"]]
    return Instance(parts["shape"], steps, parts["rest"], parts["gone"])


def _region(parts: Shape) -> Region:
    region = Region(**{key: value for key, value in parts.items() if key in Region.__dataclass_fields__})
    region.instances = {name: _instance(item) for name, item in parts["instances"].items()}
    region.snapshots = {name: Snapshot(**item) for name, item in parts["snapshots"].items()}
    region.parameter_groups = {name: ParameterGroup(**i) for name, i in parts["parameter_groups"].items()}
    return region
