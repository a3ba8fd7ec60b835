"""The baselines of a place: `<database>-<UTC time>.json`, one file each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from validation.baseline.model import Baseline, BaselineError, as_json, from_json, stamp
from validation.document_store import Place

STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"(?P<database>[^/]+)-(?P<taken>\d{8}T\d{6}\.\d{6}Z)\.json", re.ASCII)


class NoneKept(BaselineError):
    """The place is there, and has no such baseline."""


@dataclass(frozen=True, order=True)
class Kept:
    """A baseline as its name tells it."""

    taken: datetime
    database: str
    name: str


def keep(place: Place, baseline: Baseline) -> str:
    """Writes a baseline; returns where. Raises BaselineError; never overwrites."""
    name = f"{quote(baseline.database, safe='')}-{baseline.taken.astimezone(UTC).strftime(STAMP)}.json"
    return place.put(name, json.dumps(as_json(baseline), indent=1, ensure_ascii=False).encode() + b"\n")


def listed(place: Place, database: str | None = None) -> tuple[Kept, ...]:
    """Those of one database, or of all, oldest first. Raises BaselineError."""
    matches = [match for name in place.names() if (match := NAME.fullmatch(name))]
    found = (Kept(_taken(match["taken"]), unquote(match["database"]), match[0]) for match in matches)
    return tuple(sorted(kept for kept in found if database in (None, kept.database)))


def _taken(text: str) -> datetime:
    return datetime.strptime(text, STAMP).replace(tzinfo=UTC)


def newest(place: Place, database: str | None = None, until: datetime | None = None) -> Baseline:
    """The newest one that was taken by then. Raises BaselineError, NoneKept when there is none."""
    found = listed(place, database)
    names = sorted({kept.database for kept in found})
    if len(names) > 1:
        raise NoneKept(str(place), f"baselines of {', '.join(names)}", "one database", "say which: --database NAME")
    fit = [kept for kept in found if until is None or kept.taken <= until]
    if not fit:
        of, by = f" of {database}" if database else "", f" taken by {stamp(until)}" if until else ""
        said = f"none{of}" if not found else f"{len(found):,}{of}, the oldest of {stamp(found[0].taken)}"
        raise NoneKept(str(place), said, f"a baseline{of}{by}", "record one: python -m validation baseline record")
    return load(place, fit[-1].name)


def load(place: Place, name: str) -> Baseline:
    """Raises BaselineError."""
    where = f"{place} {name}"
    try:
        data = json.loads(place.get(name))
    except ValueError as error:
        fix = "get the file from where it was copied to, or move it away"
        raise BaselineError(where, f"no JSON ({error})", "what `baseline record` wrote", fix) from error
    return from_json(data, where)
