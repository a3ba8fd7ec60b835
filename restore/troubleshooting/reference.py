"""Writes docs/troubleshooting.md from the entries of this folder.

python -m restore.troubleshooting.reference            writes it
python -m restore.troubleshooting.reference --check    exit 1 when it isn't up to date
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from restore.troubleshooting import (
    before_the_freeze,
    candidate,
    drill,
    dumps,
    frozen,
    outside,
    prevention,
    quiet_day,
    switch,
)
from restore.troubleshooting.entry import Chapter, Entry
from validation.generated_files import write_or_check

CHAPTERS = (
    quiet_day.CHAPTER,
    prevention.CHAPTER,
    drill.CHAPTER,
    before_the_freeze.CHAPTER,
    frozen.CHAPTER,
    dumps.CHAPTER,
    candidate.CHAPTER,
    switch.SWITCHING,
    switch.SERVING,
    switch.BACK_AND_CLOSE,
    outside.AWS,
    outside.KUBERNETES,
    outside.POSTGRESQL,
)
FILE = Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md"
JOINT = re.compile(r"; or: |, or |; then |, then |; ")
"""Between the commands of a fix."""
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
REMARK = re.compile(r"(?<! IN) \(([^()']*)\)$")
ALTERNATIVES = (", or ", "; or: ")
PREAMBLE = """\
# Troubleshooting

Made from restore/troubleshooting/ by `python -m restore.troubleshooting.reference`. What goes wrong is printed as

    quiesced.sessions
      found:  1 client sessions: pid 4711 report@app psql from 10.0.3.7
      needed: none
      fix:    the command for exactly this case

Search this page for the first line, the problem's name (`<...>` stands for what differs), to see what it means. The
printed `fix` knows names and numbers: run that one. Whatever shuts a gate can be let pass by its name, with a reason
that stands in the report; five things can't (operate.md, "A database is dead, or you know better than a gate"):

    pulumi config set --plaintext --path 'waive["quiesced.sessions"]' "the reporting team's psql only reads"

What stands and what was proved, at any moment:

    python -m restore status
    python -m restore report
"""


def render_document() -> str:
    """Returns the text of docs/troubleshooting.md."""
    contents = "\n".join(f"- [{chapter.title}](#{make_anchor(chapter.title)})" for chapter in CHAPTERS)
    return "\n".join([PREAMBLE, contents, "", *map(render_chapter, CHAPTERS)])


def make_anchor(title: str) -> str:
    """Returns the fragment that GitHub gives a heading."""
    kept = (character for character in title.lower() if character.isalnum() or character in " -")
    return "".join(kept).replace(" ", "-")


def render_chapter(chapter: Chapter) -> str:
    """Returns a chapter's title, introduction and entries as Markdown."""
    entries = map(render_entry, (*chapter.problems, *chapter.messages))
    return "\n".join([f"## {chapter.title}", "", fill_lines(chapter.introduction), "", *entries])


def render_entry(entry: Entry) -> str:
    """Returns its names as heading, what is seen, what it means, and the commands as a block that can be pasted."""
    heading = ", ".join(f"`{name}`" for name in entry.names)
    seen, meaning = fill_lines(f"You see: {entry.symptom}"), fill_lines(f"It means: {entry.meaning}")
    commands = "\n".join(f"    {line}" for line in format_commands(entry.fix))
    return f"### {heading}\n\n{seen}\n\n{meaning}\n\n{commands}\n"


def fill_lines(text: str) -> str:
    """Returns a paragraph in lines of the repository's length."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def format_commands(fix: str) -> list[str]:
    """Returns a line for each command; remarks, pages and alternatives stand behind `#`, as a shell ignores them."""
    lines: list[str] = []
    for joint, piece in split_fix(fix):
        lines += ["# or:"] if joint in ALTERNATIVES else []
        lines.append(f"# {piece}" if piece.startswith("docs/") else REMARK.sub(r"  # \1", piece))
    return lines


def split_fix(fix: str) -> Iterator[tuple[str, str]]:
    """Yields the commands of a fix, each with what joins it to the one before; joints inside quotes are none."""
    masked = QUOTED.sub(lambda match: "q" * len(match[0]), fix)
    joint, start = "", 0
    for boundary in JOINT.finditer(masked):
        yield joint, fix[start : boundary.start()]
        joint, start = boundary[0], boundary.end()
    yield joint, fix[start:]


if __name__ == "__main__":
    sys.exit(write_or_check({FILE: render_document()}, "restore.troubleshooting.reference", __doc__, sys.argv[1:]))
