"""Autovacuum amid a load makes what needs the table wait for a second; left off, the table is never vacuumed."""

from __future__ import annotations

from contextlib import closing

from restore.dumps.connections import LoadSession
from restore.dumps.load.autovacuum import Autovacuum
from restore.dumps.load.ddl import Control
from restore.dumps.load.ledger import Done
from restore.dumps.load.not_loaded import NotLoadedList
from restore.dumps.load.target_checks import Prepared
from restore.dumps.model import LoadPhase, OnError, Options, Progress
from tests.support.dumps.bucket import Bucket
from tests.support.dumps.dump_loading import WAITS, loaded, that_waits
from tests.support.dumps.dump_server import MASTER, DumpServer

OPTIONS = "SELECT reloptions::text FROM pg_class WHERE oid = to_regclass('public.posts')"


def test_autovacuum_stays_away_from_a_large_table_until_the_loads_end(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    key = bucket.put("quiet.sql", that_waits(small))
    seen: list[object] = []
    with server.cluster.sql(target) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])

        def look(progress: Progress) -> None:
            if progress.phase is LoadPhase.INDEXES and not seen:
                seen.append(server.value(target, OPTIONS))
                superuser.execute("SELECT pg_advisory_unlock(%s)", [WAITS])

        loaded(server, bucket, key, target, Options(2, 16 << 10), progress=look)
    assert seen == ["{autovacuum_enabled=off}"]
    assert server.value(target, OPTIONS) is None


def test_a_table_that_the_loader_may_not_change_is_loaded_all_the_same(server: DumpServer, target: str) -> None:
    with server.cluster.sql(target) as superuser:
        superuser.execute("CREATE TABLE public.posts (id int)")
    with closing(LoadSession(server.target(target), {})) as session:
        nothing = Prepared(0, frozenset(), frozenset(), frozenset(), (), MASTER, session.target, None, MASTER)
        control = Control(session, session, Done(1, resumed=False), Options(), nothing, NotLoadedList(OnError.STOP))
        autovacuum = Autovacuum(control, [])
        autovacuum.pause(b"public.posts")
        autovacuum.resume([])
    assert server.value(target, OPTIONS) is None


def test_a_dump_that_turns_autovacuum_off_itself_has_it_so(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    index = b"CREATE INDEX posts_user"
    dump = small.replace(index, b"ALTER TABLE public.posts SET (autovacuum_enabled = 'off');\n" + index, 1)
    loaded(server, bucket, bucket.put("off.sql", dump), target, Options(2, 16 << 10))
    assert server.value(target, OPTIONS) == "{autovacuum_enabled=off}"
