"""An S3 of the tests' own: moto's server in this process, so that other processes can read from it too."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

NAME = "dumps"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}


@dataclass(frozen=True)
class Bucket:
    """A bucket with versioning."""

    endpoint: str
    s3: Any
    numbers: itertools.count[int] = field(default_factory=itertools.count, repr=False)

    @property
    def environment(self) -> Mapping[str, str]:
        """For a process that reads from it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_CONFIG_FILE": "", "AWS_SHARED_CREDENTIALS_FILE": ""}

    def put(self, key: str, content: bytes) -> str:
        """Stores it at a key of its own, which ends with `key`; gives that key."""
        full = f"{next(self.numbers)}/{key}"
        self.s3.put_object(Bucket=NAME, Key=full, Body=content)
        return full


@contextmanager
def serving() -> Generator[Bucket]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        client = cast("Any", boto3).client(
            "s3",
            endpoint_url=endpoint,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=Config(max_pool_connections=20, retries={"mode": "standard", "total_max_attempts": 1}),
        )
        client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
        yield Bucket(endpoint, client)
        client.close()
    finally:
        server.stop()
