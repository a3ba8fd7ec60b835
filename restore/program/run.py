"""One run of the program: read the configuration, look at the world, plan or refuse, declare."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pulumi

from restore import plan
from restore.aws import Aws
from restore.aws.topics import read_subscribers
from restore.config.settings import collect
from restore.cutover import connection_url
from restore.errors import Refused, RestoreError
from restore.evidence import Store, other_run, publish, run_record
from restore.evidence.current_run import Heartbeat
from restore.evidence.history import read_history
from restore.gates import loss_report, registry, validated
from restore.gates.context import GateContext
from restore.gates.hook import Gate, Running, leave_cleanly_on_interrupt
from restore.inventory import access, gather
from restore.lifecycle.recoverability import describe_recoverability
from restore.model import waivers
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.request import Settings
from restore.notify import transitions
from restore.notify.notifier import Find, Notifier
from restore.preflight import rules
from restore.prevention import subscribers
from restore.program import graph, outputs, prevention, stack_config
from restore.program.aws_plugin import read_plugin_caller
from restore.program.receipts import Gates


def run() -> None:
    """Declares the wanted state. Every refusal comes before the first resource: what is registered gets applied even
    when the program then fails (docs/architecture.md, "What the engine does"). Raises pulumi.RunError for a
    RestoreError: the engine shows its text without a traceback (Python SDK, RunError)."""
    try:
        config, secret_names = stack_config.read_entries(), stack_config.list_secret_names()
        entries = collect(config, pulumi.get_stack(), dict(os.environ), secret_names)
        if entries.untouched:
            outputs.export_idle()
            return
        now = datetime.now(UTC)
        settings = entries.read_settings(now)
        with ThreadPoolExecutor(1, thread_name_prefix="history") as pool:
            history = pool.submit(read_history, Store.open(settings.evidence, Aws.of(settings)), settings.stack)
            inventory = replace(gather.gather(settings, now), history=history.result())
        if settings.request is None:
            refuse_open_restores(settings, inventory)
            outputs.export_idle()
            if watched := watch_backups(settings, inventory):
                prevention.declare(watched, enforces=True)
            return
        answers = access.ask_rights(settings, inventory)
        planned = plan.make(settings, replace(inventory, plugin_caller=read_plugin_caller(), rights=answers))
        watched = watch_backups(settings, inventory, planned)
        declare(settings, planned, run_record.mask_secrets(config, secret_names), now, watched)
    except RestoreError as error:
        raise pulumi.RunError(str(error)) from error


def refuse_open_restores(settings: Settings, inventory: Inventory) -> None:
    """Refuses a configuration without an id only when a restore of this stack is still open. Raises Refused then."""
    if problems := rules.find_problems(settings, inventory):
        raise Refused(problems)


def watch_backups(settings: Settings, inventory: Inventory, planned: Plan | None = None) -> prevention.Watched | None:
    """Returns what the prevention is about; None where none is configured. Raises PermanentError where the plugin can't
    log in."""
    if settings.prevention is None:
        return None
    caller = read_plugin_caller()
    topic = subscribers.name_topic(settings, settings.prevention, caller)
    return prevention.Watched(
        settings,
        settings.prevention,
        inventory.local_source,
        caller,
        connection_url.name_database(settings, inventory.cluster),
        prevention.find_serving(settings, planned),
        planned.serving if planned else inventory.local_source,
        tuple(subscribers.find_unheard(topic, partial(read_subscribers, Aws.of(settings)))),
    )


def refuse_leftover_waivers(settings: Settings, planned: Plan, store: Store) -> None:
    """Refuses waivers that are left over. A waiver holds for one restore: those of another one that was never closed
    are refused, until given again.

    Raises Refused for them.
    """
    if not settings.waive:
        return
    earlier: dict[str, Mapping[str, str]] = {}
    for restore_id in store.list_ids(planned.stack):
        if restore_id != planned.id and store.read_latest(planned.stack, restore_id, "close") is None:
            earlier[restore_id] = (store.read_latest(planned.stack, restore_id, "run") or {}).get("waive") or {}
    if problems := waivers.find_left_over(settings.waive, planned.id, earlier):
        raise Refused(problems)


def declare(
    settings: Settings, planned: Plan, config: Mapping[str, Any], now: datetime, watched: prevention.Watched | None
) -> None:
    """Declares the plan. In an `up`, its record comes first: where no evidence can be kept, nothing is begun. Raises
    Refused for waivers of an earlier restore, and where somebody else runs the stack, PermanentError for expectations
    with mistakes."""
    context = GateContext.of(settings, planned)
    refuse_leftover_waivers(settings, planned, context.store)
    validated.read_expectations(settings)
    running = Running()
    notifier = make_notifier(settings, context, running)
    by_name = {name: tell_of(notifier, planned, registry.make_gate(context, name)) for name in registry.PROOFS}
    proved = registry.is_candidate_proved(context)
    pulumi.log.info("\n".join([f"restore {planned.id}:", *(f"  {note}" for note in planned.notes)]))
    record = partial(publish.record, context.store, planned.stack, planned.id, warn=pulumi.log.warn)
    if not pulumi.runtime.is_dry_run():
        if said := other_run.require_alone(context.store, planned.stack):
            pulumi.log.info(said)
        document = run_record.build_document(settings, planned, config, now)
        record("run", document)
        tell_who_runs(context, planned, document["operator"], running)
        if notifier:
            atexit.register(notifier.finish)  # a gate that stays shut ends the program without `finish_after`
            notifier.tell(lambda _: transitions.build_opened())
            notifier.tell(partial(transitions.find_going_back, planned))
    leave_cleanly_on_interrupt(running)
    declared = graph.declare(
        planned,
        settings,
        Gates.of(context, by_name, running),
        record,
        proved=proved,
    )
    read_loss = partial(loss_report.read_newest, context.store, planned)
    read_recoverability = partial(tell_recoverability, context)
    outputs.export(settings, planned, declared.receipts, declared.candidate, read_loss, read_recoverability)
    if watched:
        prevention.declare(watched, enforces=False, depends_on=[*declared.receipts.values()])
    if notifier:
        finish_after(notifier, declared.receipts.values())


def tell_who_runs(context: GateContext, planned: Plan, operator: Mapping[str, str], running: Running) -> None:
    """Begins the heartbeat by which others see who runs this, which ends with the program. Raises Refused where
    somebody else has begun at the same time."""
    heartbeat = Heartbeat(
        context.store,
        planned.stack,
        planned.id,
        str(planned.traffic),
        operator,
        running.list_gates,
        pulumi.log.warn,
    )
    other_run.begin(heartbeat)
    running.before_leaving = heartbeat.end
    atexit.register(heartbeat.end)


def make_notifier(settings: Settings, context: GateContext, running: Running) -> Notifier | None:
    """Returns who tells people of this restore; None where none is asked for."""
    if settings.request is None:
        return None
    return Notifier.of(settings, settings.request, context.plan, context.store, pulumi.log.warn, running)


def finish_after(notifier: Notifier, receipts: Iterable[pulumi.Stash]) -> None:
    """Has the program end only when the messages of its gates are sent, or given up; a preview has none."""
    proved = pulumi.Output.all(*(receipt.input for receipt in receipts))
    proved.apply(lambda _: asyncio.to_thread(notifier.finish))


def tell_of(notifier: Notifier | None, planned: Plan, gate: Gate) -> Gate:
    """Returns the gate with a record of its attempts that people are told of."""
    if notifier is None:
        return gate
    return replace(gate, record=notifier.watch(gate.record, partial(find_told, planned)))


def find_told(planned: Plan, attempt: Mapping[str, Any]) -> Find:
    """Returns how the end of a gate's attempt is told, once the evidence is read."""
    return partial(transitions.build_gate_transition, planned, attempt)


def tell_recoverability(context: GateContext) -> str:
    """Tells until when the database that serves can be recovered, as RDS says now; an output never fails the run."""
    try:
        database = context.find_serving()
    except RestoreError as error:
        return f"not known: {error}"
    return describe_recoverability(database).text if database else "not known: the database that serves is gone"
