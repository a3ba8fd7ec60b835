"""The nightly dumps in S3: what their tags say of them, and how they are deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from restore.aws import Aws
from restore.aws.client import call_or_none, translate_errors
from restore.dumps.catalog import filenames, listing
from restore.dumps.model import Dump
from restore.model.request import DumpStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TAG_OWNER = "restore-stack"
TAG_SCANNED = "restore-scanned"
WHOLE, DAMAGED = "whole", "damaged"
NONE = frozenset({"NoSuchTagSet", "NoSuchKey", "NoSuchVersion"})
NEWEST_ASKED = 20
"""Of this many, newest first, the tags are read: a check asks for the newest that is whole."""


@dataclass(frozen=True)
class StoredDump:
    """A dump with what its object's tags say."""

    key: str
    at: datetime
    size: int
    """Bytes, as stored."""
    stack: str = ""
    """The stack that has made it; empty for one of somebody else."""
    scanned: str = ""
    """WHOLE, DAMAGED, or empty for one that nobody has read."""

    @property
    def is_whole(self) -> bool:
        """Whether it was read to its end after the upload."""
        return self.scanned == WHOLE

    @property
    def is_damaged(self) -> bool:
        return self.scanned == DAMAGED


class StoredDumps:
    """The dumps of one bucket. Every method raises PermanentError or TemporaryError."""

    def __init__(self, aws: Aws, place: DumpStore):
        self._aws, self._place = aws, place

    @property
    def _s3(self) -> S3Client:
        return cast("S3Client", self._aws.open_client("s3"))

    def list(self, most: int | None = NEWEST_ASKED) -> Sequence[StoredDump]:
        """Returns the newest dumps with their tags, newest first; all of them where `most` is None. Those in directory
        format have none."""
        dumps = listing.list_dumps(self._s3, self._place.bucket, self._place.prefix)
        return tuple(self._describe(dump) for dump in dumps[:most])

    def _describe(self, dump: Dump) -> StoredDump:
        tags: Mapping[str, str] = {} if dump.parts else self._read_tags(dump.key)
        at = filenames.read_time(dump.key) or dump.modified
        return StoredDump(dump.key, at, dump.size, tags.get(TAG_OWNER, ""), tags.get(TAG_SCANNED, ""))

    def _read_tags(self, key: str) -> Mapping[str, str]:
        answer = call_or_none("s3", lambda: self._s3.get_object_tagging(Bucket=self._place.bucket, Key=key), NONE)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]} if answer else {}

    def mark(self, key: str, version: str | None, stack: str, scanned: str) -> None:
        """Writes what the scan of exactly this version has found."""
        tags = {TAG_OWNER: stack, TAG_SCANNED: scanned}
        tagging = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
        of_version = {"VersionId": version} if version else {}
        with translate_errors("s3"):
            self._s3.put_object_tagging(Bucket=self._place.bucket, Key=key, Tagging=tagging, **of_version)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def delete(self, key: str) -> None:
        """Deletes the newest version for good; without versioning the object. Nothing of another key."""
        with translate_errors("s3"):
            version = self._s3.head_object(Bucket=self._place.bucket, Key=key).get("VersionId")
            if version:
                self._s3.delete_object(Bucket=self._place.bucket, Key=key, VersionId=version)
            else:
                self._s3.delete_object(Bucket=self._place.bucket, Key=key)
