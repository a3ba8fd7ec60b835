"""The first bytes of a dump: what a preview must know of it without reading the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from restore.aws.client import translate_errors
from restore.dumps.model import MIB, Compression, Dump, Format
from restore.dumps.read.archive_format import detect_format
from restore.dumps.read.decompress import MAKERS, detect_compression
from restore.dumps.read.table_of_contents import Header, read_header

HEAD_BYTES = 256 << 10
MOST_TEXT = 16 * MIB
PLAIN_VERSION = re.compile(rb"^-- Dumped from database version ([^\r\n]{1,100})", re.MULTILINE)
INSIDE = 6.0
"""Bytes of SQL for each byte of an archive: they are compressed inside, and only the whole of it tells how much."""
TAR_BLOCK = 512


@dataclass(frozen=True)
class Heading:
    """What the first bytes tell; `server_version` is "" where they don't."""

    server_version: str
    expansion: float
    """Bytes of SQL for each byte as stored, estimated."""
    archive_version: tuple[int, int] | None = None
    """Version of the archive's format; None for SQL text, and where the first bytes don't tell."""


def read_heading(s3: Any, dump: Dump) -> Heading:
    """Reads the first bytes of a dump. Raises PermanentError, TemporaryError."""
    with translate_errors("s3"):
        return parse_heading(read_first_bytes(s3, dump))


def read_first_bytes(s3: Any, dump: Dump) -> bytes:
    """Reads the first HEAD_BYTES of a dump in its pinned version, of a directory those of its toc.dat. Lets botocore's
    errors through."""
    contents = next((part for part in dump.parts if part.name == "toc.dat"), None)
    key, version = (contents.key, contents.version_id) if contents else (dump.key, dump.version_id)
    which = {"VersionId": version} if version else {}
    return bytes(s3.get_object(Bucket=dump.bucket, Key=key, Range=f"bytes=0-{HEAD_BYTES - 1}", **which)["Body"].read())


def parse_heading(head: bytes) -> Heading:
    """Returns what the first bytes of a dump say of it. Pure."""
    kind = detect_format(head)
    if kind is Format.TAR:
        head = head[TAR_BLOCK:]  # pg_dump writes toc.dat first
    if kind is not None:
        archive = parse_archive_header(head)
        return Heading(archive.server_version, INSIDE, archive.version) if archive else Heading("", INSIDE)
    text = inflate(head)
    version = PLAIN_VERSION.search(text)
    ratio = len(text) / len(head) if head else 1.0
    return Heading(version[1].decode(errors="replace").strip() if version else "", max(ratio, 1.0))


def inflate(head: bytes) -> bytes:
    """Returns what the first bytes of a compressed object begin with; nothing where they can't be read: the scan says
    why."""
    kind = detect_compression(head)
    if kind is Compression.NONE:
        return head
    try:
        return bytes(MAKERS[kind]().decompress(head, MOST_TEXT))
    except Exception:  # noqa: BLE001 - each library has its own errors for damaged data
        return b""


def parse_archive_header(head: bytes) -> Header | None:
    """Returns the header of a custom or directory dump (a tar dump's stands behind its first block); None when it isn't
    there."""
    try:
        return read_header(head)
    except ValueError:
        return None
