"""What a provider is made of: the requests about a resource, the answers, and the ways to refuse."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.standins.plugin.property_values import Properties, reveal


class CallRefused(Exception):
    """What the engine is told instead of an answer."""


class Unreachable(CallRefused):
    """The server behind the provider could not be reached."""


class CreatedButFailed(CallRefused):
    """The resource exists, but something about it failed: its state is saved, the step fails."""

    def __init__(self, text: str, identity: str, properties: Properties, reasons: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.identity, self.properties, self.reasons = identity, properties, [text, *reasons]


@dataclass(frozen=True)
class Call:
    """One request about one resource. `raw` and the olds still have their secrets wrapped."""

    urn: str = ""
    id: str = ""
    raw: Properties = field(default_factory=dict[str, Any])
    raw_state: Properties = field(default_factory=dict[str, Any])
    raw_old_inputs: Properties = field(default_factory=dict[str, Any])
    ignored: tuple[str, ...] = ()
    timeout: float = 0.0
    preview: bool = False
    seed: bytes = b""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def news(self) -> Properties:
        return reveal(self.raw)

    @property
    def state(self) -> Properties:
        return reveal(self.raw_state)

    @property
    def old_inputs(self) -> Properties:
        return reveal(self.raw_old_inputs)


@dataclass(frozen=True)
class CheckFailure:
    """A property that Check refuses."""

    property: str
    reason: str


@dataclass(frozen=True)
class Checked:
    inputs: Properties
    failures: Sequence[CheckFailure] = ()


@dataclass(frozen=True)
class Difference:
    """Property paths to a kind: ADD, UPDATE, DELETE, each possibly with _REPLACE."""

    detailed: Mapping[str, str] = field(default_factory=dict[str, str])
    delete_first: bool = False

    @property
    def replaces(self) -> list[str]:
        return [path for path, kind in self.detailed.items() if kind.endswith("_REPLACE")]


@dataclass(frozen=True)
class ReadResult:
    id: str
    inputs: Properties
    state: Properties


class ResourceType(Protocol):
    """One resource type."""

    def check(self, call: Call) -> Checked: ...
    def diff(self, call: Call) -> Difference: ...
    def create(self, call: Call) -> tuple[str, Properties]: ...
    def update(self, call: Call) -> Properties: ...
    def read(self, call: Call) -> ReadResult | None: ...
    def delete(self, call: Call) -> None: ...


@dataclass(frozen=True)
class Surroundings:
    """What a resource lives in: `cancelled` tells it to stop, by `warn(urn, text)` it tells the operator something."""

    cancelled: threading.Event
    warn: Callable[[str, str], None]


Function = Callable[[], Properties]
"""A function of a provider; those that are played take no arguments."""


class Package(Protocol):
    """A provider: what it is called, what configuration it takes, and its resource types once configured."""

    name: str
    version: str
    types: Sequence[str]

    def check_config(self, config: Properties) -> Sequence[CheckFailure]: ...
    def configure(self, config: Properties, surroundings: Surroundings) -> Mapping[str, ResourceType]: ...
    def functions(self, config: Properties) -> Mapping[str, Function]: ...
