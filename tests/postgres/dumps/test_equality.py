"""What the loader leaves in a database is what psql leaves there, whatever the format."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import lz4.frame
import pytest
from backports import zstd

from restore.dumps.check import scan_file
from restore.dumps.check.scan import scan
from restore.dumps.check.verify import verify
from restore.dumps.model import LoadResult, Options, Roles
from restore.errors import Refused
from sandbox.postgres.content import Content, differences
from tests.support.dumps.bucket import NAME, Bucket
from tests.support.dumps.dump_loading import SMALL_PIECES, dump_of, loaded, refused_words
from tests.support.dumps.dump_server import DumpServer

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "small.sql": lambda data: data,
    "small.sql.gz": lambda data: gzip.compress(data[: len(data) // 3]) + gzip.compress(data[len(data) // 3 :]),
    "small.sql.zst": zstd.compress,
    "small.sql.lz4": cast("Any", lz4.frame).compress,
    "small.sql.bz2": bz2.compress,
    "small.sql.xz": lzma.compress,
    "named-for-something-else.txt": gzip.compress,
}


@pytest.fixture(scope="module")
def wanted(server: DumpServer, plain: bytes) -> Iterator[Content]:
    """What psql's load of every kind of object holds."""
    with server.database() as name:
        server.psql(name, plain)
        yield server.content(name)


@pytest.fixture(scope="module")
def wanted_small(server: DumpServer, small: bytes) -> Iterator[Content]:
    with server.database() as name:
        server.psql(name, small)
        yield server.content(name)


def require_15(server: DumpServer) -> None:
    """Before 15 the schema `public` belongs to rdsadmin, and a newer pg_dump writes that owner."""
    if server.host.binaries.major < 15:
        pytest.skip("the schema public is rdsadmin's before 15")


def test_every_kind_of_object_is_loaded_as_psql_loads_it(
    server: DumpServer, bucket: Bucket, plain: bytes, wanted: Content, target: str
) -> None:
    result = loaded(server, bucket, bucket.put("all.sql.gz", gzip.compress(plain, 1)), target)
    assert differences(wanted, server.content(target)) == []
    assert result.rows == sum(int(str(facts[1])) for facts in wanted.relations.values() if facts[0] == "r")
    assert list_left_out(server, result) == ()


def list_left_out(server: DumpServer, result: LoadResult) -> tuple[str, ...]:
    return tuple(statement for statement in result.skipped if statement not in written_by_a_newer_pg_dump(server))


def written_by_a_newer_pg_dump(server: DumpServer) -> set[str]:
    """What the oldest pg_dump that is to be had here, 17, writes and the server doesn't know or hasn't its own."""
    before_15 = {"ALTER SCHEMA public OWNER TO rdsadmin"} if server.host.binaries.major < 15 else set[str]()
    return before_15 | ({"SET transaction_timeout = 0"} if server.host.binaries.major < 17 else set[str]())


@pytest.mark.parametrize("options", [Options(), SMALL_PIECES], ids=["in other pieces", "in the same pieces"])
def test_a_load_by_a_saved_plan_equals_psqls(
    server: DumpServer, bucket: Bucket, plain: bytes, wanted: Content, target: str, tmp_path: Path, options: Options
) -> None:
    key = bucket.put("planned.sql.gz", gzip.compress(plain, 1))
    dump = dump_of(bucket, key)
    scan_file.save_plan(tmp_path / "plan.json", scan(bucket.s3, dump, options), options)
    planned = scan_file.read_plan(tmp_path / "plan.json", dump, options)
    loaded(server, bucket, key, target, scan=planned)
    assert differences(wanted, server.content(target)) == []
    assert verify(bucket.s3, dump, server.target(target), scan=planned).passed


def test_a_plan_that_counts_other_rows_than_the_server_takes_is_no_success(
    server: DumpServer, bucket: Bucket, plain: bytes, target: str
) -> None:
    key = bucket.put("miscounted.sql", plain)
    found = scan(bucket.s3, dump_of(bucket, key), SMALL_PIECES)
    first, *others = found.pieces["public.transactions"]
    wrong = replace(found, pieces={**found.pieces, "public.transactions": (first + 1, *others)})
    said = refused_words(lambda: loaded(server, bucket, key, target, scan=wrong))
    assert f"the server took {first} rows of {first + 1}" in said


@pytest.mark.parametrize("name", PACKERS)
def test_every_compression_is_read(
    server: DumpServer, bucket: Bucket, small: bytes, wanted_small: Content, target: str, name: str
) -> None:
    loaded(server, bucket, bucket.put(name, PACKERS[name](small)), target)
    assert differences(wanted_small, server.content(target)) == []


@pytest.mark.parametrize("form", ["custom", "tar", "directory"])
def test_an_archive_is_loaded_as_psql_loads_the_plain_dump(
    server: DumpServer, bucket: Bucket, source: str, wanted: Content, target: str, tmp_path: Path, form: str
) -> None:
    server.dump(source, f"--format={form}", f"--file={tmp_path / 'all'}")
    key = put_directory(bucket, tmp_path / "all") if form == "directory" else put_file(bucket, tmp_path / "all")
    loaded(server, bucket, key, target)
    assert differences(wanted, server.content(target)) == []


def put_file(bucket: Bucket, file: Path) -> str:
    return bucket.put("all.dump", file.read_bytes())


def put_directory(bucket: Bucket, folder: Path) -> str:
    first, *others = sorted(folder.iterdir())
    prefix = bucket.put(f"all/{first.name}", first.read_bytes()).rpartition("/")[0]
    for file in others:
        bucket.s3.put_object(Bucket=NAME, Key=f"{prefix}/{file.name}", Body=file.read_bytes())
    return f"{prefix}/"


STYLES = {
    "nobodys": ["--no-owner", "--no-privileges"],
    "quoted": ["--quote-all-identifiers", "--no-comments"],
    "through_the_root": ["--load-via-partition-root", "--no-toast-compression"],
    "schema_only": ["--schema-only"],
    "inserts": ["--inserts"],
    "inserts_with_columns": ["--column-inserts", "--on-conflict-do-nothing"],
    "inserts_of_many": ["--rows-per-insert=70"],
    "some_tables": ["--table=public.cache", "--table=public.hash*", "--table=analytics.none*"],
}


@pytest.mark.parametrize("style", STYLES)
def test_a_dump_made_with_options_is_loaded_as_psql_loads_it(
    server: DumpServer, bucket: Bucket, source: str, target: str, style: str
) -> None:
    dump = server.dump(source, *STYLES[style])
    loaded(server, bucket, bucket.put("style.sql", dump), target)
    with server.database() as other:
        server.psql(other, dump)
        assert differences(server.content(other), server.content(target)) == []


@pytest.mark.parametrize("options", [["--clean"], ["--clean", "--if-exists"]])
def test_a_dump_that_drops_first_is_loaded_without_a_drop(
    server: DumpServer, bucket: Bucket, source: str, target: str, options: list[str]
) -> None:
    done = loaded(server, bucket, bucket.put("clean.sql", server.dump(source, *options)), target)
    assert re.fullmatch(r"drops of pg_dump --clean: \d{3} \(the target was empty\)", done.skipped[0])
    with server.database() as other:
        server.psql(other, server.dump(source))
        assert differences(server.content(other), server.content(target)) == []


@pytest.mark.parametrize("options", [[], ["--inserts"]])
def test_a_dump_that_acts_as_its_owners_is_loaded_though_rds_lets_nobody_set_the_session_authorization(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, options: list[str]
) -> None:
    require_15(server)
    with server.database() as source:
        server.psql(source, b"CREATE EXTENSION citext;" + small)
        dump = server.dump(source, "--use-set-session-authorization", *options)
        wanted = server.content(source)
    assert b"SET SESSION AUTHORIZATION DEFAULT;" in dump
    assert b"SET SESSION AUTHORIZATION 'app_owner';" in dump
    loaded(server, bucket, bucket.put("owners.sql", dump), target)
    assert differences(wanted, server.content(target)) == []


@pytest.mark.parametrize("name", ["public", '"public"'])
def test_a_schema_that_every_database_has_is_not_made_again(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, name: str
) -> None:
    """pg_dump --clean drops and makes `public`, before PostgreSQL 15; --quote-all-identifiers quotes it."""
    require_15(server)
    first = b"CREATE TABLE public.posts"
    dump = small.replace(first, f"DROP SCHEMA {name};\nCREATE SCHEMA {name};\n".encode() + first, 1)
    done = loaded(server, bucket, bucket.put("public.sql", dump), target)
    drops = "drops of pg_dump --clean: 1 (the target was empty)"
    assert list_left_out(server, done) == (drops, f"CREATE SCHEMA {name}")


CACHE = b"CREATE UNLOGGED TABLE cache (id int GENERATED ALWAYS AS IDENTITY, plain serial);"
PERSISTENCE = """
SELECT string_agg(relname || ' ' || relpersistence::text, ', ' ORDER BY relname) FROM pg_class WHERE relname ~ 'cache'
"""


def test_an_unlogged_table_is_loaded_whether_or_not_its_sequences_follow_it(
    server: DumpServer, bucket: Bucket, target: str
) -> None:
    """Before 15 they were logged: a newer pg_dump writes LOGGED, which such a server can't read."""
    with server.database() as source:
        server.psql(source, CACHE)
        result = loaded(server, bucket, bucket.put("cache.sql", server.dump(source)), target)
        assert result.not_loaded == ()
        assert server.value(target, PERSISTENCE) == server.value(source, PERSISTENCE)


def without_an_encoding(plain: bytes) -> bytes:
    """As from a SQL_ASCII database, with a name that is none in ASCII."""
    named = re.sub(rb"public\.posts\b", 'public."pösts"'.encode(), plain)
    return named.replace(b"client_encoding = 'UTF8'", b"client_encoding = 'SQL_ASCII'")


def test_a_dump_without_an_encoding_is_loaded_as_psql_loads_it(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    dump = without_an_encoding(small)
    loaded(server, bucket, bucket.put("ascii.sql", dump), target)
    with server.database() as other:
        server.psql(other, dump)
        assert differences(server.content(other), server.content(target)) == []


def test_a_database_without_an_encoding_takes_the_dumps_bytes_as_they_are(
    server: DumpServer, bucket: Bucket, small: bytes
) -> None:
    with server.database(encoding="SQL_ASCII") as name:
        loaded(server, bucket, bucket.put("ascii.sql", without_an_encoding(small)), name)
        assert server.value(name, "SELECT relname::bytea FROM pg_class WHERE relname LIKE 'p%sts'") == "pösts".encode()


NAMED = """
CREATE TABLE "{0}" (id int PRIMARY KEY, "{0}" text);
CREATE SEQUENCE "{0}'s" START 7;
CREATE INDEX "{0} text" ON "{0}" ("{0}");
INSERT INTO "{0}" SELECT g, '{0} ' || md5(g::text) FROM generate_series(1, 5000) g;
ALTER TABLE "{0}" OWNER TO "{0}";
ALTER SEQUENCE "{0}'s" OWNER TO "{0}";
ALTER TABLE "{0}" ADD CONSTRAINT "{0} >" CHECK (id > 0) NOT VALID;
CREATE SCHEMA "{0}" AUTHORIZATION "{0}";
"""


@pytest.fixture
def named(server: DumpServer, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A database in which everything has that name, a role too, and the name."""
    name = str(request.param)
    with server.database() as source, server.cluster.sql() as superuser:
        superuser.execute(f'CREATE ROLE "{name}"'.encode())
        superuser.execute(f'GRANT "{name}" TO master WITH ADMIN OPTION'.encode())
        with server.cluster.sql(source) as session:
            session.execute(NAMED.format(name).encode())
        yield source, name
        with server.cluster.sql(source) as session:
            session.execute(f'DROP OWNED BY "{name}"'.encode())
        superuser.execute(f'DROP ROLE "{name}"'.encode())


@pytest.mark.parametrize(
    ("encoding", "codec", "named"),
    [("LATIN1", "latin1", "größe"), ("WIN1252", "cp1252", "10 €"), ("EUC_JP", "euc_jp", "大きさ")],
    indirect=["named"],
)
def test_names_in_another_encoding_are_found_again(
    server: DumpServer, bucket: Bucket, named: tuple[str, str], target: str, encoding: str, codec: str
) -> None:
    source, name = named
    dump = server.dump(source, f"--encoding={encoding}")
    assert name.encode(codec) in dump
    key = bucket.put("other.sql", dump)
    planned = scan(bucket.s3, dump_of(bucket, key), SMALL_PIECES)
    assert planned.roles == (name,)
    done = loaded(server, bucket, key, target, scan=planned)
    assert [table.name for table in done.tables] == [f'public."{name}"']
    assert verify(bucket.s3, dump_of(bucket, key), server.target(target), scan=planned).passed
    assert differences(server.content(source), server.content(target)) == []
    with server.session(target) as session:
        session.execute(f'TRUNCATE "{name}"'.encode())
    found = verify(bucket.s3, dump_of(bucket, key), server.target(target), scan=planned)
    assert [(table.name, table.dump, table.target) for table in found.tables] == [(f'public."{name}"', 5000, 0)]


def test_a_name_that_python_cannot_read_ends_no_load(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    """PostgreSQL's EUC_JP has letters of NEC's that Python's lacks."""
    circled = b"\xad\xa1"
    with pytest.raises(UnicodeDecodeError):
        circled.decode("euc_jp")
    named = re.sub(rb"public\.posts\b", b'public."%b"' % circled, small)
    dump = named.replace(b"client_encoding = 'UTF8'", b"client_encoding = 'EUC_JP'")
    key = bucket.put("circled.sql", dump)
    loaded(server, bucket, key, target, scan=scan(bucket.s3, dump_of(bucket, key), SMALL_PIECES))
    with server.database() as other:
        server.psql(other, dump)
        assert differences(server.content(other), server.content(target)) == []


@pytest.mark.parametrize("named", ["größe"], indirect=True)
def test_a_role_in_another_encoding_is_mapped_to_one_of_any_name(
    server: DumpServer, bucket: Bucket, named: tuple[str, str], target: str
) -> None:
    source, name = named
    key = bucket.put("other.sql", server.dump(source, "--encoding=LATIN1"))
    loaded(server, bucket, key, target, replace(SMALL_PIECES, role_map={name: "Odd Role;"}))
    owner = f"SELECT relowner::regrole::text FROM pg_class WHERE relname = '{name}'"
    assert server.value(target, owner) == '"Odd Role;"'


PUBLIC_OWNER = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'"


@pytest.mark.parametrize("name", [b"public", b'"public"'])
def test_a_database_from_before_15_is_loaded_although_its_public_schema_belongs_to_a_superuser(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, name: bytes
) -> None:
    """On RDS to rdsadmin, also after an upgrade: pg_dump writes its owner since 15."""
    require_15(server)
    first, gives = b"CREATE TABLE public.posts", b"ALTER SCHEMA %b OWNER TO rdsadmin" % name
    dump = small.replace(first, gives + b";\n" + first, 1)
    before = server.value(target, PUBLIC_OWNER)
    done = loaded(server, bucket, bucket.put("before15.sql", dump), target)
    assert list_left_out(server, done) == (gives.decode(),)
    assert server.value(target, PUBLIC_OWNER) == before != "rdsadmin"


def test_the_public_schema_goes_to_the_dumps_owner_of_it(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    require_15(server)
    first = b"CREATE TABLE public.posts"
    dump = small.replace(first, b"ALTER SCHEMA public OWNER TO app_reader;\n" + first, 1)
    loaded(server, bucket, bucket.put("owned.sql", dump), target)
    assert server.value(target, PUBLIC_OWNER) == "app_reader"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--create"], "--create"),
        (["--clean", "--create"], "--create"),
        (["--data-only"], "."),
    ],
)
def test_a_dump_made_in_a_way_that_cannot_be_loaded_says_how_to_make_it(
    server: DumpServer, bucket: Bucket, source: str, target: str, options: list[str], says: str
) -> None:
    key = bucket.put("style.sql", server.dump(source, *options))
    assert says in refused_words(lambda: loaded(server, bucket, key, target))


def test_a_load_that_is_done_is_not_done_again(server: DumpServer, bucket: Bucket, small: bytes, target: str) -> None:
    key = bucket.put("small.sql", small)
    first = loaded(server, bucket, key, target)
    before = server.content(target)
    again = loaded(server, bucket, key, target)
    assert (first.already_loaded, again.already_loaded) == (False, True)
    assert differences(before, server.content(target)) == []


def test_another_dump_is_not_loaded_over_a_loaded_one(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    loaded(server, bucket, bucket.put("small.sql", small), target)
    before = server.content(target)
    key = bucket.put("small.sql", small + b"\n")
    assert "small.sql" in refused_words(lambda: loaded(server, bucket, key, target))
    assert differences(before, server.content(target)) == []


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE public.mine ()", "CREATE SCHEMA other", "CREATE FUNCTION public.f() RETURNS int RETURN 1"],
)
def test_a_database_that_holds_something_else_is_refused_untouched(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, statement: str
) -> None:
    with server.session(target) as session:
        session.execute(statement.encode())
    before = server.content(target)
    key = bucket.put("small.sql", small)
    with pytest.raises(Refused, match="empty"):
        loaded(server, bucket, key, target)
    assert differences(before, server.content(target)) == []


def test_missing_roles_are_all_told_before_anything_is_loaded(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    key = bucket.put(
        "small.sql", small.replace(b"TO master", b"TO one_absent").replace(b"TO app_owner", b"TO other_absent")
    )
    before = server.content(target)
    words = refused_words(lambda: loaded(server, bucket, key, target))
    assert "one_absent" in words
    assert "other_absent" in words
    assert differences(before, server.content(target)) == []


def test_missing_roles_are_made_mapped_or_left_out_when_asked(server: DumpServer, bucket: Bucket, small: bytes) -> None:
    key = bucket.put("small.sql", small.replace(b"TO app_owner", b"TO absent"))
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'users'"
    for options, expected in (
        (Options(roles=Roles.SKIP), "master"),
        (Options(role_map={"absent": "app_reader"}), "app_reader"),
        (Options(roles=Roles.CREATE), "absent"),
    ):
        with server.database() as name:
            result = loaded(server, bucket, key, name, options)
            assert server.value(name, owner) == expected
            assert result.created_roles == (("absent",) if expected == "absent" else ())
    assert server.value("postgres", "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'absent'") is False


def test_default_privileges_of_a_role_that_owns_nothing_are_loaded(
    server: DumpServer, bucket: Bucket, small: bytes, target: str
) -> None:
    first = b"CREATE TABLE public.posts"
    grant = b"ALTER DEFAULT PRIVILEGES FOR ROLE deployer IN SCHEMA public GRANT SELECT ON TABLES TO app_reader;\n"
    key = bucket.put("defaults.sql", small.replace(first, grant + first, 1))
    loaded(server, bucket, key, target, Options(roles=Roles.CREATE))
    maker = "SELECT defaclrole::regrole::text FROM pg_default_acl"
    assert server.value(target, maker) == "deployer"


def test_event_triggers_are_loaded_where_the_role_may(server: DumpServer, bucket: Bucket, target: str) -> None:
    require_15(server)
    statements = """
      CREATE FUNCTION tell() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
      CREATE TABLE t (a int);
      CREATE EVENT TRIGGER stop_ddl ON ddl_command_start EXECUTE FUNCTION tell();
      ALTER EVENT TRIGGER stop_ddl ENABLE ALWAYS;
      COMMENT ON EVENT TRIGGER stop_ddl IS 'stops; ddl';
      INSERT INTO t VALUES (1);
    """
    with server.database() as name:
        with server.cluster.sql(name) as superuser:
            superuser.execute(statements.encode())
        dump, wanted = server.dump(name, "--no-owner"), server.content(name)
    key = bucket.put("events.sql", dump)
    with server.cluster.sql() as superuser:
        superuser.execute("ALTER ROLE master SUPERUSER")
    try:
        loaded(server, bucket, key, target, Options(superuser=True, allow=frozenset({"event_trigger"})))
        assert wanted.relations == server.content(target).relations
        assert wanted.definitions.replace("rdsadmin", "master") == server.content(target).definitions
    finally:
        with server.cluster.sql() as superuser:
            superuser.execute("ALTER ROLE master NOSUPERUSER")
