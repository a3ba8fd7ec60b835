"""What a candidate needs beside it in the stack's region: a copy of its snapshot, a parameter group. Pure."""

from __future__ import annotations

from restore.candidate.tags import build_candidate_tags
from restore.model.context import RestoreContext
from restore.model.planned import CopyPlan, ParameterGroupPlan
from restore.model.rds import InstanceSettings
from restore.model.restore_source import RestoreSource

RDS_OWN = "default."


def plan_copy(context: RestoreContext, origin: RestoreSource) -> CopyPlan | None:
    """Returns the copy that the candidate is restored from; None where the snapshot can be restored as it is."""
    if origin.point.copy_of is None:
        return None
    return CopyPlan(
        original=origin.point.copy_of,
        name=context.copy_name,
        kms_key_id=context.settings.copy.kms_key_id,
        tags=context.copy.tags if context.copy else build_candidate_tags(context, origin),
        adopt=context.copy.identifier if context.copy else None,
    )


def plan_parameter_group(
    context: RestoreContext, origin: RestoreSource, settings: InstanceSettings
) -> ParameterGroupPlan | None:
    """Returns the parameter group that the key `create` lets be made: as long as the key says so, for what leaves the
    program is forgotten by the engine. One that is there already is imported and stays as it is."""
    name = settings.parameter_group_name
    if not context.settings.create.parameter_group or not name or name.startswith(RDS_OWN):
        return None
    places, region = context.inventory.places, context.source_region
    missing = places is not None and name.lower() not in {known.lower() for known in places.parameter_groups}
    return ParameterGroupPlan(
        name=name,
        family=f"postgres{(origin.engine_version or '').partition('.')[0]}",
        parameters=(region.parameters if region else None) or {},
        tags=build_candidate_tags(context, origin),
        adopt=None if missing else name,
    )
