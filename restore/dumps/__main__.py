"""`python -m restore.dumps`: see cli.py."""

import gc
import sys


def run() -> int:
    """Runs the command line and returns its exit code."""
    gc.disable()  # what is imported stays: looking for garbage in it is a tenth of the start
    from restore.dumps.cli import main

    gc.freeze()
    gc.enable()
    return main()


sys.exit(run())
