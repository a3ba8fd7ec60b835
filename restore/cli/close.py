"""`python -m restore close`: does what restore/lifecycle/close.py plans, each step safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from restore.aws import Aws, Rds
from restore.cli.stack_settings import read_settings, require_alone
from restore.cutover import traffic
from restore.dependents.infrastructure import DOCUMENT
from restore.errors import Problem, Refused, RestoreError
from restore.evidence import Store, provenance, publish
from restore.inventory import gather
from restore.kubernetes import Api, Namespace
from restore.lifecycle import close
from restore.model.context import RestoreContext
from restore.model.labels import TAG_CLOSED
from restore.model.request import Request, Settings
from restore.notify import transitions
from restore.notify.notifier import Notifier
from restore.pulumi_stack.automation import OperatorStack
from restore.units import TIME_FORMAT


def run(stack: OperatorStack, confirm: Callable[[str], bool]) -> bool:
    """Closes the restore; returns False when that was not confirmed. Raises Refused when nothing is configured or
    nobody serves, PermanentError else."""
    now = datetime.now(UTC)
    settings = read_settings(stack, now)
    if settings.request is None:
        raise Refused(
            [
                Problem(
                    "config id",
                    "not set: no restore is configured",
                    "the id of the restore to close",
                    "pulumi config set id <id>",
                )
            ]
        )
    require_alone(settings)
    inventory = gather.gather(settings, now, room=False)
    open_inventory = close.ignore_closing_tag(inventory)
    serves = traffic.find_traffic(RestoreContext(settings, settings.request, open_inventory))
    closing = close.plan(settings.request, inventory, serves, list(stack.read_own_config().values), settings)
    state = stack.export()
    close.remove_resources(state)  # refuses before the question what would be refused after it
    if not confirm(close.render(closing, close.describe_pending(state, inventory))):
        return False
    emptied = close.remove_resources(
        stack.export(), drops_replication=closing.drops_replication
    )  # again: an `up` may have run while the question stood
    hand_back(settings, closing)
    if closing.candidate_arn:
        rds = Rds(Aws.of(settings))
        rds.add_tags(closing.candidate_arn, {TAG_CLOSED: f"{now:{TIME_FORMAT}}"})
    stack.replace_state(emptied)
    if close.WAIVERS in closing.remove:  # before the record that this restore is over: killed here, none is left
        stack.set({}, [close.WAIVERS])
    record(settings, settings.request.id, closing, now)
    stack.set(closing.set, [key for key in closing.remove if key != close.WAIVERS])
    tell_end(settings, settings.request, closing)
    return True


def tell_end(settings: Settings, request: Request, closing: close.Closing) -> None:
    """Tells people that the restore is over; one that can't be told is shown, and over all the same."""
    try:
        store = Store.open(settings.evidence, Aws.of(settings))
    except RestoreError as error:
        print(f"nobody was told that the restore is over: {error}")
        return
    notifier = Notifier.of(settings, request, None, store, print)
    notifier.tell(lambda _: transitions.build_over(str(closing.serves)))
    notifier.finish()


def record(settings: Settings, restore_id: str, closing: close.Closing, now: datetime) -> None:
    """Records the end of the restore, for its report. Without evidence it is still over: a fault is told, not
    raised."""
    aws = Aws.of(settings)
    content = {"began": now.isoformat(), "operator": provenance.read_operator(aws), "serves": str(closing.serves)}
    try:
        store = Store.open(settings.evidence, aws)
        if closing.take_over:
            store.keep(settings.stack, restore_id, DOCUMENT, closing.take_over)
            content["take_over"] = DOCUMENT
        publish.record(store, settings.stack, restore_id, "close", content, warn=print)
    except RestoreError as error:
        print(f"the end of the restore could not be recorded in the evidence: {error}")


def hand_back(settings: Settings, closing: close.Closing) -> None:
    """Gives replicas and key back to who managed them before; nothing rolls, no value changes."""
    namespace = Namespace(Api(settings.kubeconfig, settings.context), settings.namespace)
    for name in closing.deployments:
        namespace.hand_back_deployment(name)
    if closing.secret:
        namespace.hand_back_secret(settings.secret)
