"""The rules that a restore must pass before anything is declared: one small function per rule. Pure.

Rules about the recovery point hold for a candidate that is still to be made: afterwards a window may move on and a
snapshot may expire. The way back is never held up by a candidate that is in trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from restore.errors import Problem
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Settings
from restore.preflight import (
    account,
    applications,
    capacity,
    images,
    instances,
    names,
    network,
    nodes,
    ownership,
    rights,
    source_region,
)

Rule = Callable[[RestoreContext], Iterable[Problem]]

RULES: tuple[Rule, ...] = (
    account.plugin_in_another_account,
    account.account_allowed,
    rights.rights_given,
    ownership.other_restore_open,
    ownership.identifier_fits,
    ownership.candidate_renamed,
    ownership.identifier_taken,
    ownership.safety_name_taken,
    ownership.recovery_point_changed,
    ownership.dump_still_pinned,
    ownership.source_is_another_instance,
    names.cutover_kept,
    names.aside_fits,
    instances.source_found,
    instances.source_alone,
    instances.source_leaving,
    instances.source_can_be_saved,
    instances.source_answers,
    instances.freeze_completed,
    instances.source_to_return_to,
    instances.candidate_failed,
    instances.recovery_point_usable,
    instances.settings_usable,
    source_region.writers_elsewhere,
    source_region.way_back_elsewhere,
    source_region.places_found,
    source_region.copy_possible,
    instances.tags_fit,
    names.names_can_move,
    capacity.instance_quota,
    capacity.storage_quota,
    capacity.snapshot_quota,
    capacity.copy_quota,
    capacity.class_orderable,
    capacity.place_for_instance,
    capacity.keys_usable,
    network.path_open,
    images.images_found,
    nodes.replicas_have_nodes,
    applications.applications_named,
    applications.applications_kept,
    applications.deployments_exist,
    applications.rollouts_not_paused,
    applications.replicas_known,
    applications.secret_usable,
    applications.secret_keys_kept,
    applications.secret_can_be_changed,
    applications.secret_way_back_known,
    applications.fence_possible,
    applications.traffic_moves_through_frozen,
    applications.candidate_ready_to_serve,
    applications.other_writers_stopped,
    applications.other_references_switched,
)


def problems(settings: Settings, inventory: Inventory) -> tuple[Problem, ...]:
    """Returns every reason not to go on; empty when there is none."""
    if settings.request is None:
        return tuple(_nothing_asked(settings, inventory))
    context = RestoreContext(settings, settings.request, inventory)
    return tuple(problem for rule in RULES for problem in rule(context))


def _nothing_asked(settings: Settings, inventory: Inventory) -> Iterable[Problem]:
    """Without a request nothing may be left that a restore still holds: the engine would drop it."""
    for restore_id in sorted(ownership.open_ids(settings, inventory) | ownership.holders(inventory)):
        yield Problem(
            f"restore {restore_id}",
            "still open, while no restore is asked for",
            "its id in the configuration, or that it is closed (the databases stay)",
            f"pulumi config set id {restore_id} (and its method and point), or: python -m restore close {restore_id}",
        )
