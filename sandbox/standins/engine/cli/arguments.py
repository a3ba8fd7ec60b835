"""The command line as data: commands, their flags, and the refusal of every other one."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from sandbox.standins.engine.errors import Problem

Act = Callable[[argparse.Namespace], None]
SAID_TRUE, SAID_FALSE = re.compile(r"^(--[\w-]+)=true$"), re.compile(r"--[\w-]+=false")
COLOURS = ("auto", "never")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Problem(f"{message} (the stand-in engine serves what `pulumi {self._subject}--help` lists)")

    @property
    def _subject(self) -> str:
        return self.prog.removeprefix("pulumi").strip() + " " if self.prog != "pulumi" else ""


class Commands:
    """Adds commands to a parser. Flags are written `-y|--yes`, `--file=` (a value), `--target=*` (many)."""

    def __init__(self, parser: Parser, *, required: bool = False) -> None:
        self._parsers = parser.add_subparsers(dest="command" if required else "part", required=required)

    def add(self, name: str, act: Act, *flags: str, aliases: Sequence[str] = (), text: str = "") -> Parser:
        command: Parser = self._parsers.add_parser(
            name, parents=[common()], aliases=[*aliases], allow_abbrev=False, help=text, description=text
        )
        for flag in flags:
            add_flag(command, flag)
        command.set_defaults(act=act)
        return command


def add_flag(parser: argparse.ArgumentParser, flag: str) -> None:
    names, has_value, kind = flag.partition("=")
    options: dict[str, Any] = {}
    if not has_value:
        options = {"action": "store_true"}
    elif kind == "*":
        options = {"action": "append", "default": []}
    elif kind == "?":
        options = {"nargs": "?"}
    elif kind == "+":
        options = {"nargs": "*"}
    elif names.startswith("-"):
        options = {"default": ""}
    parser.add_argument(*names.split("|"), **options)


def common() -> Parser:
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    parser.add_argument("-s", "--stack", help="the stack to work on")
    parser.add_argument("-C", "--cwd", help="run as if in this directory")
    parser.add_argument("--color", choices=COLOURS, help="accepted: the output has no colours")
    parser.add_argument("--non-interactive", action="store_true", help="ask nothing")
    return parser


def top(description: str) -> Parser:
    return Parser("pulumi", parents=[common()], allow_abbrev=False, description=description)


def parse(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Raises Problem for what isn't served.

    argparse takes positionals only where they stand together; `config set KEY --secret [--] VALUE` must work.
    Boolean flags may be written `--flag=true` and `--flag=false`.
    """
    end = words.index("--") if "--" in words else len(words)
    flags = [SAID_TRUE.sub(r"\1", word) for word in words[:end] if not SAID_FALSE.fullmatch(word)]
    args, rest = parser.parse_known_args(flags)
    rest += words[end + 1 :]
    for name in ("value", "name"):
        if rest and not rest[0].startswith("-") and getattr(args, name, "") is None:
            setattr(args, name, rest.pop(0))
    if rest and end < len(words) and getattr(args, "value", "") is None:
        args.value = rest.pop(0)
    if rest:
        parser.error(f"unknown flag or argument: {' '.join(rest)}")
    return args
