"""Text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap

WIDTH = 80


def printable(text: str) -> str:
    """Names and values come from the data: control characters must not reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def wrapped(text: str, indent: int) -> list[str]:
    """The text as lines, those after the first indented by so many blanks."""
    lines = textwrap.wrap(printable(text), WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
    return lines or [""]


def number(count: int, noun: str) -> str:
    """The count with its noun: `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
