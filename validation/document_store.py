"""Documents in a directory, or below a prefix of an S3 bucket.

Each appears whole or not at all, and takes the place of another only if it is asked to.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from validation.problems import Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

S3 = "s3://"
S3_FIX = (
    "docs/permissions.md: look at name and region of the bucket, at the login, and at its rights (s3:ListBucket, ...)"
)
NO_BUCKET_FIX = "aws s3 ls (lists the buckets of this account); docs/configuration.md has the keys that name buckets"
CONTENT_TYPES = {"json": "application/json", "html": "text/html; charset=utf-8", "txt": "text/plain; charset=utf-8"}
ALREADY_EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class DocumentStoreError(Exception):
    """A document can't be read or written; `problem` says where, and what to do."""

    def __init__(self, location: str, found: str, needed: str, fix: str) -> None:
        self.problem = Problem(location, found, needed, fix)
        super().__init__(self.problem.line)


class AlreadyExistsError(DocumentStoreError):
    """Another document has the name."""

    def __init__(self, location: str) -> None:
        super().__init__(
            location,
            "another document of this name",
            "a free name",
            "docs/evidence.md: documents are never replaced; look at what is there",
        )


class NotFoundError(DocumentStoreError):
    """There is no such document, or no such folder."""


class DocumentStore(Protocol):
    """Documents by relative names, with `/` between the folders. Every method raises DocumentStoreError."""

    def list_names(self, folder: str = "") -> list[str]:
        """Returns the names of the documents directly in a folder (`a/b/`, or the root), sorted."""
        ...

    def list_folders(self, folder: str = "") -> list[str]:
        """Returns the names of the folders directly in a folder (`a/b/`, or the root), sorted, without what they are
        in."""
        ...

    def get(self, name: str, most: int | None = None) -> bytes:
        """Returns the content of a document. Raises NotFoundError for one that isn't there, DocumentStoreError for one
        of more than `most` bytes."""
        ...

    def measure_age(self, name: str) -> timedelta | None:
        """Returns how long ago a document was written, by the store's own clock alone; None where it doesn't tell.
        Raises NotFoundError for one that isn't there."""
        ...

    def put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        """Writes a document; returns where. Raises AlreadyExistsError for a name that is taken, unless `replace`."""
        ...


def parse_s3_location(location: str) -> tuple[str, str] | None:
    """Returns bucket and prefix of s3://bucket/prefix, None for a directory. Raises DocumentStoreError without a
    bucket."""
    if not location.startswith(S3):
        return None
    bucket, _, prefix = location.removeprefix(S3).partition("/")
    if not bucket:
        raise DocumentStoreError(
            location,
            "no bucket",
            "s3://bucket/prefix",
            "docs/configuration.md: s3://bucket/prefix, with the name of the bucket",
        )
    return bucket, prefix.strip("/")


def open_store(location: str, s3: S3Client | None = None) -> DocumentStore:
    """Opens a directory, or s3://bucket/prefix, with a boto3 client of its own unless one is given. Raises
    DocumentStoreError for a URL without a bucket."""
    match parse_s3_location(location):
        case None:
            return DirectoryStore(Path(location).expanduser())
        case bucket, prefix:
            client = s3 or _make_s3_client(location)
            return S3Store(lambda: client, bucket, prefix, partial(_translate_s3_errors, location))


def _make_s3_client(location: str) -> S3Client:
    # Here, not above: only who keeps documents in S3 needs boto3
    try:
        import boto3
    except ImportError as error:
        fix = "pip install boto3, or give a directory"
        raise DocumentStoreError(location, "no boto3 here", "boto3 to reach S3", fix) from error
    with _translate_s3_errors(location):
        return boto3.client("s3")  # pyright: ignore[reportUnknownMemberType]


@contextmanager
def _translate_s3_errors(location: str) -> Generator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        fix = NO_BUCKET_FIX if error.response.get("Error", {}).get("Code") == "NoSuchBucket" else S3_FIX
        raise DocumentStoreError(location, " ".join(str(error).split()), "an answer from S3", fix) from error
    except BotoCoreError as error:
        raise DocumentStoreError(location, " ".join(str(error).split()), "an answer from S3", S3_FIX) from error


class DirectoryStore:
    """A folder of this machine, made when it is first written to: 0700, its files 0600."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def list_names(self, folder: str = "") -> list[str]:
        with _translate_directory_errors(self._root / folder):
            paths = sorted((self._root / folder).iterdir())
        return [folder + path.name for path in paths if not path.name.startswith(".")]

    def list_folders(self, folder: str = "") -> list[str]:
        with _translate_directory_errors(self._root / folder):
            return sorted(path.name for path in (self._root / folder).iterdir() if path.is_dir())

    def get(self, name: str, most: int | None = None) -> bytes:
        path = self._root / name
        with _translate_directory_errors(path), path.open("rb") as file:
            return _read_at_most(most, file.read, str(path))

    def measure_age(self, name: str) -> timedelta | None:
        path = self._root / name
        with _translate_directory_errors(path):
            return max(timedelta(seconds=time.time() - path.stat().st_mtime), timedelta())

    def put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        """Writes a document durably and returns its path. Raises AlreadyExistsError for a name that is taken, unless
        `replace`."""
        path = self._root / name
        with _translate_directory_errors(path):
            _make_folder(path.parent)
            write_whole(path, content, replace=replace)
            _sync(path.parent)
        return str(path)


@contextmanager
def _translate_directory_errors(path: Path) -> Generator[None]:
    try:
        yield
    except FileExistsError as error:
        raise AlreadyExistsError(str(path)) from error
    except OSError as error:
        kind = NotFoundError if isinstance(error, FileNotFoundError) else DocumentStoreError
        fix = "docs/configuration.md: correct the path, or its permissions"
        raise kind(str(path), error.strerror or str(error), "a folder that can be read and written", fix) from error


def write_whole(path: Path, content: bytes, *, replace: bool = False) -> None:
    """Writes a file that appears whole. Raises FileExistsError when there is one, unless it may `replace` it; another
    OSError when it can't be written, and then nothing is left."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(draft).rename(path)
        else:
            _rename_to_free_name(Path(draft), path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _rename_to_free_name(draft: Path, path: Path) -> None:
    """A link fails where a rename would replace; some network file systems have no links."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        draft.rename(path)


def _make_folder(folder: Path) -> None:
    missing = [item for item in (folder, *folder.parents) if not item.exists()]
    for item in reversed(missing):
        with suppress(FileExistsError):
            item.mkdir(mode=0o700)
        _sync(item.parent)


def _sync(folder: Path) -> None:
    """Makes new names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_at_most(most: int | None, read: Callable[[int | None], bytes], location: str) -> bytes:
    content = read(None if most is None else most + 1)
    if most is not None and len(content) > most:
        fix = "docs/evidence.md: look at the document, and move it away"
        raise DocumentStoreError(location, f"more than {most} bytes", f"at most {most} bytes", fix)
    return content


class S3Store:
    """A prefix of a bucket. The client is made at its first use; `errors` raises botocore's in the caller's words."""

    def __init__(
        self,
        client: Callable[[], S3Client],
        bucket: str,
        prefix: str,
        errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client, self._bucket, self._errors = client, bucket, errors
        self._prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"{S3}{self._bucket}/{self._prefix}"

    def list_names(self, folder: str = "") -> list[str]:
        keys = [item.get("Key", "") for page in self._list(folder) for item in page.get("Contents", ())]
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def list_folders(self, folder: str = "") -> list[str]:
        prefixes = [item.get("Prefix", "") for page in self._list(folder) for item in page.get("CommonPrefixes", ())]
        return sorted(prefix.removeprefix(self._prefix + folder).rstrip("/") for prefix in prefixes)

    def _list(self, folder: str) -> list[ListObjectsV2OutputTypeDef]:
        with self._errors():
            pages = self._client().get_paginator("list_objects_v2")
            return list(pages.paginate(Bucket=self._bucket, Prefix=self._prefix + folder, Delimiter="/"))

    def get(self, name: str, most: int | None = None) -> bytes:
        with self._errors():
            body = self._client().get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"]
            return _read_at_most(most, body.read, f"{self}{name}")

    def measure_age(self, name: str) -> timedelta | None:
        """Compares two headers of one answer, Date and Last-Modified (Amazon S3 API Reference, "HeadObject")."""
        with self._errors():
            answer = self._client().head_object(Bucket=self._bucket, Key=self._prefix + name)
        try:
            date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
            return max(date - answer["LastModified"], timedelta())
        except (TypeError, ValueError):
            return None

    def put(self, name: str, content: bytes, *, replace: bool = False) -> str:
        """Writes a document and returns its URL; a write that the client sends again finds its own document, and is
        content. Raises AlreadyExistsError for a name that is taken, unless `replace`."""
        location = f"{self}{name}"
        with self._errors():
            written = self._write(name, content, replace=replace)
        if not written and self.get(name) != content:
            raise AlreadyExistsError(location)
        return location

    def _write(self, name: str, content: bytes, *, replace: bool) -> bool:
        """False where another document has the name."""
        client = self._client()
        kind = CONTENT_TYPES[name.rpartition(".")[2]]
        put = partial(client.put_object, Bucket=self._bucket, Key=self._prefix + name, Body=content, ContentType=kind)
        try:
            _ = put() if replace else put(IfNoneMatch="*")
        except client.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in ALREADY_EXISTS:
                return False
            raise
        return True
