"""SQL text cut into tokens as psql's lexer cuts it (src/fe_utils/psqlscan.l), with standard_conforming_strings on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TOKEN = re.compile(
    rb"""
  (?P<space>[ \t\r\n\f\v]+)
 |(?P<line_comment>--[^\r\n]*(?:[\r\n]|\Z))
 |(?P<block_comment>/\*)
 |(?P<escape_string>[eE]'[^'\\]*+(?:(?:''|\\.)[^'\\]*+)*+')
 |(?P<string>'[^']*+(?:''[^']*+)*+')
 |(?P<quoted>"[^"]*+(?:""[^"]*+)*+")
 |(?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)
 |(?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)
 |(?P<number>[0-9][0-9A-Za-z_.$]*)
 |(?P<punctuation>[();])
 |(?P<backslash>\\)
 |(?P<other>[^\s'"$\\();A-Za-z_0-9\x80-\xff/-]+|.)
""",
    re.VERBOSE | re.DOTALL,
)
OPEN_TAG = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\Z")
BLOCK_EDGE = re.compile(rb"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    start: int
    end: int


class UnfinishedToken(Exception):
    """The buffer ends within a token, or one that may go on."""


def read_token(text: bytes | bytearray, position: int, *, last: bool) -> Token:
    """Returns the token at a position that is within the text. `last`: nothing follows the text.

    Raises UnfinishedToken; with `last` that means an open quote or comment.
    """
    match = TOKEN.match(text, position)
    assert match is not None
    kind = match.lastgroup or "other"
    if kind == "block_comment":
        return Token(kind, position, _comment_end(text, match.end()))
    if kind == "dollar":
        return Token(kind, position, _find_dollar_end(text, match.group(), match.end()))
    if kind == "other" and text[position : position + 1] in (b"'", b'"'):
        raise UnfinishedToken
    if not last and _may_go_on(text, match, kind):
        raise UnfinishedToken
    return Token(kind, position, match.end())


def _may_go_on(text: bytes | bytearray, match: re.Match[bytes], kind: str) -> bool:
    at_end = match.end() == len(text)
    if at_end:
        return kind not in ("punctuation", "space")  # space may be cut anywhere
    if kind == "other" and match.group() == b"$":
        return OPEN_TAG.match(text, match.start()) is not None
    if kind == "word" and match.group() in (b"e", b"E"):
        return text[match.end() : match.end() + 1] == b"'"
    return False


def _comment_end(text: bytes | bytearray, position: int) -> int:
    depth = 1
    while depth:
        edge = BLOCK_EDGE.search(text, position)
        if edge is None:
            raise UnfinishedToken
        depth += 1 if edge.group() == b"/*" else -1
        position = edge.end()
    return position


def _find_dollar_end(text: bytes | bytearray, tag: bytes, position: int) -> int:
    end = text.find(tag, position)
    if end < 0:
        raise UnfinishedToken
    return end + len(tag)


ROUTINES = (b"function", b"procedure")


@dataclass(slots=True)
class Nesting:
    """Whether a semicolon ends the statement: not in parentheses, nor in a function's BEGIN ATOMIC body."""

    parentheses: int = 0
    blocks: int = 0
    escaped: bool = False
    """The token before was an E'' string: a string behind it would be its second piece, with the same escapes."""
    words: list[bytes] = field(default_factory=list[bytes])
    """The first four, in lower case."""

    @property
    def open(self) -> bool:
        return self.parentheses > 0 or self.blocks > 0

    def follow_punctuation(self, character: bytes) -> None:
        """Follows one character outside of strings and comments."""
        if character == b"(":
            self.parentheses += 1
        elif character == b")":
            self.parentheses = max(0, self.parentheses - 1)

    def follow_word(self, text: bytes) -> None:
        """Follows one word: BEGIN and CASE open a block in a routine's SQL body, END closes it."""
        lower = text.lower()
        if len(self.words) < 4:
            self.words.append(lower)
        if self.parentheses or not self._routine:
            return
        if lower == b"begin" or (lower == b"case" and self.blocks):
            self.blocks += 1
        elif lower == b"end" and self.blocks:
            self.blocks -= 1

    @property
    def _routine(self) -> bool:
        match self.words:
            case [b"create", b"or", b"replace", kind, *_]:
                return kind in ROUTINES
            case [b"create", kind, *_]:
                return kind in ROUTINES
            case _:
                return False
