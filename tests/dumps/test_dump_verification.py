"""A load is compared with its dump, and a difference is found."""

from __future__ import annotations

import threading

import pytest
from bucket import Bucket
from dump_loading import dump_of, loaded, silent
from dump_server import DumpServer

from restore.dumps.model import Verification
from restore.dumps.scanning import scan
from restore.dumps.verifying import verify


def verified(server: DumpServer, bucket: Bucket, key: str, database: str) -> Verification:
    stop = threading.Event()
    found = scan(bucket.s3, dump_of(bucket, key), progress=silent, stop=stop)
    return verify(bucket.s3, found.dump, server.target(database), scan=found, progress=silent, stop=stop)


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
