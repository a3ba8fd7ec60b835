"""`python -m validation selftest`: proves the checks against a scratch database."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from validation import expectations
from validation.connect.target import Target
from validation.selftest.defects import load, select_defects
from validation.selftest.prove import DefectOutcome, DefectStatus, Suite, prove
from validation.selftest.scratch import NotScratch, ScratchError
from validation.terminal import make_printable

FOLDER = Path(__file__).parent
PASS, FAIL, INCONCLUSIVE = 0, 1, 2
OWN = ("checks", "sample", "defects")
NO_STATEMENT = ("\\restrict", "\\unrestrict")


class SuiteError(ValueError):
    """Files or a database that can't be used."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the self-test."""
    command.add_argument("--checks", type=Path, metavar="FILE", help="expectations of your own, TOML")
    command.add_argument("--sample", type=Path, metavar="FILE", help="SQL that fills an empty database for them")
    command.add_argument("--defects", type=Path, metavar="FILE", help="ways to damage it, TOML")
    command.add_argument("--only", action="append", default=[], metavar="DEFECT", help="this defect alone; repeatable")


def run_selftest(target: Target, options: argparse.Namespace) -> int:
    """Proves the checks and prints what became of each defect; returns the exit code: 0 all found, 1 missed, 2 nothing
    was proved, 3 usage, or a database that holds something. Raises SuiteError, ExpectationsError, DefectsError."""
    files = read_suite(options)
    try:
        outcomes = prove(target, files, _say)
    except NotScratch as error:
        raise SuiteError(str(error)) from error
    except ScratchError as error:
        sys.stderr.write(f"{error}\n")
        return INCONCLUSIVE
    detected, missed, left_out = (sum(outcome.proof is proof for outcome in outcomes) for proof in DefectStatus)
    sys.stdout.write(f"\n{detected} found, {missed} missed, {left_out} left out\n")
    if missed:
        return FAIL
    return PASS if detected > 1 else INCONCLUSIVE


def read_suite(options: argparse.Namespace) -> Suite:
    """Returns the files given, or those of this package. Raises SuiteError, ExpectationsError and DefectsError."""
    own = [name for name in OWN if getattr(options, name) is not None]
    if own and len(own) < len(OWN):
        missing = ", ".join(f"--{name}" for name in OWN if name not in own)
        raise SuiteError(f"found --{' and --'.join(own)}, needs all three of your own files: add {missing}")
    defects = load(options.defects or FOLDER / "defects.toml")
    return Suite(
        read_sample(options.sample or FOLDER / "sample.sql"),
        expectations.load(options.checks or FOLDER / "checks.toml"),
        select_defects(defects.defect, options.only),
        defects.restore_point,
    )


def read_sample(path: Path) -> str:
    """Returns the SQL statements of the sample. Raises SuiteError for what only psql can run."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path} can't be read: {type(error).__name__}; give a file of SQL") from error
    kept = [line for line in lines if not line.startswith(NO_STATEMENT)]
    for_psql = [line for line in kept if line.startswith("\\") or line.lower().rstrip().endswith("from stdin;")]
    if for_psql:
        fix = "pg_dump --inserts --no-owner --no-privileges"
        raise SuiteError(f"{path}: found {for_psql[0][:60]!r}, needs SQL that any client can run; {fix}")
    return "\n".join(kept)


def _say(outcome: DefectOutcome) -> None:
    sys.stdout.write(make_printable(f"{outcome.proof:<8}  {outcome.defect}: {outcome.said}") + "\n")
    sys.stdout.flush()
