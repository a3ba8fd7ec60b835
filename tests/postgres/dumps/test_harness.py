"""The harness itself: a comparison that can't fail would prove nothing about the loader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.postgres.content import Content, differences
from tests.support.dumps.dump_server import DumpServer


@pytest.fixture(scope="module")
def wanted(server: DumpServer, source: str) -> Content:
    return server.content(source)


@pytest.fixture(scope="module")
def by_psql(server: DumpServer, plain: bytes) -> Iterator[str]:
    with server.database() as name:
        server.psql(name, plain)
        yield name


def test_psqls_load_equals_the_source(server: DumpServer, wanted: Content, by_psql: str) -> None:
    assert differences(wanted, server.content(by_psql)) == []


CHANGES = {
    "DELETE FROM one_column WHERE t = ';'": "public.one_column: wanted",
    "UPDATE hard_values SET t = t || ' ' WHERE id = 16": "public.hard_values: wanted",
    "UPDATE users SET extra = NULL WHERE id = 5": "public.users: wanted",
    "SELECT nextval('never_called')": "public.never_called: wanted",
    "SELECT lo_put(50001, 0, 'x')": "50001: wanted",
    "COMMENT ON LARGE OBJECT 50002 IS NULL": "50002: wanted",
    "ALTER TABLE cache OWNER TO app_owner": "+ALTER TABLE public.cache OWNER TO app_owner;",
    "GRANT SELECT ON cache TO app_reader": "+GRANT SELECT ON TABLE public.cache TO app_reader;",
    "COMMENT ON TABLE users IS NULL": "-COMMENT ON TABLE public.users IS",
    "REFRESH MATERIALIZED VIEW analytics.never_filled": "analytics.never_filled: wanted",
    "ALTER TABLE users ENABLE TRIGGER off": "-ALTER TABLE public.users DISABLE TRIGGER off;",
    "ALTER TABLE transactions VALIDATE CONSTRAINT amount_positive": "-    ADD CONSTRAINT amount_positive CHECK",
    "DROP INDEX transactions_covering": "-CREATE INDEX transactions_covering ON",
    "ALTER TABLE bookings NO FORCE ROW LEVEL SECURITY": "-ALTER TABLE ONLY public.bookings FORCE ROW",
    "DROP STATISTICS transactions_stats": "-CREATE STATISTICS public.transactions_stats",
    "ALTER DATABASE {} SET jit = off": "settings: wanted",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'cache_pkey'::regclass": "invalid indexes: wanted",
}


def test_every_change_is_seen(server: DumpServer, wanted: Content, by_psql: str) -> None:
    with server.cluster.sql(by_psql) as superuser:
        superuser.execute("SET allow_system_table_mods = on")
        for change in CHANGES:
            superuser.execute(change.format(by_psql).encode())
    said = "\n".join(differences(wanted, server.content(by_psql)))
    assert [expected for expected in CHANGES.values() if expected not in said] == []
