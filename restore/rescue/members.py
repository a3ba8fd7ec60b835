"""Which tables take part in a rescue, and which of their rows: what was asked for, its parents, its children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import psycopg
from psycopg import sql

from restore.errors import Problem, Refused
from restore.postgres.connection import Connection
from restore.rescue import statements, transfer
from restore.rescue.catalog import read_facts, read_foreign_keys
from restore.rescue.model import ForeignKey, OnDelete, Wish
from restore.rescue.statements import EVERY, Part
from restore.rescue.transfer import Scope, is_binary
from validation.expectations.table_names import Table
from validation.loss.comparability import TablePair, TableShape

PAGE = "docs/rescue.md"
TAKEN_ALONG = (OnDelete.CASCADE, OnDelete.SET_NULL, OnDelete.SET_DEFAULT)


@dataclass(frozen=True)
class Member:
    """A table whose rows were sent. `scope` says which, as a condition on the candidate's rows."""

    part: Part
    scope: sql.Composable
    sent: int
    why: str = ""
    is_child: bool = False


@dataclass
class Rescue:
    """Both databases while a rescue looks at them; the source in a transaction."""

    source: Connection
    candidate: Connection
    here: Mapping[Table, TableShape]
    there: Mapping[Table, TableShape]
    foreign_keys: Sequence[ForeignKey]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def begin(cls, source: Connection, candidate: Connection) -> Rescue:
        """Reads which tables both have. The connections went through transfer.prepare before their transactions."""
        here, there = transfer.read_shapes(source), transfer.read_shapes(candidate)
        return cls(source, candidate, here, there, read_foreign_keys(source))

    def send_members(self, wish: Wish, *, only_missing: bool = False) -> list[Member]:
        """Sends what the wish is about, in an order in which it can be inserted; rows that only differ need not be sent
        where `only_missing`. Raises Refused."""
        self._check_condition("option --where", wish.table, wish.where, self.candidate)
        self._check_condition("option --damaged", wish.table, wish.damaged, self.source)
        pair = self._pair_table(wish.table)
        scope = Scope(statements.compose_where(wish.where), EVERY)
        if scope.condition is EVERY:
            columns = () if only_missing else wish.columns or [column.name for column in pair.columns]
            scope = transfer.find_differing_scope(self.source, self.candidate, pair, columns)
        return self._send_with_parents(pair, scope, wish.columns)

    def send_scope(self, table: Table, condition: sql.Composable) -> list[Member]:
        """Sends a table's rows within the condition, after the rows that they refer to and that are missing."""
        return self._send_with_parents(self._pair_table(table), Scope(condition, EVERY))

    def _send_with_parents(self, pair: TablePair, scope: Scope, compared: Sequence[str] = ()) -> list[Member]:
        asked_for = self._send(pair, scope, "", compared)
        return [*self._send_parents(asked_for, frozenset({asked_for.part.table})), asked_for]

    def send_children(self, parent: Member, path: frozenset[Table] = frozenset()) -> Iterator[Member]:
        """Sends the rows that a DELETE of the parent's rows took along, and what those refer to."""
        path |= {parent.part.table}
        for foreign_key in self.foreign_keys:
            is_child = foreign_key.parent == parent.part.table and foreign_key.child not in path
            pair = self.find_pair(foreign_key.child)
            if not is_child or foreign_key.on_delete not in TAKEN_ALONG or pair is None:
                continue
            why = f"its {foreign_key.name} refers to {parent.part.table}"
            child = self._send(pair, Scope(statements.compose_referring_to(foreign_key, parent.scope), EVERY), why)
            child = replace(child, is_child=True)
            if child.sent:
                yield from self._send_parents(child, path | {foreign_key.child})
                yield child
                yield from self.send_children(child, path)

    def _send_parents(self, child: Member, path: frozenset[Table]) -> Iterator[Member]:
        """Sends the rows that missing rows refer to and that are missing too, grandparents first."""
        for foreign_key in self.foreign_keys:
            is_parent = foreign_key.child == child.part.table and foreign_key.parent not in path
            if not is_parent or not self._lacks_parent(child.part, foreign_key):
                continue
            pair = self._pair_table(foreign_key.parent)
            why = f"{child.part.table} refers to it by {foreign_key.name}"
            parent = self._send(pair, Scope(statements.compose_referred_by(foreign_key, child.scope), EVERY), why)
            yield from self._send_parents(parent, path | {foreign_key.parent})
            yield parent

    def _lacks_parent(self, part: Part, foreign_key: ForeignKey) -> bool:
        row = self.source.execute(statements.ask_for_missing_parent(part, foreign_key)).fetchone()
        return bool(row and row[0])

    def _send(self, pair: TablePair, scope: Scope, why: str, compared: Sequence[str] = ()) -> Member:
        facts = read_facts(self.source, pair.source.table)
        assert facts is not None, pair.source.table
        columns = transfer.list_shared_columns(pair, facts.writable)
        key = tuple(column.name for column in pair.key)
        own = [column for column in columns if column in facts.changeable or column in key]
        part = Part(
            facts, columns, tuple(compared or own), key, scope.here, is_binary(pair, columns), next(self._numbers)
        )
        if problems := _find_refusals(part):
            raise Refused(problems)
        sent = transfer.send(self.source, self.candidate, part, scope.condition)
        return Member(part, scope.condition, sent, why)

    def _pair_table(self, table: Table) -> TablePair:
        """Returns a table of both sides whose rows can be told apart. Raises Refused."""
        pair = transfer.find_pair(self.here, self.there, table)
        if pair is None:
            sides = (("the source", self.here), ("the candidate", self.there))
            where = " and ".join(name for name, shapes in sides if table not in shapes)
            needed = "a table of both, as schema.table where it isn't in schema public"
            raise Refused([Problem(f"table {table}", f"{where} has no such table", needed, PAGE)])
        if not pair.key:
            needed = "the same primary key, or unique index of columns that are NOT NULL, on both sides"
            raise Refused([Problem(f"table {table}", "nothing tells its rows apart", needed, PAGE)])
        return pair

    def find_pair(self, table: Table) -> TablePair | None:
        """Returns a table of both sides whose rows can be told apart; None where there is none."""
        pair = transfer.find_pair(self.here, self.there, table)
        return pair if pair and pair.key else None

    def _check_condition(self, option: str, table: Table, condition: str, connection: Connection) -> None:
        if not condition.strip() or table not in self.there or table not in self.here:
            return
        statement = sql.SQL("SELECT FROM {} AS t WHERE {} LIMIT 0").format(
            table.identifier, statements.compose_where(condition)
        )
        try:
            with connection.transaction():
                connection.execute(statement)
        except (psycopg.ProgrammingError, psycopg.DataError) as error:
            needed = f"SQL that is true or false for a row of {table}, functions with their schema"
            found = str(error).partition("\n")[0]
            raise Refused([Problem(option, found, needed, PAGE)]) from error


def _find_refusals(part: Part) -> list[Problem]:
    facts, subject = part.facts, f"table {part.table}"
    problems: list[Problem] = []
    if facts.has_rules:
        problems.append(Problem(subject, "it has rewrite rules (CREATE RULE)", "a table without", PAGE))
    if lacking := [
        name
        for name, may in (("SELECT", facts.may_read), ("INSERT", facts.may_insert), ("UPDATE", facts.may_update))
        if not may
    ]:
        found = f"the operator's login may not {', '.join(lacking)}"
        fix = f'docs/permissions.md, "PostgreSQL" (its owner is {facts.owner})'
        problems.append(Problem(subject, found, "a login with these rights on the source", fix))
    if set(part.key) - set(part.columns):
        problems.append(Problem(subject, "its key is a generated column", "a key that can be written", PAGE))
    known = [column for column in part.columns if column in facts.changeable or column in part.key]
    if unknown := [column for column in part.compared if column not in known]:
        needed = f"columns that both sides have and that can be written: {', '.join(known)}"
        problems.append(Problem("option --column", f"{subject} has no {', '.join(unknown)}", needed, PAGE))
    return problems
