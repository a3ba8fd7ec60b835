"""The stack that a command line means."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from sandbox.standins.engine.cli.prompts import Prompts
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Value
from sandbox.standins.engine.state.backend import Backend
from sandbox.standins.engine.state.project import Project
from sandbox.standins.engine.state.stack import Stack

NOT_SERVED = "PULUMI_OPTION_"


def backend(args: argparse.Namespace) -> Backend:
    if foreign := [name for name in os.environ if name.startswith(NOT_SERVED)]:
        raise Problem(f"the environment variable {foreign[0]} is not served by the stand-in engine: use the flag")
    if directory := getattr(args, "cwd", ""):
        if not Path(directory).is_dir():
            raise Problem(f"chdir {directory}: no such directory")
        os.chdir(directory)
    return Backend(Project())


def named_stack(args: argparse.Namespace) -> str:
    return str(getattr(args, "name", None) or getattr(args, "stack", None) or "")


def stack(args: argparse.Namespace) -> Stack:
    """The stack of --stack, PULUMI_STACK or the selection, with the settings of --config-file."""
    return backend(args).stack(getattr(args, "stack", ""), getattr(args, "config_file", ""))


def prompts(args: argparse.Namespace) -> Prompts:
    return Prompts(yes=getattr(args, "yes", False), silent=getattr(args, "non_interactive", False))


def dump(value: Value) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
