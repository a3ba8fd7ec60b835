"""What is left out by choice, and with it whatever depends on it. Pure.

What depends on what stands in the table of contents of an archive, which pg_restore writes into comments when asked
(src/bin/pg_dump/pg_backup_archiver.c, _printTocEntry; `pg_dump --verbose` does the same). In other dumps it is told by
names: pg_dump qualifies each (it sets search_path to nothing), and writes what depends on something behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.grammar import NAME
from restore.dumps.sql.lexer import read_token
from restore.dumps.sql.objects import SECRET, DumpObject, name_statement
from restore.dumps.sql.splitter import CopyBegin, shorten

BY_OBJECT = {"comments": "comment", "statistics": "statistics", "triggers": "trigger"}
"""Kinds of skips by kinds of objects, where the statement's own kind is a wider one."""
BY_STATEMENT = {"extension_comment": "extension"}
NEVER = frozenset({"set", "search_path", "session_authorization", "reset_authorization", "begin", "commit", "drop"})
"""They are about what comes next, not about an object."""
QUALIFIED = frozenset({"functions", "sequences", "tables", "types", "views"})
KEYWORDS = {
    "extensions": rb"EXTENSION",
    "languages": rb"LANGUAGE",
    "publications": rb"PUBLICATION",
    "subscriptions": rb"SUBSCRIPTION",
}
CREATES = re.compile(rb"CREATE |ALTER TABLE (?:ONLY )?\S+\s+ADD CONSTRAINT ")
"""What other entries of the table of contents can depend on."""
CAST = b"::regclass"
SEQUENCE_NAME = re.compile(rb"SEQUENCE NAME (?P<name>%b)" % NAME)
"""An identity column brings its sequence along."""


@dataclass(frozen=True)
class _Taken:
    """An object that is left out: statements in which all patterns are found go with it."""

    patterns: tuple[re.Pattern[bytes], ...]
    root: str

    def is_in(self, text: bytes) -> bool:
        return all(pattern.search(text) for pattern in self.patterns)


@dataclass
class Skips:
    """Sees the statements of a dump in their order. `chosen`: kinds, and objects as `kind:name`."""

    chosen: frozenset[str] = frozenset()
    tables: set[bytes] = field(default_factory=set[bytes])
    """Their rows are left out too."""
    left_out: list[str] = field(default_factory=list[str])
    """What was left out, in short, each with the choice that it goes with."""
    _used: set[str] = field(default_factory=set[str])
    _entries: dict[int, str] = field(default_factory=dict[int, str])
    """Entries of the table of contents that are left out, with the choice they go with."""
    _taken: list[_Taken] = field(default_factory=list[_Taken])

    def takes(self, classified: ClassifiedStatement) -> bool:
        """Tells whether a statement is left out."""
        if not self.chosen or classified.kind in NEVER:
            return False
        if classified.kind == "insert":
            return classified.get_part("table") in self.tables
        chosen = self._find_choice(classified)
        root = chosen or self._find_root(classified)
        if not root:
            return False
        self._used.add(root)
        self.left_out.append(_describe(classified) + ("" if chosen else f" (goes with {root})"))
        if CREATES.match(classified.sql) or SEQUENCE_NAME.search(classified.sql):
            self._take(classified, root)
        return True

    def takes_rows(self, begin: CopyBegin) -> bool:
        """Tells whether the rows of a COPY are left out, and notes that."""
        if begin.table not in self.tables:
            return False
        self.left_out.append(f"rows of {shorten(begin.table)}")
        return True

    def list_unused(self) -> list[str]:
        """Returns the single objects that the dump doesn't have."""
        return sorted(choice for choice in self.chosen - self._used if ":" in choice)

    def _find_choice(self, classified: ClassifiedStatement) -> str:
        about = name_statement(classified)
        kind = BY_STATEMENT.get(classified.kind) or classified.kind
        kinds = (kind, BY_OBJECT.get(about.kind, kind))
        names = _list_names(about)
        choices = (choice for kind in kinds for choice in (kind, *(f"{kind}:{name}" for name in names)))
        return next((choice for choice in choices if choice in self.chosen), "")

    def _find_root(self, classified: ClassifiedStatement) -> str:
        statement = classified.statement
        for entry in (statement.entry, *statement.depends):
            if entry in self._entries:
                return self._entries[entry]
        if not self._taken:
            return ""
        setval = classified.kind == "setval"
        text = classified.get_part("sequence").replace(b"''", b"'") if setval else strip_strings(classified.sql)
        return next((taken.root for taken in self._taken if taken.is_in(text)), "")

    def _take(self, classified: ClassifiedStatement, root: str) -> None:
        if classified.statement.entry and CREATES.match(classified.sql):
            self._entries[classified.statement.entry] = root
        if table := classified.get_part("table") if classified.kind in ("table", "matview") else b"":
            self.tables.add(table)
        about = name_statement(classified)
        codec = classified.statement.codec
        if patterns := _build_patterns(about, codec):
            self._taken.append(_Taken(patterns, root))
        if about.kind == "foreign" and about.name.startswith("FOREIGN TABLE "):
            self.tables.add(encodings.encode(about.name.rpartition(" ")[2], codec))
        if sequence := SEQUENCE_NAME.search(classified.sql):
            self._taken.append(_Taken((_compile_whole(sequence["name"]),), root))


def _describe(classified: ClassifiedStatement) -> str:
    """In short, without options that may hold a password."""
    about = name_statement(classified)
    return f"{about.kind} {about.name}" if about.kind in SECRET else classified.short


def _list_names(about: DumpObject) -> tuple[str, ...]:
    """As somebody may write it: with and without the schema, and the quotes."""
    name = about.name.rpartition(" ")[2] if about.kind == "foreign" else about.name.partition(" on ")[0]
    if about.kind == "comments":
        name = about.name.partition(" ")[2]
    bare = name.replace('"', "")
    return tuple(dict.fromkeys((name, bare, bare.rpartition(".")[2])))


def _build_patterns(about: DumpObject, codec: str) -> tuple[re.Pattern[bytes], ...]:
    name, _, table = (encodings.encode(part, codec) for part in about.name.partition(" on "))
    if about.kind in QUALIFIED:
        return (_compile_whole(name),)
    if about.kind in KEYWORDS:
        return (_compile_after(KEYWORDS[about.kind], name),)
    if about.kind == "foreign":
        words, _, last = name.rpartition(b" ")
        if words == b"FOREIGN TABLE":
            return (_compile_whole(last),)
        return () if words.startswith(b"USER MAPPING") else (_compile_after(words, last),)
    if about.kind in ("policies", "triggers"):
        keyword = rb"POLICY" if about.kind == "policies" else rb"TRIGGER"
        return (_compile_after(keyword, name), *((_compile_whole(table),) if table else ()))
    return ()


def _compile_whole(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'(?<![\w."$\x80-\xff])%b(?![\w"$\x80-\xff])' % re.escape(name))


def _compile_after(keyword: bytes, name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb'\b%b %b(?![\w"$\x80-\xff])' % (keyword, re.escape(name)))


def strip_strings(sql: bytes) -> bytes:
    """Returns a statement without its strings and bodies, which name nothing that must be there; but for those that
    are cast to a relation."""
    if b"'" not in sql and b"$" not in sql:
        return sql
    parts: list[bytes] = []
    position = 0
    while position < len(sql):
        item = read_token(sql, position, last=True)
        text, position = sql[item.start : item.end], item.end
        if item.kind in ("string", "escape_string", "dollar"):
            text = text.strip(b"'") if sql.startswith(CAST, position) else b"''"
        parts.append(text)
    return b"".join(parts)
