"""Where the state is kept: a folder, or a bucket below a prefix, with the same names in both.

The CLI takes both for a bucket of the Go CDK (pulumi/pulumi, pkg/backend/diy); s3:// addresses have its parameters.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlsplit, urlunsplit

from sandbox.standins.engine import INSTALL
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.loopback import is_loopback
from sandbox.standins.engine.state.files import write

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BOOKKEEPING = ".pulumi"
FILE, S3 = "file://", "s3://"
PARAMETERS = frozenset(
    {"region", "endpoint", "profile", "awssdk", "s3ForcePathStyle", "use_path_style", "disableSSL", "disable_https"}
)


class Bucket(Protocol):
    """Documents by name. `read` raises FileNotFoundError for one that isn't there."""

    def exists(self, name: str) -> bool: ...
    def read(self, name: str) -> str: ...
    def write(self, name: str, text: str) -> None:
        """Whole or not at all."""
        ...

    def delete(self, name: str) -> None:
        """Does nothing where there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """The names of the documents right below a folder, in order."""
        ...

    def describe(self, name: str) -> str:
        """The address of a document, as messages show it."""
        ...


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root / BOOKKEEPING

    def exists(self, name: str) -> bool:
        return (self._root / name).exists()

    def read(self, name: str) -> str:
        return (self._root / name).read_text()

    def write(self, name: str, text: str) -> None:
        write(self._root / name, text)

    def delete(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        return sorted(f"{folder}/{path.name}" for path in (self._root / folder).glob("*") if path.is_file())

    def describe(self, name: str) -> str:
        return f"{FILE}{self._root / name}"


class S3Bucket:
    """A bucket, below a prefix. Raises Problem for an address that isn't a sandbox's, and for what S3 refuses."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        values = parse_qs(self._address.query)
        if unknown := sorted(values.keys() - PARAMETERS):
            raise Problem(f"the parameter {unknown[0]} of {url} is not served by the stand-in engine")
        self._parameters = {name: texts[-1] for name, texts in values.items()}
        self._name = self._address.netloc
        self._prefix = "/".join(filter(None, (self._address.path.strip("/"), BOOKKEEPING)))
        self.endpoint = self._find_endpoint()
        if not is_loopback(self.endpoint):
            found = self.endpoint or "AWS itself"
            raise Problem(f"the stand-in engine serves a sandbox only: {url} is a bucket of {found}. Else, {INSTALL}")

    def exists(self, name: str) -> bool:
        return self._key(name) in self._list(self._key(name))

    def read(self, name: str) -> str:
        with self._translated():
            return self._client.get_object(Bucket=self._name, Key=self._key(name))["Body"].read().decode()

    def write(self, name: str, text: str) -> None:
        with self._translated():
            self._client.put_object(Bucket=self._name, Key=self._key(name), Body=text.encode())

    def delete(self, name: str) -> None:
        with self._translated():
            self._client.delete_object(Bucket=self._name, Key=self._key(name))

    def names(self, folder: str) -> list[str]:
        below = self._key(f"{folder}/")
        return sorted(key[len(self._key("")) :] for key in self._list(below) if "/" not in key[len(below) :])

    def describe(self, name: str) -> str:
        return urlunsplit(self._address._replace(path=f"/{self._key(name)}"))

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def _list(self, prefix: str) -> list[str]:
        with self._translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return [str(item.get("Key")) for page in pages for item in page.get("Contents", [])]

    def _find_endpoint(self) -> str:
        named = self._parameters.get("endpoint", "")
        if named and "//" not in named:
            insecure = "true" in (self._parameters.get("disableSSL"), self._parameters.get("disable_https"))
            named = f"{'http' if insecure else 'https'}://{named}"
        return named or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""

    @cached_property
    def _client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        flags = (self._parameters.get("s3ForcePathStyle"), self._parameters.get("use_path_style"))
        config = Config(s3={"addressing_style": "path" if "true" in flags else "auto"})
        session = boto3.Session(profile_name=self._parameters.get("profile"))
        region = self._parameters.get("region")
        return session.client("s3", region_name=region, endpoint_url=self.endpoint, config=config)  # pyright: ignore[reportUnknownMemberType]

    @contextmanager
    def _translated(self) -> Generator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise FileNotFoundError(str(error)) from error
            raise Problem(f"the state in {S3}{self._name}/{self._prefix} can't be used: {error}") from error
        except BotoCoreError as error:
            raise Problem(f"the state in {S3}{self._name}/{self._prefix} can't be used: {error}") from error
