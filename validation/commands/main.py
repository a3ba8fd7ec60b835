"""`python -m validation COMMAND`: the commands are the modules of `validation.commands`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from validation.baseline.model import BaselineError
from validation.baseline.record import Unread
from validation.commands import baseline, init, loss, run, schema, selftest
from validation.commands.common import INCONCLUSIVE, USAGE, UsageError
from validation.expectations import ExpectationsError
from validation.selftest.command import SuiteError
from validation.selftest.defects import DefectsError
from validation.terminal import make_printable

COMMANDS = (run.COMMAND, init.COMMAND, baseline.COMMAND, loss.COMMAND, schema.COMMAND, selftest.COMMAND)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {_mask(message)}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 pass or done, 1 fail or a difference, 2 inconclusive, 3 usage."""
    options = build_parser().parse_args(arguments)
    try:
        return options.act(options)
    except Unread as error:
        return _say_error(error, INCONCLUSIVE)
    except (UsageError, ExpectationsError, BaselineError, SuiteError, DefectsError) as error:
        return _say_error(error, USAGE)


def _say_error(error: Exception, code: int) -> int:
    sys.stderr.write(make_printable(f"{_mask(str(error))}\n"))
    return code


def _mask(text: str) -> str:
    """A URL that was given in the wrong place is not repeated with its password; as a path it has one slash."""
    return re.sub(r"(://?)\S*@", r"\1***@", text)


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser of all commands and their options."""
    top = _Parser(prog="python -m validation", description="Proves that a restored database is right.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        options = commands.add_parser(
            command.name, help=command.help, description=command.help.capitalize() + ".", epilog=main.__doc__
        )
        command.declare(options)
        options.set_defaults(act=command.act)
    return top
