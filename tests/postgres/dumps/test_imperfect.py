"""An imperfect dump is the last resort all the same: what can be had is loaded, and what can't is named."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from restore.dumps.check.scan import scan
from restore.dumps.check.verify import verify
from restore.dumps.load.not_loaded import render_script
from restore.dumps.load.preview import preview_target
from restore.dumps.model import LoadPhase, LoadResult, OnError, Progress
from restore.errors import PermanentError, Refused, TemporaryError
from sandbox.postgres.content import differences
from tests.support.dumps.bucket import Bucket
from tests.support.dumps.damaged import ROWS, USERS, Bad, with_row
from tests.support.dumps.dump_loading import SMALL_PIECES, WAITS, dump_of, loaded, refused_words, that_waits
from tests.support.dumps.dump_server import OWNER, TRANSACTION_TIMEOUT_SINCE, DumpServer

IMPERFECT = Path(__file__).parents[2] / "support" / "dumps" / "imperfect.sql"
MAPPED = replace(SMALL_PIECES, role_map={"rdsadmin": OWNER})
"""The sources are a superuser's."""
TABLES = ("articles", "key_uses", "keys", "orders", "people", "users")


@pytest.fixture(scope="module")
def imperfect(server: DumpServer) -> Iterator[str]:
    """The name of a database that no server takes all of."""
    with server.database() as name:
        with server.cluster.sql(name) as superuser:
            superuser.execute(IMPERFECT.read_bytes())
        yield name
        with server.cluster.sql(name) as superuser:
            superuser.execute("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) FROM app_reader")


def counts(server: DumpServer, database: str) -> dict[str, object]:
    return {name: server.value(database, f"SELECT count(*) FROM public.{name}") for name in TABLES}


def by_subject(result: LoadResult) -> dict[str, str]:
    return {item.subject: item.reason for item in result.not_loaded}


def not_had_before_15(server: DumpServer) -> set[str]:
    """The schema public is a superuser's own there (release notes of PostgreSQL 15)."""
    return {"owners:SCHEMA public"} if server.host.binaries.major < 15 else set()


def put(server: DumpServer, bucket: Bucket, source: str, form: str, folder: Path) -> str:
    if form == "plain":
        return bucket.put("imperfect.sql", server.dump(source))
    server.dump(source, "--format=custom", f"--file={folder / 'imperfect.dump'}")
    return bucket.put("imperfect.dump", (folder / "imperfect.dump").read_bytes())


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_what_the_server_refuses_of_a_real_dump_costs_nothing_else(
    server: DumpServer, bucket: Bucket, imperfect: str, target: str, tmp_path: Path, form: str
) -> None:
    key = put(server, bucket, imperfect, form, tmp_path)
    result = loaded(server, bucket, key, target, MAPPED)
    lost = by_subject(result)
    assert set(lost) - not_had_before_15(server) == {
        "rows:public.people",
        "rows:public.articles",
        "keys:keys_pkey on public.keys",
        "keys:key_uses_key on public.key_uses",
        "constraints:orders_user on public.orders",
        "publications:everything",
        "comments:PUBLICATION everything",
        "system_grants:FUNCTION pg_catalog.pg_ls_dir(text)",
    }
    assert "Key (id)=(7) is duplicated" in lost["keys:keys_pkey on public.keys"]
    assert "Key (user_id)=(900" in lost["constraints:orders_user on public.orders"]
    assert lost["rows:public.people"].startswith("2 rows refused: lines ")
    assert counts(server, target) == {**counts(server, imperfect), "people": 98, "articles": 0}
    assert not result.is_whole
    minor = {item.kind for item in result.not_loaded if not item.matters}
    assert minor - {"owners"} == {"publications", "comments", "system_grants"}
    valid = "SELECT convalidated FROM pg_constraint WHERE conname = 'orders_user'"
    assert server.value(target, valid) is False
    assert server.value(target, "SELECT count(*) FROM pg_indexes WHERE indexname IN ('orders_at', 'orders_pkey')") == 2


def test_the_script_of_what_was_refused_makes_it_good_and_a_second_look_sees_that(
    server: DumpServer, bucket: Bucket, imperfect: str, target: str, tmp_path: Path
) -> None:
    key = put(server, bucket, imperfect, "plain", tmp_path)
    script = render_script(loaded(server, bucket, key, target, MAPPED).not_loaded, "the dump")
    again = loaded(server, bucket, key, target, MAPPED)
    assert again.already_loaded
    assert "keys:keys_pkey on public.keys" in by_subject(again)
    with server.cluster.sql(target) as superuser:
        superuser.execute("DELETE FROM public.keys WHERE name = 'again'")
        superuser.execute("DELETE FROM public.orders WHERE user_id > 9000")
        superuser.execute(script.encode())
        superuser.execute("DROP PUBLICATION everything")
    assert loaded(server, bucket, key, target, MAPPED).is_whole


GONE = b"""
CREATE COLLATION public.gone (provider = libc, locale = 'xx_YY.utf8');
ALTER COLLATION public.gone OWNER TO app_owner;
CREATE TABLE public.sorted (
    id integer DEFAULT 7,
    name text COLLATE public.gone
);
ALTER TABLE public.sorted OWNER TO app_owner;
GRANT SELECT ON TABLE public.sorted TO app_reader;
"""


def test_one_run_of_the_script_makes_good_all_that_was_refused_for_one_missing_collation(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    table, index = b"CREATE TABLE public.posts", b"CREATE INDEX posts_user"
    by_name = b"CREATE INDEX by_name ON public.sorted USING btree (name);\n"
    key = bucket.put("gone.sql", small.replace(table, GONE + table, 1).replace(index, by_name + index, 1))
    result = loaded(server, bucket, key, target)
    assert result.rows == 2300
    assert {"types:public.gone", "tables:public.sorted", "owners:TABLE public.sorted"} <= by_subject(result).keys()
    script = render_script(result.not_loaded, "the dump").replace("xx_YY.utf8", "C")
    with server.cluster.sql(target) as superuser:
        superuser.execute(script.encode())
    assert loaded(server, bucket, key, target).not_loaded == ()
    with server.cluster.sql(target) as superuser:
        superuser.execute("ALTER TABLE public.sorted OWNER TO app_reader")
    assert [item.subject for item in loaded(server, bucket, key, target).not_loaded] == ["owners:TABLE public.sorted"]


def test_a_right_on_an_extensions_own_function_is_not_lost_in_silence(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    """Its objects are a superuser's (RDS: rdsadmin's), and of such a GRANT the server only warns."""
    first = b"CREATE TABLE public.posts"
    grant = (
        b"CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;\n"
        b"GRANT ALL ON FUNCTION public.citext_cmp(public.citext, public.citext) TO app_reader;\n"
    )
    result = loaded(server, bucket, bucket.put("granted.sql", small.replace(first, grant + first, 1)), target)
    lost = by_subject(result)
    assert list(lost) == ["system_grants:FUNCTION public.citext_cmp(public.citext, public.citext)"]
    assert "no privileges were granted" in str(lost)
    assert result.is_whole


def test_a_search_path_lets_code_find_what_it_does_not_qualify(
    server: DumpServer, bucket: Bucket, imperfect: str, target: str, tmp_path: Path
) -> None:
    key = put(server, bucket, imperfect, "plain", tmp_path)
    with server.database() as other:
        reason = by_subject(loaded(server, bucket, key, other, MAPPED))["rows:public.articles"]
        assert "fold(text) does not exist" in reason
        assert "--search-path" in reason
    result = loaded(server, bucket, key, target, replace(MAPPED, search_path=("public",)))
    assert "rows:public.articles" not in by_subject(result)
    assert server.value(target, "SELECT slug FROM public.articles WHERE id = 3") == "article-3"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROWS.keys() - {"encoding_that_is_none", "data_without_tables"}))
def test_a_refusal_in_a_dump_is_named_and_everything_else_is_there(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, name: str
) -> None:
    bad: Bad = ROWS[name]
    key = bucket.put("bad.sql", bad.make(small))
    result = loaded(server, bucket, key, target)
    assert not result.is_whole
    words = " ".join(f"{item.kind} {item.name}: {item.reason}" for item in result.not_loaded)
    assert "secret-row-content" not in words
    assert result.rows >= 300
    with suppress(PermanentError):
        found = verify(bucket.s3, dump_of(bucket, key), server.target(target))
        assert {table.target for table in found.tables if table.equal} or not found.passed


def test_a_bad_row_costs_no_other_row_and_is_named_by_line_and_column(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    bad = with_row(USERS, b"90001\tMethuselah\t969")(with_row(USERS, b"90002\tx\tnot-a-number")(small))
    first = bad[: bad.index(b"90001\t")].count(b"\n") + 1
    (lost,) = loaded(server, bucket, bucket.put("bad.sql", bad), target).not_loaded
    assert lost.line == first
    assert f"line {first}: new row for relation" in lost.reason
    assert f"line {first + 1}: column age: invalid input syntax" in lost.reason
    assert "not-a-number" not in lost.reason
    assert server.value(target, "SELECT count(*) FROM public.users") == 300


def test_bad_rows_of_inserts_cost_no_other_statement(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    with server.database() as source:
        server.psql(source, small)
        dump = server.dump(source, "--inserts")
    mark = b"INSERT INTO public.users VALUES (7,"
    bad = dump.replace(mark, b"INSERT INTO public.users VALUES (90001, 'Methuselah', 969);\n" + mark, 1)
    (lost,) = loaded(server, bucket, bucket.put("inserts.sql", bad), target).not_loaded
    assert lost.subject == "rows:public.users"
    assert lost.line == bad[: bad.index(b"INSERT INTO public.users VALUES (90001")].count(b"\n") + 1
    assert server.value(target, "SELECT count(*) FROM public.users") == 300


def test_a_load_that_stops_at_the_first_refusal_goes_on_without_it(
    server: DumpServer, bucket: Bucket, imperfect: str, target: str, tmp_path: Path
) -> None:
    key = put(server, bucket, imperfect, "plain", tmp_path)
    stop = replace(MAPPED, on_error=OnError.STOP)
    assert "SQLSTATE" in refused_words(lambda: loaded(server, bucket, key, target, stop))
    assert server.value(target, "SELECT to_regclass('_restore.done') IS NOT NULL")
    result = loaded(server, bucket, key, target, MAPPED)
    assert result.resumed
    assert counts(server, target)["people"] == 98
    assert {"rows:public.people", "keys:keys_pkey on public.keys"} <= by_subject(result).keys()


def test_bad_rows_of_an_attempt_that_was_stopped_are_not_forgotten(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    key = bucket.put("waits.sql", with_row(USERS, b"90001\tMethuselah\t969")(that_waits(small)))
    stop = threading.Event()

    def stop_at_the_indexes(progress: Progress) -> None:
        if progress.phase is LoadPhase.INDEXES:
            stop.set()

    with server.session(target) as session:
        session.execute("SELECT pg_advisory_lock(%s)", [WAITS])
        with pytest.raises(TemporaryError):
            loaded(server, bucket, key, target, progress=stop_at_the_indexes, stop=stop)
    result = loaded(server, bucket, key, target)
    assert result.resumed
    assert [item.subject for item in result.not_loaded] == ["rows:public.users"]


def test_a_dump_of_rows_alone_is_no_loaded_database(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    with server.database() as source:
        server.psql(source, small)
        key = bucket.put("rows.sql", server.dump(source, "--data-only"))
    for _ in range(2):
        assert "no row of the dump could be loaded" in refused_words(lambda: loaded(server, bucket, key, target))


WRAPPED = b"""
CREATE EXTENSION citext;
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER billing FOREIGN DATA WRAPPER wrapper OPTIONS (host '127.0.0.1');
COMMENT ON SERVER billing IS 'the billing database';
CREATE USER MAPPING FOR app_owner SERVER billing OPTIONS (password 'never-shown');
CREATE FOREIGN TABLE invoices (id int) SERVER billing;
CREATE VIEW open_invoices AS SELECT id FROM invoices;
CREATE VIEW of_open_invoices AS SELECT id FROM open_invoices;
GRANT SELECT ON open_invoices TO app_reader;
CREATE TABLE kept (id int PRIMARY KEY, name text);
CREATE TABLE named (id int PRIMARY KEY, name citext);
CREATE VIEW names AS SELECT name FROM named;
INSERT INTO kept SELECT g, g FROM generate_series(1, 10) g;
INSERT INTO named SELECT g, g FROM generate_series(1, 10) g;
CREATE PUBLICATION outwards FOR TABLE kept;
COMMENT ON PUBLICATION outwards IS 'away';
"""


@pytest.fixture(scope="module")
def wrapped(server: DumpServer) -> Iterator[str]:
    with server.database() as name:
        with server.cluster.sql(name) as superuser:
            superuser.execute(WRAPPED)
        yield name


@pytest.mark.parametrize("form", ["plain", "custom"])
def test_what_depends_on_what_is_left_out_goes_with_it_and_is_named(
    server: DumpServer, bucket: Bucket, wrapped: str, target: str, tmp_path: Path, form: str
) -> None:
    key = put(server, bucket, wrapped, form, tmp_path)
    options = replace(MAPPED, skip=frozenset({"foreign", "publication:outwards"}))
    result = loaded(server, bucket, key, target, options)
    assert set(by_subject(result)) == not_had_before_15(server)
    gone = "\n".join(result.skipped)
    for text in (
        "SERVER billing",
        "VIEW public.open_invoices",
        "VIEW public.of_open_invoices",
        "GRANT SELECT ON TABLE",
    ):
        assert text in gone
    assert "COMMENT ON PUBLICATION outwards" in gone
    assert re.search(r"ALTER PUBLICATION outwards OWNER TO \S+ \(goes with publication:outwards\)", gone)
    assert "never-shown" not in gone
    assert server.value(target, "SELECT count(*) FROM public.kept") == 10
    assert server.value(target, "SELECT count(*) FROM pg_publication") == 0
    reader = replace(options, pg_restore=str(server.host.binaries.tool("pg_restore")))
    assert verify(bucket.s3, dump_of(bucket, key), server.target(target), reader).passed


def test_an_extension_of_an_archive_takes_its_tables_and_their_views_along(
    server: DumpServer, bucket: Bucket, wrapped: str, target: str, tmp_path: Path
) -> None:
    key = put(server, bucket, wrapped, "custom", tmp_path)
    options = replace(MAPPED, skip=frozenset({"foreign", "extension:citext"}))
    result = loaded(server, bucket, key, target, options)
    assert set(by_subject(result)) == not_had_before_15(server)
    gone = "\n".join(result.skipped)
    assert "CREATE TABLE public.named" in gone
    assert "CREATE VIEW public.names" in gone
    assert "rows of public.named" in gone
    assert server.value(target, "SELECT to_regclass('public.named') IS NULL")
    assert server.value(target, "SELECT count(*) FROM public.kept") == 10


def test_a_skip_of_something_that_the_dump_lacks_is_a_mistake(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    options = replace(SMALL_PIECES, skip=frozenset({"extension:postgs"}))
    with pytest.raises(Refused, match="skip extension:postgs"):
        loaded(server, bucket, bucket.put("small.sql", small), target, options)


def test_an_extension_that_superusers_alone_may_make_costs_nothing_else(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    first = b"CREATE TABLE public.posts"
    extension = b"CREATE EXTENSION IF NOT EXISTS file_fdw WITH SCHEMA public;\n"
    result = loaded(server, bucket, bucket.put("fdw.sql", small.replace(first, extension + first, 1)), target)
    assert [item.subject for item in result.not_loaded] == ["extensions:file_fdw"]
    assert server.value(target, "SELECT count(*) FROM pg_extension") == 1
    assert result.rows == 2300


def test_an_extension_whose_schema_is_in_no_dump_gets_it(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    first = b"CREATE TABLE public.posts"
    extension = b"CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA heroku_ext;\n"
    result = loaded(server, bucket, bucket.put("heroku.sql", small.replace(first, extension + first, 1)), target)
    assert result.not_loaded == ()
    assert server.value(
        target, "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'citext'"
    ) == ("heroku_ext")


PARTITIONED_ACCESS_METHOD = "an access method of a partitioned table"
ODD = {
    "statistics of PostgreSQL 18": (
        "SELECT * FROM pg_catalog.pg_restore_relation_stats(\n\t'version', '180001'::integer,\n\t'relname', 'posts'\n"
        ");",
        "statistics of pg_dump --statistics: 1",
    ),
    PARTITIONED_ACCESS_METHOD: (
        "CREATE TABLE public.parts (id int) PARTITION BY RANGE (id);\nALTER TABLE public.parts SET ACCESS METHOD heap;",
        "",
    ),
    "a directory of the source's machine": (
        "SET default_tablespace = fast;\nCREATE TABLE public.fast (id integer);\nSET default_tablespace = '';",
        "tablespaces: SET 1 times",
    ),
    "a table named like a word": ('CREATE TABLE public."select" (\n    id integer\n);', ""),
}


@pytest.mark.parametrize("name", ODD)
def test_what_pg_dump_writes_seldom_is_loaded_or_left_out_and_said(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, name: str
) -> None:
    if name == PARTITIONED_ACCESS_METHOD and server.host.binaries.major < TRANSACTION_TIMEOUT_SINCE:
        pytest.skip("PostgreSQL 17 has it first")
    text, says = ODD[name]
    first = b"CREATE TABLE public.posts"
    result = loaded(
        server, bucket, bucket.put("odd.sql", small.replace(first, text.encode() + b"\n" + first, 1)), target
    )
    assert result.not_loaded == ()
    assert says in "\n".join(result.skipped)


LOST = b"""
CREATE FUNCTION public.lost(int) RETURNS int LANGUAGE plpgsql IMMUTABLE
  AS $$ BEGIN RAISE EXCEPTION 'could not connect to server "far"' USING ERRCODE = '08001'; END $$;
"""


def test_a_server_that_only_the_dump_s_own_code_misses_is_no_lost_session(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    """As postgres_fdw raises it (contrib/postgres_fdw/connection.c), in a materialized view of another database."""
    table, index = b"CREATE TABLE public.posts", b"CREATE INDEX posts_user"
    far = b"CREATE INDEX far ON public.posts USING btree (public.lost(id));\n"
    dump = small.replace(table, LOST + table, 1).replace(index, far + index, 1)
    result = loaded(server, bucket, bucket.put("lost.sql", dump), target)
    assert [item.subject for item in result.not_loaded] == ["indexes:far on public.posts"]
    assert result.rows == 2300


UNLOGGED = b"""
CREATE UNLOGGED TABLE cache (id int GENERATED ALWAYS AS IDENTITY, old serial, follows serial);
ALTER SEQUENCE cache_id_seq SET LOGGED;
ALTER SEQUENCE cache_old_seq SET LOGGED;
"""
PERSISTENCE = """
SELECT string_agg(relname || ' ' || relpersistence::text, ', ' ORDER BY relname) FROM pg_class WHERE relname ~ 'cache'
"""


def test_a_logged_sequence_of_an_unlogged_table_is_no_unlogged_one_after_a_load(
    server: DumpServer, bucket: Bucket, target: str
) -> None:
    if server.host.binaries.major < 15:
        pytest.skip("before 15 every sequence is logged")
    with server.database() as source:
        server.psql(source, UNLOGGED)
        loaded(server, bucket, bucket.put("unlogged.sql", server.dump(source)), target)
        assert server.value(target, PERSISTENCE) == server.value(source, PERSISTENCE)
    assert server.value(target, PERSISTENCE) == "cache u, cache_follows_seq u, cache_id_seq p, cache_old_seq p"


def unknown_settings(server: DumpServer) -> set[str]:
    """What the clients' pg_dump sets that an older server doesn't know."""
    return {"settings:transaction_timeout"} if server.host.binaries.major < TRANSACTION_TIMEOUT_SINCE else set()


def test_a_plan_says_before_the_load_what_this_target_will_refuse(
    server: DumpServer, bucket: Bucket, imperfect: str, target: str, tmp_path: Path
) -> None:
    first = b"CREATE TABLE public.articles"
    more = (
        b"CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\n"
        b"SET default_toast_compression = 'pglz';\n"
        b"CREATE COLLATION public.odd (provider = libc, locale = 'xx_XX.utf8');\n"
        b'CREATE DOMAIN public.german AS text COLLATE pg_catalog."de_XX.utf8";\n'
    )
    plain = server.dump(imperfect)
    dump = plain.replace(b"CREATE FUNCTION public.fold", more + b"CREATE FUNCTION public.fold", 1)
    assert first in dump
    key = bucket.put("preview.sql", dump)
    before = server.content(target)
    options = replace(MAPPED, allow=frozenset({"privileged_owner"}))
    preview = preview_target(server.target(target), scan(bucket.s3, dump_of(bucket, key), options), options)
    assert [problem.subject for problem in preview.problems] == ["extension postgis"]
    assert "--skip extension:postgis" in preview.problems[0].fix
    assert {item.subject for item in preview.refusals} - unknown_settings(server) == {
        "publications:everything",
        "system_grants:FUNCTION pg_catalog.pg_ls_dir(text)",
        "types:public.odd",
        "types:de_XX.utf8",
    }
    assert differences(before, server.content(target)) == []


def test_a_plan_of_an_empty_target_and_a_good_dump_has_nothing_to_say(
    server: DumpServer, bucket: Bucket, plain: bytes, target: str
) -> None:
    key = bucket.put("good.sql", plain)
    options = replace(SMALL_PIECES, allow=frozenset({"privileged_owner"}))
    preview = preview_target(server.target(target), scan(bucket.s3, dump_of(bucket, key), options), options)
    assert preview.problems == ()
    assert {item.subject for item in preview.refusals} == unknown_settings(server)
