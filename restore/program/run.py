"""One run of the program: read the configuration, look at the world, plan or refuse, declare."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pulumi

from restore import plan
from restore.aws import Aws, Rds, Secrets
from restore.config.settings import collect
from restore.errors import Refused, RestoreError
from restore.evidence import Store, publish, run_record
from restore.gates import loss_report, registry, validated
from restore.gates.context import GateContext
from restore.gates.hook import Running, leave_cleanly_on_interrupt
from restore.inventory import gather
from restore.kubernetes import Api, Namespace
from restore.model import waivers
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.request import Settings
from restore.preflight import rules
from restore.program import outputs, stack_config
from restore.program.aws_plugin import plugin_caller
from restore.program.graph import Gates, Graph


def run() -> None:
    """Declares the wanted state. Every refusal comes before the first resource: what is registered gets applied even
    when the program then fails (docs/architecture.md, "What the engine does")."""
    try:
        given, secret = stack_config.entries(), stack_config.secret_names()
        entries = collect(given, pulumi.get_stack(), dict(os.environ), secret)
        if entries.untouched:
            outputs.export_idle()
            return
        now = datetime.now(UTC)
        settings = entries.settings(now)
        found = gather.gather(settings, now)
        if settings.request is None:
            refuse_left_open(settings, found)
            outputs.export_idle()
            return
        wanted = plan.make(settings, replace(found, plugin_caller=plugin_caller()))
        declare(settings, wanted, run_record.visible(given, secret), now)
    except RestoreError as error:
        raise pulumi.RunError(str(error)) from error


def refuse_left_open(settings: Settings, found: Inventory) -> None:
    """No id is configured: fine, unless a restore of this stack is still open."""
    if problems := rules.problems(settings, found):
        raise Refused(problems)


def refuse_left_over(settings: Settings, wanted: Plan, store: Store) -> None:
    """A waiver holds for one restore: those of another one that was never closed are refused, unless given anew."""
    if not settings.waive:
        return
    earlier: dict[str, Mapping[str, str]] = {}
    for other in store.ids(wanted.stack):
        if other != wanted.id and store.latest(wanted.stack, other, "close") is None:
            earlier[other] = (store.latest(wanted.stack, other, "run") or {}).get("waive") or {}
    if problems := waivers.left_over(settings.waive, wanted.id, earlier):
        raise Refused(problems)


def declare(settings: Settings, wanted: Plan, config: Mapping[str, Any], now: datetime) -> None:
    """Declares the plan. In an `up`, its record comes first: where no evidence can be kept, nothing is begun."""
    context = connect_adapters(settings, wanted)
    refuse_left_over(settings, wanted, context.store)
    validated.wanted_expectations(settings)
    gates = {name: registry.gate(context, name) for name in registry.PROOFS}
    proved = {name: registry.proved(context, name) for name in ("conformed", "validated")}
    pulumi.log.info("\n".join([f"restore {wanted.id}:", *(f"  {note}" for note in wanted.notes)]))
    record = partial(publish.record, context.store, wanted.stack, wanted.id, warn=pulumi.log.warn)
    if not pulumi.runtime.is_dry_run():
        record("run", run_record.document(settings, wanted, config, now))
    running = Running()
    leave_cleanly_on_interrupt(running)
    graph = Graph(wanted, settings, Gates(gates.__getitem__, proved.__getitem__, record), running)
    declared = graph.declare()
    outputs.export(
        settings, wanted, declared.receipts, declared.candidate, partial(loss_report.newest, context.store, wanted)
    )


def connect_adapters(settings: Settings, wanted: Plan) -> GateContext:
    """The adapters of this run; making them asks nothing."""
    aws = Aws.of(settings)
    api = Api(settings.kubeconfig, settings.context)
    return GateContext(
        settings=settings,
        plan=wanted,
        aws=aws,
        rds=Rds(aws),
        secrets=Secrets(aws),
        api=api,
        namespace=Namespace(api, settings.namespace),
        store=Store.open(settings.evidence, aws),
    )
