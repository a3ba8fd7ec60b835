"""Which bytes a dump is, as one short string that a tag or a receipt can hold, and the dump of such a string."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from restore.aws.client import call_or_none
from restore.dumps.catalog import listing
from restore.dumps.model import Dump
from restore.errors import PermanentError, Problem, Refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ETAG = "etag:"
MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion", "400"})
"""Codes of HeadObject, whose answer has no body: 400 stands for a version id that never was one of the key."""


def name_version(dump: Dump) -> str:
    """Returns the version id of a pinned dump; `etag:<ETag>` of a directory, and in a bucket without versioning.
    Pure."""
    return dump.version_id or f"{ETAG}{dump.etag}"


def find_version(s3: S3Client, bucket: str, key: str, version: str) -> Dump:
    """Returns the dump of exactly that version, whatever the key holds by now.

    Raises Refused or PermanentError when it is gone, archived or another one.
    """
    if not version.startswith(ETAG):
        return _find_version(s3, bucket, key, version)
    dump = listing.find(s3, bucket, key)
    if name_version(replace(dump, version_id=None)) != version:
        needed = "the dump that this restore began with"
        raise PermanentError.of(
            _build_gone(f"s3://{bucket}/{key}", f"ETag {dump.etag}", f"{needed}, ETag {version[5:]}")
        )
    return dump


def _find_version(s3: S3Client, bucket: str, key: str, version: str) -> Dump:
    head = call_or_none("s3", lambda: s3.head_object(Bucket=bucket, Key=key, VersionId=version), MISSING)
    if head is None:
        needed = f"version {version}, with which this restore began"
        raise PermanentError.of(_build_gone(f"s3://{bucket}/{key}", "no such version", needed))
    dump = replace(listing.build_dump(bucket, key, head), version_id=version)
    if not dump.readable:
        raise Refused([listing.build_archived_problem(dump)])
    return dump


def _build_gone(url: str, what: str, needed: str) -> Problem:
    fix = "python -m restore options; for another dump another id: pulumi config set id <another one>"
    return Problem(f"dump {url}", what, needed, fix)
