"""How the tests are spread over workers, what takes minutes first; and that their clusters lie in memory."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from sandbox.postgres.host import ELSEWHERE

HERE = Path(__file__).parent
LONGEST_FIRST = ("end_to_end", "standins", "adapters", "sandbox", "program")
"""Folders of tests/; the others follow, and fill the workers' last minute with short tests."""
APART = ("tests/end_to_end/", "tests/standins/parity/")
"""Each of these tests may run on any worker: they share at most what is made once for a worker."""
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 8 << 30
LEFT = "restore-tests-"
# Its handlers abort a child of a process that has used gRPC, between fork and exec (grpc/doc/fork_support.md)
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


def pytest_addoption(parser: pytest.Parser) -> None:
    described = "a sandbox that is started there unless it runs, and stays up: for one worker, while writing a test"
    parser.addoption("--sandbox-dir", type=Path, help=described)


def pytest_configure(config: pytest.Config) -> None:
    """Clusters in memory, where there is plenty: a disk's file system looks long for the inode of each new file.

    Not those of a sandbox that outlives the run.
    """
    if ELSEWHERE in os.environ or not MEMORY.is_dir() or config.getoption("--sandbox-dir"):
        return
    remove_leftovers()
    if min(shutil.disk_usage(MEMORY).free, available_bytes()) >= MEMORY_BYTES:
        prefix = f"{LEFT}{os.getpid()}-"
        folder = tempfile.TemporaryDirectory(prefix=prefix, dir=MEMORY, ignore_cleanup_errors=True)
        Path(folder.name).chmod(0o755)
        os.environ[ELSEWHERE] = folder.name  # for workers and sandboxes, too
        config.add_cleanup(folder.cleanup)


def remove_leftovers() -> None:
    """Of runs that were killed: memory that nobody would give back."""
    for folder in MEMORY.glob(f"{LEFT}*-*"):
        if not Path("/proc", folder.name.removeprefix(LEFT).partition("-")[0]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def available_bytes() -> int:
    """Of memory, without pushing anything out (proc(5), meminfo)."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))


def pytest_collection() -> None:
    """What is imported and collected stays: looking through all of it for garbage, again and again, takes a third of
    the collection's time."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(HERE).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)


class ByFile(LoadScopeScheduling):
    """A file's tests go to one worker, in order, but for those that stand apart."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
