"""How the tests are spread over workers: what takes minutes begins first, what shares a server stays together."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONGEST_FIRST = ("sandbox", "parity", "sandbox_cluster", "sandbox_rds")
"""Folders of tests/; the others follow, and fill the workers' last minute with short tests."""
APART = ("sandbox", "parity")
"""Each of these tests may run on any worker: they share at most what is made once for a worker."""


def folder(item: pytest.Item) -> str:
    return item.path.relative_to(HERE).parts[0]


def rank(item: pytest.Item) -> int:
    return LONGEST_FIRST.index(folder(item)) if folder(item) in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)
    for item in items:
        together = item.nodeid if folder(item) in APART else str(item.path.relative_to(HERE))
        item.add_marker(pytest.mark.xdist_group(together))
