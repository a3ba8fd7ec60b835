"""`make test-majors`: the tests that touch PostgreSQL, on each of its majors; writes the table of docs/majors.md.

A cell is `pass` only if its tests ran on a server of that version and all passed; what can't be had here is `not run`.
Each cell is written when it ends, and no other: a run of some leaves the rest as it was. Exit code 0 only if no cell
failed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine.layout import CHECKOUT
from sandbox.postgres.binaries import BIN_VARIABLE
from sandbox.postgres.majors import OLDEST_CLIENTS, PACKAGES, MajorsError, programs

PAGE = CHECKOUT / "docs" / "majors.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
PASSED = re.compile(r"(\d+) passed")
SKIPPED = re.compile(r"(\d+) skipped")
FAILED = re.compile(r"\d+ (failed|error)|no tests ran")
OWN = 0
DEBIAN = "/usr/lib/postgresql/{}/bin"
EQUALITY = ("tests/postgres/dumps/test_equality.py", "tests/postgres/dumps/test_harness.py")
MAIN_JOB = "tests/end_to_end/test_main_job.py"


@dataclass(frozen=True)
class Row:
    """Tests; `majors`: where they are run; `clients`: the version of pg_dump and psql, `OWN` for the server's."""

    title: str
    tests: tuple[str, ...]
    majors: tuple[int, ...] = tuple(PACKAGES)
    clients: int | None = None
    words: tuple[str, ...] = ()


ROWS = (
    Row("validation, every seeded defect", ("tests/postgres/validation/test_defects.py",)),
    Row("validation of a team's own checks", ("tests/postgres/validation/test_selftest.py",)),
    Row("loss report", ("tests/postgres/validation/test_loss.py",)),
    Row("dump of the server's own pg_dump", EQUALITY, clients=OWN),
    Row("dump of pg_dump 17, newer than the server", EQUALITY, clients=17),
    Row("dump of pg_dump 18, newer than the server", EQUALITY, clients=18),
    Row("imperfect dump", ("tests/postgres/dumps/test_imperfect.py",)),
    Row("hostile dump", ("tests/postgres/dumps/test_code.py",)),
    Row("rows brought back (rescue)", ("tests/postgres/rescue/test_rescue.py",)),
    Row("restore by snapshot, end to end", (MAIN_JOB,), (14, 17, 18), words=("-k", "every_kind_of_snapshot")),
    Row("restore to a point in time, end to end", (MAIN_JOB,), (14, 17, 18), words=("-k", "before_its_second")),
)


class NotRun(Exception):
    """Why a cell can't be played here."""


def find_programs(row: Row, major: int) -> Path:
    """Returns the folder of the programs for a cell. Raises NotRun."""
    if major not in row.majors:
        raise NotRun("the oldest, 17 and the newest are tried")
    if row.clients and major >= row.clients:
        raise NotRun("it is not newer")
    try:
        if row.clients == OWN and major < OLDEST_CLIENTS:
            debian = Path(DEBIAN.format(major))
            if not (debian / "pg_dump").exists():
                raise NotRun("no package has it")
            return debian
        return programs(major, row.clients or None)
    except MajorsError as error:
        raise NotRun(str(error)) from error


def play(row: Row, major: int) -> str:
    """Returns the cell's text."""
    try:
        folder = find_programs(row, major)
    except NotRun as reason:
        return f"not run: {reason}"
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    if f" {major}." not in said:
        return f"FAIL: {said.strip()}"
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", *row.words, *row.tests]
    variables = {**os.environ, BIN_VARIABLE: str(folder)}
    done = subprocess.run(words, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False)
    passed = PASSED.search(done.stdout)
    if done.returncode or not passed or FAILED.search(done.stdout):
        print(done.stdout[-6000:], done.stderr[-2000:], sep="\n")
        return "FAIL"
    skipped = SKIPPED.search(done.stdout)
    return f"pass ({passed[1]}{f', {skipped[1]} skipped' if skipped else ''})"


def read_cells(page: str) -> dict[tuple[str, int], str]:
    """Returns what the page's table says of each row (by title) and major."""
    _, _, rest = page.partition(BEGIN)
    head, _, *lines = [line.strip("|").split("|") for line in rest.partition(END)[0].splitlines()]
    return {
        (title.strip(), int(major)): end.strip()
        for title, *ends in lines
        for major, end in zip(head[1:], ends, strict=True)
    }


def make_table(cells: dict[tuple[str, int], str]) -> str:
    """Returns the page's table; a cell that never ran is `not run`."""
    lines = ["| | " + " | ".join(map(str, PACKAGES)) + " |", "|---" * (len(PACKAGES) + 1) + "|"]
    for row in ROWS:
        ends = (cells.get((row.title, major), "not run") for major in PACKAGES)
        lines.append(f"| {row.title} | " + " | ".join(ends) + " |")
    return "\n".join(lines) + "\n"


def write_cell(title: str, major: int, end: str) -> None:
    """Writes one cell into the page's table and leaves all others as they are."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    table = make_table({**read_cells(page), (title, major): end})
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2])


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.majors", description=__doc__)
    parser.add_argument("majors", nargs="*", type=int, help="these alone")
    parser.add_argument("--rows", default="", help="a regular expression on the rows' titles: these alone")
    arguments = parser.parse_args()
    if unknown := set(arguments.majors) - set(PACKAGES):
        parser.error(f"no package has {min(unknown)}; there are {', '.join(map(str, PACKAGES))}")
    cells: list[str] = []
    for row in (row for row in ROWS if re.search(arguments.rows, row.title)):
        for major in arguments.majors or PACKAGES:
            cells.append(play(row, major))
            write_cell(row.title, major, cells[-1])
            print(f"{major}  {row.title}: {cells[-1]}", flush=True)
    failed = sum(cell.startswith("FAIL") for cell in cells)
    unplayed = sum(cell.startswith("not run") for cell in cells)
    print(f"{len(cells)} cells, {len(cells) - failed - unplayed} passed, {unplayed} not run, {failed} failed")
    return 1 if failed or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
