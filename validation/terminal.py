"""Strings for a terminal of 80 columns: lines, counts and sizes."""

from __future__ import annotations

import textwrap

WIDTH = 80


def make_printable(text: str) -> str:
    """Names and values come from the data: control characters must not reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def wrap(text: str, indent: int) -> list[str]:
    """The text as lines, those after the first indented by so many blanks."""
    lines = textwrap.wrap(make_printable(text), WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
    return lines or [""]


def format_size(count: float) -> str:
    """Bytes in the largest unit, in powers of 1000 as AWS and rich count: `2.5 GB`, `812.0 kB`, `12 B`."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def format_number(count: int, noun: str) -> str:
    """The count with its noun: `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
