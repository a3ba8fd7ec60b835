"""What is to be done after the data, as tasks that know which of them can run beside which. Pure.

The server would keep them apart by its locks anyway, but with sessions that wait instead of working.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from restore.dumps.splitter import shown
from restore.dumps.statements import Known


class Lock(StrEnum):
    """PostgreSQL's table locks, as far as they matter here."""

    ROW_SHARE = "row share"
    SHARE_UPDATE_EXCLUSIVE = "share update exclusive"
    SHARE = "share"
    SHARE_ROW_EXCLUSIVE = "share row exclusive"
    EXCLUSIVE = "access exclusive"


TOGETHER = frozenset(
    {
        frozenset({Lock.SHARE}),
        frozenset({Lock.ROW_SHARE}),
        frozenset({Lock.SHARE, Lock.ROW_SHARE}),
        frozenset({Lock.ROW_SHARE, Lock.SHARE_UPDATE_EXCLUSIVE}),
        frozenset({Lock.ROW_SHARE, Lock.SHARE_ROW_EXCLUSIVE}),
    }
)
"""https://www.postgresql.org/docs/current/explicit-locking.html#TABLE-LOCK-COMPATIBILITY"""
BIG = 4 << 20
"""Of a table's data: below it one statement makes a key, above it an index beside others and the key from it."""
METHODS = {b"gin": 3.0, b"gist": 3.0, b"spgist": 2.0, b"brin": 0.1}
"""Cost of an index compared with a B-tree's."""
FIRST = 1e15


@dataclass(eq=False)
class Task:
    """One transaction after the data."""

    name: str
    statements: tuple[bytes, ...]
    locks: Mapping[bytes, Lock]
    cost: float
    """Bytes of table data it goes through, roughly: the most expensive runs first."""
    number: int = 0
    """Of the dump's statement, for the ledger; 0: not in the ledger."""
    step: int = 0
    after: set[Task] = field(default_factory=set["Task"])
    table: bytes | None = None
    """Its rows must be loaded before."""
    sorts: int = 0
    """Bytes of table data out of which a B-tree is sorted; 0: none is."""
    done: bool = False

    def beside(self, other: Task) -> bool:
        """Whether both can hold their locks at once."""
        return all(
            frozenset({lock, other.locks[table]}) in TOGETHER
            for table, lock in self.locks.items()
            if table in other.locks
        )


@dataclass
class Planner:
    """Makes tasks of statements. `size` gives a table's bytes; `partitioned`: tables that hold no rows themselves."""

    size: Callable[[bytes], int]
    partitioned: set[bytes]
    indexes: dict[bytes, list[Task]] = field(default_factory=lambda: defaultdict(list))
    """By table, indexes that its keys and constraints wait for."""
    planned: set[int] = field(default_factory=set[int])
    """Numbers of statements."""

    def before_the_rest(self, statements: Iterable[Known]) -> list[Task]:
        """Indexes, keys and constraints: all that other statements may presume."""
        new = [item for item in statements if item.kind in HEAVY and item.statement.number not in self.planned]
        self.planned.update(item.statement.number for item in new)
        tasks = [task for item in new if item.kind == "index" for task in [self._index(item)]]
        for item in new:
            if item.kind != "index":
                tasks.extend(self._key(item) if self._splits(item) else [self._constraint(item)])
        return tasks

    def _index(self, known: Known) -> Task:
        table = known.part("table")
        cost = (self.size(table) + 1) * METHODS.get(known.part("method"), 1.0)
        lock = Lock.EXCLUSIVE if table in self.partitioned else Lock.SHARE
        name, number = _name("index", known), known.statement.number
        sorts = self.size(table) if known.part("method") == b"btree" else 0
        task = Task(name, (known.sql,), {table: lock}, cost, number, 9, table=table, sorts=sorts)
        self.indexes[table].append(task)
        return task

    def _splits(self, known: Known) -> bool:
        table = known.part("table")
        return known.kind == "key" and table not in self.partitioned and self.size(table) > BIG

    def _key(self, known: Known) -> list[Task]:
        table, name, number = known.part("table"), known.part("name"), known.statement.number
        make = b"CREATE UNIQUE INDEX %b ON %b USING btree %b" % (name, table, known.part("columns"))
        adopt = b"ALTER TABLE ONLY %b ADD CONSTRAINT %b %b USING INDEX %b" % (table, name, known.part("type"), name)
        size, share = self.size(table), {table: Lock.SHARE}
        index = Task(_name("index", known), (make,), share, size * 1.1, number, 0, table=table, sorts=size)
        key = Task(_name("key", known), (adopt,), {table: Lock.EXCLUSIVE}, FIRST, number, 1, {index}, table)
        self.indexes[table].append(index)
        key.after |= set(self.indexes[table])
        return [index, key]

    def _constraint(self, known: Known) -> Task:
        table = known.part("table")
        after = set(self.indexes[table])
        locks = {table: Lock.EXCLUSIVE}
        return Task(
            _name("constraint", known),
            (known.sql,),
            locks,
            self.size(table) + 1,
            known.statement.number,
            9,
            after,
            table,
        )

    def foreign_key(self, known: Known) -> tuple[bytes | None, Task]:
        """A foreign key as a quick statement and a task that proves it; None and one task where it can't be split."""
        table, other, name = known.part("table"), known.part("other"), known.part("name")
        number, cost = known.statement.number, self.size(table) + 1
        simple = known.sql.startswith(b"ALTER TABLE ONLY ") and not ({table, other} & self.partitioned)
        if not simple or b"NOT VALID" in known.part("rest") or b"NOT ENFORCED" in known.part("rest"):
            whole = {other: Lock.SHARE_ROW_EXCLUSIVE, table: Lock.SHARE_ROW_EXCLUSIVE}
            return None, Task(_name("foreign key", known), (known.sql,), whole, cost, number, 9)
        locks = {other: Lock.ROW_SHARE, table: Lock.SHARE_UPDATE_EXCLUSIVE}
        validate = b"ALTER TABLE ONLY %b VALIDATE CONSTRAINT %b" % (table, name)
        return known.sql + b" NOT VALID", Task(_name("foreign key", known), (validate,), locks, cost, number, 1)

    def refreshed(self, known: Known, before: Task | None) -> Task:
        """A materialized view's content; each after the one before, as they may read each other."""
        locks = {known.part("table"): Lock.EXCLUSIVE}
        after = {before} if before else set[Task]()
        return Task(_name("refresh", known, "table"), (known.sql,), locks, 2e9, known.statement.number, 9, after)


HEAVY = frozenset({"index", "key", "constraint"})


def analyzed(relation: bytes, size: int) -> Task:
    locks = {relation: Lock.SHARE_UPDATE_EXCLUSIVE}
    return Task(f"analyze {shown(relation)}", (b"ANALYZE %b" % relation,), locks, min(size, 30 << 20) * 0.5)


def _name(what: str, known: Known, part: str = "name") -> str:
    return f"{what} {shown(known.part(part))}"


def ready(tasks: Iterable[Task], running: Iterable[Task], loaded: Callable[[bytes], bool]) -> Task | None:
    """The most expensive task that can begin now."""
    best: Task | None = None
    held = list(running)
    for task in tasks:
        if best is not None and task.cost <= best.cost:
            continue
        if any(not before.done for before in task.after) or (task.table is not None and not loaded(task.table)):
            continue
        if all(task.beside(other) for other in held):
            best = task
    return best
