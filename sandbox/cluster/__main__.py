"""`python -m sandbox.cluster build`: builds the cluster binary once, and prints where it lies."""

from __future__ import annotations

import sys

from sandbox.cluster.binary import binary
from sandbox.machine.go_program import BuildError


def main() -> int:
    if sys.argv[1:] != ["build"]:
        print("usage: python -m sandbox.cluster build", file=sys.stderr)
        return 2
    try:
        print(binary())
    except BuildError as error:
        print(f"sandbox.cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
