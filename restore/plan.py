"""What one `up` declares: made from what is asked for and what is found, or refused with every reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from restore import fresh, identifiers, traffic
from restore.case import Case
from restore.errors import Refused
from restore.model import (
    TAG_DUMP,
    TAG_ID,
    TAG_POINT,
    TAG_SOURCE,
    TAG_STACK,
    Inventory,
    Plan,
    Settings,
    Traffic,
)
from restore.notes import notes
from restore.origin import Origin
from restore.preflight import problems
from restore.recovery import resolve
from restore.schema import SAFETY_CHECK
from restore.wanted import wanted_settings


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
        tags=_tags(case, origin),
        final_snapshot=identifiers.final_snapshot(case.candidate_name, case.settings.stack),
        source=case.source,
        safety_snapshot=_safety(case),
        adopt_safety=case.safety.identifier if case.safety else None,
        apps=traffic.app_plans(case),
        secret=traffic.secret_plan(case),
        serving=serving,
        left=left,
        switched_before=traffic.switched_before(case),
        fresh=fresh.fresh(case, origin),
        notes=notes(case, origin, wanted),
    )


def _tags(case: Case, origin: Origin) -> Mapping[str, str]:
    """The source's tags, and those by which the candidate is found again. An existing candidate keeps what it has."""
    base = case.candidate or case.source
    copied = {name: value for name, value in base.tags.items() if not name.startswith("aws:")} if base else {}
    if not case.candidate:
        copied = {name: value for name, value in copied.items() if not name.startswith("restore:")}
    own = {TAG_ID: case.request.id, TAG_STACK: case.settings.stack, TAG_POINT: origin.point.tag}
    return copied | own | _source_tag(case, origin) | _dump_tag(case, origin)


def _source_tag(case: Case, origin: Origin) -> dict[str, str]:
    """Pins the source for as long as this restore lasts, by what no rename can move."""
    kept = case.candidate.tags.get(TAG_SOURCE) if case.candidate else None
    found = case.source.resource_id if case.source else origin.point.source_resource_id
    pinned = kept or found
    return {TAG_SOURCE: pinned} if pinned else {}


def _dump_tag(case: Case, origin: Origin) -> dict[str, str]:
    """Pins the bytes: an object of the same key may be another one tomorrow."""
    if case.candidate or origin.point.dump is None:
        return {}
    return {TAG_DUMP: fresh.tag_value(origin.point)}


def _safety(case: Case) -> str | None:
    if case.safety:
        return case.safety.identifier
    needed = case.request.traffic is not Traffic.SOURCE and case.source is not None
    return case.safety_name if needed and SAFETY_CHECK not in case.settings.waive else None
