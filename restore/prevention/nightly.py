"""The nightly dump: pg_dump streamed into S3 in parts, read back to its end, and marked as whole.

Nothing is kept on disk, and no more than a few parts in memory. An upload is an object only once it is complete (S3
User Guide, "Uploading and copying objects using multipart upload"): where pg_dump fails, it is aborted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, cast

from restore.aws import Aws
from restore.aws.client import translate_errors
from restore.dumps.catalog import listing
from restore.dumps.check.scan import scan
from restore.dumps.model import Options, Roles, Scan
from restore.errors import PermanentError, Problem
from restore.model.rds import Credential, Endpoint
from restore.model.request import DumpStore, Tls
from restore.postgres.connection import build_tls_parameters
from restore.redaction import redact, register_secret

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
SMALLEST_PART = 16 * MIB
MOST_PARTS = 9_000
"""S3 takes 10,000 parts of at most 5 GiB (S3 User Guide, "Amazon S3 multipart upload limits")."""
PARTS_IN_MEMORY = 4
SAID = 2_000
"""Characters of what pg_dump says when it fails."""
CHECKSUM = "SHA256"
COMMAND = ("pg_dump", "--format=plain", "--compress=6", "--no-password")
"""Plain SQL, so that the loader reads it as a stream in parallel; its gzip has a checksum of its own."""


@dataclass(frozen=True)
class DumpSource:
    """The database to dump, and the login that may read all of it."""

    endpoint: Endpoint
    credential: Credential
    tls: Tls
    database: str

    def build_libpq_environment(self) -> Mapping[str, str]:
        """Returns libpq's environment: nothing of it stands in an argument. Raises PermanentError without a root
        certificate."""
        tls = build_tls_parameters(self.tls)
        return {
            "PGHOST": self.endpoint.host,
            "PGPORT": str(self.endpoint.port),
            "PGUSER": self.credential.user,
            "PGPASSWORD": register_secret(self.credential.password),
            "PGDATABASE": self.database,
            "PGSSLMODE": tls["sslmode"],
            "PGSSLROOTCERT": tls["sslrootcert"],
            "PGAPPNAME": "restore-dump",
            **self._build_tunnel_environment(),
        }

    def _build_tunnel_environment(self) -> Mapping[str, str]:
        address, _, port = self.endpoint.via.rpartition(":")
        return {"PGHOSTADDR": address.strip("[]"), "PGPORT": port} if self.endpoint.via else {}


def name_dump(place: DumpStore, source: str, began: datetime) -> str:
    """Returns the key: the time in it is when the dump began, UTC, as the listing reads it."""
    return f"{place.prefix}{source}-{began:%Y%m%d-%H%M%S}.sql.gz"


def choose_part_size(database_bytes: int) -> int:
    """Returns the bytes of a part, so that a dump as large as its database fits into the parts that S3 takes."""
    return max(SMALLEST_PART, -(-database_bytes // MOST_PARTS))


class DumpStream:
    """What pg_dump writes, as a file to upload. Its end is an error where pg_dump failed, so that half a dump never
    becomes an object."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]):
        self._process, self._said = process, said
        self.count = 0
        """Bytes read so far."""

    def read(self, size: int = -1) -> bytes:
        """Returns up to `size` bytes; fewer at the end only. Raises PermanentError at the end of a dump that failed."""
        output = cast("IO[bytes]", self._process.stdout)
        block = output.read(size)
        self.count += len(block)
        if not block and self._process.wait():
            raise PermanentError.of(self._build_failure())
        return block

    def _build_failure(self) -> Problem:
        self._said.seek(0)
        said = " ".join(redact(self._said.read(SAID).decode(errors="replace")).split())
        fix = 'docs/prevention.md, "The nightly dump"; then: python -m restore dump'
        return Problem("pg_dump", said or f"exit code {self._process.returncode}", "a whole dump", fix)


@contextmanager
def open_dump(source: DumpSource) -> Generator[DumpStream]:
    """Runs pg_dump; yields what it writes. It is ended when nobody reads on. Raises PermanentError where there is
    none."""
    program = shutil.which(COMMAND[0])
    if program is None:
        needed = "PostgreSQL's own program for dumps, of the server's major version or a newer one"
        fix = 'docs/prevention.md, "The nightly dump"'
        raise PermanentError.of(Problem("pg_dump", "not on PATH", needed, fix))
    environment = {**os.environ, **source.build_libpq_environment()}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen([program, *COMMAND[1:]], env=environment, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        try:
            yield DumpStream(process, said)
        finally:
            if process.poll() is None:
                process.terminate()


def upload(aws: Aws, place: DumpStore, key: str, stream: DumpStream, part_bytes: int) -> None:
    """Uploads a stream in parts, each with a checksum that S3 verifies. Raises as the stream does, PermanentError or
    TemporaryError; nothing is left of an upload that failed."""
    from boto3.s3.transfer import TransferConfig

    config = TransferConfig(
        multipart_threshold=part_bytes,
        multipart_chunksize=part_bytes,
        max_concurrency=PARTS_IN_MEMORY,
    )
    config.max_in_memory_upload_chunks = PARTS_IN_MEMORY  # pyright: ignore[reportAttributeAccessIssue]
    with translate_errors("s3"):
        cast("S3Client", aws.open_client("s3")).upload_fileobj(
            cast("IO[bytes]", stream),
            place.bucket,
            key,
            ExtraArgs={"ChecksumAlgorithm": CHECKSUM},
            Config=config,
        )


def read_back(aws: Aws, place: DumpStore, key: str) -> Scan:
    """Returns what the loader's own check finds in the dump as it is stored, read from its first byte to its last.
    Raises PermanentError for a dump that can't be read, TemporaryError when S3 doesn't answer."""
    s3 = cast("S3Client", aws.open_client("s3"))
    options = Options(roles=Roles.CREATE, role_map=place.map, allow=frozenset(place.allow), skip=frozenset(place.skip))
    return scan(s3, listing.find(s3, place.bucket, key), options, count=False)
