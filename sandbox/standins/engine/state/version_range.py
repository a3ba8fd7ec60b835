"""Version ranges, as in `requiredPulumiVersion`: `>=3.200.0 <4.0.0 || >=5`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from sandbox.standins.engine import VERSION
from sandbox.standins.engine.errors import Problem

Version = tuple[int, ...]

TERM = re.compile(r"(>=|<=|!=|!|==|=|>|<)?\s*v?(\d+(?:\.\d+){0,2})")
COMPARE: dict[str, Callable[[Version, Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "==": operator.eq,
    "": operator.eq,
    "!": operator.ne,
    "!=": operator.ne,
}


def parse(text: str) -> Version:
    numbers = [int(part) for part in text.split(".")]
    return tuple([*numbers, 0, 0, 0][:3])


def satisfies(version: str, version_range: str) -> bool:
    """Whether a version is in a range. Raises ValueError for a text that is no range."""
    return any(_all_hold(parse(version), part) for part in version_range.split("||"))


def _all_hold(version: Version, part: str) -> bool:
    if TERM.sub("", part).strip(" ,") or not TERM.search(part):
        raise ValueError(f"invalid version range: {part.strip()!r}")
    return all(COMPARE[sign](version, parse(number)) for sign, number in TERM.findall(part))


def require(version_range: str) -> None:
    """Raises Problem unless the version that this engine stands in for is in the range."""
    try:
        if satisfies(VERSION, version_range):
            return
    except ValueError as error:
        raise Problem(f"parsing version range {version_range!r}: {error}") from error
    raise Problem(f"Pulumi CLI version {VERSION} does not satisfy the version range {version_range!r}")
