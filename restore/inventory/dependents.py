"""Reads what depends on an instance, side by side. What can't be asked is said, and stops nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from restore import postgres
from restore.aws import Aws, Secrets
from restore.aws import dependents as reads
from restore.errors import RestoreError
from restore.model.dependents import Dependent, DependentKind, Dependents, KnownBy
from restore.model.prevention import SUBSCRIPTION, name_object
from restore.model.rds import Instance
from restore.model.rds_status import USABLE
from restore.model.request import Settings


def ask_dependents(
    settings: Settings, aws: Aws, instance: Instance, pool: ThreadPoolExecutor
) -> Callable[[], Dependents]:
    """Asks for everything that knows this instance, in the account and in the server; returns what waits for it."""
    secrets = partial(_read_secrets, aws, instance)
    questions: dict[str, Callable[[], Dependents]] = {
        "RDS Proxies": _make_reader(reads.find_proxies, aws, instance),
        "alarms": _make_reader(reads.find_alarms, aws, instance),
        "event subscriptions": lambda: remove_own(
            _make_reader(reads.find_event_subscriptions, aws, instance)(), settings
        ),
        "backup plans": _make_reader(reads.find_selections, aws, instance),
        "IAM policies": _make_reader(reads.find_policies, aws, instance),
        "secrets": secrets,
        "DNS records": _make_reader(reads.find_records, aws, instance),
        "replication": partial(_read_replication, settings, aws, instance),
    }
    asked = [pool.submit(_try, name, question) for name, question in questions.items()]
    known = Dependents((*_list_replicas(instance), *reads.find_feature_roles(instance)))
    return lambda: merge([known, *(future.result() for future in asked)])


def merge(parts: Iterable[Dependents]) -> Dependents:
    """Returns all of the parts as one. Pure."""
    listed = list(parts)
    unasked = {what: why for part in listed for what, why in part.unasked.items()}
    return Dependents(tuple(item for part in listed for item in part.found), unasked)


def remove_own(dependents: Dependents, settings: Settings) -> Dependents:
    """Returns them without the event subscription of `prevention`: the stack itself has it follow. Pure."""
    own = name_object(settings.stack, SUBSCRIPTION)
    return Dependents(tuple(item for item in dependents.found if item.name != own), dependents.unasked)


def _make_reader(
    read: Callable[[Aws, Instance], list[Dependent]], aws: Aws, instance: Instance
) -> Callable[[], Dependents]:
    return lambda: Dependents(tuple(read(aws, instance)))


def _try(name: str, question: Callable[[], Dependents]) -> Dependents:
    try:
        return question()
    except RestoreError as error:
        return Dependents(unasked={name: error.problem.found if error.problem else str(error)})


def _list_replicas(instance: Instance) -> tuple[Dependent, ...]:
    return tuple(Dependent(DependentKind.READ_REPLICA, name, KnownBy.ITSELF) for name in instance.replicas)


def _read_secrets(aws: Aws, instance: Instance) -> Dependents:
    dependents, unread = reads.find_secrets(aws, instance)
    return Dependents(tuple(dependents), unread)


def _read_replication(settings: Settings, aws: Aws, instance: Instance) -> Dependents:
    """Of a server that answers: one that is stopped has its own line in the preview."""
    if instance.status not in USABLE or instance.endpoint is None:
        return Dependents(unasked={"replication": f"its status is {instance.status}"})
    credential = Secrets(aws).read_login(settings.login, instance.endpoint)
    database = settings.login.database or "postgres"
    with postgres.connect(instance.endpoint, credential, settings.tls, database) as connection:
        slots = [build_slot_dependent(slot) for slot in postgres.list_logical_slots(connection)]
        subscriptions = [
            Dependent(DependentKind.SUBSCRIPTION, item.name, KnownBy.ITSELF, detail=f"in database {item.database}")
            for item in postgres.list_subscriptions(connection)
        ]
    return Dependents((*slots, *subscriptions))


def build_slot_dependent(slot: postgres.LogicalSlot) -> Dependent:
    """Returns a slot with who reads it. Pure."""
    reader = f"read by {slot.consumer or 'somebody'} at {slot.address}" if slot.address else "nobody reads it now"
    detail = f"{slot.plugin} in database {slot.database}, {reader}"
    return Dependent(DependentKind.REPLICATION_SLOT, slot.name, KnownBy.ITSELF, detail=detail)
