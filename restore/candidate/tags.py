"""The tags of the candidate: the source's, and those by which it is found again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from restore.model.context import Case
from restore.model.labels import TAG_DUMP, TAG_ID, TAG_POINT, TAG_SOURCE, TAG_STACK
from restore.model.restore_source import Origin
from restore.recovery_points import dump_tag


def candidate_tags(case: Case, origin: Origin) -> Mapping[str, str]:
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
    return {TAG_DUMP: dump_tag.tag_value(origin.point)}
