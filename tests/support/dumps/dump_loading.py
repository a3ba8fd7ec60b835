"""Loads by the product, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from restore.dumps.catalog.listing import find
from restore.dumps.load.loader import load
from restore.dumps.model import Dump, LoadResult, Options, Progress
from restore.errors import PermanentError
from restore.model.dump_kinds import PRIVILEGED_OWNER
from tests.support.dumps.bucket import NAME, Bucket
from tests.support.dumps.dump_server import DumpServer

SMALL_PIECES = Options(workers=2, segment_bytes=128 << 10)
"""So small that even the test's tables come in several."""
ALLOWED = frozenset({PRIVILEGED_OWNER})
"""The tests' server has several databases of the same owners, and the master user owns some objects."""
WAITS = 42
"""The advisory lock that the index of a dump that waits asks for."""
WAITS_FUNCTION = (
    b"""
CREATE FUNCTION public.waits(int) RETURNS int LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN $1; END';

"""
    % WAITS
)


def that_waits(small: bytes) -> bytes:
    """The small dump with an index that isn't built before the lock is free."""
    table, index = b"CREATE TABLE public.posts", b"CREATE INDEX posts_user"
    waiting = b"CREATE INDEX w ON public.posts USING btree (public.waits(id));\n"
    return small.replace(table, WAITS_FUNCTION + table, 1).replace(index, waiting + index, 1)


def silent(_: Progress) -> None:
    """Nobody watches."""


def dump_of(bucket: Bucket, key: str) -> Dump:
    return find(bucket.s3, NAME, key)


def loaded(
    server: DumpServer, bucket: Bucket, key: str, database: str, options: Options = SMALL_PIECES, **more: Any
) -> LoadResult:
    """Scans and loads, as the command does; with `dump` what was found under that key before."""
    return load(
        bucket.s3,
        more.get("dump") or dump_of(bucket, key),
        server.target(database),
        replace(
            options,
            pg_restore=str(server.host.binaries.tool("pg_restore")),
            allow=options.allow | more.get("allow", ALLOWED),
        ),
        scan=more.get("scan"),
        storage=more.get("storage"),
        progress=more.get("progress", silent),
        stop=more.get("stop", threading.Event()),
    )


def refused_words(attempt: Callable[[], object]) -> str:
    """The error's text. Anything but an error of this program is a failure."""
    with pytest.raises(PermanentError) as caught:
        attempt()
    return str(caught.value)
