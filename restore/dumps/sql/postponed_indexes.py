"""Definitions that pg_dump writes behind the data, as they presume a key, and the indexes that presume them. Pure.

A view whose query groups by a primary key depends on that key, and so does a function with a BEGIN ATOMIC body like
that (https://www.postgresql.org/docs/current/sql-select.html#SQL-GROUPBY; repairMatViewBoundaryMultiLoop and
repairFunctionBoundaryMultiLoop in src/bin/pg_dump/pg_dump_sort.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.grammar import NAME

HEAVY = frozenset({"index", "key", "constraint"})
FUNCTION = re.compile(rb"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (?P<name>%b)\s?\(" % NAME)


class Postponed:
    """Sees the statements behind the data, in their order."""

    def __init__(self) -> None:
        self._views: set[bytes] = set()
        self._calls: list[bytes] = []

    def is_early(self, classified: ClassifiedStatement) -> bool:
        """Tells whether it is an index, key or constraint that presumes tables alone: it can be made before all the
        rest."""
        if classified.kind == "matview":
            self._views.add(classified.get_part("table"))
        elif function := FUNCTION.match(classified.sql):
            self._calls.append(function["name"] + b"(")
        if classified.kind not in HEAVY or classified.get_part("table") in self._views:
            return False
        return not any(call in classified.sql for call in self._calls)


def divide(statements: Iterable[ClassifiedStatement]) -> tuple[list[ClassifiedStatement], list[ClassifiedStatement]]:
    """Returns the statements behind the data: those that can be made before all the rest, and the rest in its order."""
    postponed = Postponed()
    early: list[ClassifiedStatement] = []
    rest: list[ClassifiedStatement] = []
    for classified in statements:
        (early if postponed.is_early(classified) else rest).append(classified)
    return early, rest
