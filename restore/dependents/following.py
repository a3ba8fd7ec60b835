"""What is to be re-pointed after a move, from what was found and what the evidence says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from restore.dependents.advice import FOLLOWED
from restore.model.dependents import Dependent, DependentKind, KnownBy

STEP = "dependents"
"""The step of the record that says what is about to be re-pointed: written before the first change."""
PLANNED = "planned"


def build_records(dependents: Iterable[Dependent]) -> list[dict[str, str]]:
    return [{"kind": str(item.kind), "name": item.name, "place": item.place} for item in dependents]


def parse_records(records: Iterable[Mapping[str, Any]]) -> tuple[Dependent, ...]:
    """Returns what this restore has ever been about to re-point, each once."""
    entries = (entry for record in records for entry in record.get(PLANNED) or ())
    return tuple(
        dict.fromkeys(
            Dependent(DependentKind(entry["kind"]), str(entry["name"]), KnownBy.IDENTIFIER, str(entry["place"]))
            for entry in entries
            if entry.get("kind") in FOLLOWED
        )
    )


def select_to_follow(found: Iterable[Dependent], earlier: Iterable[Dependent]) -> tuple[Dependent, ...]:
    """Returns what points to the source, and the proxies of an earlier attempt: one that was killed between two calls
    is registered nowhere. What selects by tags takes the restored instance along by itself."""
    pointing = [
        Dependent(item.kind, item.name, KnownBy.IDENTIFIER, item.place)
        for item in found
        if item.kind in FOLLOWED and item.known_by is not KnownBy.TAGS
    ]
    return tuple(dict.fromkeys([*pointing, *(item for item in earlier if item.kind is DependentKind.PROXY)]))
