"""What was found for a terminal of 80 columns, and as JSON. Pure.

What others wrote is shown without control characters, and without what this program knows to be secret.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from restore.redaction import redact
from restore.report.untrusted import format_text
from restore.units import TIME_FORMAT
from restore.when.model import Period, Reach, Reading, Suspect, find_second_before, order_newest_first

WIDTH = 80
NONE = "no suspect was found. It did not happen only where all of the above says `recorded`."
COMMAND = "pulumi config set time"


def render(source: str, period: Period, reading: Reading, most: int) -> str:
    """Returns first what could have been recorded, then the suspects, newest first, each with the command that sets
    the second before."""
    suspects = order_newest_first(reading.suspects)
    lines = [
        f"{source}, {period.since.strftime(TIME_FORMAT)} to {period.until.strftime(TIME_FORMAT)}",
        "",
        "What could have been recorded:",
        *(
            line
            for item in reading.coverage
            for line in _wrap(f"{item.source}: {_show_reach(item.reach)}; {item.text}")
        ),
        "",
        "Suspects, newest first (UTC):" if suspects else NONE,
        *(line for suspect in suspects[:most] for line in _render_suspect(suspect)),
    ]
    if len(suspects) > most:
        lines.append(f"{len(suspects) - most:,} older ones: a shorter period (--since, --until), or --json")
    return "\n".join(lines)


def _show_reach(reach: Reach) -> str:
    return "recorded" if reach is Reach.RECORDED else reach.upper()


def _render_suspect(suspect: Suspect) -> Iterator[str]:
    failed = " (it failed and changed nothing)" if suspect.failed else ""
    yield ""
    yield from _wrap(f"{suspect.at.strftime(TIME_FORMAT)} {suspect.kind}{failed}")
    yield from _wrap(suspect.what, "    ")
    yield from _wrap(f"{suspect.source}{': by ' if suspect.by else ''}{suspect.by}", "    ")
    if not suspect.failed:
        yield f"    {COMMAND} {find_second_before(suspect.at).strftime(TIME_FORMAT)}"


def _wrap(shown: str, indent: str = "  ") -> list[str]:
    clean = format_text(redact(shown))
    return textwrap.wrap(clean, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)


def render_document(source: str, period: Period, reading: Reading) -> str:
    """Returns all of it as JSON text."""
    document = {
        "source": source,
        "since": period.since.strftime(TIME_FORMAT),
        "until": period.until.strftime(TIME_FORMAT),
        "coverage": [
            {"source": item.source, "reach": str(item.reach), "text": redact(item.text)} for item in reading.coverage
        ],
        "suspects": _list_suspects(order_newest_first(reading.suspects)),
    }
    return json.dumps(document, indent=2)


def _list_suspects(suspects: Sequence[Suspect]) -> list[dict[str, Any]]:
    return [
        {
            "at": suspect.at.isoformat(),
            "kind": str(suspect.kind),
            "what": redact(suspect.what),
            "source": suspect.source,
            "by": redact(suspect.by),
            "failed": suspect.failed,
            "time": find_second_before(suspect.at).strftime(TIME_FORMAT),
        }
        for suspect in suspects
    ]
