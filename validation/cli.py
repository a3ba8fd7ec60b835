"""`python -m validation run`: validates one database; the exit code is the verdict."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from validation.expectations import ExpectationsError, load
from validation.model import Verdict
from validation.render import as_json, as_text
from validation.runner import run
from validation.selftest.command import SuiteError, selftest
from validation.selftest.command import arguments as selftest_arguments
from validation.selftest.defects import DefectsError
from validation.target import Target
from validation.urls import UrlError

USAGE = 3
EXIT: Mapping[Verdict, int] = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UsageError(Exception):
    """A mistake of the person who gave the command."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 usage."""
    options = _parser().parse_args(arguments)
    try:
        return options.act(options)
    except (UsageError, ExpectationsError, SuiteError, DefectsError) as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m validation", description="Proves that a restored database is right.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="run all checks", description="Runs all checks.", epilog=main.__doc__)
    command.add_argument("--checks", required=True, type=Path, metavar="FILE", help="expectations, TOML")
    _url(command, "target", "the restored database", required=True)
    _url(command, "source", "the database to compare with", required=False)
    command.add_argument("--restore-point", metavar="T", help="RFC 3339 time with zone")
    command.add_argument("--expected-address", metavar="IP[:PORT]", help="what the server must report")
    command.add_argument("--waive", action="append", default=[], metavar="CHECK=REASON", help="repeatable")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.set_defaults(act=_run)
    command = commands.add_parser(
        "selftest", help="damage a scratch database and see it found", epilog=selftest.__doc__
    )
    _url(command, "url", "an empty scratch database; everything in it is dropped", required=True)
    selftest_arguments(command)
    command.set_defaults(act=_selftest)
    return parser


def _url(command: argparse.ArgumentParser, name: str, what: str, *, required: bool) -> None:
    group = command.add_mutually_exclusive_group(required=required)
    group.add_argument(f"--{name}-env", metavar="VAR", help=f"environment variable with the URL of {what}")
    group.add_argument(f"--{name}-file", type=Path, metavar="FILE", help=f"file with the URL of {what}")


def _run(options: argparse.Namespace) -> int:
    expectations = load(options.checks)
    target = _target(options.target_env, options.target_file, "--target", options.expected_address)
    wants_source = options.source_env or options.source_file
    source = _target(options.source_env, options.source_file, "--source", None) if wants_source else None
    report = run(
        target,
        expectations,
        source=source,
        restore_point=_time(options.restore_point),
        waivers=waivers(options.waive),
    )
    text = json.dumps(as_json(report), indent=2) + "\n" if options.json else as_text(report)
    sys.stdout.write(text)
    return EXIT[report.verdict]


def _selftest(options: argparse.Namespace) -> int:
    return selftest(_target(options.url_env, options.url_file, "--url", None), options)


def _target(variable: str | None, file: Path | None, option: str, address: str | None) -> Target:
    url = _from_file(file, option) if file else _from_environment(variable or "", option)
    try:
        return Target.from_url(url, expected_address=address)
    except UrlError as error:
        raise UsageError(f"{option}: {error}") from error


def _from_environment(variable: str, option: str) -> str:
    # Whatever is no name may be a URL with a password in it: not shown
    if not VARIABLE.fullmatch(variable):
        raise UsageError(f"{option}-env: needs the NAME of an environment variable, never the URL itself")
    if not (url := os.environ.get(variable)):
        raise UsageError(f"{option}-env: {variable} is not set; put the database's URL into it")
    return url


def _from_file(file: Path, option: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}-file: can't be read: {type(error).__name__}; give a text file") from error


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"--restore-point: found {text!r}, needs a time with zone as 2026-11-22T14:30:00Z")
    return moment


def waivers(texts: Sequence[str]) -> dict[str, str]:
    """CHECK=REASON; a check's own name can hold `=`, in parentheses."""
    waivers: dict[str, str] = {}
    for text in texts:
        match = re.fullmatch(r"([^=(]+(?:\(.*\))?)=(.*)", text, re.DOTALL)
        if not match or not match[2].strip():
            raise UsageError(f"--waive: found {text!r}, needs CHECK=REASON, e.g. sequence=known gap")
        waivers[match[1].strip()] = match[2].strip()
    return waivers
