"""Who runs this program, on which machine, and which versions of what it is made of."""

from __future__ import annotations

import getpass
import hashlib
import platform
import socket
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from restore.aws import Aws, read_caller
from restore.errors import RestoreError
from restore.model.aws_account import Caller

PACKAGES = ("pulumi", "pulumi-aws", "pulumi-kubernetes", "boto3", "kubernetes", "psycopg")
GIT_SECONDS = 5.0
OURS, SOURCES = ("restore", "validation"), frozenset({".py", ".sql"})
DIGITS = 12


def read_operator(aws: Aws) -> dict[str, str]:
    """Returns who runs this, as the machine and AWS know them. What can't be known is said, and never stops a
    restore."""
    identity = _read_caller(aws)
    account = {"account": identity.account} if isinstance(identity, Caller) else {}
    arn = identity.arn if isinstance(identity, Caller) else identity
    return {"user": read_user(), "host": socket.gethostname(), "aws": arn, **account}


def read_versions() -> dict[str, str]:
    """Returns the versions by name: the program's commit, Python, and the client libraries that did the work."""
    return {
        "program": commit(),
        "python": platform.python_version(),
        **{name: installed for name in PACKAGES if (installed := _read_installed(name))},
    }


@cache
def digest_sources() -> str:
    """Returns a fingerprint of the program's own files: an image has no commit to compare."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[2]
    files = (file for package in OURS for file in (root / package).rglob("*") if file.suffix in SOURCES)
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"\n{file.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:DIGITS]


def commit() -> str:
    """Returns the commit that runs, with `-dirty` when its files were changed; `not known` outside a git checkout."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    folder = Path(__file__).resolve().parent
    try:
        process = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return "not known"
    return process.stdout.strip()


def _read_installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def read_user() -> str:
    """Returns who is logged in to this machine, or that it isn't known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "not known"


def _read_caller(aws: Aws) -> Caller | str:
    try:
        return read_caller(aws)
    except RestoreError as error:
        return f"not known: {error}"
