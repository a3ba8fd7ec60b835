"""`python -m validation init`: writes a first file of expectations from a live database."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from validation.commands import common
from validation.commands.common import Command, UsageError
from validation.document_store import write_whole
from validation.generate.file import render
from validation.generate.survey import read_survey

FILE = "checks.toml"
STDOUT = "-"


def declare(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    common.add_url(command, "from", "the live database", required=True, variable="--from")
    command.add_argument("file", nargs="?", default=FILE, metavar="FILE", help=f"default {FILE}; - prints it")
    common.add_limits(command)


def act(options: argparse.Namespace) -> int:
    """Writes the file, or prints it, and returns the exit code. Raises UsageError for a file that is there or can't be
    written, Unread."""
    path = Path(options.file)
    if path.exists() and options.file != STDOUT:
        raise UsageError(f"{path}: found a file, needs a new name; nothing is overwritten")
    content = render(read_survey(common.require_target(options, "from"), common.read_limits(options)))
    if options.file == STDOUT:
        sys.stdout.write(content)
        return common.DONE
    try:
        write_whole(path, content.encode())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; give a name in a folder that is there") from error
    database = f"--target-env {options.from_env}" if options.from_env else f"--target-file {options.from_file}"
    sys.stdout.write(f"{path} is written; try it: python -m validation run --checks {path} {database}\n")
    return common.DONE


COMMAND = Command("init", "write a first file of expectations from a live database", declare, act)
