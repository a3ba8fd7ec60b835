"""What a folder of Prisma migrations says should be applied.

Prisma records of each migration the SHA-256 of its migration.sql, and compares it with the file's text in either
style of line ends (prisma-engines, schema-engine/connectors/schema-connector/src/checksum.rs).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

SCRIPT = "migration.sql"


def list_migrations(directory: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Returns (name, checksums that it may have been recorded with) in Prisma's order.

    Raises OSError for a folder that can't be read, ValueError for one without migrations.
    """
    folders = sorted(path.parent for path in directory.glob(f"*/{SCRIPT}"))
    if not directory.is_dir():
        raise NotADirectoryError(f"{directory} is no folder")
    if not folders:
        raise ValueError(f"no */{SCRIPT} in {directory}")
    return tuple((folder.name, list_checksums((folder / SCRIPT).read_bytes())) for folder in folders)


def list_checksums(script: bytes) -> tuple[str, ...]:
    """Returns the SHA-256 values in hex that Prisma may have recorded for a migration.sql: of the text as it is, and
    with either style of line ends."""
    unix = script.replace(b"\r\n", b"\n")
    texts = dict.fromkeys((script, unix, unix.replace(b"\n", b"\r\n")))
    return tuple(dict.fromkeys(hashlib.sha256(text).hexdigest() for text in texts))
