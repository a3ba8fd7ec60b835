"""Killed at any moment, the next load goes on, and what it leaves is what psql leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from subprocess import Popen
from typing import Any, cast

import pytest
from botocore.exceptions import ConnectionClosedError
from psycopg import OperationalError

from restore.dumps.connections import APPLICATION, WAITING, LoadSession, end_sessions
from restore.dumps.load.ddl import Control
from restore.dumps.model import LoadPhase, LoadResult, Progress
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.errors import TemporaryError
from sandbox.machine.processes import wait_until
from sandbox.postgres.content import Content, differences
from tests.support.dumps.bucket import NAME, Bucket
from tests.support.dumps.dump_loading import WAITS, WAITS_FUNCTION, dump_of, loaded, that_waits
from tests.support.dumps.dump_process import IN_PIECES, Loader, entries, transactions
from tests.support.dumps.dump_server import DumpServer, make_source, running

LOADERS = "SELECT count(*) FROM pg_stat_activity WHERE usename ~ '^(master|restore_load_.*)$' AND datname = '{}'"
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


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
    loaded(mortal, bucket, key, into, dump=found)
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
    assert loaded(mortal, bucket, key, into, dump=begun).resumed
    assert differences(wanted, mortal.content(into)) == []


def test_a_stopped_load_ends_soon_and_goes_on_later(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    dump = that_waits(small)
    key = bucket.put("waits.sql", dump)
    stop = threading.Event()

    def stop_soon(progress: Progress) -> None:
        if progress.phase is LoadPhase.INDEXES:
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


PARTITION = (
    b"CREATE TABLE public.parted (a integer) PARTITION BY RANGE (a);\n"
    b"CREATE TABLE public.parted_1 PARTITION OF public.parted FOR VALUES FROM (public.waits(1)) TO (9);\n"
)
"""Definitions that aren't run before the lock is free."""


def in_its_definitions(small: bytes) -> bytes:
    """As `that_waits`, among the definitions."""
    table = b"CREATE TABLE public.posts"
    return small.replace(table, WAITS_FUNCTION + PARTITION + table, 1)


@contextmanager
def beside(
    server: DumpServer, bucket: Bucket, key: str, database: str, stop: threading.Event | None = None
) -> Generator[Future[LoadResult]]:
    """A load in a thread of its own, stopped at the end of the context; should that be in vain, its sessions end."""
    stop = stop or threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(loaded, server, bucket, key, database, stop=stop)
        try:
            yield future
        finally:
            stop.set()
            if not wait([future], 20).done:
                with server.cluster.sql() as superuser:
                    superuser.execute(END, [database])


@pytest.mark.parametrize("dump_of_small", [in_its_definitions, that_waits])
def test_a_stopped_load_that_waits_for_a_lock_ends_within_seconds(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, dump_of_small: Callable[[bytes], bytes]
) -> None:
    key, stop = bucket.put("waits.sql", dump_of_small(small)), threading.Event()
    with server.cluster.sql(target) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with beside(server, bucket, key, target, stop) as load:
            wait_until(lambda: load.done() or bool(blocked(server)), 60, "it waits")
            stop.set()
            with pytest.raises(TemporaryError, match="stopped"):
                load.result(30)
    assert loaded(server, bucket, key, target).resumed


def test_a_stopped_load_whose_server_hangs_ends_within_seconds(
    mortal: DumpServer, bucket: Bucket, small: bytes, into: str
) -> None:
    """The server takes connections and answers nothing, no cancel either; it goes on afterwards."""
    key, stop = bucket.put("hangs.sql", that_waits(small)), threading.Event()
    with mortal.cluster.sql(into) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with beside(mortal, bucket, key, into, stop) as load:
            wait_until(lambda: load.done() or bool(blocked(mortal)), 60, "it waits")
            mortal.cluster.freeze()
            try:
                stop.set()
                with pytest.raises(TemporaryError, match="stopped"):
                    load.result(60)
            finally:
                mortal.cluster.thaw()
    assert loaded(mortal, bucket, key, into).resumed


def test_a_load_that_is_stopped_between_two_statements_never_waits_in_the_next(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session is idle when it is told to cancel, and takes no notice."""
    key, stop, cancelled = bucket.put("waits.sql", in_its_definitions(small)), threading.Event(), threading.Event()
    run_all, cancel = Control.run_all, LoadSession.cancel

    def cancel_and_tell(session: LoadSession) -> None:
        cancel(session)
        cancelled.set()

    def stopped_before(control: Control, statements: Sequence[ClassifiedStatement]) -> None:
        stop.set()
        assert cancelled.wait(20)
        run_all(control, statements)

    monkeypatch.setattr(LoadSession, "cancel", cancel_and_tell)
    monkeypatch.setattr(Control, "run_all", stopped_before)
    with server.cluster.sql(target) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with (
            beside(server, bucket, key, target, stop) as load,
            pytest.raises(TemporaryError, match="stopped"),
        ):
            load.result(30)


def test_a_load_that_is_stopped_at_its_last_statement_ends_within_seconds(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    """Its sessions have gone home; the operator's waits for the ledger, which another reads."""
    key, stop = bucket.put("waits.sql", that_waits(small)), threading.Event()
    with server.cluster.sql(target) as superuser, server.cluster.sql(target) as reader, reader.transaction():
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with beside(server, bucket, key, target, stop) as load:
            wait_until(lambda: load.done() or bool(blocked(server)), 60, "it waits for its index")
            reader.execute("SELECT FROM _restore.load")
            superuser.execute("SELECT pg_advisory_unlock(%s)", [WAITS])
            wait_until(lambda: load.done() or "relation" in waits(server), 60, "it waits for its ledger")
            stop.set()
            with pytest.raises(TemporaryError, match="stopped"):
                load.result(30)
    assert loaded(server, bucket, key, target).resumed


def test_a_terminated_command_that_waits_for_a_lock_ends_within_seconds(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    """Its main thread is the one that waits, and that Python's signals come to."""
    key = bucket.put("waits.sql", in_its_definitions(small))
    with server.cluster.sql(target) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with Loader(server, bucket, key, target).running() as process:
            wait_until(lambda: process.poll() is not None or bool(blocked(server)), 60, "it waits")
            process.terminate()
            assert process.wait(30) == 1
        wait_until(lambda: not server.value(target, LOADERS.format(target)), 20, "its sessions are gone")


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


def test_a_killed_loaders_session_that_lives_on_is_ended_by_the_next_load(
    mortal: DumpServer, bucket: Bucket, wanted: Content, key: str, into: str
) -> None:
    """A server's process that waits for a lock notices its client's death late."""
    loader = Loader(mortal, bucket, key, into, IN_PIECES)
    assert loader.killed_after(188, entries)
    with ExitStack() as stack:
        superuser = stack.enter_context(mortal.cluster.sql(into))
        with superuser.transaction():
            superuser.execute("LOCK TABLE public.transactions IN ACCESS EXCLUSIVE MODE")
            with loader.running() as process:
                wait_until(lambda: process.poll() is not None or bool(blocked(mortal)), 60, "it waits")
                assert process.poll() is None, "it never waited"
            left = blocked(mortal)
            assert left, "nothing of it lives on"
            following = stack.enter_context(beside(mortal, bucket, key, into))
            wait_until(lambda: following.done() or bool(blocked(mortal) - left), 60, "the next one waits")
            assert not following.done(), "the next one never waited"
            assert not blocked(mortal) & left, "a session of the killed one's lives on"
        assert following.result(60).resumed
    assert differences(wanted, mortal.content(into)) == []


def test_sessions_that_a_killed_loader_left_are_ended_and_nobody_elses(server: DumpServer, target: str) -> None:
    with ExitStack() as stack:
        left, session = (stack.enter_context(closing(LoadSession(server.target(target), {}))) for _ in range(2))
        waiting = stack.enter_context(closing(LoadSession(server.target(target), {}, WAITING)))
        other = stack.enter_context(server.cluster.sql(target))
        end_sessions(session, "restore_load_0", threading.Event(), APPLICATION)
        with pytest.raises(OperationalError):
            left.query("select 1")
        assert session.query("select 1") == [(1,)]
        assert waiting.query("select 1") == [(1,)]
        assert other.execute("select 1").fetchone() == (1,)


def blocked(server: DumpServer) -> set[int]:
    """The server's processes that wait for a lock."""
    found = server.value("postgres", "SELECT coalesce(array_agg(DISTINCT pid), '{}') FROM pg_locks WHERE NOT granted")
    return set(cast("list[int]", found))


def waits(server: DumpServer) -> set[str]:
    """The kinds of locks that anybody waits for."""
    found = server.value("postgres", "SELECT coalesce(array_agg(locktype), '{}') FROM pg_locks WHERE NOT granted")
    return set(cast("list[str]", found))
