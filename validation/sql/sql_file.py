"""A query in a .sql file with what is to be known about it in its head, as TOML behind `--:`.

--: severity = "advisory"
-- A comment for people.
select ...
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = "--:"


@dataclass(frozen=True)
class SqlFile:
    """`head` are the values of the `--:` lines; `body` is the query, without full-line comments and semicolon."""

    name: str
    head: Mapping[str, Any]
    body: str


def read(path: Path) -> SqlFile:
    """Reads a file. Raises OSError, UnicodeDecodeError, or tomllib.TOMLDecodeError for a head that is no TOML."""
    return parse(path.stem, path.read_text(encoding="utf-8"))


def parse(name: str, text: str) -> SqlFile:
    """Reads the text of a file. Raises tomllib.TOMLDecodeError for a head that is no TOML."""
    lines = text.splitlines()
    head = "\n".join(line.lstrip().removeprefix(HEAD).removeprefix(" ") for line in lines if _is_head(line))
    body = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return SqlFile(name, tomllib.loads(head), body.strip().rstrip(";").rstrip())


def _is_head(line: str) -> bool:
    return line.lstrip().startswith(HEAD)
