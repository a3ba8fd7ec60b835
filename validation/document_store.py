"""Where baselines are kept: a directory, or a prefix of an S3 bucket. Nothing is ever overwritten."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from validation.baseline.model import BaselineError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3 = "s3://"
S3_FIX = "look at the bucket's name and region, at the login to AWS, and at its rights (s3:ListBucket, Get-, PutObject)"


def write_new(path: Path, content: bytes) -> None:
    """Raises FileExistsError when there is one, another OSError when it can't be written; then nothing is left.

    A link fails where a rename would replace.
    """
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    finally:
        Path(draft).unlink(missing_ok=True)


class Place(Protocol):
    """A flat folder of files."""

    def names(self) -> list[str]: ...

    def get(self, name: str) -> bytes: ...

    def put(self, name: str, content: bytes) -> str:
        """Keeps it whole or not at all; returns where. Raises BaselineError when the name is taken."""
        ...


def open_place(location: str, s3: S3Client | None = None) -> Place:
    """A directory, or s3://bucket/prefix, with a boto3 client of its own unless one is given. Raises BaselineError."""
    if not location.startswith(S3):
        return Directory(Path(location).expanduser())
    bucket, _, prefix = location.removeprefix(S3).partition("/")
    if not bucket:
        raise BaselineError(location, "no bucket", "s3://bucket/prefix", "write the bucket's name")
    return Bucket(s3 or _client(location), bucket, prefix.strip("/"))


def _client(location: str) -> S3Client:
    # Here, not above: only who keeps baselines in S3 needs boto3
    try:
        import boto3
    except ImportError as error:
        raise BaselineError(
            location, "no boto3 here", "boto3 to reach S3", "pip install boto3, or give a directory"
        ) from error
    with _translated(location):
        return boto3.client("s3")  # pyright: ignore[reportUnknownMemberType]


class Directory:
    """A folder of this machine, made when it is first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._root.iterdir() if not path.name.startswith("."))
        except OSError as error:
            raise self._error(error) from error

    def get(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise self._error(error) from error

    def put(self, name: str, content: bytes) -> str:
        path = self._root / name
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            write_new(path, content)
        except OSError as error:
            raise self._error(error) from error
        return str(path)

    def _error(self, error: OSError) -> BaselineError:
        found = f"{error.strerror or error} ({error.filename or self._root})"
        return BaselineError(str(self._root), found, "a folder for baselines", "correct the path, or its permissions")


class Bucket:
    """A prefix of a bucket."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"{S3}{self._bucket}/{self._prefix}"

    def names(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2")
        with _translated(str(self)):
            found = list(pages.paginate(Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"))
        keys = [item.get("Key", "") for page in found for item in page.get("Contents", ())]
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def get(self, name: str) -> bytes:
        with _translated(str(self)):
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()

    def put(self, name: str, content: bytes) -> str:
        wanted: dict[str, Any] = {"Bucket": self._bucket, "Key": self._prefix + name, "Body": content}
        with _translated(str(self)):
            self._client.put_object(**wanted, ContentType="application/json", IfNoneMatch="*")
        return f"{self}{name}"


@contextmanager
def _translated(where: str) -> Generator[None]:
    """What boto3 raises, in this package's words."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BaselineError(where, " ".join(str(error).split()), "an answer from S3", S3_FIX) from error
