"""What the commands share: exit codes, mistakes of usage, and the options that name a database."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from validation.connect.target import Target
from validation.connect.urls import UrlError
from validation.expectations.model import BUDGET_SECONDS, Limits

DONE, FAILED, INCONCLUSIVE, USAGE = 0, 1, 2, 3
"""Exit codes: done or PASS, FAIL or a difference, could not be found out, a mistake in the command or a file."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UsageError(Exception):
    """A mistake of the person who gave the command."""


@dataclass(frozen=True)
class Command:
    """A command: `declare` adds its options, `act` carries it out and gives the exit code."""

    name: str
    help: str
    declare: Callable[[argparse.ArgumentParser], None]
    act: Callable[[argparse.Namespace], int]


def add_url(
    command: argparse.ArgumentParser, name: str, what: str, *, required: bool, variable: str | None = None
) -> None:
    """Adds --NAME-env (or another spelling) and --NAME-file, of which one may be given."""
    group = command.add_mutually_exclusive_group(required=required)
    help_ = f"environment variable with the URL of {what}"
    group.add_argument(variable or f"--{name}-env", dest=f"{name}_env", metavar="URL_ENV", help=help_)
    group.add_argument(f"--{name}-file", type=Path, metavar="FILE", help=f"file with the URL of {what}")


def read_target(options: argparse.Namespace, name: str, address: str | None = None) -> Target | None:
    """Returns the database that the options of `add_url` name, or None. Raises UsageError."""
    variable: str | None = getattr(options, f"{name}_env")
    file: Path | None = getattr(options, f"{name}_file")
    if variable is None and file is None:
        return None
    url = read_file(file, f"--{name}") if file else read_environment(variable or "", f"--{name}")
    try:
        return Target.from_url(url, expected_address=address)
    except UrlError as error:
        raise UsageError(f"--{name}: {error}") from error


def require_target(options: argparse.Namespace, name: str, address: str | None = None) -> Target:
    """Returns the database that the options of `add_url` name. Raises UsageError for none, or one that can't be
    used."""
    database = read_target(options, name, address)
    if database is None:
        raise UsageError(f"--{name}: needs a database")
    return database


def read_environment(variable: str, option: str) -> str:
    # Whatever is no name may be a URL with a password in it: not shown
    """Returns a database's URL from an environment variable. Raises UsageError, without the value in its message."""
    if not VARIABLE.fullmatch(variable):
        raise UsageError(f"{option}: needs the NAME of an environment variable, never the URL itself")
    if not (url := os.environ.get(variable)):
        raise UsageError(f"{option}: {variable} is not set; put the database's URL into it")
    return url


def read_file(file: Path, option: str) -> str:
    """Returns a database's URL from a file. Raises UsageError for one that can't be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}-file: can't be read: {type(error).__name__}; give a text file") from error


def parse_moment(text: str | None, option: str) -> datetime | None:
    """Parses an RFC 3339 time with zone; None for none. Raises UsageError."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise UsageError(f"{option}: found {text!r}, needs a time with zone as 2026-11-22T14:30:00Z")
    return parsed


def parse_seconds(text: str) -> float:
    """Parses for argparse: a positive, finite number of seconds. Raises ArgumentTypeError."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text!r}, needs a number of seconds above 0")
    return number


def parse_workers(text: str) -> int:
    """Parses for argparse: how many sessions may read in parallel. Raises ArgumentTypeError."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, needs a whole number of at least 1")
    return number


def add_limits(command: argparse.ArgumentParser) -> None:
    """Adds --budget and --workers, of commands that read a database without a file of expectations."""
    standard = Limits()
    budget = f"how long it may take (default {BUDGET_SECONDS:g})"
    command.add_argument("--budget", type=parse_seconds, default=BUDGET_SECONDS, metavar="SECONDS", help=budget)
    side = f"sessions in parallel (default {standard.workers})"
    command.add_argument("--workers", type=parse_workers, default=standard.workers, metavar="N", help=side)


def read_limits(options: argparse.Namespace) -> Limits:
    """Returns the limits that the options of `add_limits` set; the budget is in seconds."""
    return Limits(options.budget, options.budget, options.workers)
