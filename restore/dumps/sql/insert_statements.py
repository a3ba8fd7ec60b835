"""Rows as pg_dump --inserts writes them: counted, and many statements joined into one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.splitter import ROW

ONE = re.compile(ROW)


def count_rows(classified: ClassifiedStatement) -> int:
    """Returns how many rows a statement inserts."""
    return sum(1 for _ in ONE.finditer(classified.get_part("rows"))) or 1


def _cut_out_rows(classified: ClassifiedStatement) -> tuple[bytes, bytes]:
    """What stands before and after the rows; the whole statement where it has none."""
    start, end = classified.match.span("rows")
    return (classified.sql[:start], classified.sql[end:]) if start >= 0 else (classified.sql, classified.sql)


def join_statements(statements: Iterable[ClassifiedStatement]) -> Iterator[tuple[list[ClassifiedStatement], bytes]]:
    """Joins consecutive statements of the same form; yields each group and one statement for all of it. Pure."""
    for (before, behind), group in groupby(statements, _cut_out_rows):
        same = list(group)
        if same[0].get_part("rows"):
            yield same, before + b", ".join(statement.get_part("rows") for statement in same) + behind
        else:
            yield from (([statement], statement.sql) for statement in same)
