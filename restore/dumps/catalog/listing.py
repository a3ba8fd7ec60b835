"""Which dumps a bucket holds, and exactly which bytes one of them is."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from restore.aws.client import translate_errors
from restore.dumps.catalog.filenames import looks_like_dump, read_time
from restore.dumps.model import Dump, DumpPart
from restore.errors import PermanentError, Problem, Refused
from restore.model.request import LATEST

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TOC = "toc.dat"
"""The file that makes a folder a directory-format dump. https://www.postgresql.org/docs/current/app-pgdump.html"""
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes that need a restore request first; GLACIER_IR is read at once."""


def list_dumps(s3: S3Client, bucket: str, prefix: str = "") -> tuple[Dump, ...]:
    """Returns the dumps below a prefix, newest first. Empty objects and those of other kinds (by name) are left out.

    An upload that isn't complete isn't an object: S3 doesn't list it. Raises PermanentError, TemporaryError.
    """
    with translate_errors("s3"):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, OptionalObjectAttributes=["RestoreStatus"]
        )
        objects = [item for page in pages for item in page.get("Contents", [])]
    return group_objects(bucket, objects)


def group_objects(bucket: str, objects: Iterable[Mapping[str, Any]]) -> tuple[Dump, ...]:
    """Groups the objects that ListObjectsV2 returns into dumps, newest first. Pure."""
    folders: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in objects:
        folders[str(item["Key"]).rpartition("/")[0]].append(item)
    dumps: list[Dump] = []
    for folder, items in folders.items():
        if any(str(item["Key"]).rpartition("/")[2] == TOC for item in items):
            dumps.append(_build_directory(bucket, folder, items))
        else:
            dumps.extend(
                _parse_object(bucket, item) for item in items if int(item["Size"]) > 0 and looks_like_dump(item)
            )
    return tuple(sorted(dumps, key=read_times, reverse=True))


def read_times(dump: Dump) -> tuple[datetime, datetime, str]:
    """Returns when a dump was taken and when it was stored, in UTC, and its key: the time in its key where there is
    one, for a later copy doesn't make it younger."""
    return read_time(dump.key) or dump.modified, dump.modified, dump.key


def _parse_object(bucket: str, item: Mapping[str, Any]) -> Dump:
    return Dump(
        bucket=bucket,
        key=str(item["Key"]),
        size=int(item["Size"]),
        modified=item["LastModified"].astimezone(UTC),
        etag=str(item["ETag"]).strip('"'),
        storage_class=str(item.get("StorageClass", "STANDARD")),
        readable=_is_readable(item),
    )


def _build_directory(bucket: str, folder: str, items: Sequence[Mapping[str, Any]]) -> Dump:
    parts = tuple(
        DumpPart(str(item["Key"]), str(item["ETag"]).strip('"'), int(item["Size"]))
        for item in sorted(items, key=lambda item: str(item["Key"]))
    )
    archived = [str(item["StorageClass"]) for item in items if not _is_readable(item)]
    return Dump(
        bucket=bucket,
        key=f"{folder}/",
        size=sum(part.size for part in parts),
        modified=max(item["LastModified"] for item in items).astimezone(UTC),
        etag=hashlib.sha256("\n".join(f"{part.name} {part.etag}" for part in parts).encode()).hexdigest()[:32],
        storage_class=archived[0] if archived else str(items[0].get("StorageClass", "STANDARD")),
        readable=not archived,
        parts=parts,
    )


def _is_readable(item: Mapping[str, Any]) -> bool:
    if str(item.get("StorageClass", "")) not in ARCHIVED:
        return True
    status: Mapping[str, Any] = item.get("RestoreStatus") or {}
    return "RestoreExpiryDate" in status and not status.get("IsRestoreInProgress", False)


def choose(dumps: Sequence[Dump], name: str) -> Dump:
    """Returns the dump of a key or URL, or the newest for `latest`; `dumps` are newest first. Raises Refused for none
    of them, and for an archived one. Pure."""
    if name == LATEST:
        if not dumps:
            fix = "check bucket and prefix: aws s3 ls s3://<bucket>/<prefix> --recursive"
            raise Refused([Problem("dump", "no dump below the prefix", "at least one", fix)])
        return _require_readable(dumps[0])
    for dump in dumps:
        if name in (dump.key, dump.key.rstrip("/"), dump.url, dump.url.rstrip("/")):
            return _require_readable(dump)
    newest = ", ".join(dump.key for dump in dumps[:3]) or "none"
    raise Refused(
        [
            Problem(
                f"dump {name}",
                "no such dump",
                f"one that is there (newest: {newest})",
                "python -m restore.dumps list s3://<bucket>/<prefix>/",
            )
        ]
    )


def _require_readable(dump: Dump) -> Dump:
    if not dump.readable:
        raise Refused([build_archived_problem(dump)])
    return dump


def build_archived_problem(dump: Dump) -> Problem:
    """Returns the problem of a dump in Glacier, with the command that makes it readable (hours: Amazon S3 User Guide,
    "Understanding archive retrieval options"). Pure."""
    key = dump.parts[0].key if dump.parts else dump.key
    request = '{"Days":7,"GlacierJobParameters":{"Tier":"Standard"}}'
    for_each = "for each object below it: " if dump.parts else ""
    fix = f"{for_each}aws s3api restore-object --bucket {dump.bucket} --key {key} --restore-request '{request}'"
    needed = "a readable copy (Standard takes 3-5 hours from GLACIER, 12 from DEEP_ARCHIVE)"
    return Problem(f"dump {dump.url}", f"archived in {dump.storage_class}", f"{needed}, or another dump", fix)


def find(s3: S3Client, bucket: str, key: str) -> Dump:
    """Returns the dump at one key, or below a prefix that ends in `/`, pinned; its name may be anything. Raises Refused
    for a prefix without toc.dat, otherwise as `pin_dump`."""
    if not key.endswith("/"):
        return pin_dump(s3, Dump(bucket, key, 0, datetime.min.replace(tzinfo=UTC), ""))
    dumps = [dump for dump in list_dumps(s3, bucket, key) if dump.key == key]
    if not dumps:
        needed = f"{TOC} below it: the directory format of pg_dump"
        raise Refused(
            [Problem(f"dump s3://{bucket}/{key}", f"no {TOC}", needed, f"python -m restore.dumps list s3://{bucket}/")]
        )
    return pin_dump(s3, dumps[0])


def pin_dump(s3: S3Client, dump: Dump) -> Dump:
    """Returns the dump with version id, ETag and size of this moment.

    Raises Refused for one that isn't there, is empty, archived, or not the one that was listed (its ETag changed).
    """
    if dump.parts:
        parts = tuple(_pin_part(s3, dump, part) for part in dump.parts)
        return _require_readable(replace(dump, parts=parts))
    pin = build_dump(dump.bucket, dump.key, _read_head(s3, dump.bucket, dump.key))
    if dump.etag and pin.etag != dump.etag:
        raise Refused([_build_changed(dump.url, dump.etag, pin.etag)])
    if pin.size == 0:
        raise Refused(
            [
                Problem(
                    f"dump {dump.url}",
                    "0 bytes",
                    "a dump",
                    "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/",
                )
            ]
        )
    return _require_readable(pin)


def build_dump(bucket: str, key: str, head: Mapping[str, Any]) -> Dump:
    """Returns the object that HeadObject's answer is of, pinned. Pure."""
    storage_class = str(head.get("StorageClass", "STANDARD"))
    return Dump(
        bucket=bucket,
        key=key,
        size=int(head["ContentLength"]),
        modified=head["LastModified"].astimezone(UTC),
        etag=str(head["ETag"]).strip('"'),
        version_id=_parse_version(head),
        storage_class=storage_class,
        readable=storage_class not in ARCHIVED or 'ongoing-request="false"' in head.get("Restore", ""),
    )


def _pin_part(s3: S3Client, dump: Dump, part: DumpPart) -> DumpPart:
    head = _read_head(s3, dump.bucket, part.key)
    etag = str(head["ETag"]).strip('"')
    if etag != part.etag:
        raise Refused([_build_changed(f"s3://{dump.bucket}/{part.key}", part.etag, etag)])
    return replace(part, version_id=_parse_version(head))


def _parse_version(head: Mapping[str, Any]) -> str | None:
    version = head.get("VersionId")
    return None if version in (None, "null") else str(version)


def _build_changed(url: str, listed: str, found: str) -> Problem:
    return Problem(
        f"dump {url}",
        f"ETag {found}",
        f"ETag {listed}, as listed",
        "another object came there: python -m restore.dumps list s3://<bucket>/<prefix>/",
    )


def _read_head(s3: S3Client, bucket: str, key: str) -> Mapping[str, Any]:
    from botocore.exceptions import ClientError

    with translate_errors("s3"):
        try:
            return dict(s3.head_object(Bucket=bucket, Key=key))
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 403:
                raise PermanentError.of(_build_denied_or_absent(bucket, key)) from error
            if status != 404:
                raise
    raise PermanentError.of(
        Problem(f"dump s3://{bucket}/{key}", "no such object", "a dump", _build_list_command(bucket, key))
    )


def _build_list_command(bucket: str, key: str) -> str:
    return f"aws s3 ls s3://{bucket}/{key.rpartition('/')[0]}/"


def _build_denied_or_absent(bucket: str, key: str) -> Problem:
    """Without the right to list the bucket S3 says "denied" of what isn't there, too (API reference, HeadObject,
    "Permissions")."""
    folder = f"s3://{bucket}/{key.rpartition('/')[0]}/"
    return Problem(
        "AWS s3:GetObject",
        f"403 for s3://{bucket}/{key}: denied, or not there; S3 tells them apart only to who may list the whole bucket",
        f"a dump below {folder}, and the IAM action s3:GetObject on it for the operator's role",
        f"{_build_list_command(bucket, key)}; docs/permissions.md",
    )
