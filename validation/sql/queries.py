"""The queries of this folder, one file each, completed with identifiers and literals that psycopg quotes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import LiteralString, cast

from psycopg import sql

FOLDER = Path(__file__).parent


@cache
def _read_template(name: str) -> sql.SQL:
    lines = (FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()
    return sql.SQL(cast(LiteralString, text))


def query(name: str, **parts: sql.Composable) -> sql.Composed:
    """Returns the query of sql/<name>.sql with its {placeholders} filled in.

    It is complete: it is executed without parameters, so that a percent sign in a name stays what it is.
    Raises FileNotFoundError for an unknown name, KeyError for a placeholder that is not given.
    """
    return _read_template(name).format(**parts)


def names() -> tuple[str, ...]:
    """Returns the names of all queries, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.sql")))


def render_text(statement: sql.Composable) -> str:
    """Returns the statement as a person pastes it into psql."""
    return statement.as_string(None)
