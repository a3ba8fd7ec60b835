"""docs/architecture.md leads a newcomer to every folder, from the low ones to the high ones."""

from __future__ import annotations

import re
import tomllib

import pytest

from sandbox.machine.layout import CHECKOUT

PAGE = CHECKOUT / "docs" / "architecture.md"
CONTRACTS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def list_described(package: str) -> list[str]:
    """Names of folders and modules in the page's list of a package, in its order."""
    section = PAGE.read_text().partition(f"## The folders of {package}/")[2].partition("\n## ")[0]
    names = ", ".join(re.findall(r"^- \*\*(.+?)\*\*", section, re.MULTILINE)).split(", ")
    return [name.removesuffix("/").removesuffix(".py") for name in names]


def read_heights(package: str) -> dict[str, int]:
    """How high each folder and module of a package stands in the layers that `make layers` checks."""
    (layers,) = (contract["layers"] for contract in CONTRACTS if contract.get("containers") == [package])
    return {name: height for height, layer in enumerate(reversed(layers)) for name in layer.split(" | ")}


@pytest.mark.parametrize("package", ["restore", "validation"])
def test_no_folder_is_left_out_and_none_stands_below_what_it_uses(package: str) -> None:
    described, heights = list_described(package), read_heights(package)
    folders = {file.parent.name for file in (CHECKOUT / package).glob("*/__init__.py")}
    assert folders <= set(described)
    assert [heights[name] for name in described] == sorted(heights[name] for name in described)
