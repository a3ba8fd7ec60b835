"""The deployment: turns the program's registrations (goals) into steps.

Each registration runs in the thread of its own call, so that independent resources proceed together.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Mapping

from sandbox.standins.engine import urns
from sandbox.standins.engine.deployment.change_steps import Changes
from sandbox.standins.engine.deployment.context import Context
from sandbox.standins.engine.deployment.delete_steps import Deletions
from sandbox.standins.engine.deployment.goals import Goal, Step
from sandbox.standins.engine.deployment.refresh_steps import refresh
from sandbox.standins.engine.errors import Refusal, StepFailed, Stopped
from sandbox.standins.engine.property_values import Props, go_format, redact, secret
from sandbox.standins.engine.providers.interface import Diff, Provider
from sandbox.standins.engine.state import property_paths
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.state.stack_settings import Entry


class Deployment:
    def __init__(self, context: Context, project: str, stack: str, config: Mapping[str, Entry]) -> None:
        self._context, self._config = context, config
        self._project, self._stack = project, stack
        self.runner, self.view, self.dry_run = context.runner, context.view, context.dry_run
        self._changes = Changes(context)
        self._deletions = Deletions(context, self._changes)
        self._defaults: dict[tuple[str, str], str] = {}
        self._defaults_mutex = threading.Lock()
        self._stack_outputs: tuple[str, Props] | None = None

    def urn(self, kind: str, name: str, parent: str = "") -> str:
        return urns.make(self._stack, self._project, kind, name, parent)

    def lookup(self, urn: str) -> Resource | None:
        return self.runner.seen.get(urn)

    def refresh(self, *, reporting: bool) -> None:
        refresh(self._context, reporting=reporting)

    def delete_unseen(self) -> None:
        self._deletions.unseen()

    # Providers

    def default_provider(self, package: str, version: str) -> str:
        """The reference (`urn::id`) of the provider made from the stack's configuration, registered once."""
        suffix = "_" + version.replace(".", "_").replace("-", "_") if version else ""
        with self._defaults_mutex:
            if (package, version) not in self._defaults:
                inputs: Props = {
                    key.removeprefix(f"{package}:"): secret(entry.text) if entry.secret else entry.text
                    for key, entry in self._config.items()
                    if key.startswith(f"{package}:")
                }
                goal = Goal(urns.PROVIDERS + package, f"default{suffix}", True, inputs, version=version)
                state = self.register(goal)
                self._defaults[package, version] = f"{state.urn}::{state.id}"
            return self._defaults[package, version]

    def invoke(self, token: str, args: Props, provider: str, version: str) -> tuple[Props, list[tuple[str, str]]]:
        """Calls a provider's function; returns its result and the arguments that it refuses."""
        reference = provider or self.default_provider(token.split(":")[0], version)
        urn = reference.rpartition("::")[0]
        declared = self.runner.seen.get(urn)
        if declared is None:
            raise Refusal(f"unknown provider {reference}")
        result, failures = self._context.registry.configured(declared).invoke(token, args, self.dry_run)
        return result, [(f.property, f.reason) for f in failures]

    # Registration

    def register(self, goal: Goal) -> Resource:
        """Brings one resource to what the program asks for. Raises Stopped when the operation is over."""
        urn = self.urn(goal.type, goal.name, goal.parent)
        try:
            return self._register(urn, goal)
        except Refusal as error:
            self.view.diagnostic("error", str(error), urn)
            self.runner.errored.add(urn)
            raise self.runner.bail() from error

    def _register(self, urn: str, goal: Goal) -> Resource:
        old = self._claim(urn, goal)
        if goal.custom and not goal.provider and not urns.is_provider(urn):
            goal.provider = self.default_provider(goal.type.split(":")[0], goal.version)
        if urns.is_provider(urn) and goal.version:
            goal.inputs = {**goal.inputs, "version": goal.version, "__internal": {}}
        new = goal.resource(urn, old)
        if old and old.urn != urn:
            self._context.checkpoint.renamed[old.urn] = urn
        if new.needs & self.runner.broken:
            self.runner.broken.add(urn)
            raise StepFailed
        provider = self._context.provider(new)
        if not self._context.in_scope(urn) and not urns.is_provider(urn) and goal.type != urns.STACK:
            return self._changes.leave(old, new)
        if self._context.options.destroying and goal.custom and not urns.is_provider(urn):
            if not old:
                return self._changes.leave(old, new)
            new.inputs = old.inputs
            return self._changes.same(old, new)
        if self.runner.plan:
            self.runner.plan.inputs(urn, old.inputs if old else {}, goal.inputs)
        if provider and _to_import(goal, old):
            old = self._changes.take_over(goal, provider, old, new)
            new.created, new.modified = old.created, old.modified
            return self._settle(goal, provider, old, new, imported=True)
        return self._settle(goal, provider, old, new)

    def _claim(self, urn: str, goal: Goal) -> Resource | None:
        """Takes the URN for this registration; returns its old state, found by URN or alias."""
        with self.runner.mutex:
            if urn in self.runner.seen:
                raise Refusal(f"Duplicate resource URN '{urn}'; try giving it a unique name")
            self.runner.seen[urn] = Resource(urn, goal.type, goal.custom)
            if urn in self._context.olds:
                return self._context.olds[urn]
            for alias in goal.aliases:
                parent = "" if alias.no_parent else alias.parent or goal.parent
                named = alias.urn or self.urn(alias.type or goal.type, alias.name or goal.name, parent)
                if named in self._context.olds:
                    self._context.aliased[named] = urn
                    return self._context.olds[named]
        return None

    def _settle(
        self, goal: Goal, provider: Provider | None, old: Resource | None, new: Resource, imported: bool = False
    ) -> Resource:
        """Decides which step the resource takes, and takes it."""
        recreating = new.urn in self._context.deleted
        former = None if recreating or (old and old.external) else old
        self._check(goal, provider, former, new)
        if recreating:
            diff = Diff(True, replaces=self._context.deleted.pop(new.urn))
            self.runner.run(Step("replace", old, new))
            return self._changes.create(provider, new, Step("create-replacement", old, new, diff))
        if not old:
            return self._changes.create(provider, new, Step("create", None, new))
        if old.external:
            return self._changes.replace(provider, old, new, Diff(True))
        diff = self._diff(provider, old, new)
        if diff.replaces or diff.triggered or old.pending_replacement:
            return self._replace(goal, provider, old, new, diff)
        if diff.changed or old.init_errors:
            return self._changes.update(provider, old, new, diff)
        return old if imported else self._changes.same(old, new)

    def _replace(self, goal: Goal, provider: Provider | None, old: Resource, new: Resource, diff: Diff) -> Resource:
        self._refuse_replacement(goal, old, new, diff)
        new.inputs = goal.inputs
        self._check(goal, provider, None, new)
        delete_first = diff.delete_first if goal.delete_first is None else goal.delete_first
        act = self._deletions.then_create if delete_first else self._changes.replace
        return act(provider, old, new, diff)

    def _check(self, goal: Goal, provider: Provider | None, old: Resource | None, new: Resource) -> None:
        if old:
            new.inputs = ignoring(new.ignore_changes, old.inputs, new.inputs)
        if not provider:
            return
        checked = provider.check(new.urn, old.inputs if old else None, new.inputs, os.urandom(32))
        for failure in checked.failures:
            where = f"property {failure.property} value {{{go_format(new.inputs.get(failure.property))}}} "
            text = f"{where if failure.property else ''}has a problem: {failure.reason}"
            self.view.diagnostic("error", f"{new.type} resource '{goal.name}': {text}", new.urn)
        if checked.failures:
            self.runner.errored.add(new.urn)
            raise self.runner.bail()
        new.inputs = checked.inputs

    def _diff(self, provider: Provider | None, old: Resource, new: Resource) -> Diff:
        if old.provider != new.provider and self._provider_replaced(old, new):
            return Diff(True, ["provider"], ["provider"])
        if old.replacement_trigger and new.replacement_trigger != old.replacement_trigger:
            return Diff(True, triggered=True)
        if not provider:
            return Diff(old.inputs != new.inputs)
        former = old.copy()
        former.urn = new.urn
        diff = provider.diff(former, new.inputs, new.ignore_changes)
        for pattern in map(property_paths.parse, new.replace_on_changes):
            for path in map(property_paths.parse, (list(diff.detailed) or diff.keys) if diff.changed else []):
                if property_paths.covers(pattern, path) and str(path[0]) not in diff.replaces:
                    diff.replaces.append(str(path[0]))
        return diff

    def _provider_replaced(self, old: Resource, new: Resource) -> bool:
        before, after = old.provider.rpartition("::")[0], new.provider.rpartition("::")[0]
        if not before or not after:
            return True
        now, was = self.runner.seen[after], self._context.olds.get(before)
        if self._context.aliased.get(before) == after or (before == after and was and now.inputs == was.inputs):
            return False
        former = was or Resource(before, urns.type_of(before), True)
        return bool(self._context.registry.resource(now).diff(former, now.inputs).replaces)

    def _refuse_replacement(self, goal: Goal, old: Resource, new: Resource, diff: Diff) -> None:
        if new.protect and old.protect and not self._context.options.ignore_protect:
            self.runner.failed = True
            self.runner.errored.add(new.urn)
            self.view.diagnostic(
                "error",
                f'unable to replace resource "{new.urn}"\nas it is currently marked for protection. To unprotect the '
                "resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`",
                new.urn,
            )
            if not self.dry_run:
                raise self.runner.bail()
        if not goal.import_id:
            return
        shown = ["{}: {{{}}} => {{{}}}".format(k, *(_shown(r, k) for r in (old, new))) for k in diff.replaces]
        message = "\n".join(
            [
                "previously-imported resources that still specify an ID may not be replaced; please remove the "
                "`import` declaration from your program;",
                *shown,
            ]
        )
        if not self.dry_run:
            raise Refusal(message)
        self.view.diagnostic("warning", message, new.urn)

    def read(self, goal: Goal, identity: str) -> Resource:
        urn = self.urn(goal.type, goal.name, goal.parent)
        new = goal.resource(urn, None)
        new.id, new.external = identity, True
        try:
            new.provider = goal.provider or self.default_provider(goal.type.split(":")[0], goal.version)
            provider = self._context.required_provider(new)
        except Refusal as error:
            self.runner.fail(Step("read", None, new), error)
            raise Stopped from error
        return self._changes.read(provider, self._context.olds.get(urn), new, identity)

    # Outputs

    def register_outputs(self, urn: str, outputs: Props) -> None:
        """A component's outputs. The stack's own are settled last: a failed run doesn't make old ones go away."""
        if urn not in self.runner.steps or self.runner.stopped.is_set():
            raise Stopped
        if urns.type_of(urn) == urns.STACK:
            self._stack_outputs = urn, outputs
        else:
            self._set_outputs(urn, outputs)

    def finish_stack(self) -> None:
        if not self._stack_outputs or self._stack_outputs[0] not in self.runner.steps:
            return
        urn, outputs = self._stack_outputs
        old = self.runner.steps[urn].old
        if self.runner.failed and old:
            outputs = {**old.outputs, **outputs}
        self._set_outputs(urn, outputs)

    def _set_outputs(self, urn: str, outputs: Props) -> None:
        step, new = self.runner.steps[urn], self.runner.seen[urn]
        changed, new.outputs = new.outputs != outputs, outputs
        if changed:
            self._context.checkpoint.write()
        if step.op in ("create", "update"):
            self.runner.hook(f"After{step.op.title()}", new, new_inputs=new.inputs, new_outputs=outputs)
        self.view.outputs(step)


def _to_import(goal: Goal, old: Resource | None) -> bool:
    if not goal.import_id:
        return False
    return not old or old.external or goal.import_id != (old.import_id or old.id)


def _shown(resource: Resource, key: str) -> str:
    return go_format(redact(resource.inputs.get(key)))


def ignoring(ignored: list[str], olds: Props, news: Props) -> Props:
    """New inputs with the old values at the paths of ignoreChanges (`*`: everything)."""
    result = copy.deepcopy(news)
    for path in map(property_paths.parse, ignored):
        wholes: list[property_paths.Path] = [[key] for key in {*olds, *result}]
        for where in wholes if path == ["*"] else [path]:
            kept = property_paths.get(olds, where)
            if kept is None:
                property_paths.remove(result, where)
            else:
                property_paths.put(result, where, kept)
    return result
