"""Killed at any moment, the next load goes on, and what it leaves is what psql leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from bucket import NAME, Bucket
from dump_loading import WAITS, loaded, that_waits
from dump_process import IN_PIECES, Loader, entries, transactions
from dump_server import DumpServer, make_source, running

from restore.dumps.model import Phase, Progress
from restore.errors import RestoreError, TemporaryError
from sandbox.machine.processes import wait_until
from sandbox.postgres.content import Content, differences

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
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    kills = [loader.killed_after(more, transactions) for more in (1, 4)]
    kills += [loader.killed_after(more, entries) for more in (1, 90, 8, 12, 12, 12, 20, 20)]
    assert sum(kills) >= 6, kills
    finished(loader, wanted)


def test_a_loader_killed_amid_inserts_loads_each_row_once(mortal: DumpServer, bucket: Bucket, into: str) -> None:
    with mortal.database() as name:
        make_source(mortal, name)
        key = bucket.put("inserts.sql", mortal.dump(name, "--inserts"))
        wanted = mortal.content(name)
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    amid = 0
    for more in (6, 8, 10, 12, 14, 16):
        if loader.killed_after(more, transactions):
            amid += mortal.value(into, "SELECT to_regclass('_restore.done') IS NOT NULL") is True and bool(
                mortal.value(into, "SELECT rows FROM _restore.done WHERE kind = 'i'")
            )
    assert amid, "never killed between two inserts"
    finished(loader, wanted)


def test_a_server_that_crashes_again_and_again_holds_everything_once(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    for more in (1, 110, 40):
        with loader.advancing(more, entries) as process:
            mortal.crash()
            assert process.wait(60) != 0
    finished(loader, wanted)


def test_sessions_that_are_cut_off_are_no_success(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the network goes: the server ends them, the loader sees a lost connection."""
    monkeypatch.setattr("restore.dumps.progress.EVERY", 0.01)  # the whole load may take less than between two reports
    cut = threading.Event()

    def cut_off(progress: Progress) -> None:
        if progress.rows > 2000 and not cut.is_set():
            cut.set()
            with mortal.cluster.sql() as superuser:
                superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [into])

    with pytest.raises(TemporaryError):
        loaded(mortal, bucket, key, into, progress=cut_off)
    assert cut.is_set()
    finished(Loader(mortal, bucket, key, into, IN_PIECES), wanted)


def test_a_bucket_that_stops_answering_is_no_success(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restore.dumps.ranges.PART", 1 << 20)
    monkeypatch.setattr("restore.dumps.ranges.LONGEST_WAIT", 0.0)
    answered = threading.Semaphore(3)

    def fail(**_: Any) -> None:
        if not answered.acquire(blocking=False):
            raise ConnectionClosedError(endpoint_url=bucket.endpoint)

    events = bucket.s3.meta.events
    events.register("before-send.s3.GetObject", fail)
    try:
        with pytest.raises(RestoreError):
            loaded(mortal, bucket, key, into)
    finally:
        events.unregister("before-send.s3.GetObject", fail)
    finished(Loader(mortal, bucket, key, into, IN_PIECES), wanted)


def test_an_object_that_is_overwritten_meanwhile_is_read_as_it_was(
    mortal: DumpServer, bucket: Bucket, dump: bytes, wanted: Content, into: str
) -> None:
    """The version is pinned; without versioning the ETag is, and the load fails."""
    key = bucket.put("overwritten.sql", dump)
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    assert loader.killed_after(190, entries)
    bucket.s3.put_object(Bucket=NAME, Key=key, Body=dump.replace(b"Name 1", b"Evil 1"))
    done = loader.run()
    assert done.returncode != 0
    assert "ETag" in done.stderr + done.stdout or "version" in done.stderr + done.stdout


def test_a_stopped_load_ends_soon_and_goes_on_later(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    dump = that_waits(small)
    key = bucket.put("waits.sql", dump)
    stop = threading.Event()

    def stop_soon(progress: Progress) -> None:
        if progress.phase is Phase.INDEXES:
            stop.set()

    with server.cluster.sql(target) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with pytest.raises(TemporaryError):
            loaded(server, bucket, key, target, progress=stop_soon, stop=stop)
        wait_until(lambda: not server.value(target, LOADERS.format(target)), 20, "its sessions are gone")
    assert loaded(server, bucket, key, target).resumed
    with server.database() as other:
        server.psql(other, dump)
        assert differences(server.content(other), server.content(target)) == []


def test_two_loads_at_once_are_one_load_and_a_refusal(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    with loader.advancing(5, transactions) as first:
        second = loader.run()
        assert first.wait(60) == 0
    assert second.returncode == 0 or "another" in second.stderr + second.stdout
    finished(loader, wanted)


def test_a_killed_loaders_session_that_lives_on_is_not_run_over(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    """A server's process notices its client's death late: it may still wait for a lock when the next load comes."""
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    assert loader.killed_after(188, entries)
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
