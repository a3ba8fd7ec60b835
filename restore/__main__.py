"""`python -m restore`: see restore/cli."""

import sys

from restore.cli.main import main
from validation.terminal import run_for_reader

sys.exit(run_for_reader(main))
