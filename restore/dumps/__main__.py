"""`python -m restore.dumps`: see cli.py."""

import sys

from restore.dumps.cli import main

sys.exit(main())
