"""Killed at any moment, the next load goes on, and what it leaves is what psql leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from bucket import NAME, Bucket
from dump_loading import SMALL_PIECES, loaded
from dump_process import Loader
from dump_server import DumpServer, make_source, running

from restore.dumps.model import Phase, Progress
from restore.errors import RestoreError, TemporaryError
from sandbox.postgres.content import Content, differences
from sandbox.process import wait_until

PIECES = ("--segment-bytes", str(SMALL_PIECES.segment_bytes), "--workers", "3")
LOADERS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'master' AND datname = '{}'"


@pytest.fixture(scope="module")
def mortal() -> Iterator[DumpServer]:
    """A server of this module's own, for it is killed too."""
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def dump(mortal: DumpServer) -> bytes:
    with mortal.database() as name:
        make_source(mortal, name)
        return mortal.dump(name)


@pytest.fixture(scope="module")
def wanted(mortal: DumpServer, dump: bytes) -> Iterator[Content]:
    with mortal.database() as name:
        mortal.psql(name, dump)
        yield mortal.content(name)


@pytest.fixture(scope="module")
def key(bucket: Bucket, dump: bytes) -> str:
    return bucket.put("killed.sql", dump)


@pytest.fixture
def into(mortal: DumpServer) -> Iterator[str]:
    with mortal.database() as name:
        yield name


def finished(loader: Loader, wanted: Content) -> None:
    done = loader.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert differences(wanted, loader.server.content(loader.database)) == []


def test_a_loader_killed_again_and_again_loads_everything_once(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    loader = Loader(mortal, bucket, key, into, PIECES)
    kills = [loader.killed_after(transactions) for transactions in (1, 4, 9, 16, 25, 25, 25, 25)]
    assert sum(kills) >= 5, kills
    finished(loader, wanted)


def test_a_server_that_crashes_again_and_again_holds_everything_once(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    loader = Loader(mortal, bucket, key, into, PIECES)
    for transactions in (3, 30, 60):
        with loader.advancing(transactions) as process:
            mortal.crash()
            assert process.wait(60) != 0
    finished(loader, wanted)


def test_sessions_that_are_cut_off_are_no_success(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    """As when the network goes: the server ends them, the loader sees a lost connection."""
    cut = threading.Event()

    def cut_off(progress: Progress) -> None:
        if progress.rows > 2000 and not cut.is_set():
            cut.set()
            with mortal.cluster.sql() as superuser:
                superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [into])

    with pytest.raises(TemporaryError):
        loaded(mortal, bucket, key, into, progress=cut_off)
    assert cut.is_set()
    finished(Loader(mortal, bucket, key, into, PIECES), wanted)


def test_a_bucket_that_stops_answering_is_no_success(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restore.dumps.ranges.PART", 1 << 20)
    monkeypatch.setattr("restore.dumps.ranges.LONGEST_WAIT", 0.0)
    answered = threading.Semaphore(3)

    def fail(**_: Any) -> None:
        if not answered.acquire(blocking=False):
            raise ConnectionResetError("connection reset by peer")

    events = bucket.s3.meta.events
    events.register("before-send.s3.GetObject", fail)
    try:
        with pytest.raises(RestoreError):
            loaded(mortal, bucket, key, into)
    finally:
        events.unregister("before-send.s3.GetObject", fail)
    finished(Loader(mortal, bucket, key, into, PIECES), wanted)


def test_an_object_that_is_overwritten_meanwhile_is_read_as_it_was(
    mortal: DumpServer, bucket: Bucket, dump: bytes, wanted: Content, into: str
) -> None:
    """The version is pinned; without versioning the ETag is, and the load fails."""
    key = bucket.put("overwritten.sql", dump)
    loader = Loader(mortal, bucket, key, into, PIECES)
    assert loader.killed_after(20)
    bucket.s3.put_object(Bucket=NAME, Key=key, Body=dump.replace(b"Name 1", b"Evil 1"))
    done = loader.run()
    assert done.returncode != 0
    assert "ETag" in done.stderr + done.stdout or "version" in done.stderr + done.stdout


def test_a_stopped_load_ends_soon_and_goes_on_later(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    stop = threading.Event()

    def stop_soon(progress: Progress) -> None:
        if progress.phase is not Phase.READING:
            stop.set()

    with pytest.raises(TemporaryError):
        loaded(mortal, bucket, key, into, progress=stop_soon, stop=stop)
    assert not mortal.value(into, LOADERS.format(into))
    finished(Loader(mortal, bucket, key, into, PIECES), wanted)


def test_two_loads_at_once_are_one_load_and_a_refusal(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    loader = Loader(mortal, bucket, key, into, PIECES)
    with loader.advancing(5) as first:
        second = loader.run()
        assert first.wait(60) == 0
    assert second.returncode == 0 or "another" in second.stderr + second.stdout
    finished(loader, wanted)


def test_a_killed_loaders_session_that_lives_on_is_not_run_over(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    """A server's process notices its client's death late: it may still wait for a lock when the next load comes."""
    loader = Loader(mortal, bucket, key, into, PIECES)
    assert loader.killed_after(12)
    with mortal.cluster.sql(into) as superuser, superuser.transaction():
        superuser.execute("LOCK TABLE public.transactions IN ACCESS EXCLUSIVE MODE")
        with loader.running() as process:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_until(lambda: bool(mortal.value(into, waiting)) or process.poll() is not None, 60, "it waits")
        with loader.running() as process:
            wait_until(
                lambda: process.poll() is not None or int(str(mortal.value(into, LOADERS.format(into)))) > 1,
                60,
                "the next one has come",
            )
    finished(loader, wanted)
