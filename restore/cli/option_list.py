"""The ranked recovery points as text for an 80-column terminal, and as JSON for scripts. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from restore.history import Estimate, estimate_validated
from restore.model.history import History
from restore.recovery_points.ranking import Option
from restore.units import TIME_FORMAT, format_duration

WIDTH = 80


@dataclass(frozen=True)
class OptionList:
    """What `options` found, in the order of its numbers, which begin at 1."""

    options: tuple[Option, ...]
    history: History
    wanted_time: datetime | None = None
    unread: tuple[str, ...] = ()
    """The places that couldn't be looked at, each with the reason."""

    def estimate(self, option: Option) -> Estimate:
        """Returns how long a restore from an option takes, to a validated database."""
        return estimate_validated(self.history, option.method, option.size)


def render_json(found: OptionList) -> str:
    """Returns the list as one JSON object; docs/options.md says what its fields mean."""
    wanted = found.wanted_time
    document = {
        "wanted": f"{wanted:{TIME_FORMAT}}" if wanted else None,
        "options": [_describe(number, option, found) for number, option in enumerate(found.options, 1)],
        "unread": list(found.unread),
    }
    return json.dumps(document, indent=2)


def _describe(number: int, option: Option, found: OptionList) -> Mapping[str, Any]:
    estimate = found.estimate(option)
    return {
        "number": number,
        "method": str(option.method),
        "data_of": f"{option.at:{TIME_FORMAT}}",
        "loses_seconds": round(option.lost.total_seconds()),
        "description": option.description,
        "damaged": option.damaged,
        "obstacle": option.obstacle or None,
        "limits": list(option.limits),
        "set": dict(option.config),
        "unset": list(option.unset),
        "seconds_to_validated": {
            "typical": round(estimate.typical),
            "shortest": round(estimate.shortest),
            "longest": round(estimate.longest),
            "measured": estimate.measured,
            "basis": estimate.basis,
        },
    }


def render(found: OptionList, width: int = WIDTH) -> str:
    """Returns the list as text; only a command with a long identifier is wider than `width`."""
    if not found.options:
        nothing = "No recovery point: no usable snapshot, and no automated backup that covers the time."
        return "\n\n".join([nothing, *found.unread])
    wanted = found.wanted_time
    of_time = f", of {wanted:{TIME_FORMAT}} or before" if wanted else ""
    blocks = [f"Recovery points, least data lost first{of_time}:"]
    usable = [option for option in found.options if not option.obstacle]
    if not usable:
        blocks = ["None can be restored by this stack as things are."]
    elif all(option.damaged for option in usable):
        blocks.append("None is of that moment or before: each of these may hold the damage.")
    blocks += ["\n".join(_list_lines(number, option, found, width)) for number, option in enumerate(found.options, 1)]
    blocks += ["\n".join(lines) for lines in (_list_bases(found, width), _list_limits(found.options, width))]
    blocks.append("One of them tried without setting anything: python -m restore options --check N")
    return "\n\n".join([*blocks, *found.unread])


def _list_lines(number: int, option: Option, found: OptionList, width: int) -> Iterable[str]:
    warning = "  MAY HOLD THE DAMAGE" if option.damaged else ""
    yield f"{number:2}. data of {option.at:{TIME_FORMAT}}, loses {format_duration(option.lost)}{warning}"
    yield from _wrap(option.description, width)
    if option.obstacle:
        yield from _wrap(f"NOT AS THINGS ARE: {option.obstacle}", width)
        return
    yield from _wrap(f"takes {found.estimate(option).span} to a validated database", width)
    *commands, last = option.commands
    yield from (f"      {command} && \\" for command in commands)
    yield f"      {last}"


def _list_bases(found: OptionList, width: int) -> Iterable[str]:
    """Yields by what the times are known, each basis once, with the methods that it is of."""
    methods: dict[str, list[str]] = {}
    for option in found.options:
        of_basis = methods.setdefault(found.estimate(option).basis, [])
        if option.method not in of_basis:
            of_basis.append(str(option.method))
    yield "How the times are known:"
    for basis, of_basis in methods.items():
        yield from _wrap(f"{', '.join(of_basis)}: {basis}", width)


def _list_limits(options: Sequence[Option], width: int) -> Iterable[str]:
    """Yields what the points can't do, each reason once, with the numbers that it is of."""
    numbers: dict[str, list[int]] = {}
    for number, option in enumerate(options, 1):
        for limit in option.limits:
            numbers.setdefault(limit, []).append(number)
    yield "What they can't give, and why:"
    for limit, of_limit in numbers.items():
        yield from _wrap(f"{join_numbers(of_limit)}: {limit}", width)


def join_numbers(numbers: Sequence[int]) -> str:
    """Returns ascending numbers with ranges: `1, 3-5`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else f"{span[0]}" for span in spans)


def _wrap(text: str, width: int) -> Iterable[str]:
    return (f"    {line}" for line in textwrap.wrap(text, width - 4, break_long_words=False, break_on_hyphens=False))
