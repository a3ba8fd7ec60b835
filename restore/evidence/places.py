"""Where evidence is kept: a directory, or a prefix of an S3 bucket. Every document appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from restore.aws import Aws
from restore.aws.session import found, translated
from restore.errors import PermanentError, Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3 = "s3://"
TYPES = {"json": "application/json", "html": "text/html; charset=utf-8"}
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class Place(Protocol):
    """Where documents are kept, by relative names with `/` in them."""

    def put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        """Keep it whole or not at all; returns where. Another document of this name is only replaced if asked to."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Names of the documents directly below a prefix, in order of their names."""
        ...

    def get(self, name: str) -> bytes: ...


class Directory:
    """A folder of this machine: 0700, its files 0600, each appearing whole."""

    def __init__(self, root: Path):
        self._root = root

    def put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        path = self._root / name
        if path.exists() and not replace:
            raise PermanentError.of(_taken(str(path)))
        try:
            self._make(path.parent)
            self._write_whole(path, content)
            self._sync(path.parent)
        except OSError as error:
            raise PermanentError.of(_unwritable(str(path), error)) from error
        return str(path)

    def _write_whole(self, path: Path, content: bytes) -> None:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")  # mkstemp makes it 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).rename(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    def _make(self, folder: Path) -> None:
        missing = [item for item in (folder, *folder.parents) if not item.exists()]
        for item in reversed(missing):
            with suppress(FileExistsError):
                item.mkdir(mode=0o700)
            self._sync(item.parent)

    def _sync(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def names(self, prefix: str) -> list[str]:
        folder = self._root / prefix
        try:
            listed = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise PermanentError.of(unreadable(str(folder), str(error))) from error
        return [prefix + name for name in listed]

    def get(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise PermanentError.of(unreadable(str(self._root / name), str(error))) from error


class Bucket:
    """A prefix of an S3 bucket. Encryption and retention are the bucket's own (docs/permissions.md)."""

    def __init__(self, aws: Aws, bucket: str, prefix: str):
        self._aws, self._bucket = aws, bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @property
    def _client(self) -> S3Client:
        return cast("S3Client", self._aws.client("s3"))

    def put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        """S3 shows an object whole or not at all; a write that is sent again finds its own and is content."""
        key = self._prefix + name
        where = f"{S3}{self._bucket}/{key}"
        if self._sent(key, content, replace=replace) is None and self.get(name) != content:
            raise PermanentError.of(_taken(where))
        return where

    def _sent(self, key: str, content: bytes, *, replace: bool) -> object:
        kind = TYPES[key.rpartition(".")[2]]
        put = partial(self._client.put_object, Bucket=self._bucket, Key=key, Body=content, ContentType=kind)
        return found("s3", put if replace else partial(put, IfNoneMatch="*"), TAKEN)

    def names(self, prefix: str) -> list[str]:
        start = self._prefix + prefix
        pages = self._client.get_paginator("list_objects_v2")
        with translated("s3"):
            answers = list(pages.paginate(Bucket=self._bucket, Prefix=start))
        listed = [item for page in answers for item in page.get("Contents", ())]
        return sorted(item.get("Key", "").removeprefix(self._prefix) for item in listed)

    def get(self, name: str) -> bytes:
        with translated("s3"):
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()


def unreadable(name: str, reason: str) -> Problem:
    return Problem(f"evidence {name}", reason, "a readable record", "look at it; move it away if it is damaged")


def _unwritable(name: str, error: OSError) -> Problem:
    fix = "make it writable, or choose another place: pulumi config set evidence <directory or s3://bucket/prefix>"
    return Problem(f"evidence {name}", str(error), "a place that can be written to", fix)


def _taken(name: str) -> Problem:
    fix = "look at what is there: records are never replaced; two runs at once would be a fault of the state's lock"
    return Problem(f"evidence {name}", "another document of this name", "a free name", fix)
