"""A load is compared with its dump, and a difference is found."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from restore.dumps.check.scan import scan
from restore.dumps.check.verify import verify
from restore.dumps.model import OnError, Verification
from restore.errors import TemporaryError
from sandbox.machine.processes import wait_until
from tests.support.dumps.bucket import Bucket
from tests.support.dumps.dump_loading import SMALL_PIECES, dump_of, loaded, refused_words, silent
from tests.support.dumps.dump_server import DumpServer

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def verified(server: DumpServer, bucket: Bucket, key: str, database: str) -> Verification:
    stop = threading.Event()
    found = scan(bucket.s3, dump_of(bucket, key), progress=silent, stop=stop)
    return verify(bucket.s3, found.dump, server.target(database), scan=found, progress=silent, stop=stop)


def test_a_stopped_verification_that_waits_for_a_lock_ends_within_seconds(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    key, stop = bucket.put("small.sql", small), threading.Event()
    loaded(server, bucket, key, target)
    with ThreadPoolExecutor(1) as pool, server.cluster.sql(target) as superuser, superuser.transaction():
        superuser.execute("LOCK TABLE public.posts IN ACCESS EXCLUSIVE MODE")
        waits = pool.submit(verify, bucket.s3, dump_of(bucket, key), server.target(target), stop=stop)
        wait_until(lambda: waits.done() or bool(server.value(target, WAITING)), 60, "it waits")
        stop.set()
        with pytest.raises(TemporaryError, match="stopped while comparing"):
            waits.result(30)


EXTENSION = """
CREATE EXTENSION hstore;
CREATE TABLE public.places (id int, name text);
INSERT INTO public.places SELECT g, 'of the extension' FROM generate_series(1, 50) g;
GRANT SELECT ON public.places TO PUBLIC;
ALTER EXTENSION hstore ADD TABLE public.places;
UPDATE pg_extension SET extconfig = ARRAY['public.places'::regclass], extcondition = ARRAY['WHERE id > 1000']
WHERE extname = 'hstore'
"""
"""As PostGIS's spatial_ref_sys on RDS: rdsadmin's own, with rows of its own, of which pg_dump takes the user's."""


def with_extension(server: DumpServer, database: str) -> None:
    with server.cluster.sql(database) as superuser:
        superuser.execute(EXTENSION)


def dump_with_extension(server: DumpServer, more: str = "CREATE TABLE public.mine ()") -> bytes:
    with server.database() as name:
        with_extension(server, name)
        with server.cluster.sql(name) as superuser:
            superuser.execute(more.encode())
        return server.dump(name, "--no-owner")


def test_an_extensions_own_rows_stop_no_load_and_are_no_difference(
    server: DumpServer, bucket: Bucket, target: str
) -> None:
    dump = dump_with_extension(server)
    assert b"COPY public.places" in dump
    with_extension(server, target)
    key = bucket.put("extension.sql", dump)
    loaded(server, bucket, key, target)
    assert server.value(target, "SELECT count(*) FROM public.places") == 50
    found = verified(server, bucket, key, target)
    assert found.passed, found
    assert [(table.name, table.dump, table.target) for table in found.tables if "places" in table.name] == [
        ("public.places", 0, 0)
    ]


def test_rows_for_an_extensions_table_that_the_loader_may_not_write_are_not_lost_in_silence(
    server: DumpServer, bucket: Bucket, target: str
) -> None:
    key = bucket.put("extension.sql", dump_with_extension(server, "INSERT INTO public.places VALUES (1001, 'ours')"))
    with server.database() as other:
        with_extension(server, other)
        words = refused_words(lambda: loaded(server, bucket, key, other))
        assert "no row of the dump could be loaded" in words
        assert "--on-error stop" in words
    with_extension(server, target)
    stops = replace(SMALL_PIECES, on_error=OnError.STOP)
    words = refused_words(lambda: loaded(server, bucket, key, target, stops))
    grant = re.search(r'GRANT INSERT ON public.places TO "restore_load_\d+"', words)
    assert grant, words
    with server.cluster.sql(target) as superuser:
        superuser.execute(grant[0].encode())
    assert loaded(server, bucket, key, target).resumed
    assert verified(server, bucket, key, target).passed
    assert server.value(target, "SELECT count(*) FROM public.places") == 51


CHANGES = {
    "DELETE FROM public.users WHERE id = 300": "tables",
    "DROP TABLE public.posts": "tables",
    "SELECT setval('public.posts_id_seq', 7)": "sequences",
}


@pytest.mark.parametrize("change", [None, *CHANGES])
def test_a_target_that_differs_from_its_dump_is_found(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, change: str | None
) -> None:
    key = bucket.put("small.sql", small)
    loaded(server, bucket, key, target)
    if change:
        with server.cluster.sql(target) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(change.encode())
    found = verified(server, bucket, key, target)
    assert found.passed is (change is None)
    if change and CHANGES[change] == "sequences":
        assert found.sequences == {"public.posts_id_seq": (2000, 7)}


def test_nothing_to_compare_is_no_proof(server: DumpServer, bucket: Bucket, target: str) -> None:
    key = bucket.put("nothing.sql", server.dump(target))
    assert not verified(server, bucket, key, target).passed


def test_rows_that_row_security_hides_are_counted_and_stay_hidden(
    server: DumpServer, bucket: Bucket, plain: bytes, target: str
) -> None:
    key = bucket.put("all.sql", plain)
    loaded(server, bucket, key, target)
    assert verified(server, bucket, key, target).passed
    forced = "SELECT count(*) FROM pg_class WHERE relforcerowsecurity"
    assert server.value(target, forced) == plain.count(b" FORCE ROW LEVEL SECURITY;")
