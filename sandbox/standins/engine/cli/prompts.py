"""Questions to a person at a terminal; never asked of a pipe."""

from __future__ import annotations

import getpass
import os
import sys

from sandbox.standins.engine.errors import Problem


class Prompts:
    """`yes`: everything is agreed to beforehand. `silent`: --non-interactive."""

    def __init__(self, *, yes: bool = False, silent: bool = False) -> None:
        self._yes = yes
        self.interactive = not silent and not os.environ.get("CI") and sys.stdin.isatty() and sys.stdout.isatty()

    def confirm(self, question: str) -> None:
        """Raises Problem when the answer is not yes, or when nobody can be asked."""
        if self._yes:
            return
        if not self.interactive:
            raise Problem("--yes must be passed in to proceed when running in non-interactive mode")
        if input(f"{question} [yes/no]: ").strip().lower() not in ("y", "yes"):
            raise Problem("confirmation declined")

    def confirm_by_name(self, warning: str, name: str) -> None:
        """Asks like `confirm`, for what can't be undone: the name has to be typed."""
        if self._yes:
            return
        if not self.interactive:
            raise Problem("--yes must be passed in to proceed when running in non-interactive mode")
        print(warning)
        typed = input(f"Please confirm that this is what you'd like to do by typing `{name}`: ").strip()
        if typed != name:
            raise Problem("confirmation declined")

    def value(self, secret: bool) -> str:
        """A configuration value: asked for at a terminal, otherwise all of stdin."""
        if self.interactive:
            return getpass.getpass("value: ") if secret else input("value: ")
        return sys.stdin.read().rstrip("\n")
