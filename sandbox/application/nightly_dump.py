"""The nightly job of the runbook: pg_dump of the application's database into a versioned bucket."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import IO, cast

from sandbox.application import database, names
from sandbox.aws.client import Clients, clients
from sandbox.cluster.launcher import postgres_programs
from sandbox.machine.layout import Layout


@dataclass(frozen=True)
class Nightly:
    """What was stored. `began` is before the dump's snapshot of the data, UTC."""

    key: str
    version: str
    bytes: int
    began: str


def run(layout: Layout) -> Nightly:
    """Dumps and uploads. Raises RuntimeError with pg_dump's own words when it fails: half a dump is never stored."""
    aws = clients(layout, retries=3)
    ensure_bucket(aws)
    began = datetime.now(UTC)
    key = f"{names.BACKUP_PREFIX}ghost-protocol-sandbox-{began:%Y%m%d-%H%M%S}.sql.gz"
    with tempfile.TemporaryFile() as file:
        dump(aws, layout, file)
        size = file.tell()
        file.seek(0)
        stored = aws.s3.put_object(Bucket=names.BACKUP_BUCKET, Key=key, Body=file)
    return Nightly(key, stored["VersionId"], size, began.isoformat().replace("+00:00", "Z"))


def ensure_bucket(aws: Clients) -> None:
    if names.BACKUP_BUCKET in {bucket.get("Name") for bucket in aws.s3.list_buckets().get("Buckets", [])}:
        return
    aws.s3.create_bucket(Bucket=names.BACKUP_BUCKET)
    aws.s3.put_bucket_versioning(Bucket=names.BACKUP_BUCKET, VersioningConfiguration={"Status": "Enabled"})


def dump(aws: Clients, layout: Layout, file: IO[bytes]) -> None:
    """`pg_dump | gzip` as the master user."""
    instance = database.find(aws)
    if instance is None:
        raise RuntimeError(f"{names.INSTANCE} doesn't exist: there is nothing to dump")
    login = {
        "PGHOST": str(instance["Endpoint"]["Address"]),
        "PGPORT": str(instance["Endpoint"]["Port"]),
        "PGUSER": names.MASTER_USER,
        "PGPASSWORD": database.ensure_password(aws),
        "PGDATABASE": names.DATABASE,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(layout.ca),
    }
    program = postgres_programs() / "pg_dump"
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen([program], env={**os.environ, **login}, stdout=subprocess.PIPE, stderr=said) as running,
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as packed,
    ):
        output = cast("IO[bytes]", running.stdout)
        while block := output.read(1 << 20):
            packed.write(block)
        if running.wait():
            said.seek(0)
            raise RuntimeError(f"pg_dump: {said.read().decode(errors='replace')}")


def as_json(stored: Nightly) -> str:
    return json.dumps(asdict(stored), indent=2)
