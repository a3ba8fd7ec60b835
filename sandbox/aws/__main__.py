"""`python -m sandbox.aws --dir DIR --pace S`: the sandbox's AWS in the foreground."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from sandbox.machine.layout import Layout, default_directory


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws", description=__doc__)
    parser.add_argument("--dir", type=Path, default=default_directory(), help="the sandbox's state directory")
    parser.add_argument("--pace", type=float, default=0.0, help="least seconds of each phase of an operation")
    options = parser.parse_args()
    gc.set_threshold(100_000, 50, 50)  # what moto loads stays: a third of the start goes into looking for garbage in it
    from sandbox.aws.server import serve

    try:
        serve(Layout.at(options.dir), options.pace)
    except (RuntimeError, OSError) as error:
        print(f"sandbox.aws: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
