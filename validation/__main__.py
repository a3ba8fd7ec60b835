"""Runs the command line of this package."""

import sys

from validation.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
