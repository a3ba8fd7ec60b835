"""Strings for a terminal of 80 columns: lines, counts and sizes; and what a command does whose reader is gone."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable

WIDTH = 80
READER_GONE = 141
"""As a shell tells a program that SIGPIPE has ended: 128 + 13."""


def run_for_reader(command: Callable[[], int]) -> int:
    """Returns the exit code of a command line; READER_GONE when nobody reads its output any more (`... | head`).

    Python's own manual says how: signal, "Note on SIGPIPE".
    """
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code


def make_printable(text: str) -> str:
    """Returns the text without control characters: names and values come from the data, and control characters must not
    reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def wrap(text: str, indent: int) -> list[str]:
    """Returns the text as lines, those after the first indented by so many blanks."""
    lines = textwrap.wrap(make_printable(text), WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)
    return lines or [""]


def format_size(count: float) -> str:
    """Returns bytes in the largest unit, in powers of 1000 as AWS and rich count: `2.5 GB`, `812.0 kB`, `12 B`."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def format_number(count: int, noun: str) -> str:
    """Returns the count with its noun: `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
