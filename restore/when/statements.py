"""Which SQL statements may have lost or damaged data: told from their tokens, never from a search for words. Pure.

Only the statement's form is shown: its literals are masked, for a log has personal data and passwords in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from restore.dumps.sql.lexer import UnfinishedToken, read_token

MOST_BYTES = 64 * 1024
"""Of one statement; what follows isn't looked at, and a statement cut there is taken to have no more clauses."""
MOST_SHOWN = 160
HINT = re.compile(r"drop|truncate|delete|update|alter", re.IGNORECASE)
LITERALS = ("escape_string", "string", "dollar", "number")
LEADS = ("", "(", ")", "begin", "then", "else", "loop", "explain", "analyze", "verbose")
"""What stands before a statement: nothing, a CTE's parenthesis, PL/pgSQL's words, EXPLAIN's. Not FOR UPDATE, ON DELETE
CASCADE, DO UPDATE."""
OBJECTS = ("materialized", "foreign", "event", "if", "exists", "only", "concurrently", "cascade", "temporary", "temp")


class Kind(StrEnum):
    """What a statement does, and how much of a table it takes."""

    DROP = "DROP"
    TRUNCATE = "TRUNCATE"
    DELETE_ALL = "DELETE without WHERE"
    UPDATE_ALL = "UPDATE without WHERE"
    DELETE_MANY = "DELETE of many rows"
    UPDATE_MANY = "UPDATE of many rows"
    DELETE_SOME = "DELETE"
    UPDATE_SOME = "UPDATE"
    ALTER = "ALTER"


BY_KEY = frozenset({Kind.DELETE_SOME, Kind.UPDATE_SOME})
"""The everyday writes of an application: rows by the value of a column."""


@dataclass(frozen=True)
class Finding:
    """One statement, the name after its verb as written (without quotes, in lower case unless quoted), and its form."""

    kind: Kind
    target: str
    form: str
    cut: bool = False
    """The statement's end wasn't seen: a WHERE may have followed."""

    def is_about(self, table: str) -> bool:
        """Tells whether it names a table, given with or without its schema; a name without schema fits any."""
        schema, _, name = table.rpartition(".")
        return any(
            other == name and (not schema or not of or of == schema)
            for of, _, other in (part.rpartition(".") for part in self.target.split(","))
        )


@dataclass(frozen=True)
class _Word:
    text: str
    """As compared: words in lower case, literals as ?."""
    kind: str
    depth: int


def classify(sql: str) -> list[Finding]:
    """Returns the suspicious statements of a text, also those within CTEs, and within the body of a DO."""
    if not HINT.search(sql):
        return []
    return list(_classify(sql.encode("utf-8", "replace")))


def _classify(text: bytes, level: int = 0) -> Iterator[Finding]:
    words, bodies, cut = _cut_words(text)
    for number, statement in enumerate(statements := _split(words)):
        yield from _find(statement, cut=cut and number == len(statements) - 1)
    if level == 0 and words and words[0].text == "do":
        for body in bodies:
            yield from _classify(body, level + 1)


def _cut_words(text: bytes) -> tuple[list[_Word], list[bytes], bool]:
    words: list[_Word] = []
    bodies: list[bytes] = []
    position, depth, cut = 0, 0, len(text) > MOST_BYTES
    text = text[:MOST_BYTES]
    while position < len(text):
        try:
            piece = read_token(text, position, last=True)
        except UnfinishedToken:
            return words, bodies, True
        raw, position = text[piece.start : piece.end], piece.end
        if piece.kind in ("space", "line_comment", "block_comment"):
            continue
        if raw == b")":
            depth = max(0, depth - 1)
        if piece.kind == "dollar":
            tag = raw.index(b"$", 1) + 1
            bodies.append(raw[tag:-tag])
        words.append(_Word(_normalize(raw, piece.kind), piece.kind, depth))
        if raw == b"(":
            depth += 1
    return words, bodies, cut


def _normalize(raw: bytes, kind: str) -> str:
    if kind in LITERALS:
        return "?"
    text = raw.decode("utf-8", "replace")
    if kind == "quoted":
        return text[1:-1].replace('""', '"')
    return text.lower() if kind == "word" else text


def _split(words: Sequence[_Word]) -> list[list[_Word]]:
    statements: list[list[_Word]] = [[]]
    for word in words:
        if word.text == ";" and word.depth == 0:
            statements.append([])
        else:
            statements[-1].append(word)
    return [statement for statement in statements if statement]


def _find(words: Sequence[_Word], *, cut: bool) -> Iterator[Finding]:
    for at, word in enumerate(words):
        if word.kind != "word" or (words[at - 1].text if at else "") not in LEADS:
            continue
        if (kind := _name_kind(words, at)) is None:
            continue
        yield Finding(kind, _read_target(words, at), _show(words[at:], word.depth), cut)


def _name_kind(words: Sequence[_Word], at: int) -> Kind | None:
    verb = words[at].text
    following = words[at + 1] if at + 1 < len(words) else None
    if following is None or following.kind not in ("word", "quoted"):
        return None
    if verb == "drop":
        return Kind.DROP
    if verb == "truncate":
        return Kind.TRUNCATE
    if verb == "alter":
        return Kind.ALTER
    if verb == "delete" and following.text == "from":
        return (Kind.DELETE_ALL, Kind.DELETE_MANY, Kind.DELETE_SOME)[_rank_where(words, at)]
    if verb == "update" and any(word.text == "set" and word.depth == words[at].depth for word in words[at:]):
        return (Kind.UPDATE_ALL, Kind.UPDATE_MANY, Kind.UPDATE_SOME)[_rank_where(words, at)]
    return None


def _rank_where(words: Sequence[_Word], at: int) -> int:
    """Returns 0 without a WHERE, or with one that is always true; 1 for a WHERE by ranges or subqueries alone; 2 for
    one that compares a column for equality."""
    depth = words[at].depth
    clause = _read_statement(words[at:], depth)
    where = next((n for n, word in enumerate(clause) if word.text == "where" and word.depth == depth), None)
    if where is None:
        return 0
    rest = [word for word in clause[where + 1 :] if word.depth == depth or word.text not in ("(", ")")]
    end = next((n for n, word in enumerate(rest) if word.text == "returning" and word.depth == depth), len(rest))
    texts = [word.text for word in rest[:end]]
    if texts in (["true"], ["?", "=", "?"]):
        return 0
    by_value = any(text in ("=", "in", "any", "current") for text in texts)
    return 2 if by_value and "select" not in texts else 1


def _read_statement(words: Sequence[_Word], depth: int) -> list[_Word]:
    """Returns the words up to the parenthesis that ends a CTE."""
    end = next((n for n, word in enumerate(words) if word.text == ")" and word.depth < depth), len(words))
    return list(words[:end])


def _read_target(words: Sequence[_Word], at: int) -> str:
    rest = [word for word in _read_statement(words[at + 1 :], words[at].depth) if word.text not in OBJECTS]
    verb = words[at].text
    if rest and (verb in ("drop", "alter") or rest[0].text in ("from", "table")):
        rest = rest[1:]
    target = ""
    for word in rest:
        joined = not target or target[-1] in ".,"
        if (word.kind in ("word", "quoted")) == joined and (joined or word.text in (".", ",")):
            target += word.text
        elif word.text != "*":
            break
    return target.rstrip(".,")


def _show(words: Sequence[_Word], depth: int) -> str:
    clause = _read_statement(words, depth)
    shown = " ".join(word.text for word in clause[:MOST_SHOWN])
    shown = re.sub(r" ?([.,;()]) ?", lambda match: {",": ", ", "(": " (", ")": ") "}.get(match[1], match[1]), shown)
    return shown.strip() if len(shown) <= MOST_SHOWN else shown[: MOST_SHOWN - 4].rstrip() + " ..."
