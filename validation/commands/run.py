"""`python -m validation run`: validates one database; the exit code is the verdict."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from validation.baseline import latest
from validation.baseline.model import Baseline, BaselineError
from validation.commands import common
from validation.commands.common import Command, UsageError
from validation.connect.target import Target
from validation.document_store import write_whole
from validation.expectations import load
from validation.runner.junit import as_junit
from validation.runner.render import as_json, as_text
from validation.runner.run import RunOptions, run
from validation.verdict import Depth, Verdict

EXIT: Mapping[Verdict, int] = {
    Verdict.PASS: common.DONE,
    Verdict.FAIL: common.FAILED,
    Verdict.INCONCLUSIVE: common.INCONCLUSIVE,
}


def declare(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    command.add_argument("--checks", required=True, type=Path, metavar="FILE", help="expectations, TOML")
    common.add_url(command, "target", "the restored database", required=True)
    common.add_url(command, "source", "the database to compare with", required=False)
    common.add_url(command, "application", "the restored database with the application's login", required=False)
    command.add_argument("--baseline", metavar="PLACE", help="the newest one there that was taken by the restore point")
    command.add_argument("--restore-point", metavar="T", help="RFC 3339 time with zone")
    command.add_argument("--expected-address", metavar="IP[:PORT]", help="what the server must report")
    command.add_argument("--waive", action="append", default=[], metavar="CHECK=REASON", help="repeatable")
    command.add_argument(
        "--budget", type=common.parse_seconds, metavar="SECONDS", help="wins over limits.budget_seconds"
    )
    depth = "sample reads of tables above 32 MiB a part of their blocks, and says what that can't find (default full)"
    command.add_argument("--depth", type=Depth, choices=list(Depth), default=Depth.FULL, help=depth)
    kept = "a file: what is costly to read is kept there, and not read again by a run after one that was cut off"
    command.add_argument("--keep", type=Path, metavar="FILE", help=kept)
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML too, for CI; replaces the file")


def act(options: argparse.Namespace) -> int:
    """Prints the report and returns the exit code of its verdict. Raises UsageError, ExpectationsError."""
    expectations = load(options.checks)
    target = common.require_target(options, "target", options.expected_address)
    restore_point = common.parse_moment(options.restore_point, "--restore-point")
    report = run(
        target,
        expectations,
        RunOptions(
            source=common.read_target(options, "source"),
            application=common.read_target(options, "application"),
            baseline=_find_baseline(options.baseline, target, restore_point),
            restore_point=restore_point,
            waivers=parse_waivers(options.waive),
            budget_seconds=options.budget,
            depth=options.depth,
            seed=str(target),
            kept=KeptFile(options.keep) if options.keep else None,
            say=_tell_person,
        ),
    )
    sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n" if options.json else as_text(report))
    if options.junit:
        _write_junit(options.junit, as_junit(report))
    return EXIT[report.verdict]


def _tell_person(text: str) -> None:
    """How long it is going to take is for who waits at a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


@dataclass(frozen=True)
class KeptFile:
    """Answers in a file of this machine: of one database, whose name is the caller's to choose."""

    path: Path

    def read(self) -> bytes | None:
        """Returns what is there; None for nothing."""
        try:
            return self.path.read_bytes()
        except OSError:
            return None

    def write(self, content: bytes) -> None:
        """Raises UsageError for a place that can't be written to."""
        try:
            write_whole(self.path, content, replace=True)
        except OSError as error:
            fault = error.strerror or error
            raise UsageError(f"--keep: {self.path}: {fault}; give a name in a folder that is there") from error


def _write_junit(path: Path, content: bytes) -> None:
    """Raises UsageError: without its file, a CI server would take the run for one without tests."""
    try:
        write_whole(path, content, replace=True)
    except OSError as error:
        fault = error.strerror or error
        raise UsageError(f"--junit: {path}: {fault}; give a name in a folder that is there") from error


def _find_baseline(
    location: str | None, target: Target, restore_point: datetime | None
) -> Baseline | BaselineError | None:
    """The one to compare with. A place without one that fits is for the report to say."""
    if location is None:
        return None
    try:
        return latest.find_latest(latest.open_baselines(location), target.dbname, restore_point)
    except latest.NoBaselineError as error:
        return error


def parse_waivers(texts: Sequence[str]) -> dict[str, str]:
    """Parses CHECK=REASON into {check or family: reason}; a check's own name can hold `=`, in parentheses. Raises
    UsageError."""
    waivers: dict[str, str] = {}
    for text in texts:
        match = re.fullmatch(r"([^=(]+(?:\(.*\))?)=(.*)", text, re.DOTALL)
        if not match or not match[2].strip():
            raise UsageError(f"--waive: found {text!r}, needs CHECK=REASON, e.g. sequence=known gap")
        waivers[match[1].strip()] = match[2].strip()
    return waivers


COMMAND = Command("run", "run all checks", declare, act)
