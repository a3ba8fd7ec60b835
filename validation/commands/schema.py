"""`python -m validation schema`: the JSON Schema of the expectations file, for editors and CI."""

from __future__ import annotations

import argparse
import json
import sys

from validation.commands.common import DONE, Command
from validation.expectations.reference import build_schema


def declare(_: argparse.ArgumentParser) -> None:
    """Declares no options."""


def act(_: argparse.Namespace) -> int:
    """Prints the schema and returns the exit code."""
    sys.stdout.write(json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n")
    return DONE


COMMAND = Command("schema", "print the JSON Schema of the expectations file", declare, act)
