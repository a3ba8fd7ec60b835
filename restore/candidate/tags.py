"""The tags of the candidate: the source's, and those by which it is found again. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from restore.model.context import RestoreContext
from restore.model.labels import TAG_DRILL, TAG_DUMP, TAG_ID, TAG_INCIDENT, TAG_OWNER, TAG_POINT, TAG_SOURCE, TAG_STACK
from restore.model.restore_source import RestoreSource
from restore.recovery_points import dump_tag

UNFIT = re.compile(r"[^\w .:/=+@-]")
LONGEST = 256


def build_candidate_tags(context: RestoreContext, origin: RestoreSource) -> Mapping[str, str]:
    """Returns the tags of the source, or what its backup knows of them, and those by which the candidate is found
    again. An existing candidate keeps what it has."""
    base = context.candidate or context.source or origin
    copied = {name: value for name, value in base.tags.items() if not name.startswith("aws:")}
    if not context.candidate:
        carried = {name: value for name, value in copied.items() if not name.startswith("restore:")}
        copied = {**context.settings.default_tags, **carried}
    own = {TAG_ID: context.request.id, TAG_STACK: context.settings.stack, TAG_POINT: origin.point.tag}
    if context.request.drill_of:
        own[TAG_DRILL] = context.request.drill_of
    return (
        copied | own | _build_bill_tags(context) | _build_source_tag(context, origin) | _build_dump_tag(context, origin)
    )


def _build_bill_tags(context: RestoreContext) -> dict[str, str]:
    """Returns the incident's and the owner's tags. A tag takes 256 letters, digits, spaces and _.:/=+-@ (RDS User
    Guide, "Tagging Amazon RDS resources"); every other character becomes a hyphen."""
    values = {TAG_INCIDENT: context.request.incident, TAG_OWNER: context.settings.notify.owner}
    return {tag: UNFIT.sub("-", value)[:LONGEST] for tag, value in values.items() if value}


def _build_source_tag(context: RestoreContext, origin: RestoreSource) -> dict[str, str]:
    """Pins the source for as long as this restore lasts, by what no rename can move."""
    kept = context.candidate.tags.get(TAG_SOURCE) if context.candidate else None
    resource_id = context.source.resource_id if context.source else origin.point.source_resource_id
    pinned = kept or resource_id
    return {TAG_SOURCE: pinned} if pinned else {}


def _build_dump_tag(context: RestoreContext, origin: RestoreSource) -> dict[str, str]:
    """Pins the bytes: an object of the same key may be another one tomorrow."""
    if context.candidate or origin.point.dump is None:
        return {}
    return {TAG_DUMP: dump_tag.format_tag_value(origin.point)}
