"""What one `up` declares: made from what is asked for and what is found, or refused with every reason. Pure."""

from __future__ import annotations

from restore.candidate import new_instance
from restore.candidate.settings import wanted_settings
from restore.candidate.tags import candidate_tags
from restore.config.keys import SAFETY_CHECK
from restore.cutover import connection_secret, deployments, traffic
from restore.errors import Refused
from restore.model import identifiers
from restore.model.context import Case
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.request import Settings, Traffic
from restore.model.restore_source import Origin
from restore.preflight.impact import notes
from restore.preflight.rules import problems
from restore.recovery_points.resolve import resolve


def make(settings: Settings, inventory: Inventory) -> Plan:
    """The plan of the restore that is asked for.

    Raises Refused with everything that is wrong, and ValueError when no restore is asked for.
    """
    if found := problems(settings, inventory):
        raise Refused(found)
    if settings.request is None:
        raise ValueError("no restore is asked for: there is nothing to plan")
    case = Case(settings, settings.request, inventory)
    origin = resolve(case).origin
    if origin is None:
        raise ValueError("a recovery point that passed every rule has no origin")
    return _plan(case, origin)


def _plan(case: Case, origin: Origin) -> Plan:
    wanted = wanted_settings(case, origin)
    serving, left = traffic.databases(case)
    return Plan(
        id=case.request.id,
        stack=case.settings.stack,
        region=case.settings.region,
        traffic=case.request.traffic,
        found_traffic=traffic.found_traffic(case),
        point=origin.point,
        candidate=case.candidate_name,
        candidate_found=case.candidate,
        adopt=case.candidate.resource_id if case.candidate else None,
        settings=wanted,
        engine_version=origin.engine_version,
        tags=candidate_tags(case, origin),
        final_snapshot=identifiers.final_snapshot(case.candidate_name, case.settings.stack),
        source=case.source,
        safety_snapshot=_safety(case),
        adopt_safety=case.safety.identifier if case.safety else None,
        apps=deployments.app_plans(case),
        secret=connection_secret.secret_plan(case),
        serving=serving,
        left=left,
        switched_before=traffic.switched_before(case),
        fresh=new_instance.fresh(case, origin),
        notes=notes(case, origin, wanted),
    )


def _safety(case: Case) -> str | None:
    if case.safety:
        return case.safety.identifier
    needed = case.request.traffic is not Traffic.SOURCE and case.source is not None
    return case.safety_name if needed and SAFETY_CHECK not in case.settings.waive else None
