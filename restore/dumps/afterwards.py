"""What comes after the data: indexes and keys, then the rest in the dump's order, and statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import LiteralString

from restore.dumps.board import Board
from restore.dumps.control import Control
from restore.dumps.ledger import Done
from restore.dumps.model import Options, Phase
from restore.dumps.postponed import divided
from restore.dumps.statements import Known
from restore.dumps.tasks import Planner, Task, analyzed

LATE = "constraint_comment"
"""Some of the constraints are tasks, so that comments on them come after those."""
LAST = "event_trigger"
"""They would fire at our own DDL: they come with the load's end."""
LONG = frozenset({"foreign_key", "refresh"})
RELATIONS: LiteralString = """
select format('%I.%I', n.nspname, c.relname), pg_catalog.pg_table_size(c.oid), c.relkind = 'm'
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema', '_restore') and n.nspname !~ '^pg_'
  and pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE')
"""


class Afterwards:
    """Runs the statements behind the data; what takes long as tasks of the board's sessions."""

    def __init__(self, board: Board, control: Control, done: Done, planner: Planner, options: Options) -> None:
        self._board, self._control, self._done = board, control, done
        self._planner, self._options = planner, options

    def plan_early(self, statements: Iterable[Known]) -> None:
        """What begins as soon as its table is loaded; what was planned before is not planned twice."""
        self._plan(self._planner.heavies(statements))

    def run(self, statements: Iterable[Known], enter: Callable[[Phase], None]) -> None:
        """All of it, after the data."""
        enter(Phase.INDEXES)
        early, rest = divided(item for item in statements if item.kind not in self._options.skip)
        self.plan_early(early)
        proofs = self._plan(self._planner.foreign_keys(item for item in rest if self._planner.splits(item)))
        begun_later = self._board.take_back(proofs)
        self._board.all_done()
        enter(Phase.CONSTRAINTS)
        self._rest([item for item in rest if item.kind not in (LATE, LAST)], begun_later)
        enter(Phase.ANALYZING)
        self._board.plan(self._statistics(views=True))
        self._board.all_done()
        self._control.run_all([item for item in rest if item.kind == LATE])

    def _plan(self, tasks: Sequence[Task]) -> list[Task]:
        """Those that no earlier attempt did."""
        for task in tasks:
            task.done = (task.number, task.step) in self._done.tasks
        new = [task for task in tasks if not task.done]
        self._board.plan(new)
        return new

    def _rest(self, statements: Sequence[Known], proofs: Iterable[Task]) -> None:
        """Short ones in order, while no task holds a lock that they wait for; then the long ones, beside each other."""
        self._control.run_all([item for item in statements if item.kind not in LONG])
        self._board.plan(proofs)
        keys = [item for item in statements if item.kind == "foreign_key" and not self._planner.splits(item)]
        self._plan(self._planner.foreign_keys(keys))
        self._plan(self._planner.refreshes(item for item in statements if item.kind == "refresh"))
        self._board.plan(self._statistics(views=False))
        self._board.all_done()

    def _statistics(self, *, views: bool) -> list[Task]:
        """ANALYZE of all tables beside the proofs of foreign keys, and of materialized views once they are filled."""
        if not self._options.analyze:
            return []
        session = self._control.session
        encoding = session.connection.info.encoding
        rows = [(str(name), int(size)) for name, size, view in session.query(RELATIONS) if view is views]
        return [analyzed(name.encode(encoding), size) for name, size in rows]
