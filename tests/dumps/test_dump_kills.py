"""Killed at any moment, the next load goes on, and what it leaves is what psql leaves."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from subprocess import Popen
from typing import Any, cast

import pytest
from botocore.exceptions import ConnectionClosedError
from bucket import NAME, Bucket
from dump_loading import SMALL_PIECES, WAITS, dump_of, loaded, that_waits
from dump_process import IN_PIECES, Loader, entries, transactions
from dump_server import DumpServer, make_source, running
from psycopg import OperationalError

from restore.dumps.connections import Session, end_sessions
from restore.dumps.load.loader import load
from restore.dumps.model import Phase, Progress
from restore.errors import TemporaryError
from sandbox.machine.processes import wait_until
from sandbox.postgres.content import Content, differences

LOADERS = "SELECT count(*) FROM pg_stat_activity WHERE usename ~ '^(master|restore_load_.*)$' AND datname = '{}'"


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
    monkeypatch.setattr(
        "restore.dumps.check.progress.EVERY", 0.01
    )  # the whole load may take less than between two reports
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
    monkeypatch.setattr("restore.dumps.read.s3_stream.PART", 1 << 20)
    monkeypatch.setattr("restore.retrying.LONGEST_PAUSE", 0.0)
    answered = threading.Semaphore(3)

    def fail(**_: Any) -> None:
        if not answered.acquire(blocking=False):
            raise ConnectionClosedError(endpoint_url=bucket.endpoint)

    events = bucket.s3.meta.events
    events.register("before-send.s3.GetObject", fail)
    try:
        with pytest.raises(TemporaryError, match="a reachable endpoint"):
            loaded(mortal, bucket, key, into)
    finally:
        events.unregister("before-send.s3.GetObject", fail)
    finished(Loader(mortal, bucket, key, into, IN_PIECES), wanted)


def test_an_object_that_is_overwritten_after_it_was_found_is_read_as_it_was(
    mortal: DumpServer, bucket: Bucket, dump: bytes, wanted: Content, into: str
) -> None:
    """Its version is pinned."""
    key = bucket.put("overwritten.sql", dump)
    found = dump_of(bucket, key)
    bucket.s3.put_object(Bucket=NAME, Key=key, Body=dump.replace(b"Name 1", b"Evil 1"))
    load(bucket.s3, found, mortal.target(into), SMALL_PIECES)
    assert differences(wanted, mortal.content(into)) == []


def test_a_load_never_goes_on_with_another_dumps_bytes(
    mortal: DumpServer, bucket: Bucket, dump: bytes, wanted: Content, into: str
) -> None:
    key = bucket.put("overwritten.sql", dump)
    loader, begun = Loader(mortal, bucket, key, into, IN_PIECES), dump_of(bucket, key)
    assert loader.killed_after(190, entries)
    bucket.s3.put_object(Bucket=NAME, Key=key, Body=dump.replace(b"Name 1", b"Evil 1"))
    other = loader.run()
    assert other.returncode != 0
    assert f"an unfinished load of {begun.identity}" in other.stderr
    assert load(bucket.s3, begun, mortal.target(into), SMALL_PIECES).resumed
    assert differences(wanted, mortal.content(into)) == []


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


@contextmanager
def waiting_for_its_index(server: DumpServer, bucket: Bucket, key: str, database: str) -> Generator[Popen[bytes]]:
    """A load of a dump `that_waits`, which has begun and can't end before the context does."""
    with ExitStack() as stack:
        superuser = stack.enter_context(server.cluster.sql(database))
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        process = stack.enter_context(Loader(server, bucket, key, database).running())
        wait_until(lambda: process.poll() is not None or bool(blocked(server)), 60, "it waits")
        assert process.poll() is None, "it ended before its index"
        yield process
        superuser.execute("SELECT pg_advisory_unlock(%s)", [WAITS])
        assert process.wait(60) == 0


def test_a_second_load_at_once_is_refused_and_changes_nothing(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restore.dumps.load.loader.LOCK_SECONDS", 0.0)
    dump = that_waits(small)
    key = bucket.put("waits.sql", dump)
    first, refusal = (
        waiting_for_its_index(server, bucket, key, target),
        pytest.raises(TemporaryError, match="another load is running"),
    )
    with first, refusal:
        loaded(server, bucket, key, target)
    with server.database() as other:
        server.psql(other, dump)
        assert differences(server.content(other), server.content(target)) == []


def test_a_second_load_that_the_first_one_ends_before_finds_everything_loaded(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    key = bucket.put("waits.sql", that_waits(small))
    with ThreadPoolExecutor(1) as pool:
        with waiting_for_its_index(server, bucket, key, target):
            before = server.value(target, LOADERS.format(target))
            second = pool.submit(loaded, server, bucket, key, target)
            wait_until(lambda: server.value(target, LOADERS.format(target)) != before, 30, "the second one's session")
            assert not second.done()
        assert second.result(60).already_loaded


def test_a_killed_loaders_session_that_lives_on_is_not_run_over(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's process notices its client's death late: it holds the loader's lock and waits for another."""
    monkeypatch.setattr("restore.dumps.load.loader.LOCK_SECONDS", 0.0)
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    assert loader.killed_after(188, entries)
    with mortal.cluster.sql(into) as superuser, superuser.transaction():
        superuser.execute("LOCK TABLE public.transactions IN ACCESS EXCLUSIVE MODE")
        with loader.running() as process:
            wait_until(lambda: process.poll() is not None or bool(blocked(mortal)), 60, "it waits")
            assert process.poll() is None, "it never waited"
        assert blocked(mortal), "nothing of it lives on"
        with pytest.raises(TemporaryError, match="another load is running"):
            loaded(mortal, bucket, key, into)
    finished(loader, wanted)


def test_sessions_that_a_killed_loader_left_are_ended_and_nobody_elses(server: DumpServer, target: str) -> None:
    with ExitStack() as stack:
        left, session = (stack.enter_context(closing(Session(server.target(target), {}))) for _ in range(2))
        other = stack.enter_context(server.cluster.sql(target))
        end_sessions(session, "restore_load_0", threading.Event())
        with pytest.raises(OperationalError):
            left.query("select 1")
        assert session.query("select 1") == [(1,)]
        assert other.execute("select 1").fetchone() == (1,)


def blocked(server: DumpServer) -> set[int]:
    """The server's processes that wait for a lock."""
    found = server.value("postgres", "SELECT coalesce(array_agg(DISTINCT pid), '{}') FROM pg_locks WHERE NOT granted")
    return set(cast("list[int]", found))
