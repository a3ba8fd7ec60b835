"""A statement without its literals, comments and what stands in parentheses: what kind it is can't be hidden there."""

from __future__ import annotations

import re

from restore.dumps.sql.lexer import read_token

PLAIN_NAME = re.compile(rb"[a-z_][a-z0-9_$]*\Z")
OPENING, CLOSING = b"([", b")]"


def outline(sql: bytes) -> bytes:
    """Returns the tokens of the top level, one blank between two: `CREATE TABLE public . x ( ) PARTITION BY RANGE ( )`.
    A string becomes `''`, a quoted identifier the bare name where it needs no quotes, otherwise `""`."""
    parts: list[bytes] = []
    depth, position = 0, 0
    while position < len(sql):
        item = read_token(sql, position, last=True)
        text, position = sql[item.start : item.end], item.end
        for part in _split_parts(item.kind, text):
            if part in CLOSING:
                depth = max(0, depth - 1)
            if depth == 0:
                parts.append(part)
            if part in OPENING:
                depth += 1
    return b" ".join(parts)


def _split_parts(kind: str, text: bytes) -> list[bytes]:
    if kind in ("space", "line_comment", "block_comment"):
        return []
    if kind in ("string", "escape_string", "dollar"):
        return [b"''"]
    if kind == "quoted":
        return [text[1:-1] if PLAIN_NAME.match(text[1:-1]) else b'""']
    if kind == "other":
        return [text[index : index + 1] for index in range(len(text))]  # brackets come in runs with operators
    return [text]
