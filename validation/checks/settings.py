"""Settings of the server and extensions of the database, as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from psycopg import sql

from validation.checks.check import Check, Judgement, failed, inconclusive, passed
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


def settings(wanted: Sequence[Setting]) -> Iterator[Check]:
    if wanted:
        names = sql.Literal([setting.name for setting in wanted])
        question = Question("settings", query("settings", names=names))
        for setting in wanted:
            yield _setting(setting, question)


def _setting(wanted: Setting, question: Question) -> Check:
    needed = f"{wanted.name} = {wanted.value}"

    def judge(answers: Sequence[Answer]) -> Judgement:
        row = answers[0].row["settings"].get(wanted.name)
        if row is None:
            fix = "GRANT pg_read_all_settings TO <user>; or correct the name (docs/expectations.md)"
            return inconclusive("a setting that this login doesn't see", needed, fix)
        said = f"{wanted.name} = {row['value']}{' x ' + row['unit'] if row['unit'] else ''}"
        if not same(wanted.value, row):
            return failed(
                said,
                needed,
                "docs/checks.md: change it in the parameter group of the instance; reboot if static",
            )
        return passed(said, needed)

    return Check(f"settings:{wanted.name}", judge, (question,), needed)


def same(wanted: str, row: Row) -> bool:
    """Whether a value as people write it is the one of pg_settings (`value`, `unit`, `type`)."""
    found = str(row["value"])
    if row["type"] == "bool":
        return (wanted.lower() in TRUE) == (found in TRUE) and wanted.lower() in TRUE + FALSE
    if row["type"] in ("integer", "real"):
        return _quantity(wanted, row["unit"]) == _quantity(found, row["unit"])
    return wanted.lower() == found.lower() if row["type"] == "enum" else wanted == found


def _quantity(text: str, unit: str | None) -> tuple[str, Decimal] | str:
    """Dimension and amount; a number without unit is in the setting's own, such as `8kB`. Else the text itself."""
    match = QUANTITY.fullmatch(text.strip())
    if not match:
        return text
    amount, written = Decimal(match[1]), match[2]
    if not written and unit:
        own = QUANTITY.fullmatch(unit)
        amount, written = (amount * Decimal(own[1]), own[2]) if own else (amount, unit)
    dimension, factor = UNITS.get(written, (written, 1))
    return dimension, amount * factor


def extensions(wanted: Sequence[Extension]) -> Iterator[Check]:
    question = Question("installed-extensions", query("installed_extensions"))
    for extension in wanted:
        yield _extension(extension, question)


def _extension(wanted: Extension, question: Question) -> Check:
    needed = f"extension {wanted.name}" + (f" {wanted.version}" if wanted.version else "")

    def judge(answers: Sequence[Answer]) -> Judgement:
        version = answers[0].row["extensions"].get(wanted.name)
        if version is None:
            return failed(
                f"no extension {wanted.name}",
                needed,
                f"CREATE EXTENSION {wanted.name}; or a later recovery point (docs/checks.md)",
            )
        said = f"extension {wanted.name} {version}"
        if wanted.version not in (None, version):
            return failed(
                said,
                needed,
                f"ALTER EXTENSION {wanted.name} UPDATE; or correct the expectations (docs/expectations.md)",
            )
        return passed(said, needed)

    return Check(f"extensions:{wanted.name}", judge, (question,), needed)
