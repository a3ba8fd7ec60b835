"""What couldn't be asked is said, and stops nobody."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TypeVar

from restore.errors import RestoreError

Value = TypeVar("Value")


def ask_or_note(unasked: MutableMapping[str, str], name: str, question: Callable[[], Value]) -> Value | None:
    """Returns the answer; None, with the reason noted in `unasked` under the question's name, where it is refused."""
    try:
        return question()
    except RestoreError as error:
        unasked[name] = error.problem.found if error.problem else str(error)
        return None
