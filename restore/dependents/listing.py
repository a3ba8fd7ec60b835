"""The dependents of the source as lines of the preview. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from restore.dependents.advice import FOLLOWED, KINDS, describe_effect, stays_behind
from restore.model.dependents import Dependent, DependentKind, Dependents, Follow, KnownBy

MOST_NAMES = 5


def list_dependent_lines(dependents: Dependents, cutover: str, follow: Follow) -> Iterable[str]:
    """Yields one line for each kind, way of knowing and effect; then what could not be asked.

    Read replicas have a line of their own in the impact."""

    def group(item: Dependent) -> tuple[DependentKind, KnownBy, str]:
        return item.kind, item.known_by, describe_effect(item, cutover)

    listed = [item for item in dependents.found if item.kind is not DependentKind.READ_REPLICA]
    for (kind, known_by, effect), items in groupby(sorted(listed, key=group), group):
        members = list(items)
        to_do = _describe_what_to_do(members[0], cutover, follow)
        yield f"depends: {_format_names(kind, members)}, by {known_by}: {effect}{to_do}"
    for what, why in dependents.unasked.items():
        yield f"note: not asked: {what} of the source: {why}"


def _format_names(kind: DependentKind, members: list[Dependent]) -> str:
    names = [f"{item.name} ({item.detail})" if item.detail else item.name for item in members]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{KINDS[kind].plural} {', '.join(names[:MOST_NAMES])}{more}"


def _describe_what_to_do(dependent: Dependent, cutover: str, follow: Follow) -> str:
    if not stays_behind(dependent, cutover):
        return ""
    page = KINDS[dependent.kind].page
    if dependent.kind not in FOLLOWED:
        return f"; {page}"
    if follow is Follow.FOLLOW:
        return "; re-pointed once the restored database serves, and back on the way back"
    return f"; {page}, or to have them follow: pulumi config set dependents follow"
