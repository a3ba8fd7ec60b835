"""The steps that leave a resource behind: same, create, update, import, read."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.standins.engine.deployment.context import Context
from sandbox.standins.engine.deployment.goals import Goal, Step
from sandbox.standins.engine.deployment.step_runner import mark_secrets
from sandbox.standins.engine.errors import InitFailed, Refusal
from sandbox.standins.engine.property_values import UNKNOWN, Props
from sandbox.standins.engine.providers.interface import Diff, Provider
from sandbox.standins.engine.state.files import now
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import is_provider

SETTLED = ("id", "outputs", "sourcePosition", "stackTrace")


class Changes:
    def __init__(self, context: Context) -> None:
        self._context, self._runner = context, context.runner

    def leave(self, old: Resource | None, new: Resource) -> Resource:
        """A resource out of scope: kept as it was, or not made at all."""
        if not old:
            self._runner.run(Step("same", new, new), write=False)
            new.unknown = True
            return new
        self._runner.run(Step("same", old, old), finished=[old], added=[old], write=False)
        return old

    def same(self, old: Resource, new: Resource) -> Resource:
        def apply() -> None:
            new.id, new.outputs = old.id, old.outputs
            if is_provider(new.urn):
                shown = new.copy()
                shown.inputs = old.inputs
                self._context.registry.configured(shown)

        write = _settled(old) != _settled(new)
        self._runner.run(Step("same", old, new), apply, finished=[old], added=[new], write=write)
        return new

    def create(self, provider: Provider | None, new: Resource, step: Step, retire: Resource | None = None) -> Resource:
        """Makes the resource; `retire` is the old one that it replaces, to be deleted later."""

        def apply() -> None:
            self._runner.hook("BeforeCreate", new, new_inputs=new.inputs)
            try:
                if provider:
                    self._create(provider, new)
            except InitFailed as error:
                new.id, new.outputs, new.init_errors = error.id, error.outputs, error.reasons
                _born(new, retire)
                raise
            _born(new, retire)
            if is_provider(new.urn):
                self._context.registry.configured(new)
            if provider:
                mark_secrets(new)
                self._runner.hook("AfterCreate", new, new_inputs=new.inputs, new_outputs=new.outputs)

        replaced = [step.old] if step.old and step.old.pending_replacement else []
        self._runner.run(step, apply, "creating", replaced, [new])
        return new

    def _create(self, provider: Provider, new: Resource) -> None:
        new.id, new.outputs = self._runner.retried(
            "create",
            new,
            lambda: provider.create(new.urn, new.inputs, new.timeout("create"), self._context.dry_run),
            new_inputs=new.inputs,
        )

    def update(self, provider: Provider | None, old: Resource, new: Resource, diff: Diff) -> Resource:
        before: dict[str, Props] = {"old_inputs": old.inputs, "old_outputs": old.outputs}

        def apply() -> None:
            new.id, new.created, new.modified = old.id, old.created, old.modified
            self._runner.hook("BeforeUpdate", new, new_inputs=new.inputs, **before)
            if not provider:
                return
            try:
                self._update(provider, old, new, before)
            except InitFailed as error:
                new.outputs, new.init_errors, new.inputs = error.outputs, error.reasons, old.inputs
                raise
            new.modified = now()
            if is_provider(new.urn):
                self._context.registry.configured(new)
            mark_secrets(new)
            self._runner.hook("AfterUpdate", new, new_inputs=new.inputs, new_outputs=new.outputs, **before)

        self._runner.run(Step("update", old, new, diff), apply, "updating", [old], [new])
        return new

    def _update(self, provider: Provider, old: Resource, new: Resource, before: dict[str, Props]) -> None:
        former = old.copy()
        former.urn = new.urn
        new.outputs = self._runner.retried(
            "update",
            new,
            lambda: provider.update(
                former, new.inputs, new.timeout("update"), new.ignore_changes, self._context.dry_run
            ),
            new_inputs=new.inputs,
            **before,
        )

    def replace(self, provider: Provider | None, old: Resource, new: Resource, diff: Diff) -> Resource:
        """Creates the replacement; the old one is deleted after the program."""
        self.create(provider, new, Step("create-replacement", old, new, diff), retire=old)
        self._runner.run(Step("replace", old, new, diff), write=False)
        return new

    def take_over(self, goal: Goal, provider: Provider, old: Resource | None, new: Resource) -> Resource:
        """Imports what exists as `goal.import_id`, with the inputs that the provider reads."""
        imported = new.copy()

        def apply() -> None:
            read = provider.read(new.urn, goal.import_id, {}, {})
            if read is None:
                raise Refusal(f"resource '{goal.import_id}' does not exist")
            imported.id, imported.inputs, imported.outputs = read.id, read.inputs, read.outputs
            _born(imported, old)

        op = "import-replacement" if old else "import"
        self._runner.run(Step(op, old, imported), apply, "importing", added=[imported])
        if old:
            self._runner.run(Step("replace", old, imported), write=False)
        return imported

    def read(self, provider: Provider, old: Resource | None, new: Resource, identity: str) -> Resource:
        """A resource that the program only looks at (`.get`): its state is kept, marked external."""
        replacing = old if old and not old.external else None

        def apply() -> None:
            if identity != UNKNOWN:
                live = provider.read(new.urn, identity, new.inputs, new.inputs)
                if live is None:
                    raise Refusal(f"resource '{identity}' does not exist")
                new.id, new.outputs = live.id, live.outputs
            if replacing:
                replacing.delete = True

        finished: Iterable[Resource] = [old] if old and not replacing else []
        op = "read-replacement" if replacing else "read"
        self._runner.run(Step(op, old, new), apply, "reading", finished, [new])
        if replacing:
            self._runner.run(Step("replace", old, new), write=False)
        return new


def _settled(resource: Resource) -> Props:
    return {k: v for k, v in resource.to_json().items() if k not in SETTLED}


def _born(new: Resource, retired: Resource | None) -> None:
    new.created = new.modified = now()
    if retired:
        retired.delete = True
