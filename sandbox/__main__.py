import sys

from sandbox.cli import main
from validation.terminal import run_for_reader

sys.exit(run_for_reader(main))
