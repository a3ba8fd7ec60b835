"""`pulumi config ...`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

from sandbox.standins.engine.cli import stack_selection
from sandbox.standins.engine.cli.arguments import Commands, Parser, add_flag
from sandbox.standins.engine.cli.stack_selection import dump
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value, as_object, parse_json
from sandbox.standins.engine.state import history, property_paths
from sandbox.standins.engine.state.stack import Stack
from sandbox.standins.engine.state.stack_settings import as_text, guessed, typed

LIKE_A_SECRET = re.compile("(?i)passwd|pass|password|pwd|secret|token")
"""As `keyPattern` in pulumi/pulumi, pkg/cmd/pulumi/config/config.go."""
SHORTEST_SECRET = 8


def add(parser: Parser) -> None:
    for flag in ("-j|--json", "--show-secrets", "--config-file="):
        add_flag(parser, flag)
    parts = Commands(parser)
    file = "--config-file="
    parts.add("set", put, "key=", "value=?", "--secret", "--plaintext", "--path", "--type=", file, text="set a value")
    parts.add("set-all", put_all, "--secret=*", "--plaintext=*", "--path", "--json=", file, text="set many values")
    parts.add("get", get, "key=", "-j|--json", "--path", file, text="show one value")
    parts.add("rm", remove, "key=", "--path", file, text="remove a value")
    parts.add("rm-all", remove_all, "keys=+", "--path", file, text="remove many values")
    parts.add("refresh", refresh, "-f|--force", file, text="take the configuration of the latest update")


def listing(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    entries = stack.config(reveal=args.show_secrets)
    if args.json:
        dump({key: history.shown_entry(stack, entry.value, args.show_secrets) for key, entry in entries.items()})
        return
    prefix = f"{stack.project.name}:"
    rows = {"KEY": "VALUE", **{key.removeprefix(prefix): entry.text for key, entry in entries.items()}}
    width = max(map(len, rows))
    print("\n".join(f"{key:{width}}  {value}" for key, value in rows.items()))


def _seal(stack: Stack, text: str) -> Value:
    if not stack.settings.salt:
        stack.settings.salt = stack.crypter.salt
    return {"secure": stack.crypter.encrypt(text)}


def assign(stack: Stack, key: str, text: str, *, secret: bool = False, path: bool = False, kind: str = "") -> None:
    """Sets one value in memory. Below the first key of a path, numbers and booleans are stored as such."""
    value: Value = text
    if secret:
        value = _seal(stack, text)
    elif kind:
        value = typed(text, kind)
    elif path and len(property_paths.parse(key)) > 1:
        value = guessed(text)
    stack.settings.set(key, value, path=path)


def put(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    value = stack_selection.prompts(args).value(args.secret) if args.value is None else args.value
    if not (args.secret or args.plaintext):
        check_plain(stack.project.name, args.key, value)
    assign(stack, args.key, value, secret=args.secret, path=args.path, kind=args.type)
    stack.settings.save()


def check_plain(project: str, key: str, value: str) -> None:
    """Raises Problem for what may be a secret. The CLI measures how hard the value is to guess; here its length does,
    so that no command passes that the CLI would refuse."""
    if LIKE_A_SECRET.search(key.rpartition(":")[2]) and len(value) >= SHORTEST_SECRET:
        full = key if ":" in key else f"{project}:{key}"
        raise Problem(
            f"config value for '{full}' looks like a secret; rerun with --secret to encrypt it, or --plaintext if you "
            "meant to store in plaintext"
        )


def put_all(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    for pairs, secret in ((args.plaintext, False), (args.secret, True)):
        for pair in pairs:
            key, separator, value = pair.partition("=")
            if not separator:
                raise Problem("config value must be in the form [key]=[value]")
            assign(stack, key, value, secret=secret, path=args.path)
    for key, entry in _entries(args.json).items():
        assign(stack, key, str(entry.get("value")), secret=bool(entry.get("secret")))
    stack.settings.save()


def _entries(text: str) -> dict[str, Props]:
    try:
        return {key: as_object(entry) for key, entry in as_object(parse_json(text or "{}")).items()}
    except ValueError as error:
        raise Problem(f"--json: {error}") from error


def get(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    first, *inner = stack.settings.path(args.key, args.path)
    entry = stack.config().get(str(first))
    if entry is None:
        raise Problem(f"configuration key '{args.key}' not found for stack '{stack.name}'")
    text = entry.text
    if inner:
        value = property_paths.get(parse_json(text), inner)
        if value is None:
            raise Problem(f"configuration key '{args.key}' not found for stack '{stack.name}'")
        text = as_text(value)
    if args.json:
        dump({"value": text, "secret": entry.secret})
    else:
        print(text)


def _change(args: argparse.Namespace, change: Callable[[Stack], None]) -> None:
    stack = stack_selection.stack(args)
    change(stack)
    stack.settings.save()


def remove(args: argparse.Namespace) -> None:
    _change(args, lambda stack: stack.settings.remove(args.key, path=args.path))


def remove_all(args: argparse.Namespace) -> None:
    def change(stack: Stack) -> None:
        for key in args.keys:
            stack.settings.remove(key, path=args.path)

    _change(args, change)


def refresh(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    past = stack.history()
    if not past:
        raise Problem("no previous deployment")
    file = stack.settings.file
    stack.settings.values = as_object(past[0].get("config"))
    if not args.force and file.exists():
        backup = _free_backup(file)
        copyfile(file, backup)
        print(f"backed up existing configuration file to {backup}")
        print(f"refreshed configuration for stack '{stack.name}'")
    stack.settings.save()


def _free_backup(file: Path) -> Path:
    backup = file.with_name(file.name + ".bak")
    return _free_backup(backup) if backup.exists() else backup
