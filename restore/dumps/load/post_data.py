"""What comes after the data: indexes, keys and statistics, then the rest in the dump's order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from restore.dumps.connections import LoadSession
from restore.dumps.load.ddl import Control
from restore.dumps.load.ledger import Done
from restore.dumps.load.post_data_tasks import Planner, Task
from restore.dumps.load.work_queue import WorkQueue
from restore.dumps.model import LoadPhase, Options
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.postponed_indexes import HEAVY, divide

LATE = "constraint_comment"
"""Some of the constraints are tasks, so that comments on them come after those."""
LAST = "event_trigger"
"""They would fire at our own DDL: they come with the load's end."""
LONG = frozenset({"foreign_key", "refresh"})
STATISTICS = re.compile(rb"CREATE STATISTICS |ALTER .* SET STATISTICS -?\d+\Z", re.DOTALL)
"""What ANALYZE goes by, behind the data."""
RELATIONS: LiteralString = """
select pg_catalog.convert_to(format('%I.%I', n.nspname, c.relname), pg_catalog.pg_client_encoding()),
       pg_catalog.pg_table_size(c.oid), c.relkind = 'm', array(
  select pg_catalog.convert_to(format('%I.%I', m.nspname, p.relname), pg_catalog.pg_client_encoding())
  from pg_catalog.pg_partition_tree(c.oid) t
  join pg_catalog.pg_class p on p.oid = t.relid join pg_catalog.pg_namespace m on m.oid = p.relnamespace
  where t.level > 0
)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema', '_restore') and n.nspname !~ '^pg_'
  and pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE')
"""
"""Names as bytes: the server knows letters that Python's codec for the same encoding doesn't."""
TEXTS: LiteralString = """
select pg_catalog.convert_to(format('%I.%I', n.nspname, c.relname), pg_catalog.pg_client_encoding()),
       pg_catalog.convert_to(quote_ident(a.attname), pg_catalog.pg_client_encoding())
from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and a.attcollation <> 0 and n.nspname not in ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class Relation:
    """What is to be analyzed."""

    name: bytes
    size: int
    """Bytes."""
    view: bool
    """A materialized view, which is filled last."""
    partitions: tuple[bytes, ...]
    """Partitions of all levels."""


def list_text_columns(session: LoadSession) -> frozenset[tuple[bytes, bytes]]:
    """Returns every (table, column) of a text type, written as pg_dump writes them."""
    return frozenset((bytes(table), bytes(column)) for table, column in session.query(TEXTS))


class Afterwards:
    """Runs the statements behind the data; what takes long as tasks of the board's sessions."""

    def __init__(self, board: WorkQueue, control: Control, done: Done, planner: Planner, options: Options) -> None:
        self._board, self._control, self._done = board, control, done
        self._planner, self._options = planner, options

    def plan_early(self, statements: Iterable[ClassifiedStatement]) -> None:
        """Plans what begins as soon as its table is loaded; what was planned before is not planned twice."""
        self._plan(self._planner.plan_heavies(statements))

    def run(self, statements: Iterable[ClassifiedStatement], enter: Callable[[LoadPhase], None]) -> None:
        """Runs everything that comes after the data; `enter` is told each phase. Raises as Control and the board."""
        enter(LoadPhase.INDEXES)
        first, rest = divide(statements)
        self.plan_early(first)
        relations = self._list_relations()
        self._planner.partitions.update((relation.name, relation.partitions) for relation in relations)
        self._plan(self._planner.plan_foreign_keys(item for item in rest if self._planner.begins_early(item)))
        changed = any(item.kind in HEAVY or STATISTICS.match(item.sql) for item in rest)
        early = {relation.name for relation in relations if not relation.view and not changed}
        self._plan(self._plan_analyze(relation for relation in relations if relation.name in early))
        self._board.wait_for_tasks()
        enter(LoadPhase.CONSTRAINTS)
        self._run_rest([item for item in rest if item.kind not in (LATE, LAST)])
        enter(LoadPhase.ANALYZING)
        self._plan(self._plan_analyze(relation for relation in self._list_relations() if relation.name not in early))
        self._board.wait_for_tasks()
        self._control.run_all([item for item in rest if item.kind == LATE])

    def _plan(self, tasks: Sequence[Task]) -> None:
        """Plans the tasks that no earlier attempt did."""
        for task in tasks:
            task.done = (task.number, task.step) in self._done.tasks
        self._board.plan([task for task in tasks if not task.done])

    def _run_rest(self, statements: Sequence[ClassifiedStatement]) -> None:
        """Short ones in order, while no task holds a lock that they wait for; then the long ones, in parallel."""
        self._control.run_all([item for item in statements if item.kind not in LONG])
        keys = [item for item in statements if item.kind == "foreign_key" and not self._planner.begins_early(item)]
        self._plan(self._planner.plan_foreign_keys(keys))
        self._plan(self._planner.plan_refreshes(item for item in statements if item.kind == "refresh"))
        self._board.wait_for_tasks()

    def _list_relations(self) -> list[Relation]:
        rows = self._control.session.query(RELATIONS)
        return [Relation(bytes(name), size, view, tuple(map(bytes, parts))) for name, size, view, parts in rows]

    def _plan_analyze(self, relations: Iterable[Relation]) -> list[Task]:
        if not self._options.analyze:
            return []
        return [self._planner.plan_analyze(relation.name, relation.size) for relation in relations]
