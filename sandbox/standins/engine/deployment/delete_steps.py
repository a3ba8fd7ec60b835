"""The steps that end a resource: what the program no longer registers, and what must go before its replacement."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

from sandbox.standins.engine.deployment.change_steps import Changes
from sandbox.standins.engine.deployment.context import Context
from sandbox.standins.engine.deployment.goals import Step
from sandbox.standins.engine.errors import Refusal, Stopped
from sandbox.standins.engine.property_values import UNKNOWN, Props
from sandbox.standins.engine.providers.interface import Diff, Provider
from sandbox.standins.engine.state.resource import Resource

WORKERS = 16


class Deletions:
    def __init__(self, context: Context, changes: Changes) -> None:
        self._context, self._runner, self._changes = context, context.runner, changes

    def unseen(self) -> None:
        """After the program: deletes replaced resources and those that it didn't register."""
        checkpoint = self._context.checkpoint
        new = set[int]() if self._context.options.destroying else set(map(id, checkpoint.new))
        doomed = [r for r in checkpoint.resources() if id(r) not in new and self._context.in_scope(r.urn)]
        self._context.deleted.update((r.urn, []) for r in doomed)
        with ThreadPoolExecutor(WORKERS) as pool:
            while doomed and not self._runner.stopped.is_set():
                needed = set[str]().union(*(r.needs for r in doomed))
                ready = [r for r in doomed if r.urn not in needed and r.urn not in self._runner.broken]
                if not ready:
                    break
                doomed = [r for r in doomed if r not in ready]
                for result in [pool.submit(self._drop, r) for r in ready]:
                    with contextlib.suppress(Stopped):
                        result.result()

    def _drop(self, resource: Resource) -> None:
        if resource.pending_replacement:
            self._runner.run(Step("remove-pending-replace", resource, None), finished=[resource])
        else:
            self._delete(resource, replacing=resource.delete)

    def then_create(self, provider: Provider | None, old: Resource, new: Resource, diff: Diff) -> Resource:
        """Replaces delete-first, with the dependents that can't outlive the old one."""
        for dependent, keys in reversed(self._doomed_with(old)):
            if dependent.protect and not self._context.options.ignore_protect:
                self._runner.view.diagnostic(
                    "error",
                    f'unable to replace resource "{dependent.urn}" as part of replacing "{new.urn}" as it is '
                    "currently marked for protection. To unprotect the resource, remove the `protect` flag from the "
                    "resource in your Pulumi program and run `pulumi up`, or use the command:\n"
                    f"`pulumi state unprotect '{dependent.urn}'`",
                    new.urn,
                )
                raise self._runner.bail()
            self._delete(dependent, replacing=True, pending=True)
            self._context.deleted[dependent.urn] = keys
        if not old.pending_replacement:
            self._delete(old, replacing=True, pending=True)
        self._runner.run(Step("replace", old, new, diff), write=False)
        return self._changes.create(provider, new, Step("create-replacement", old, new, diff))

    def _doomed_with(self, root: Resource) -> list[tuple[Resource, list[str]]]:
        """Resources that a delete-first replacement of `root` forces to be replaced too, in order, and why."""
        doomed: list[tuple[Resource, list[str]]] = []
        urns = {root.urn}
        for resource in self._context.olds.values():
            handled = resource.urn in self._runner.seen or resource.urn in self._context.deleted
            if handled or not resource.custom or resource.external or not resource.needs & urns:
                continue
            must_go, keys = self._must_go(resource, urns)
            if must_go:
                doomed.append((resource, keys))
                urns.add(resource.urn)
        return doomed

    def _must_go(self, resource: Resource, urns: set[str]) -> tuple[bool, list[str]]:
        if resource.provider.rpartition("::")[0] in urns or resource.deleted_with in urns:
            return True, []
        unknown = {key for key, dependencies in resource.property_dependencies.items() if urns & set(dependencies)}
        if not unknown:
            return False, []
        inputs = {k: UNKNOWN if k in unknown else v for k, v in resource.inputs.items()}
        provider = self._context.required_provider(resource)
        keys = provider.diff(resource, inputs, resource.ignore_changes).replaces
        return bool(keys), keys

    def _delete(self, old: Resource, replacing: bool = False, pending: bool = False) -> None:
        """`pending`: the old state stays, marked, until the replacement is there."""
        before: dict[str, Props] = {"old_inputs": old.inputs, "old_outputs": old.outputs}

        def apply() -> None:
            self._runner.hook("BeforeDelete", old, **before)
            if old.protect and not replacing and not self._context.options.ignore_protect:
                raise Refusal(
                    f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, '
                    "either remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, "
                    f"or use the command:\n`pulumi state unprotect '{old.urn}'`"
                )
            kept = old.external or old.retain_on_delete or old.deleted_with in self._context.deleted
            if old.custom and not self._context.dry_run and not kept:
                provider = self._context.required_provider(old)
                self._runner.retried("delete", old, lambda: provider.delete(old, old.timeout("delete")), **before)
            if pending:
                old.pending_replacement = True
            self._runner.hook("AfterDelete", old, **before)

        step = Step("delete-replaced" if replacing else "delete", old, None)
        self._runner.run(step, apply, "deleting", [] if pending else [old])
