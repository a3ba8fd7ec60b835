"""`make test-majors`: the tests that touch PostgreSQL, on each of its majors; writes the table of docs/majors.md.

A cell is `pass` only if its tests ran on a server of that version and all passed; what can't be had here is `not run`.
Exit code 0 only if no cell failed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine.layout import CHECKOUT
from sandbox.postgres.binaries import BIN_VARIABLE
from sandbox.postgres.majors import PACKAGES, MajorsError, programs

PAGE = CHECKOUT / "docs" / "majors.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
PASSED = re.compile(r"(\d+) passed")
FAILED = re.compile(r"\d+ (failed|error)|no tests ran")
DEBIAN = "/usr/lib/postgresql/{}/bin"
EQUALITY = ("tests/postgres/dumps/test_equality.py", "tests/postgres/dumps/test_harness.py")
MAIN_JOB = "tests/end_to_end/test_main_job.py"


@dataclass(frozen=True)
class Row:
    """Tests; `majors`: where they are run; `clients`: of the server's major (`same`) or a later one (`newer`)."""

    title: str
    tests: tuple[str, ...]
    majors: tuple[int, ...] = tuple(PACKAGES)
    clients: str = "any"
    words: tuple[str, ...] = ()


ROWS = (
    Row("validation, every seeded defect", ("tests/postgres/validation/test_defects.py",)),
    Row("validation of a team's own checks", ("tests/postgres/validation/test_selftest.py",)),
    Row("loss report", ("tests/postgres/validation/test_loss.py",)),
    Row("dump of the server's own pg_dump", EQUALITY, clients="same"),
    Row("dump of a newer pg_dump", EQUALITY, clients="newer"),
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
    try:
        if row.clients == "newer":
            if major >= max(PACKAGES):
                raise NotRun("there is no newer one")
            return programs(major, 17 if major < 17 else 18)
        if row.clients == "same" and major < 17:
            debian = Path(DEBIAN.format(major))
            if not (debian / "pg_dump").exists():
                raise NotRun("no package has it")
            return debian
        return programs(major)
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
    return f"pass ({passed[1]})"


def table_of(cells: dict[tuple[str, int], str], majors: Sequence[int]) -> str:
    lines = ["| | " + " | ".join(map(str, majors)) + " |", "|---" * (len(majors) + 1) + "|"]
    lines += [f"| {row.title} | " + " | ".join(cells[row.title, major] for major in majors) + " |" for row in ROWS]
    return "\n".join(lines) + "\n"


def write(table: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2])


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.majors", description=__doc__)
    parser.add_argument("majors", nargs="*", type=int, help="these alone; the page's table is written for all")
    parser.add_argument("--rows", default="", help="a regular expression on the rows' titles: these alone")
    arguments = parser.parse_args()
    majors = arguments.majors or list(PACKAGES)
    rows = [row for row in ROWS if re.search(arguments.rows, row.title)]
    cells: dict[tuple[str, int], str] = {}
    for row in rows:
        for major in majors:
            cells[row.title, major] = play(row, major)
            print(f"{major}  {row.title}: {cells[row.title, major]}", flush=True)
    if len(majors) == len(PACKAGES) and len(rows) == len(ROWS):
        write(table_of(cells, majors))
    failed = sum(cell.startswith("FAIL") for cell in cells.values())
    unplayed = sum(cell.startswith("not run") for cell in cells.values())
    print(f"{len(cells)} cells, {len(cells) - failed - unplayed} passed, {unplayed} not run, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
