"""An S3 object as a stream of bytes, read ahead by parallel ranged GETs that all name one version and ETag."""

from __future__ import annotations

import io
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from restore.aws.client import translate_errors
from restore.dumps.model import MIB
from restore.errors import PermanentError, Problem, TemporaryError
from restore.retrying import retry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3 import S3Client

PART = 4 * MIB
AHEAD = 3
CHANGED = 412


class RangedObject(io.RawIOBase):
    """Holds at most AHEAD + 1 parts of PART bytes. Close it to end its threads."""

    def __init__(self, s3: S3Client, bucket: str, key: str, size: int, etag: str, version_id: str | None) -> None:
        self._s3, self._compose_bucket, self._key, self._size, self._etag = s3, bucket, key, size, etag
        self._version: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        self._pool = ThreadPoolExecutor(AHEAD, "s3-range")
        self._ended = threading.Event()
        self._asked = 0
        self._coming: deque[Future[bytes]] = deque()
        self._current = memoryview(b"")
        self.bytes_read = 0
        """Handed out so far."""

    @property
    def url(self) -> str:
        return f"s3://{self._compose_bucket}/{self._key}"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills a buffer and returns the number of bytes; 0 at the end. Raises as `read_chunk`."""
        data = self.read_chunk(len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def read_chunk(self, most: int) -> memoryview:
        """Returns the next bytes without a copy; empty at the end. Raises PermanentError, TemporaryError."""
        if not self._current:
            self._current = self._take_next_part()
        data, self._current = self._current[:most], self._current[most:]
        self.bytes_read += len(data)
        return data

    def begin(self) -> None:
        """Asks for the first part, for a reader that comes later."""
        self._ask(1)

    def _ask(self, ahead: int) -> None:
        while self._asked < self._size and len(self._coming) < ahead:
            self._coming.append(self._pool.submit(self._get, self._asked))
            self._asked += PART

    def _take_next_part(self) -> memoryview:
        self._ask(AHEAD)
        return memoryview(self._coming.popleft().result()) if self._coming else memoryview(b"")

    def _get(self, start: int) -> bytes:
        part = partial(self._get_once, start, min(start + PART, self._size))
        return retry(part, subject=f"{self.url}, byte {start}", stop=self._ended)

    def _get_once(self, start: int, end: int) -> bytes:
        from botocore.exceptions import ClientError

        where = {"Bucket": self._compose_bucket, "Key": self._key, "Range": f"bytes={start}-{end - 1}"}
        with translate_errors("s3"):
            try:
                answer = self._s3.get_object(**where, IfMatch=f'"{self._etag}"', **self._version)
                data = answer["Body"].read()
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == CHANGED:
                    raise PermanentError.of(self._build_changed(start, "another ETag")) from error
                raise
            except OSError as error:
                raise TemporaryError(f"{self.url}, byte {start}: {error}") from error
        if answer["ETag"].strip('"') != self._etag:
            raise PermanentError.of(self._build_changed(start, answer["ETag"]))
        if len(data) != end - start:
            raise TemporaryError(f"{self.url}: {len(data)} bytes came for bytes {start} to {end - 1}")
        return data

    def _build_changed(self, start: int, found: str) -> Problem:
        needed = f"ETag {self._etag}, as when reading began"
        fix = 'docs/dumps.md, "A dump by hand": load into an empty database: the object was overwritten'
        return Problem(f"dump {self.url}, byte {start}", found, needed, fix)

    def close(self) -> None:
        """Ends the requests that run; those that wait are dropped."""
        self._ended.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        super().close()
