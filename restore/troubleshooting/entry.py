"""The form of an entry: a problem's name, what the operator sees, what it means, what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """What to do about one or more problems that have the same cause."""

    names: tuple[str, ...]
    """As they are printed and waived; `<...>` stands for what differs from case to case (`rows:<table>`)."""
    symptom: str
    meaning: str
    fix: str
    """Commands that run as they stand, or a page of docs/."""


@dataclass(frozen=True)
class Chapter:
    """Entries by what the operator was doing when the problem was printed."""

    title: str
    introduction: str
    problems: tuple[Entry, ...]
    """By the names of this program's own problems: each is one that the code can print."""
    messages: tuple[Entry, ...] = ()
    """By what is seen without such a name: messages of Pulumi, statuses of AWS, an application that fails."""
