"""The stand-in engine does what the real one was recorded to do; so does the real one, where there is one."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from parity_compare import compare
from parity_runner import HERE, STAND_IN, Bench, recorded, scenarios, steps

TABLE: list[dict[str, Any]] = tomllib.loads((HERE / "differences.toml").read_text())["difference"]


def engines() -> dict[str, Path]:
    """The folders of the engines on this machine."""
    found = {"stand-in": STAND_IN}
    real = shutil.which("pulumi")
    if real and Path(real).resolve().parent != STAND_IN.resolve():
        found["real"] = Path(real).resolve().parent
    return found


def listed(scenario: str, step: str, *, sometimes: bool) -> set[str]:
    """The parts of a step that the table says differ."""
    entries = [e for e in TABLE if e["scenario"] == scenario and step in e["steps"]]
    return {part for e in entries if e.get("sometimes", False) == sometimes for part in e["parts"]}


@pytest.mark.parametrize("scenario", scenarios())
@pytest.mark.parametrize("engine", engines())
def test_an_engine_does_what_the_real_one_did(engine: str, scenario: str, tmp_path: Path) -> None:
    bench = Bench(scenario, engines()[engine], tmp_path)
    problems: list[str] = []
    for step, expected in zip(steps(scenario), recorded(scenario), strict=True):
        found = compare(scenario, expected, bench.step(step))
        always = listed(scenario, step["id"], sometimes=False) if engine == "stand-in" else set[str]()
        allowed = always | listed(scenario, step["id"], sometimes=True)
        problems += [f"{step['id']}: {part}: {how}" for part, how in found.items() if part not in allowed]
        problems += [f"{step['id']}: {part}: listed as different, but the same" for part in always - set(found)]
    assert not problems, "\n".join(problems)


def test_every_listed_difference_names_a_step_that_exists() -> None:
    known = {(scenario, step["id"]) for scenario in scenarios() for step in steps(scenario)}
    named = {(e["scenario"], step) for e in TABLE for step in e["steps"]}
    assert named <= known
