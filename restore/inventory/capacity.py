"""Asks AWS whether it would take the restore, side by side. What can't be asked is said, and stops nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from restore.aws import Aws
from restore.aws.keys import Keys
from restore.aws.offers import Offers
from restore.candidate.settings import choose_target_settings
from restore.inventory.unasked import ask_or_note
from restore.model.capacity import Capacity, KmsKey, Offer, Subnet
from restore.model.context import RestoreContext
from restore.model.rds import InstanceSettings
from restore.model.request import Traffic
from restore.model.restore_source import RestoreSource
from restore.recovery_points.resolve import resolve

Value = TypeVar("Value")

QUOTAS, OFFERS, SUBNETS, ADDRESSES, KEYS = "quotas", "orderable classes", "subnets", "free addresses", "KMS keys"


def read_capacity(aws: Aws, context: RestoreContext, pool: ThreadPoolExecutor) -> Capacity | None:
    """Returns what AWS says of the instance and the snapshot that are still to be made; None where neither is."""
    origin = None if context.candidate else resolve(context).origin
    snapshot = context.request.traffic is not Traffic.SOURCE and context.safety is None
    if origin is None and not snapshot:
        return None
    return _Questions(aws, pool).ask(origin, choose_target_settings(context, origin) if origin else None)


class _Questions:
    """The questions of one run; each is asked in the pool, and a refusal is kept by the question's name."""

    def __init__(self, aws: Aws, pool: ThreadPoolExecutor):
        self._offers, self._keys, self._pool = Offers(aws), Keys(aws), pool
        self._unasked: dict[str, str] = {}

    def ask(self, origin: RestoreSource | None, settings: InstanceSettings | None) -> Capacity:
        quotas = self._start(QUOTAS, self._offers.read_quotas)
        orderable: Future[tuple[Offer, ...] | None] | None = None
        subnets: Future[tuple[Subnet, ...] | None] | None = None
        if origin and settings and settings.instance_class:
            instance_class, version = settings.instance_class, origin.engine_version
            orderable = self._start(OFFERS, lambda: self._offers.list_orderable(instance_class, version))
        if settings and settings.db_subnet_group_name:
            group = settings.db_subnet_group_name
            subnets = self._start(SUBNETS, lambda: self._read_subnets(group))
        keys = {name: self._start(KEYS, self._make_reader(name)) for name in _list_key_names(origin, settings)}
        return Capacity(
            quotas=_read_result(quotas),
            offers=_read_result(orderable),
            subnets=_read_result(subnets),
            keys=_read(keys),
            unasked=self._unasked,
        )

    def _make_reader(self, name: str) -> Callable[[], KmsKey]:
        return lambda: self._keys.read(name)

    def _read_subnets(self, group: str) -> tuple[Subnet, ...]:
        subnets = self._offers.list_subnets(group)
        return self._try(ADDRESSES, lambda: self._offers.add_addresses(subnets)) or subnets

    def _start(self, name: str, question: Callable[[], Value]) -> Future[Value | None]:
        return self._pool.submit(self._try, name, question)

    def _try(self, name: str, question: Callable[[], Value]) -> Value | None:
        return ask_or_note(self._unasked, name, question)


def _read_result(future: Future[Value | None] | None) -> Value | None:
    return future.result() if future else None


def _read(keys: Mapping[str, Future[KmsKey | None]]) -> Mapping[str, KmsKey]:
    read = {name: future.result() for name, future in keys.items()}
    return {name: key for name, key in read.items() if key}


def _list_key_names(origin: RestoreSource | None, settings: InstanceSettings | None) -> Iterable[str]:
    """The keys that the instance needs: of its storage, and of Performance Insights."""
    names = (origin.kms_key_id if origin else None, settings.performance_insights_kms_key_id if settings else None)
    return dict.fromkeys(name for name in names if name)
