"""The stand-in engine does what the real one was recorded to do; so does the real one, where there is one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from sandbox.machine.layout import CHECKOUT, cache
from tests.support.standins.parity_compare import compare
from tests.support.standins.parity_runner import STAND_IN, Bench, recorded, scenarios, steps

ONLY_CHANGED = "PARITY"
"""PARITY=changed leaves out what has passed on this machine with the same sources and packages: minutes, saved."""
HERE = Path(__file__).parent
SUPPORT = CHECKOUT / "tests" / "support" / "standins"
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


def proof(engine: str, scenario: str) -> Path:
    """The mark of a pass, named by the content of all that it depends on."""
    sources = [p for folder in (STAND_IN.parent, HERE, SUPPORT) for p in sorted(folder.rglob("*")) if p.is_file()]
    sources.append(STAND_IN.parents[1] / "protocol_stubs.py")
    texts = [p.read_bytes() for p in sources if not {"__pycache__", ".ruff_cache"} & {*p.parts}]
    versions = [f"{name} {version(name)}" for name in ("pulumi", "pulumi-aws", "grpcio", "cryptography")]
    digest = hashlib.sha256(b"\0".join([*texts, *(v.encode() for v in versions), sys.version.encode()])).hexdigest()
    return cache() / "parity" / digest[:16] / f"{engine}-{scenario}"


@pytest.mark.parametrize("scenario", scenarios())
@pytest.mark.parametrize("engine", engines())
def test_an_engine_does_what_the_real_one_did(engine: str, scenario: str, tmp_path: Path) -> None:
    passed = proof(engine, scenario)
    if os.environ.get(ONLY_CHANGED) == "changed" and engine == "stand-in" and passed.exists():
        pytest.skip(f"passed before with the same sources and packages: {passed}")
    problems = differing(engine, scenario, tmp_path / "first")
    if problems:  # engines race with themselves: a difference counts when it shows again
        problems &= differing(engine, scenario, tmp_path / "again")
    assert not problems, "\n".join(sorted(problems))
    with contextlib.suppress(OSError):  # a cache that can't be written only costs time
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.touch()


def differing(engine: str, scenario: str, folder: Path) -> set[str]:
    """What one run does otherwise than recorded, beyond the table."""
    folder.mkdir()
    bench = Bench(scenario, engines()[engine], folder)
    problems: set[str] = set()
    for step, expected in zip(steps(scenario), recorded(scenario), strict=True):
        found = compare(scenario, step, expected, bench.step(step))
        always = listed(scenario, step["id"], sometimes=False) if engine == "stand-in" else set[str]()
        allowed = always | listed(scenario, step["id"], sometimes=True)
        problems |= {f"{step['id']}: {part}: {how}" for part, how in found.items() if part not in allowed}
        problems |= {f"{step['id']}: {part}: listed as different, but the same" for part in always - set(found)}
    return problems


def test_every_listed_difference_names_a_step_that_exists() -> None:
    known = {(scenario, step["id"]) for scenario in scenarios() for step in steps(scenario)}
    named = {(e["scenario"], step) for e in TABLE for step in e["steps"]}
    assert named <= known
