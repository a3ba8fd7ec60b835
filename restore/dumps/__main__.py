"""`python -m restore.dumps`: see cli.py."""

import gc
import sys


def run() -> int:
    """Runs the command line and returns its exit code."""
    gc.disable()  # what is imported stays: looking for garbage in it is a tenth of the start
    from restore.dumps.cli import main
    from validation.terminal import run_for_reader

    gc.freeze()
    gc.enable()
    return run_for_reader(main)


sys.exit(run())
