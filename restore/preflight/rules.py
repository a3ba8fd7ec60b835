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
    account.check_plugin_account,
    account.check_account_allowed,
    rights.check_rights_given,
    ownership.check_no_other_restore_open,
    ownership.check_identifier_fits,
    ownership.check_candidate_not_renamed,
    ownership.check_identifier_free,
    ownership.check_safety_name_free,
    ownership.check_recovery_point_unchanged,
    ownership.check_dump_still_pinned,
    ownership.check_source_unchanged,
    names.check_cutover_kept,
    names.check_aside_fits,
    instances.check_source_found,
    instances.check_source_alone,
    instances.check_source_stays,
    instances.check_source_can_be_saved,
    instances.check_source_answers,
    instances.check_freeze_completed,
    instances.check_source_to_return_to,
    instances.check_candidate_status,
    instances.check_recovery_point_usable,
    instances.check_settings_usable,
    source_region.check_writers_elsewhere,
    source_region.check_way_back_elsewhere,
    source_region.check_places_found,
    source_region.check_copy_possible,
    instances.check_tags_fit,
    names.check_names_can_move,
    capacity.check_instance_quota,
    capacity.check_storage_quota,
    capacity.check_snapshot_quota,
    capacity.check_copy_quota,
    capacity.check_class_orderable,
    capacity.check_place_for_instance,
    capacity.check_keys_usable,
    network.check_path_open,
    images.check_images_found,
    nodes.check_replicas_have_nodes,
    applications.check_applications_named,
    applications.check_applications_kept,
    applications.check_deployments_exist,
    applications.check_rollouts_not_paused,
    applications.check_replicas_known,
    applications.check_secret_usable,
    applications.check_secret_keys_kept,
    applications.check_secret_can_be_changed,
    applications.check_secret_way_back_known,
    applications.check_fence_possible,
    applications.check_traffic_moves_through_frozen,
    applications.check_candidate_ready_to_serve,
    applications.check_other_writers_stopped,
    applications.check_other_references_switched,
)


def find_problems(settings: Settings, inventory: Inventory) -> tuple[Problem, ...]:
    """Returns every reason not to go on; empty when there is none."""
    if settings.request is None:
        return tuple(_check_nothing_asked(settings, inventory))
    context = RestoreContext(settings, settings.request, inventory)
    return tuple(problem for rule in RULES for problem in rule(context))


def _check_nothing_asked(settings: Settings, inventory: Inventory) -> Iterable[Problem]:
    """Without a request nothing may be left that a restore still holds: the engine would drop it."""
    for restore_id in sorted(ownership.list_open_ids(settings, inventory) | ownership.list_holders(inventory)):
        yield Problem(
            f"restore {restore_id}",
            "still open, while no restore is asked for",
            "its id in the configuration, or that it is closed (the databases stay)",
            f"pulumi config set id {restore_id} (and its method and point), or: python -m restore close {restore_id}",
        )
