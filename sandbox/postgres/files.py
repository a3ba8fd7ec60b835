"""Trees of files: copied, linked, removed; and short folders for sockets."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

SOCKET_PATH_LIMIT = 107  # sun_path of unix(7), without the closing zero
SOCKET_NAME = len("/.s.PGSQL.65535.lock")


def remove_tree(folder: Path) -> None:
    """Removes a folder, at once to everybody else's eyes: renamed first, so that a kill leaves no half of it."""
    if not folder.exists():
        return
    grave = folder.with_name(f".removed-{folder.name}-{os.urandom(4).hex()}")
    folder.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)


def remove_graves(folder: Path) -> None:
    """Removes what a killed `remove_tree` left below a folder."""
    if folder.exists():
        for grave in folder.rglob(".removed-*"):
            shutil.rmtree(grave, ignore_errors=True)


def socket_folder(preferred: Path, root: Path) -> Path:
    """A folder for the cluster's socket: below `preferred` if the path is short enough, otherwise a temporary one."""
    name = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    if len(str(preferred / name)) + SOCKET_NAME <= SOCKET_PATH_LIMIT:
        return preferred / name
    return Path(tempfile.gettempdir()) / f"rs-{os.geteuid()}-{name}"
