"""What is to be done after the data, as tasks that know which of them can run in parallel. Pure.

The server would keep them apart by its locks anyway, but with sessions that wait instead of working.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum

from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.splitter import IDENTIFIER, shorten


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
"""Bytes of a table's data: below it one statement makes a key; above it an index is built in parallel with others and
the key made from it."""
METHODS = {b"gin": 7.0, b"gist": 4.0, b"spgist": 4.5, b"brin": 0.7}
"""Processor time of an index compared with that of a B-tree of one number, each built alone of the benchmark's largest
table at a tenth of its rows (bench/dumps): GIN of jsonb (4.6 to 9, by operator class), GiST of ranges, SP-GiST of text.
"""
TEXT, SEVERAL, ORDERED = 3.5, 2.0, 0.7
"""The same, of all rows, of a B-tree that begins with text, of one of more columns, and of a key of one number, whose
rows come in its order as a rule."""
FIRST = 1e15
"""Cost of what is quick, and needs its tables for itself for that moment: others must not begin again and again."""
COLUMN = re.compile(rb"%b(?= |\Z)" % IDENTIFIER)
"""What an index's definition begins with, unless it is an expression."""
PROOF = 0.8
"""The same of a foreign key's proof: from 0.5, where the other table is small, to 1."""


WHOLE = 9
"""Step of a task that is all of its statement."""


@dataclass(eq=False)
class Task:
    """One transaction after the data."""

    name: str
    statements: tuple[bytes, ...]
    locks: Mapping[bytes, Lock]
    cost: float
    """Bytes of table data it goes through, roughly: the most expensive runs first."""
    number: int = 0
    """Number of the dump's statement, for the ledger; 0: not in the ledger."""
    step: int = 0
    after: set[Task] = field(default_factory=set["Task"])
    table: bytes | None = None
    """Its rows must be loaded before."""
    sorts: int = 0
    """Bytes of table data out of which a B-tree is sorted; 0: none is."""
    done: bool = False
    source: ClassifiedStatement | None = None
    """The dump's statement."""

    def is_compatible_with(self, other: Task) -> bool:
        """Tells whether both can hold their locks at once."""
        return all(
            frozenset({lock, other.locks[table]}) in TOGETHER
            for table, lock in self.locks.items()
            if table in other.locks
        )


@dataclass
class Planner:
    """Makes tasks of statements. `size` gives a table's bytes; `partitioned`: tables that hold no rows themselves;
    `texts`: table and column of text, as pg_dump writes them.
    """

    size: Callable[[bytes], int]
    partitioned: set[bytes]
    texts: Set[tuple[bytes, bytes]] = frozenset()
    heavy: dict[bytes, list[Task]] = field(default_factory=lambda: defaultdict(list))
    """By table: its indexes, keys and constraints."""
    planned: set[int] = field(default_factory=set[int])
    """Numbers of statements."""
    partitions: dict[bytes, Sequence[bytes]] = field(default_factory=dict[bytes, Sequence[bytes]])
    """By partitioned table, of all levels."""

    def plan_heavies(self, statements: Iterable[ClassifiedStatement]) -> list[Task]:
        """Returns the tasks of indexes, keys and constraints: all that other statements may presume."""
        new = [item for item in statements if item.statement.number not in self.planned]
        self.planned.update(item.statement.number for item in new)
        tasks: list[Task] = []
        for item in sorted(new, key=lambda item: item.kind != "index"):
            item_tasks = self._plan_index(item) if item.kind == "index" else self._plan_key_or_constraint(item)
            self.heavy[item.get_part("table")].extend(item_tasks)
            tasks.extend(item_tasks)
        return tasks

    def _plan_index(self, classified: ClassifiedStatement) -> list[Task]:
        table = classified.get_part("table")
        cost = (self.size(table) + 1) * self._estimate_weight(classified)
        lock = Lock.EXCLUSIVE if table in self.partitioned else Lock.SHARE
        sorts = self.size(table) if classified.get_part("method") == b"btree" else 0
        name, number = _name("index", classified), classified.statement.number
        locks = {table: lock}
        return [Task(name, (classified.sql,), locks, cost, number, WHOLE, table=table, sorts=sorts, source=classified)]

    def _plan_key_or_constraint(self, classified: ClassifiedStatement) -> list[Task]:
        table = classified.get_part("table")
        splits = classified.kind == "key" and table not in self.partitioned and self.size(table) > BIG
        return self._plan_key(classified) if splits else [self._plan_constraint(classified)]

    def _plan_key(self, classified: ClassifiedStatement) -> list[Task]:
        table, name, number = classified.get_part("table"), classified.get_part("name"), classified.statement.number
        make = b"CREATE UNIQUE INDEX %b ON %b USING btree %b" % (name, table, classified.get_part("columns"))
        adopt = b"ALTER TABLE ONLY %b ADD CONSTRAINT %b %b USING INDEX %b" % (
            table,
            name,
            classified.get_part("type"),
            name,
        )
        size, share = self.size(table), {table: Lock.SHARE}
        cost = size * self._estimate_weight(classified)
        index = Task(
            _name("index", classified), (make,), share, cost, number, 0, table=table, sorts=size, source=classified
        )
        after, locks = {index, *self._list_shared(table)}, {table: Lock.EXCLUSIVE}
        key = Task(_name("key", classified), (adopt,), locks, FIRST, number, 1, after, table, source=classified)
        return [index, key]

    def _estimate_weight(self, classified: ClassifiedStatement) -> float:
        """Cost of an index or a key. What is ordered by an expression is text as a rule."""
        if (method := classified.get_part("method")) in METHODS:
            return METHODS[method]
        first, *others = classified.get_part("columns").removeprefix(b"(").split(b")")[0].split(b",")
        column = COLUMN.match(first)
        if column is None or (classified.get_part("table"), column[0]) in self.texts:
            return TEXT
        if others:
            return SEVERAL
        return ORDERED if classified.kind == "key" else 1.0

    def _plan_constraint(self, classified: ClassifiedStatement) -> Task:
        table, number = classified.get_part("table"), classified.statement.number
        locks, after = {table: Lock.EXCLUSIVE}, self._list_shared(table)
        name, cost = _name("constraint", classified), self.size(table) + 1
        return Task(name, (classified.sql,), locks, cost, number, WHOLE, after, table, source=classified)

    def _list_shared(self, table: bytes) -> set[Task]:
        """A table's indexes so far, which can be built in parallel: what needs the table alone comes after them."""
        return {task for task in self.heavy[table] if task.locks[table] is Lock.SHARE}

    def plan_foreign_keys(self, statements: Iterable[ClassifiedStatement]) -> list[Task]:
        """Returns for each foreign key a quick task that adds it and one that proves it, once everything on both tables
        is there.

        A foreign key that can't be split stays one task.
        """
        tasks: list[Task] = []
        proofs: dict[bytes, float] = defaultdict(float)
        pairs: set[tuple[bytes, bytes]] = set()
        for classified in statements:
            key_tasks = self._plan_foreign_key(classified)
            tasks.extend(key_tasks)
            proofs[classified.get_part("table")] += key_tasks[-1].cost
            pairs.add((classified.get_part("table"), classified.get_part("other")))
        self._hurry(proofs, pairs)
        return tasks

    def begins_early(self, classified: ClassifiedStatement) -> bool:
        """Tells whether it is a foreign key that presumes no more than indexes and keys.

        A partitioned table's key has to wait until those of its partitions are attached.
        """
        return classified.kind == "foreign_key" and classified.get_part("other") not in self.partitioned

    def _can_split(self, classified: ClassifiedStatement) -> bool:
        """Whether it can be added first and proved later."""
        proved = b"NOT VALID" not in classified.get_part("rest") and b"NOT ENFORCED" not in classified.get_part("rest")
        partitioned = {classified.get_part("table"), classified.get_part("other")} & self.partitioned
        return classified.sql.startswith(b"ALTER TABLE ONLY ") and proved and not partitioned

    def _plan_foreign_key(self, classified: ClassifiedStatement) -> list[Task]:
        table, other, name = (
            classified.get_part("table"),
            classified.get_part("other"),
            _name("foreign key", classified),
        )
        number, cost = classified.statement.number, (self._sum_bytes(table) + 1) * PROOF
        tables = {*self._list_parts(table), *self._list_parts(other)}
        all_of_both = dict.fromkeys(tables, Lock.SHARE_ROW_EXCLUSIVE)
        after = self._list_heavies(tables)
        if not self._can_split(classified):
            return [Task(name, (classified.sql,), all_of_both, cost, number, WHOLE, after, source=classified)]
        add = Task(name, (classified.sql + b" NOT VALID",), all_of_both, FIRST, number, 0, after, source=classified)
        locks = {other: Lock.ROW_SHARE, table: Lock.SHARE_UPDATE_EXCLUSIVE}
        validate = b"ALTER TABLE ONLY %b VALIDATE CONSTRAINT %b" % (table, classified.get_part("name"))
        return [add, Task(f"proof of {name}", (validate,), locks, cost, number, 1, {add}, source=classified)]

    def _list_parts(self, table: bytes) -> Sequence[bytes]:
        return (table, *self.partitions.get(table, ()))

    def _sum_bytes(self, table: bytes) -> int:
        return sum(map(self.size, self._list_parts(table)))

    def _list_heavies(self, tables: Iterable[bytes]) -> set[Task]:
        return {task for table in tables for task in self.heavy[table]}

    def _hurry(self, proofs: Mapping[bytes, float], pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """A table's proofs come one after the other: what they wait for begins before what nothing waits for."""
        behind: dict[bytes, float] = dict(proofs)
        for table, other in pairs:
            if table != other:
                behind[other] = max(behind.get(other, 0.0), proofs[table] + self._sum_bytes(table))
        for table, cost in behind.items():
            for task in self._list_heavies(self._list_parts(table)):
                task.cost += cost

    def plan_refreshes(self, statements: Iterable[ClassifiedStatement]) -> list[Task]:
        """Returns the tasks that fill materialized views; each after the one before, as they may read each other."""
        tasks: list[Task] = []
        for classified in statements:
            name, locks = _name("refresh", classified, "table"), {classified.get_part("table"): Lock.EXCLUSIVE}
            number, after = classified.statement.number, set(tasks[-1:])
            tasks.append(Task(name, (classified.sql,), locks, 2e9, number, WHOLE, after, source=classified))
        return tasks

    def plan_analyze(self, relation: bytes, size: int) -> Task:
        """Returns the task of ANALYZE, which samples tables and what their indexes' expressions give, so that it comes
        after those; `size` is in bytes."""
        tables = self._list_parts(relation)
        locks, cost = dict.fromkeys(tables, Lock.SHARE_UPDATE_EXCLUSIVE), min(size, 30 << 20) * 0.5
        after = self._list_heavies(tables)
        return Task(f"analyze {shorten(relation)}", (b"ANALYZE %b" % relation,), locks, cost, after=after)


def _name(what: str, classified: ClassifiedStatement, part: str = "name") -> str:
    return f"{what} {shorten(classified.get_part(part))}"


def choose_ready_task(tasks: Sequence[Task], running: Iterable[Task], loaded: Callable[[bytes], bool]) -> Task | None:
    """Returns the most expensive task that can begin now, and takes no lock that one of the FIRST waits for."""
    held = list(running)
    for task in tasks:
        if task.cost >= FIRST and _is_ready(task, loaded):
            if _is_compatible_with_all(task, held):
                return task
            held.append(task)
    best: Task | None = None
    for task in tasks:
        dearer = task.cost < FIRST and (best is None or task.cost > best.cost)
        if dearer and _is_ready(task, loaded) and _is_compatible_with_all(task, held):
            best = task
    return best


def _is_ready(task: Task, loaded: Callable[[bytes], bool]) -> bool:
    return all(before.done for before in task.after) and (task.table is None or loaded(task.table))


def _is_compatible_with_all(task: Task, others: Iterable[Task]) -> bool:
    return all(task.is_compatible_with(other) for other in others)
