"""The cluster binary: built once from sandbox/cluster/go, kept in the cache by the hash of its sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sandbox.machine.go_program import GoProgram

PROGRAM = GoProgram("kube", "Kubernetes", Path(__file__).resolve().parent / "go", "5-10 min")


def binary(say: Callable[[str], None] | None = None) -> Path:
    """The binary in the cache, built first where it is missing (600 MB of modules). Raises as GoProgram.ensure."""
    return PROGRAM.ensure(say)


def built(cache: Path) -> Path:
    """Where the binary of the present sources lies, or will."""
    return PROGRAM.place(cache)
