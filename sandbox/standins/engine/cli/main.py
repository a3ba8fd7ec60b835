"""The command line: the part of `pulumi` that this engine stands in for, with the same flags and exit codes."""

from __future__ import annotations

import argparse
import getpass
import os
import platform
import sys
from collections.abc import Sequence

from sandbox.standins.engine import INSTALL, STAND_IN, VERSION
from sandbox.standins.engine.cli import (
    config_commands,
    operation_commands,
    stack_commands,
    stack_selection,
    state_commands,
)
from sandbox.standins.engine.cli.arguments import Commands, Parser, parse, top
from sandbox.standins.engine.cli.stack_selection import dump
from sandbox.standins.engine.errors import FAILED, Problem

DESCRIPTION = f"Pulumi v{VERSION}, served by a {STAND_IN}. To use the real one, {INSTALL}."
REFRESH = ("-r|--refresh",)


def parser() -> Parser:
    program = top(DESCRIPTION)
    commands = Commands(program, required=True)
    commands.add("version", version, text="print the version that is stood in for")
    commands.add("about", about, text="say what this is")
    commands.add("whoami", whoami, "-j|--json", text="print the user of the backend")
    commands.add("cancel", cancel, "name=?", "-y|--yes", text="remove the lock of a stack whose operation is dead")
    stack_commands.add(commands.add("stack", stack_commands.current, text="stacks"))
    config_commands.add(commands.add("config", config_commands.listing, text="configuration"))
    state_commands.add(commands.add("state", version, text="edit the state offline"))
    flags, changing = operation_commands.FLAGS, operation_commands.CHANGING
    commands.add(
        "preview",
        operation_commands.preview,
        *flags,
        *REFRESH,
        "--save-plan=",
        aliases=["pre"],
        text="show what up would do",
    )
    commands.add(
        "up",
        operation_commands.up,
        *flags,
        *changing,
        *REFRESH,
        "--plan=",
        "--strict",
        aliases=["update"],
        text="make the configuration true",
    )
    commands.add(
        "refresh",
        operation_commands.refresh,
        *flags,
        *changing,
        "--clear-pending-creates",
        "--import-pending-creates=*",
        "--preview-only",
        text="take what the providers see as the state",
    )
    commands.add(
        "destroy",
        operation_commands.destroy,
        *flags,
        *changing,
        *REFRESH,
        "--preview-only",
        "--exclude-protected",
        "--remove",
        aliases=["down"],
        text="delete the resources of a stack",
    )
    return program


def version(args: argparse.Namespace) -> None:
    del args
    print(f"v{VERSION}")


def about(args: argparse.Namespace) -> None:
    where = stack_selection.backend(args)
    rows = {
        "CLI": f"v{VERSION}, {STAND_IN}",
        "To replace it": INSTALL,
        "Project": f"{where.project.name} ({where.project.file})",
        "Backend": where.url,
        "Current stack": where.selected or "none",
        "Python": f"{platform.python_version()} ({sys.executable})",
    }
    width = max(map(len, rows))
    print("\n".join(f"{name:{width}}  {text}" for name, text in rows.items()))


def whoami(args: argparse.Namespace) -> None:
    user = getpass.getuser()
    if args.json:
        dump({"user": user, "url": stack_selection.backend(args).url})
    else:
        print(user)


def cancel(args: argparse.Namespace) -> None:
    stack = stack_selection.backend(args).stack(stack_selection.named_stack(args))
    warning = f"This will irreversibly cancel the currently running update for '{stack.name}'!"
    stack_selection.prompts(args).confirm_by_name(warning, stack.name)
    stack.break_locks()
    print(f"The currently running update for '{stack.name}' has been canceled!")


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    arguments = list(sys.argv[1:] if words is None else words)
    try:
        args = parse(parser(), ["version"] if arguments == ["--version"] else arguments)
        args.act(args)
    except Problem as problem:
        if str(problem):
            print(f"error: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # `pulumi ... | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # a full disk, a folder without rights
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return 0
