"""What carries out the operations on resources: the interface, and the providers that are not processes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.standins.engine.errors import Failure, Failures, Refusal
from sandbox.standins.engine.property_values import UNKNOWN, Props, Value
from sandbox.standins.engine.state.resource import Resource

STASH_INPUT = "input"
HIDDEN = "__internal"


@dataclass
class Diff:
    """What changed: the keys, those that force a replacement, and the provider's detailed account."""

    changed: bool = False
    keys: list[str] = field(default_factory=list[str])
    replaces: list[str] = field(default_factory=list[str])
    delete_first: bool = False
    detailed: dict[str, Value] = field(default_factory=dict[str, Value])
    triggered: bool = False


@dataclass(frozen=True)
class LiveResource:
    """What a Read returned."""

    id: str
    inputs: Props
    outputs: Props


class Provider(Protocol):
    """One provider, as the steps use it. Every method may raise Refusal."""

    def check(self, urn: str, olds: Props | None, news: Props, seed: bytes) -> Failures: ...
    def diff(self, old: Resource, news: Props, ignored: Sequence[str] = ()) -> Diff: ...
    def create(self, urn: str, inputs: Props, timeout: float, preview: bool) -> tuple[str, Props]: ...
    def update(self, old: Resource, news: Props, timeout: float, ignored: Sequence[str], preview: bool) -> Props: ...
    def delete(self, old: Resource, timeout: float) -> None: ...
    def read(self, urn: str, identity: str, inputs: Props, state: Props) -> LiveResource | None: ...


class Configurable(Protocol):
    """A provider process, as its provider resource uses it."""

    @property
    def configured(self) -> bool: ...
    def check_config(self, urn: str, olds: Props | None, news: Props) -> Failures: ...
    def diff_config(self, urn: str, olds: Props, news: Props) -> Diff: ...
    def configure(self, urn: str, identity: str, inputs: Props) -> None: ...


class Service(Provider, Protocol):
    """A provider that functions can be called of, and that ends with the operation."""

    def invoke(self, token: str, args: Props, preview: bool) -> tuple[Props, list[Failure]]: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...


class Builtin:
    """The `pulumi` package: Stash, and reading a resource of this deployment back."""

    def __init__(self, lookup: Callable[[str], Resource | None]) -> None:
        self._lookup = lookup

    def check(self, urn: str, olds: Props | None, news: Props, seed: bytes) -> Failures:
        del urn, olds, seed
        failures = [Failure(key, f'unknown property "{key}"') for key in news if key != STASH_INPUT]
        if STASH_INPUT not in news:
            failures = [Failure(STASH_INPUT, f'missing required property "{STASH_INPUT}"')]
        return Failures(news, failures)

    def diff(self, old: Resource, news: Props, ignored: Sequence[str] = ()) -> Diff:
        del ignored
        changed = old.inputs.get(STASH_INPUT) != news.get(STASH_INPUT)
        return Diff(changed, [STASH_INPUT] if changed else [])

    def create(self, urn: str, inputs: Props, timeout: float, preview: bool) -> tuple[str, Props]:
        del urn, timeout
        kept = inputs.get(STASH_INPUT)
        return "" if preview else str(uuid.uuid4()), {"input": kept, "output": kept}

    def update(self, old: Resource, news: Props, timeout: float, ignored: Sequence[str], preview: bool) -> Props:
        del timeout, ignored, preview
        return {"input": news.get(STASH_INPUT), "output": old.outputs.get("output")}

    def delete(self, old: Resource, timeout: float) -> None:
        """A stash is nothing but its state."""

    def read(self, urn: str, identity: str, inputs: Props, state: Props) -> LiveResource | None:
        del urn
        if not inputs:
            raise Refusal("stash can not be imported")
        return LiveResource(identity, inputs, state)

    def invoke(self, token: str, args: Props, preview: bool) -> tuple[Props, list[Failure]]:
        del preview
        if token != "pulumi:pulumi:getResource":
            raise Refusal(f"unrecognized function name: '{token}'")
        resource = self._lookup(str(args.get("urn")))
        if resource is None:
            raise Refusal(f"unknown resource {args.get('urn')}")
        return {"urn": resource.urn, "id": resource.id, "state": resource.outputs}, []

    def cancel(self) -> None:
        """Nothing is ever under way."""

    def close(self) -> None:
        """Nothing was opened."""


class ProviderResource:
    """A provider as a resource of the program: checked, diffed, and "created" by configuring it."""

    def __init__(self, plugin: Configurable | None) -> None:
        self._plugin = plugin

    def check(self, urn: str, olds: Props | None, news: Props, seed: bytes) -> Failures:
        del seed
        if not self._plugin:
            return Failures(news)
        checked = self._plugin.check_config(urn, _shown(olds) if olds is not None else None, _shown(news))
        kept = {k: v for k, v in news.items() if k in (HIDDEN, "version")}
        return Failures({**kept, **checked.inputs}, checked.failures)

    def diff(self, old: Resource, news: Props, ignored: Sequence[str] = ()) -> Diff:
        del ignored
        if not self._plugin or old.inputs == news:
            return Diff()
        return self._plugin.diff_config(old.urn, _shown(old.inputs), _shown(news))

    def create(self, urn: str, inputs: Props, timeout: float, preview: bool) -> tuple[str, Props]:
        del urn, timeout
        return UNKNOWN if preview else str(uuid.uuid4()), _shown(inputs)

    def update(self, old: Resource, news: Props, timeout: float, ignored: Sequence[str], preview: bool) -> Props:
        del old, timeout, ignored, preview
        return _shown(news)

    def delete(self, old: Resource, timeout: float) -> None:
        """A provider ends with the operation."""

    def read(self, urn: str, identity: str, inputs: Props, state: Props) -> LiveResource | None:
        del urn
        return LiveResource(identity, inputs, state)


def _shown(inputs: Props | None) -> Props:
    return {k: v for k, v in (inputs or {}).items() if k != HIDDEN}
