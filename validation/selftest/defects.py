"""Ways to damage a database, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict

from validation.expectations.field_types import SomeStrings, String, build_problem
from validation.keyed.fields import DocumentSection, Fault
from validation.keyed.reader import read
from validation.problems import Problem


class DefectsError(ValueError):
    """All that is wrong with a file of defects."""


def _require_zone(point: datetime) -> datetime:
    if point.tzinfo is None:
        raise Fault("a time with zone")
    return point


RestorePoint = Annotated[datetime, Strict(), AfterValidator(_require_zone)]


@dataclass(frozen=True)
class Defect(DocumentSection):
    name: String
    damage: String
    """SQL statements, run as one."""
    found_by: SomeStrings
    """The names of the checks that must fail."""
    needs: Literal["superuser"] | None = None
    """What the login must be for the damage to be possible."""


def _require_distinct(defects: tuple[Defect, ...]) -> tuple[Defect, ...]:
    if len({defect.name for defect in defects}) < len(defects):
        raise Fault("different names", found="the same name twice", fix="rename one")
    return defects


@dataclass(frozen=True)
class Defects(DocumentSection):
    defect: Annotated[tuple[Defect, ...], Field(min_length=1), AfterValidator(_require_distinct)]
    restore_point: RestorePoint | None = None


def load(path: Path) -> Defects:
    """Reads a TOML file. Raises DefectsError with every mistake in it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefectsError(f"{path} can't be used: {error}") from error
    defects, problems = from_mapping(data)
    if defects is None:
        heading = f"{path} can't be used (validation/README.md, Selftest):"
        raise DefectsError("\n".join((heading, *(f"  {problem.line}" for problem in problems))))
    return defects


def from_mapping(data: Mapping[str, object]) -> tuple[Defects | None, tuple[Problem, ...]]:
    """Returns the defects of a file, or every mistake in it."""
    return read(Defects, data, build_problem)


def select_defects(defects: Sequence[Defect], names: Sequence[str]) -> tuple[Defect, ...]:
    """Returns those of these names, all without a name. Raises DefectsError for an unknown one."""
    unknown = [name for name in names if name not in {defect.name for defect in defects}]
    if unknown:
        raise DefectsError(f"no defect named {', '.join(map(repr, unknown))}: correct the name")
    return tuple(defect for defect in defects if not names or defect.name in names)
