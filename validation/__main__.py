"""Runs the command line of this package."""

import sys

from validation.commands.main import main
from validation.terminal import run_for_reader

if __name__ == "__main__":
    sys.exit(run_for_reader(main))
