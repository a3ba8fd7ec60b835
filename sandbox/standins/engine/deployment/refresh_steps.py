"""Reading every custom resource back, and taking what the provider says as the state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sandbox.standins.engine.deployment.context import Context
from sandbox.standins.engine.deployment.goals import Step
from sandbox.standins.engine.deployment.step_runner import mark_secrets
from sandbox.standins.engine.errors import Stopped
from sandbox.standins.engine.state.files import now
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import is_provider

WORKERS = 16


def refresh(context: Context, *, reporting: bool) -> None:
    """`reporting`: the operation is a refresh, so its steps count; else it goes before another one."""
    checkpoint = context.checkpoint
    context.runner.reporting_refresh = reporting
    with ThreadPoolExecutor(WORKERS) as pool:
        kept = list(pool.map(partial(_refresh, context), checkpoint.old))
    gone = {r.urn for r, k in zip(checkpoint.old, kept, strict=True) if k is None}
    checkpoint.old = [r for r in kept if r is not None]
    for resource in checkpoint.old:
        _forget(resource, gone)
    context.index()
    checkpoint.write()


def _forget(resource: Resource, gone: set[str]) -> None:
    resource.dependencies = [u for u in resource.dependencies if u not in gone]
    left = {k: [u for u in urns if u not in gone] for k, urns in resource.property_dependencies.items()}
    resource.property_dependencies = {k: urns for k, urns in left.items() if urns}


def _refresh(context: Context, old: Resource) -> Resource | None:
    if context.runner.stopped.is_set() or not context.in_scope(old.urn):
        return old
    new = old.copy()
    step = Step("refresh", old, new)

    def apply() -> None:
        provider = context.provider(old)
        if provider is None or is_provider(old.urn) or old.pending_replacement:
            return
        live = provider.read(old.urn, old.id, old.inputs, old.outputs)
        if live is None:
            step.gone = True
            return
        new.id, new.inputs, new.outputs = live.id, live.inputs or old.inputs, live.outputs
        new.init_errors = []
        mark_secrets(new)
        if (new.inputs, new.outputs) != (old.inputs, old.outputs):
            new.modified = now()
            step.diff = provider.diff(new, old.inputs)

    try:
        context.runner.run(step, apply, write=False)
    except Stopped:
        return old
    return None if step.gone else new
