"""Nobody looks for a printed problem in vain at 3 a.m.: docs/troubleshooting.md has each, and no other."""

from __future__ import annotations

import re
from functools import cache

from restore.troubleshooting.entry import Entry
from restore.troubleshooting.reference import CHAPTERS, FILE, format_commands, make_anchor, render_document
from sandbox.machine.layout import CHECKOUT
from tests.support.fixes.collect import HOLE, Program
from tests.support.fixes.commands import PROGRAMS, SQL, faults
from validation.expectations.sql_checks import read_built_in

PACKAGES = ("restore", "validation")
OF_A_FILE = "validation/expectations/"
"""Mistakes in a file that a person writes are named by its path and the path of the key: docs/expectations.md."""
PART = re.compile("(<[^>]*>)")
CHECK = f"validated.{HOLE}"
OF_SQL = f"validated.{HOLE}:{HOLE}"
"""Expanded into the checks of validation/."""


def entries() -> list[Entry]:
    return [entry for chapter in CHAPTERS for entry in chapter.problems]


def patterns() -> list[str]:
    return [name for entry in entries() for name in entry.names]


@cache
def printed_names() -> dict[str, str]:
    """Every name of a problem that the code can print, a HOLE for what differs, and where."""
    files = [file for package in PACKAGES for file in sorted((CHECKOUT / package).rglob("*.py"))]
    program = Program([file for file in files if OF_A_FILE not in str(file)], frozenset({"subject"}), callers=True)
    named = {joined(text.text): f"{text.file}:{text.line}" for text in program.first_arguments("Problem")}
    assert CHECK in named
    for text in (*program.first_arguments("Check"), *program.first_arguments("build_settled")):
        named[f"validated.{joined(text.text)}"] = f"{text.file}:{text.line}"
    named |= {f"validated.{check.name}" + (f":{HOLE}" if check.each else ""): check.name for check in read_built_in()}
    nameless = (CHECK, OF_SQL, HOLE, f"{HOLE}: {HOLE}")
    return {name: where for name, where in named.items() if name not in nameless}


def joined(text: str) -> str:
    return re.sub(f"{HOLE}+", HOLE, text).strip()


def matching(name: str) -> list[str]:
    """The patterns that fit a printed name: the same one, or else those whose `<...>` take in the least of it."""
    same = [pattern for pattern in patterns() if re.sub("<[^>]*>", HOLE, pattern) == name]
    fitting = [pattern for pattern in patterns() if fits(pattern, name)]
    most = max((literal(pattern) for pattern in fitting), default=0)
    return same or [pattern for pattern in fitting if literal(pattern) == most]


def fits(pattern: str, name: str) -> bool:
    """`config <key>` fits `config id`, and `quiesced.latest` fits a name whose gate only the program knows."""
    if pattern.startswith("<"):
        return False
    takes_in = "".join(".+" if part.startswith("<") else re.escape(part) for part in PART.split(pattern))
    known_later = re.escape(name).replace(re.escape(HOLE), r"[\w-]+")
    return bool(re.fullmatch(takes_in, name) or re.fullmatch(known_later, pattern))


def literal(pattern: str) -> int:
    return len(PART.sub("", pattern))


def test_every_printed_problem_has_exactly_one_entry() -> None:
    names = printed_names()
    assert len(names) > 100
    wrong = {f"{name.replace(HOLE, '<>')} ({where})": matching(name) for name, where in names.items()}
    assert {name: found for name, found in wrong.items() if len(found) != 1} == {}


def test_no_entry_is_about_a_problem_that_is_never_printed() -> None:
    used = {pattern for name in printed_names() for pattern in matching(name)}
    assert [pattern for pattern in patterns() if pattern not in used] == []


def test_no_name_has_two_entries() -> None:
    assert len(patterns()) == len(set(patterns()))


def all_entries() -> list[Entry]:
    return [entry for chapter in CHAPTERS for entry in (*chapter.problems, *chapter.messages)]


def test_every_command_of_the_page_runs_as_printed() -> None:
    assert {entry.names: wrong for entry in all_entries() if (wrong := faults(entry.fix))} == {}


def test_the_page_is_what_the_entries_say() -> None:
    assert FILE.read_text() == render_document(), "run: python -m restore.troubleshooting.reference"


def test_links_of_the_contents_lead_to_their_chapters() -> None:
    links = re.findall(r"^- \[.*\]\(#(.*)\)$", render_document(), re.MULTILINE)
    headings = re.findall(r"^## (.*)$", render_document(), re.MULTILINE)
    assert links == [make_anchor(heading) for heading in headings]


def test_every_line_to_copy_is_a_command_or_what_a_shell_ignores() -> None:
    lines = [line for entry in all_entries() for line in format_commands(entry.fix)]
    assert [line for line in lines if line.split(" ", 1)[0] not in (*PROGRAMS, *SQL, "#")] == []


def test_alternatives_are_not_run_one_after_the_other() -> None:
    assert format_commands("pulumi up (later), or pulumi preview; or: pulumi login; docs/operate.md") == [
        "pulumi up  # later",
        "# or:",
        "pulumi preview",
        "# or:",
        "pulumi login",
        "# docs/operate.md",
    ]
    assert format_commands("SELECT 1 FROM t WHERE pid IN (<pids>)") == ["SELECT 1 FROM t WHERE pid IN (<pids>)"]
