"""Reads expectations from a TOML file or a plain mapping; all mistakes are reported at once.

The keys stand in validation/expectations/model.py, documented in docs/expectations.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from validation.expectations.field_types import build_problem
from validation.expectations.model import Expectations
from validation.keyed.reader import read
from validation.problems import Problem


class ExpectationsError(ValueError):
    """All that is wrong with the expectations."""

    def __init__(self, origin: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        heading = f"{origin} can't be used (all keys: docs/expectations.md):"
        super().__init__("\n".join((heading, *(f"  {problem.line}" for problem in problems))))


def load(path: Path, instead: Mapping[str, object] | None = None) -> Expectations:
    """Reads a TOML file; a section of `instead` takes the whole place of the file's.

    Raises ExpectationsError, also for a file that isn't there.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem(str(path), error.strerror or str(error), "a readable file", "correct the path")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = Problem(str(path), str(error), "TOML in UTF-8", "correct the line")
    else:
        return from_mapping({**data, **(instead or {})}, str(path), path.parent)
    raise ExpectationsError(str(path), (problem,))


def from_mapping(data: Mapping[str, object], origin: str = "the expectations", folder: Path = Path()) -> Expectations:
    """Reads the same content from a mapping; paths in it are relative to `folder`. Raises ExpectationsError."""
    expectations, problems = read(Expectations, data, build_problem, {"folder": folder})
    if expectations is None:
        raise ExpectationsError(origin, problems)
    return expectations
