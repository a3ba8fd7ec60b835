"""A dump in S3: as found, as chosen, and as pinned to exact bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from restore.errors import Problem
from validation.verdict import Verdict as Verdict


@dataclass(frozen=True)
class DumpObject:
    """A dump in S3 as found."""

    bucket: str
    key: str
    version: str
    """The S3 version id; `etag:<ETag>` for a directory, and in a bucket without versioning. Empty in a listing."""
    size: int
    """Bytes as stored."""
    modified: datetime
    storage_class: str = "STANDARD"
    readable: bool = True
    """False for an archived object without a restored copy."""
    began: datetime | None = None
    """The time in its key: when the backup was started; None where the key has none."""
    server_version: str = ""
    """The version of the server that the dump was taken from, by its first bytes; "" where they don't tell, and in a
    listing."""
    expansion: float = 1.0
    """Bytes of SQL for each byte as stored, as its first bytes tell."""
    archive_version: tuple[int, int] | None = None
    """Version of its archive format, as its first bytes tell; None for SQL text, and in a listing."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def at(self) -> datetime:
        """The moment of the data, as near as it can be told: not before it was begun, not after it was stored."""
        return self.began or self.modified


@dataclass(frozen=True)
class DumpChoice:
    """The dump that is meant, and the login of the instance to be made for it; or why there is none."""

    dump: DumpObject | None = None
    master_user: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class DumpVersion:
    """Exactly these bytes: see DumpObject."""

    bucket: str
    key: str
    version: str
