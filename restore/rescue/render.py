"""What a rescue shows, for an 80-column terminal. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from psycopg import sql

from restore.redaction import redact
from restore.rescue.model import Apart, Done, Found, Reason, Wish

WRITERS_SHOWN = 3
KEYS_SHOWN = 5
PAGE = 'docs/rescue.md, "Rows of both sides"'


def render_found(found: Sequence[Found], wish: Wish) -> str:
    """Says what a rescue would do, and the command that does it."""
    return redact("\n".join(_render_lines(found, wish)))


def _render_lines(found: Sequence[Found], wish: Wish) -> Iterator[str]:
    for one in found:
        yield from _render_table(one, wish)
    lost = sum(one.lost for one in found)
    taken = sum(one.overwritten for one in found if wish.with_children or not one.why)
    if not lost and not taken:
        yield "Nothing to bring back." + (
            " What differs stays as it is." if any(one.different for one in found) else ""
        )
        return
    yield f"To bring back {lost:,} missing rows and overwrite {taken:,}, in one transaction:"
    yield f"  {format_command(wish)} --apply"
    if not wish.with_children and any("refers to" in one.why and one.why.startswith("its ") for one in found):
        yield "  with --with-children also the rows that refer to them"
    yield "Rows that were deleted on purpose since the recovery point count as missing: --where limits it."


def _render_table(found: Found, wish: Wish) -> Iterator[str]:
    why = f" ({found.why})" if found.why else ""
    yield f"{found.table}{why}: {found.lost:,} rows missing, {found.different:,} differ"
    if found.overwritten:
        yield f"  {found.overwritten:,} of these are overwritten"
    for writer in found.differing[:WRITERS_SHOWN]:
        at = f" at {writer.committed}" if writer.committed else ""
        hint = "" if wish.overwrites else f" (to overwrite them: --written-by {writer.transaction})"
        yield f"  {writer.rows:,} as transaction {writer.transaction} wrote them{at}{hint}"
    if (more := len(found.differing) - WRITERS_SHOWN) > 0:
        yield f"  and rows of {more} more transactions"
    for key in found.examples:
        yield f"  for example {key}"


def format_command(wish: Wish) -> str:
    """Returns the command of this wish, as a shell takes it."""
    words = ["python", "-m", "restore", "rescue", "--table", str(wish.table)]
    words += ["--where", wish.where] if wish.where else []
    for transaction in wish.written_by:
        words += ["--written-by", transaction]
    for column in wish.columns:
        words += ["--column", column]
    words += ["--damaged", wish.damaged] if wish.damaged else []
    words += ["--overwrite-later-writes"] if wish.overwrite else []
    words += ["--with-children"] if wish.with_children else []
    words += ["--fire-triggers"] if wish.fire_triggers else []
    return shlex.join(words)


def render_done(done: Sequence[Done], undo: Path) -> str:
    """Says what was written, and how it is taken back."""
    lines: list[str] = []
    for one in done:
        lines.append(f"{one.table}: {one.inserted:,} rows brought back, {one.overwritten:,} overwritten")
        if one.kept:
            why = "another row has their unique value, or what they refer to is gone"
            lines.append(f"  {one.kept:,} could not be written: {why}")
        lines += [f"  sequence {sequence} moved past them" for sequence in one.sequences]
    if any(one.inserted or one.overwritten for one in done):
        lines.append(f'To take it back: psql "$DATABASE_URL" --file {undo}')
        lines.append("  (the file holds rows: delete it when it is no longer needed)")
    else:
        lines.append("Nothing was written.")
    return redact("\n".join(lines))


def render_apart(apart: Sequence[Apart], candidate: str, shown: int | None = KEYS_SHOWN) -> str:
    """Says which rows were not carried and what can be done; empty where there is none.

    Args:
        apart: the rows.
        candidate: the identifier of the instance that has them.
        shown: how many keys of each kind; None for all.
    """
    if not apart:
        return ""
    lines = [f"{sum(len(rows.keys) for rows in apart):,} rows were not carried, {candidate} has them:"]
    for rows in apart:
        more = len(rows.keys) - len(rows.keys[:shown])
        lines.append(f"  {rows.table}: {len(rows.keys):,} ({rows.reason})")
        lines.append(
            f"    {', '.join(rows.columns)}: {' '.join(rows.keys[:shown])}{f' and {more:,} more' * (more > 0)}"
        )
    lines.append(f"Where the source has a row of such a key, it is as it was. What to do: {PAGE}")
    for rows in apart:
        if rows.reason in (Reason.CHANGED, Reason.UNKNOWN):
            wish = Wish(rows.table, where=_format_condition(rows, KEYS_SHOWN), overwrite=True)
            lines += [
                f"  to have the candidate's in {rows.table} instead, where that is right:",
                f"  {format_command(wish)}",
            ]
    return redact("\n".join(lines))


def _format_condition(rows: Apart, most: int) -> str:
    """Untyped literals, which PostgreSQL reads as the columns' types."""
    values = (
        "({})".format(", ".join(sql.Literal(value).as_string() for value in json.loads(key)))
        for key in rows.keys[:most]
    )
    columns = ", ".join(sql.Identifier(column).as_string() for column in rows.columns)
    return f"({columns}) IN ({', '.join(values)})"
