"""`python -m validation selftest`: damages a scratch database, and sees what the checks find."""

from __future__ import annotations

import argparse

from validation.commands import common
from validation.commands.common import Command
from validation.selftest.command import add_arguments, run_selftest


def declare(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    common.add_url(command, "url", "an empty scratch database; everything in it is dropped", required=True)
    add_arguments(command)


def act(options: argparse.Namespace) -> int:
    """Runs the self-test and returns its exit code. Raises UsageError, and as `run_selftest`."""
    return run_selftest(common.require_target(options, "url"), options)


COMMAND = Command("selftest", "damage a scratch database and see it found", declare, act)
