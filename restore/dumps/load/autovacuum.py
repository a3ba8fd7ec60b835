"""Keeps autovacuum away from large tables while they load.

It comes as soon as rows are there (RDS looks every 15 s), reads and writes the table as the loader does, and whatever
needs the table meanwhile, an index too, waits for deadlock_timeout (1 s) until PostgreSQL ends it
(https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM). The loader analyzes the tables itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from restore.dumps.load.ddl import BATCH, Control
from restore.dumps.sql.allow_list import ClassifiedStatement

OPTION = b"autovacuum_enabled"


class Autovacuum:
    """Methods raise psycopg.Error, but for tables that the loader may not change, or that the server refused."""

    def __init__(self, control: Control, definitions: Iterable[ClassifiedStatement]) -> None:
        self._control = control
        self._own = _list_own(definitions)
        self._paused: list[bytes] = []

    def pause(self, table: bytes) -> None:
        """Switches autovacuum off for a table of this dump; a load that goes on does it again."""
        if table in self._own:
            return
        session = self._control.session
        with self._control.act_as_loader():
            try:
                with session.transaction():
                    session.run(b"ALTER TABLE ONLY %b SET (%b = off)" % (table, OPTION))
            except psycopg.ProgrammingError:
                return
        self._paused.append(table)

    def resume(self, rest: Iterable[ClassifiedStatement]) -> None:
        """Lets autovacuum go on with all paused tables; `rest` is what the dump has behind the data."""
        own = _list_own(rest)
        tables = [table for table in self._paused if table not in own]
        for start in range(0, len(tables), BATCH):
            with self._control.act_as_loader(), self._control.session.transaction():
                for table in tables[start : start + BATCH]:
                    self._control.session.run(b"ALTER TABLE ONLY %b RESET (%b)" % (table, OPTION))


def _list_own(statements: Iterable[ClassifiedStatement]) -> set[bytes]:
    """Tables whose dump says it itself."""
    return {item.get_part("table") for item in statements if item.kind in ("table", "ddl") and OPTION in item.sql}
