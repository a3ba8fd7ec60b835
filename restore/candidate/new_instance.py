"""What an empty instance for a dump needs besides settings: a login, encryption, room to grow. Pure."""

from __future__ import annotations

from dataclasses import replace

from restore.model.context import Case
from restore.model.planned import Fresh
from restore.model.rds import InstanceSettings
from restore.model.request import Method
from restore.model.restore_source import Origin

GROWTH = 2
"""How far storage may grow by itself, where the source doesn't say."""


def with_growth(settings: InstanceSettings, origin: Origin) -> InstanceSettings:
    """Lets the storage of an instance that is to be filled grow by itself."""
    size = settings.allocated_storage
    if origin.point.method is not Method.DUMP or not origin.storage or not size or settings.max_allocated_storage:
        return settings
    return replace(settings, max_allocated_storage=size * GROWTH)


def fresh(case: Case, origin: Origin) -> Fresh | None:
    """Login and encryption of the empty instance; None for the other methods."""
    if origin.point.method is not Method.DUMP:
        return None
    if case.candidate:
        return Fresh(case.candidate.master_user or case.settings.login.user, origin.kms_key_id)
    choice = case.inventory.dump
    return Fresh(choice.master_user if choice else case.settings.login.user, origin.kms_key_id)
