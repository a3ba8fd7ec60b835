"""What one `up` declares: made from what is asked for and what is found, or refused with every reason. Pure."""

from __future__ import annotations

from restore.candidate import new_instance
from restore.candidate.settings import choose_target_settings
from restore.candidate.surroundings import plan_copy, plan_parameter_group
from restore.candidate.tags import build_candidate_tags
from restore.config.keys import SAFETY_CHECK
from restore.cutover import connection_secret, deployments, names, traffic
from restore.dependents.backup_plans import list_backup_plans
from restore.errors import Refused
from restore.model import identifiers
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.request import Settings, Traffic
from restore.model.restore_source import RestoreSource
from restore.preflight.impact import estimate_restore, list_impact_lines
from restore.preflight.rules import find_problems
from restore.recovery_points.resolve import resolve


def make(settings: Settings, inventory: Inventory) -> Plan:
    """Returns the plan of the restore that is asked for.

    Raises Refused with everything that is wrong, and ValueError when no restore is asked for.
    """
    if refusals := find_problems(settings, inventory):
        raise Refused(refusals)
    if settings.request is None:
        raise ValueError("no restore is asked for: there is nothing to plan")
    context = RestoreContext(settings, settings.request, inventory)
    origin = resolve(context).origin
    if origin is None:
        raise ValueError("a recovery point that passed every rule has no origin")
    return _plan(context, origin)


def _plan(context: RestoreContext, origin: RestoreSource) -> Plan:
    settings_of_candidate = choose_target_settings(context, origin)
    serving, left = traffic.find_databases(context)
    return Plan(
        id=context.request.id,
        stack=context.settings.stack,
        region=context.settings.region,
        traffic=context.request.traffic,
        found_traffic=traffic.find_traffic(context),
        point=origin.point,
        candidate=context.candidate_name,
        candidate_found=context.candidate,
        adopt=context.candidate.resource_id if context.candidate else None,
        settings=settings_of_candidate,
        engine_version=origin.engine_version,
        tags=build_candidate_tags(context, origin),
        final_snapshot=identifiers.name_final_snapshot(context.candidate_name, context.settings.stack),
        source=context.source,
        safety_snapshot=_name_safety(context),
        adopt_safety=context.safety.identifier if context.safety else None,
        apps=deployments.plan_apps(context),
        secret=connection_secret.plan_secret(context),
        rename=names.rename_plan(context),
        serving=serving,
        left=left,
        switched_before=traffic.was_switched_before(context),
        fresh=new_instance.plan_new_instance(context, origin),
        copy=plan_copy(context, origin),
        parameter_group=plan_parameter_group(context, origin, settings_of_candidate),
        backup_plans=list_backup_plans(context.inventory.dependents),
        expected=estimate_restore(context, origin, settings_of_candidate).text,
        approvals=context.settings.approvals,
        notes=list_impact_lines(context, origin, settings_of_candidate),
    )


def _name_safety(context: RestoreContext) -> str | None:
    if context.safety:
        return context.safety.identifier
    needed = context.request.traffic is not Traffic.SOURCE and context.local_source is not None
    return context.safety_name if needed and SAFETY_CHECK not in context.settings.waive else None
