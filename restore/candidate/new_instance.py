"""What an empty instance for a dump needs besides settings: a login, encryption, room to grow. Pure."""

from __future__ import annotations

from dataclasses import replace

from restore.model.context import RestoreContext
from restore.model.planned import NewInstance
from restore.model.rds import InstanceSettings
from restore.model.request import Method
from restore.model.restore_source import RestoreSource

GROWTH = 2
"""How far storage may grow by itself, where the source doesn't say."""


def add_growth(settings: InstanceSettings, origin: RestoreSource) -> InstanceSettings:
    """Lets the storage of an instance that is to be filled grow by itself."""
    size = settings.allocated_storage
    if origin.point.method is not Method.DUMP or not origin.storage or not size or settings.max_allocated_storage:
        return settings
    return replace(settings, max_allocated_storage=size * GROWTH)


def plan_new_instance(context: RestoreContext, origin: RestoreSource) -> NewInstance | None:
    """Returns the login and encryption of the empty instance; None for the other methods."""
    if origin.point.method is not Method.DUMP:
        return None
    if context.candidate:
        return NewInstance(context.candidate.master_user or context.settings.login.user, origin.kms_key_id)
    choice = context.inventory.dump
    return NewInstance(choice.master_user if choice else context.settings.login.user, origin.kms_key_id)
