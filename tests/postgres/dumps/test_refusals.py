"""Nothing damaged or hostile is ever taken for a loaded dump, and nothing of it reaches what it aims at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from restore.dumps.check.scan import scan
from restore.dumps.load.free_storage import Storage
from restore.dumps.model import MIB, OnError
from restore.errors import PermanentError, RestoreError
from tests.support.dumps.bucket import Bucket
from tests.support.dumps.damaged import DAMAGED, Bad
from tests.support.dumps.dump_loading import SMALL_PIECES, dump_of, loaded
from tests.support.dumps.dump_server import DumpServer
from tests.support.dumps.hostile import HOSTILE, Hostile

TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
CLUSTER = """
  SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT r::text FROM pg_authid r WHERE rolname !~ '^restore_load_'
    UNION ALL SELECT m::text FROM pg_auth_members m
      WHERE (roleid::regrole::text || member::regrole::text) !~ 'restore_load_'
    UNION ALL SELECT datname || datdba || coalesce(datacl::text, '') FROM pg_database WHERE datname !~ '^target'
    UNION ALL SELECT name || setting FROM pg_file_settings UNION ALL SELECT s::text FROM pg_db_role_setting s
  ) AS found (line)
"""


def refusal(attempt: Callable[[], object]) -> RestoreError:
    with pytest.raises(RestoreError) as caught:
        attempt()
    return caught.value


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_dump_never_reads_as_success(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, name: str
) -> None:
    bad: Bad = DAMAGED[name]
    key = bucket.put(bad.key, bad.make(small))
    options = replace(SMALL_PIECES, on_error=OnError.STOP)
    for _ in range(2):
        error = refusal(lambda: loaded(server, bucket, key, target, options))
        assert isinstance(error, PermanentError)
        assert re.search(bad.says, str(error), re.IGNORECASE), str(error)
        assert "secret-row-content" not in str(error)
        assert "Traceback" not in str(error)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_dump_reaches_nothing(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, name: str
) -> None:
    hostile: Hostile = HOSTILE[name]
    marker = server.marks / name
    content = hostile.make(small, str(marker))
    key = bucket.put("hostile.sql", content)
    before = server.value("postgres", CLUSTER)
    error = refusal(lambda: loaded(server, bucket, key, target))
    assert isinstance(error, PermanentError)
    named = hostile.says or "|".join(f"line {line}," for line in hostile.lines(small))
    assert re.search(named, str(error)), str(error)
    assert server.value(target, TABLES) == 0
    assert not marker.exists()
    assert server.value("postgres", CLUSTER) == before


def test_a_load_counts_as_room_what_an_earlier_attempt_has_filled(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    key = bucket.put("room.sql", small)
    needed = scan(bucket.s3, dump_of(bucket, key)).target_bytes
    there = int(str(server.value(target, "SELECT pg_database_size(current_database())")))
    lacking, enough = (
        Storage("db", 20, needed - there + more, datetime(2026, 11, 27, tzinfo=UTC)) for more in (-MIB, MIB)
    )
    assert "storage of the target" in str(refusal(lambda: loaded(server, bucket, key, target, storage=lacking)))
    assert server.value(target, TABLES) == 0
    assert not loaded(server, bucket, key, target, storage=enough).already_loaded
