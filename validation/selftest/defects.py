"""Ways to damage a database, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from validation.expectations.reader import Problems, SectionReader

KEYS = ("restore_point", "defect")
OF_DEFECT = ("name", "damage", "found_by", "needs")
SUPERUSER = "superuser"


class DefectsError(ValueError):
    """All that is wrong with a file of defects."""


@dataclass(frozen=True)
class Defect:
    """`damage` are SQL statements, run as one; `found_by` the names of the checks that must fail."""

    name: str
    damage: str
    found_by: tuple[str, ...]
    needs_superuser: bool = False


@dataclass(frozen=True)
class Defects:
    each: tuple[Defect, ...]
    restore_point: datetime | None = None


def load(path: Path) -> Defects:
    """Reads a TOML file. Raises DefectsError with every mistake in it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DefectsError(f"{path} can't be used: {error}") from error
    problems = Problems()
    defects = from_mapping(data, problems)
    if problems.found:
        heading = f"{path} can't be used (validation/README.md, Selftest):"
        raise DefectsError("\n".join((heading, *(f"  {problem.line}" for problem in problems.found))))
    return defects


def from_mapping(data: Mapping[str, object], problems: Problems) -> Defects:
    top = SectionReader.of("", data, KEYS, problems)
    each = tuple(_defect(section) for section in top.sections("defect", OF_DEFECT))
    if not each:
        top.refuse("defect", "at least one defect", "write [[defect]] with name, damage and found_by")
    if len({defect.name for defect in each}) != len(each):
        problems.add("defect", "the same name twice", "different names", "rename one")
    point = top.values.get("restore_point")
    if isinstance(point, datetime) and point.tzinfo is not None:
        return Defects(each, point)
    if point is not None:
        top.refuse("restore_point", "a time with zone", "write restore_point = 2026-11-22T14:30:00Z")
    return Defects(each)


def _defect(section: SectionReader) -> Defect:
    needs = section.text("needs")
    if needs not in (None, SUPERUSER):
        section.refuse("needs", f'"{SUPERUSER}" or nothing', "correct it")
    name, damage = (section.text(key, required=True) or "" for key in ("name", "damage"))
    return Defect(name, damage, section.texts("found_by", least=1, required=True), needs == SUPERUSER)


def named(defects: Sequence[Defect], names: Sequence[str]) -> tuple[Defect, ...]:
    """Those of these names, all without a name. Raises DefectsError for an unknown one."""
    unknown = [name for name in names if name not in {defect.name for defect in defects}]
    if unknown:
        raise DefectsError(f"no defect named {', '.join(map(repr, unknown))}: correct the name")
    return tuple(defect for defect in defects if not names or defect.name in names)
