"""Settings of the server and extensions of the database, as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from psycopg import sql

from validation.checks.check import Check, Judgement, judge_failed, judge_inconclusive, judge_passed
from validation.connect.query import Answer, Question, Row
from validation.expectations.model import Extension, Setting
from validation.sql.queries import query

BYTES, MICROSECONDS = "B", "us"
UNITS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        **{unit: (BYTES, 1024**power) for power, unit in enumerate(("B", "kB", "MB", "GB", "TB"))},
        **{
            unit: (MICROSECONDS, factor)
            for unit, factor in {
                "us": 1,
                "ms": 1_000,
                "s": 1_000_000,
                "min": 60_000_000,
                "h": 3_600_000_000,
                "d": 86_400_000_000,
            }.items()
        },
    }
)
"""PostgreSQL's units of settings (documentation, 19.1.1): dimension and factor."""
QUANTITY = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
TRUE, FALSE = ("on", "true", "yes", "1"), ("off", "false", "no", "0")


def build_setting_checks(settings: Sequence[Setting]) -> Iterator[Check]:
    """Yields a check for each declared setting; all share one question."""
    if settings:
        names = sql.Literal([setting.name for setting in settings])
        question = Question("settings", query("settings", names=names))
        for setting in settings:
            yield _build_setting_check(setting, question)


def _build_setting_check(setting: Setting, question: Question) -> Check:
    needed = f"{setting.name} = {setting.value}"

    def judge(answers: Sequence[Answer]) -> Judgement:
        row = answers[0].row["settings"].get(setting.name)
        if row is None:
            fix = "GRANT pg_read_all_settings TO <user>; or correct the name (docs/expectations.md)"
            return judge_inconclusive("a setting that this login doesn't see", needed, fix)
        found = f"{setting.name} = {row['value']}{' x ' + row['unit'] if row['unit'] else ''}"
        if not is_same(setting.value, row):
            return judge_failed(
                found,
                needed,
                "docs/checks.md: change it in the parameter group of the instance; reboot if static",
            )
        return judge_passed(found, needed)

    return Check(f"settings:{setting.name}", judge, (question,), needed)


def is_same(value: str, row: Row) -> bool:
    """Tells whether a value as people write it is the one of a row of pg_settings (`value`, `unit`, `type`); units as
    PostgreSQL has them ("Setting Parameters", "Parameter Names and Values")."""
    current = str(row["value"])
    if row["type"] == "bool":
        return (value.lower() in TRUE) == (current in TRUE) and value.lower() in TRUE + FALSE
    if row["type"] in ("integer", "real"):
        return _parse_quantity(value, row["unit"]) == _parse_quantity(current, row["unit"])
    return value.lower() == current.lower() if row["type"] == "enum" else value == current


def _parse_quantity(text: str, unit: str | None) -> tuple[str, Decimal] | str:
    """Dimension and amount; a number without unit is in the setting's own, such as `8kB`. Otherwise the string."""
    match = QUANTITY.fullmatch(text.strip())
    if not match:
        return text
    amount, written = Decimal(match[1]), match[2]
    if not written and unit:
        own = QUANTITY.fullmatch(unit)
        amount, written = (amount * Decimal(own[1]), own[2]) if own else (amount, unit)
    dimension, factor = UNITS.get(written, (written, 1))
    return dimension, amount * factor


def build_extension_checks(extensions: Sequence[Extension]) -> Iterator[Check]:
    """Yields a check for each declared extension; all share one question."""
    question = Question("installed-extensions", query("installed_extensions"))
    for extension in extensions:
        yield _build_extension_check(extension, question)


def _build_extension_check(extension: Extension, question: Question) -> Check:
    needed = f"extension {extension.name}" + (f" {extension.version}" if extension.version else "")

    def judge(answers: Sequence[Answer]) -> Judgement:
        version = answers[0].row["extensions"].get(extension.name)
        if version is None:
            return judge_failed(
                f"no extension {extension.name}",
                needed,
                f"CREATE EXTENSION {extension.name}; or a later recovery point (docs/checks.md)",
            )
        found = f"extension {extension.name} {version}"
        if extension.version not in (None, version):
            return judge_failed(
                found,
                needed,
                f"ALTER EXTENSION {extension.name} UPDATE; or correct the expectations (docs/expectations.md)",
            )
        return judge_passed(found, needed)

    return Check(f"extensions:{extension.name}", judge, (question,), needed)
