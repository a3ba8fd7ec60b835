"""`pulumi stack ...`."""

from __future__ import annotations

import argparse
import json
import socket
import sys
from pathlib import Path
from typing import cast

from sandbox.standins.engine.cli import stack_selection
from sandbox.standins.engine.cli.arguments import Commands, Parser, add_flag
from sandbox.standins.engine.cli.stack_selection import dump
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value, as_object, parse_json, redact_all
from sandbox.standins.engine.state import history
from sandbox.standins.engine.state.files import write
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import short_type

FULL = """'{0}' still has resources; removal rejected. Possible actions:
- Make sure that '{0}' is the stack that you want to destroy
- Run `pulumi destroy` to delete the resources, then run `pulumi stack rm`
- Run `pulumi stack rm --force` to override this error"""


def add(parser: Parser) -> None:
    for flag in ("--show-urns", "--show-name"):
        add_flag(parser, flag)
    parts = Commands(parser)
    parts.add("init", init, "name=?", "--secrets-provider=", "--no-select", text="make a stack")
    parts.add("select", select, "name=?", "-c|--create", text="choose the stack to work on")
    parts.add("ls", listing, "-j|--json", "-a|--all", text="list the stacks of the project")
    parts.add(
        "rm", remove, "name=?", "-y|--yes", "-f|--force", "--preserve-config", text="forget a stack and its history"
    )
    parts.add("output", output, "name=?", "-j|--json", "--show-secrets", text="show the outputs")
    parts.add(
        "history",
        past,
        "-j|--json",
        "--show-secrets",
        "--page-size=",
        "--page=",
        "--full-dates",
        text="show past updates with their configuration",
    )
    parts.add("export", export, "--file=", "--show-secrets", "--version=", text="write the state")
    parts.add("import", take_in, "--file=", "-f|--force", text="replace the state")


def current(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    if args.show_name:
        print(stack.name)
        return
    print(f"Current stack is {stack.name}:")
    resources = list(map(as_object, cast(list[Value], stack.load().get("resources") or [])))
    print(f"Current stack resources ({len(resources)}):")
    for resource in resources:
        urn = str(resource["urn"])
        print(f"    {short_type(urn):40} {urn if args.show_urns else urn.rpartition('::')[2]}")


def init(args: argparse.Namespace) -> None:
    where, name = stack_selection.backend(args), stack_selection.named_stack(args)
    if not name:
        raise Problem("missing stack name")
    if args.secrets_provider not in ("", "passphrase", "default"):
        raise Problem("secrets provider: only `passphrase` is served by the stand-in engine")
    stack = where.create(name)
    if not args.no_select:
        where.select(stack.name)
    print(f"Created stack '{name}'")


def select(args: argparse.Namespace) -> None:
    where, name = stack_selection.backend(args), stack_selection.named_stack(args)
    try:
        where.select(where.stack(name).name)
    except Problem:
        if not args.create or not name:
            raise
        where.select(where.create(name).name)
        print(f"Created stack '{name}'")


def listing(args: argparse.Namespace) -> None:
    where = stack_selection.backend(args)
    rows: list[Props] = []
    for stack in where.stacks():
        latest = stack.load()
        row: Props = {"name": stack.name, "current": stack.name == where.selected}
        if stack.history():
            row["lastUpdate"] = str(as_object(latest.get("manifest")).get("time"))[:23] + "Z"
        row["resourceCount"] = len(cast(list[Value], latest.get("resources") or []))
        rows.append(row)
    if args.json:
        dump([*rows])
        return
    width = max([4, *(len(str(row["name"])) + 1 for row in rows)])
    print(f"{'NAME':{width}}  {'LAST UPDATE':24}  RESOURCE COUNT")
    for row in rows:
        name = f"{row['name']}{'*' if row['current'] else ''}"
        print(f"{name:{width}}  {row.get('lastUpdate', 'n/a'):24}  {row['resourceCount']}")


def remove(args: argparse.Namespace) -> None:
    where = stack_selection.backend(args)
    stack = where.stack(stack_selection.named_stack(args))
    if stack.load().get("resources") and not args.force:
        raise Problem(FULL.format(stack.name))
    warning = f"This will permanently remove the '{stack.name}' stack!"
    stack_selection.prompts(args).confirm_by_name(warning, stack.name)
    stack.remove()
    if not args.preserve_config:
        stack.settings.file.unlink(missing_ok=True)
    if where.selected == stack.name:
        where.select("")
    print(f"Stack '{stack.name}' has been removed!")


def output(args: argparse.Namespace) -> None:
    outputs = redact_all(stack_selection.stack(args).outputs(), args.show_secrets)
    if args.name:
        if args.name not in outputs:
            raise Problem(f"current stack does not have output property '{args.name}'")
        value = outputs[args.name]
        print(value if isinstance(value, str) and not args.json else json.dumps(value))
    elif args.json:
        dump(dict(sorted(outputs.items())))
    else:
        print(f"Current stack outputs ({len(outputs)}):")
        width = max(map(len, ["OUTPUT", *outputs]))
        print(f"    {'OUTPUT':{width}}  VALUE")
        for key, value in sorted(outputs.items()):
            print(f"    {key:{width}}  {value if isinstance(value, str) else json.dumps(value)}")


def past(args: argparse.Namespace) -> None:
    entries = history.shown(stack_selection.stack(args), args.show_secrets)
    size, page = _number(args.page_size, 10), _number(args.page, 1)
    entries = entries[(page - 1) * size : page * size]
    if args.json:
        dump([*entries])
    else:
        print("\n".join(map(history.as_text, entries)))


def _number(text: str, default: int) -> int:
    if text and not text.isdigit():
        raise Problem(f"{text!r} is not a number")
    return max(int(text), 1) if text else default


def export(args: argparse.Namespace) -> None:
    if args.version:
        raise Problem(
            f"the current backend ({socket.gethostname()}) does not provide the ability to export previous deployments"
        )
    stack = stack_selection.stack(args)
    deployment: Value = stack.load()
    if args.show_secrets:
        deployment = stack.crypter.opened_as_text(deployment)
    text = json.dumps({"version": 3, "deployment": deployment}, indent=4, ensure_ascii=False)
    if args.file:
        write(Path(args.file), text)
    else:
        print(text)


def take_in(args: argparse.Namespace) -> None:
    stack = stack_selection.stack(args)
    try:
        text = Path(args.file).read_text() if args.file else sys.stdin.read()
        document = as_object(parse_json(text))
    except (OSError, ValueError) as error:
        raise Problem(f"could not read the deployment: {error}") from error
    if document.get("version") != 3 or "deployment" not in document:
        raise Problem("could not read the deployment: only version 3 of the deployment schema is served")
    opened = as_object(stack.crypter.opened(document["deployment"]))
    for resource in cast(list[Value], opened.get("resources") or []):
        Resource.from_json(as_object(resource))
    stack.save(opened)
    print("Import complete.")
