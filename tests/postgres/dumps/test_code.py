"""The dump's own functions run while it is loaded and read: they reach nothing but the loaded database."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from restore.dumps.check.scan import scan
from restore.dumps.check.verify import verify
from restore.dumps.load.read_role import open_reader
from restore.dumps.model import (
    LoadLogin,
    LoadPhase,
    LoadResult,
    OnError,
    Options,
    Progress,
    Roles,
    Verification,
)
from restore.model.dump_kinds import PRIVILEGED_OWNER
from sandbox.machine.processes import wait_until
from tests.support.dumps.bucket import Bucket
from tests.support.dumps.code_of_dumps import EVENT_TRIGGER, KINDS, POLICY, QUIET_UNTIL_READ, READ, VICTIM, VIEW
from tests.support.dumps.dump_loading import WAITS, dump_of, loaded, refused_words, that_waits
from tests.support.dumps.dump_process import killed_reader
from tests.support.dumps.dump_server import MASTER, PASSWORD, DumpServer
from validation import expectations, loss
from validation.connect.target import Target
from validation.runner.run import RunOptions, run
from validation.verdict import Verdict

OWNER = "shop_owner"
INTRUDER = "SELECT count(*) FROM pg_roles WHERE rolname = 'intruder'"
LOAD_ROLES = "SELECT string_agg(rolname || rolcanlogin, ' ') FROM pg_roles WHERE rolname ~ '^restore_load_'"
RAN = "SELECT string_agg(DISTINCT login, ' ') FROM public.ran"
STRICT: frozenset[str] = frozenset()
STOPS = Options(workers=2, on_error=OnError.STOP)
UNDO = "DROP ROLE IF EXISTS intruder; ALTER DATABASE postgres RESET search_path"


@contextmanager
def database(server: DumpServer) -> Generator[str]:
    """An empty database of an owner that has nothing else."""
    with server.database() as name:
        with server.cluster.sql() as superuser:
            superuser.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(OWNER))
            )
        try:
            yield name
        finally:
            with server.cluster.sql() as superuser:
                superuser.execute("ALTER ROLE master NOSUPERUSER")
                superuser.execute(UNDO)


@pytest.fixture(scope="module", autouse=True)
def owner(server: DumpServer) -> None:
    with server.session("postgres") as master:
        master.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(OWNER)))
        master.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(OWNER), sql.Identifier(MASTER)))


@pytest.fixture
def shop(server: DumpServer, owner: None) -> Iterator[str]:
    with database(server) as name:
        yield name


@pytest.fixture(scope="module")
def plain(small: bytes) -> bytes:
    """The small dump, all of it of one owner without rights beyond its database."""
    return small.replace(b"OWNER TO app_owner", b"OWNER TO shop_owner").replace(
        b"OWNER TO master", b"OWNER TO shop_owner"
    )


def strictly(server: DumpServer, bucket: Bucket, key: str, name: str, options: Options | None = None) -> LoadResult:
    """As the command does by default."""
    return loaded(server, bucket, key, name, options or Options(workers=2), allow=STRICT)


def verified(server: DumpServer, bucket: Bucket, key: str, name: str) -> Verification:
    return verify(bucket.s3, dump_of(bucket, key), server.target(name))


def harmed(server: DumpServer) -> bool:
    return bool(server.value("postgres", INTRUDER))


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_of_the_dump_makes_a_role_through_psql_and_none_through_the_loader(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str, kind: str
) -> None:
    dump = KINDS[kind].make(plain)
    with database(server) as other:
        server.psql(other, dump)
        if kind in QUIET_UNTIL_READ:
            with server.session(other) as master:
                master.execute("SELECT count(*) FROM public.x")
        assert harmed(server), "the test's function does no harm"
    key = bucket.put("code.sql", dump)
    strictly(server, bucket, key, shop)
    assert verified(server, bucket, key, shop).passed
    assert not harmed(server)
    assert str(server.value(shop, RAN)).startswith("restore_load_"), "the function didn't run"
    assert server.value("postgres", LOAD_ROLES) is None


def test_an_event_trigger_of_the_dump_waits_for_a_decision(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    """RDS lets rds_superuser make them; PostgreSQL superusers alone."""
    dump = EVENT_TRIGGER.make(plain)
    with server.cluster.sql() as superuser, database(server) as other:
        superuser.execute("ALTER ROLE master SUPERUSER")
        server.psql(other, dump)
        superuser.execute("ALTER ROLE master NOSUPERUSER")
        assert harmed(server), "the test's function does no harm"
    key = bucket.put("event.sql", dump)
    assert "--skip event_trigger" in refused_words(lambda: strictly(server, bucket, key, shop))
    strictly(server, bucket, key, shop, Options(skip=frozenset({"event_trigger"})))
    assert verified(server, bucket, key, shop).passed
    assert not harmed(server)


def test_a_view_where_the_dumps_rows_go_is_not_read(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    key = bucket.put("view.sql", VIEW.make(plain))
    strictly(server, bucket, key, shop)
    with server.session(shop) as master:
        master.execute("SELECT count(*) FROM public.x")
    assert harmed(server), "the test's view does no harm"
    with server.cluster.sql() as superuser:
        superuser.execute(UNDO)
    found = verified(server, bucket, key, shop)
    assert [(table.name, table.target) for table in found.tables if not table.equal] == [("public.x", None)]
    assert not harmed(server)


POWERS = {
    "rds_superuser": ("", "a role of the server's own"),
    "rds_replication": ("", "a role of the server's own"),
    MASTER: ("", "CREATEROLE"),
    "maker": ("CREATE ROLE maker CREATEDB", "CREATEDB"),
    "deputy": ("CREATE ROLE deputy IN ROLE rds_superuser", "member of rds_superuser"),
    "landlord": ("CREATE ROLE landlord; ALTER DATABASE template1 OWNER TO landlord", "database template1"),
}


@pytest.mark.parametrize("name", POWERS)
def test_an_owner_with_rights_beyond_the_database_gets_nothing_unless_it_is_mapped(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str, name: str
) -> None:
    make, right = POWERS[name]
    with server.cluster.sql() as superuser:
        superuser.execute(make.encode())
    try:
        function = "CREATE FUNCTION public.door() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'select 1';\n"
        gives = f"ALTER FUNCTION public.door() OWNER TO {name};\n"
        first = b"CREATE TABLE public.posts"
        key = bucket.put("door.sql", plain.replace(first, (function + gives).encode() + first, 1))
        words = refused_words(lambda: strictly(server, bucket, key, shop))
        assert f"role {name}" in words
        assert right in words
        assert f"--map {name}=" in words
        done = strictly(server, bucket, key, shop, Options(role_map={name: OWNER}))
        assert done.security_definer == (f"public.door() of {OWNER}",)
        assert scan(bucket.s3, dump_of(bucket, key)).security_definer == ("public.door",)
    finally:
        with server.cluster.sql() as superuser:
            superuser.execute("ALTER DATABASE template1 OWNER TO master")
            superuser.execute("DROP ROLE IF EXISTS maker, deputy, landlord")


def test_what_has_no_owner_in_the_dump_becomes_no_privileged_roles(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    with server.cluster.sql() as superuser:
        superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(shop), sql.Identifier(MASTER)))
    extra = b"CREATE TABLE public.nobodys (a int);\n"
    first = b"CREATE TABLE public.posts"
    key = bucket.put("nobodys.sql", plain.replace(first, extra + first, 1))
    words = refused_words(lambda: strictly(server, bucket, key, shop))
    assert "names no owner of table public.nobodys\n" in words
    assert f'ALTER DATABASE "{shop}" OWNER TO' in words
    with server.cluster.sql() as superuser:
        superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(shop), sql.Identifier(OWNER)))
    assert strictly(server, bucket, key, shop).resumed
    assert server.value(shop, "SELECT tableowner FROM pg_tables WHERE tablename = 'nobodys'") == OWNER


def test_what_changes_on_the_server_during_a_load_is_told_then_and_later(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    key = bucket.put("change.sql", that_waits(plain))
    with server.cluster.sql(shop) as superuser:
        superuser.execute("SELECT pg_advisory_lock(%s)", [WAITS])

        def intrude(progress: Progress) -> None:
            if progress.phase is LoadPhase.INDEXES and not harmed(server):
                superuser.execute("CREATE ROLE intruder LOGIN PASSWORD 'x'")
                superuser.execute("ALTER DATABASE postgres SET search_path = 'evil-value'")
                superuser.execute("SELECT pg_advisory_unlock(%s)", [WAITS])

        done = loaded(server, bucket, key, shop, Options(workers=2), allow=STRICT, progress=intrude)
    changes = ("role intruder: new", "setting search_path of database postgres: new")
    assert done.server_changes == changes
    assert strictly(server, bucket, key, shop).server_changes == changes
    assert "evil-value" not in str(done.as_json())


def test_an_attempt_that_fails_leaves_no_login_and_one_elsewhere_forgets_it(
    server: DumpServer, bucket: Bucket, plain: bytes, owner: None
) -> None:
    first = b"CREATE INDEX posts_user"
    broken = b"CREATE INDEX i ON public.posts USING btree (gone);\n" + first
    key = bucket.put("broken.sql", plain.replace(first, broken))
    with database(server) as gone:
        oid = server.value(gone, "SELECT oid::text FROM pg_database WHERE datname = current_database()")
        for _ in range(2):
            refused_words(lambda: strictly(server, bucket, key, gone, STOPS))
            assert server.value("postgres", LOAD_ROLES) == f"restore_load_{oid}false"
    assert server.value("postgres", LOAD_ROLES) == f"restore_load_{oid}false"
    with database(server) as other:
        strictly(server, bucket, bucket.put("good.sql", plain), other)
        assert server.value("postgres", LOAD_ROLES) is None


def test_the_schema_public_that_the_dump_gives_away_stays_given_when_a_load_goes_on(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    if server.host.binaries.major < 15:
        pytest.skip("the schema public is rdsadmin's before 15, and stays so")
    table, first = b"CREATE TABLE public.posts", b"CREATE INDEX posts_user"
    gives = plain.replace(table, b"ALTER SCHEMA public OWNER TO shop_owner;\n" + table, 1)
    waits = b"CREATE INDEX i ON public.posts USING btree (((1 / (SELECT 1))));\n"
    key = bucket.put("gives.sql", gives.replace(first, waits + first, 1))
    refused_words(lambda: strictly(server, bucket, key, shop, STOPS))
    refused_words(lambda: strictly(server, bucket, key, shop, STOPS))
    assert server.value(shop, "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'") == OWNER


LITTLE = "little_operator"


@pytest.fixture
def little(server: DumpServer, shop: str) -> Iterator[Target]:
    """The login of a database's owner that may make no roles."""
    with server.cluster.sql() as superuser:
        role = sql.Identifier(LITTLE)
        superuser.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        superuser.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(OWNER), role))
        yield replace(server.target(shop), user=LITTLE)
        with server.cluster.sql(shop) as session:
            session.execute(sql.SQL("DROP OWNED BY {}").format(role))
        superuser.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_login_that_may_make_no_roles_is_told_what_it_lacks_and_the_way(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str, little: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def target(_server: DumpServer, _database: str) -> Target:
        return little

    monkeypatch.setattr(DumpServer, "target", target)
    key = bucket.put("little.sql", plain)
    words = refused_words(lambda: strictly(server, bucket, key, shop))
    for said in ("it has no CREATEROLE", f'ALTER ROLE "{LITTLE}" CREATEROLE', "--login own"):
        assert said in words
    absent = bucket.put("absent.sql", plain.replace(b"OWNER TO shop_owner", b"OWNER TO absent"))
    own = Options(login=LoadLogin.OWN, roles=Roles.CREATE)
    words = refused_words(lambda: strictly(server, bucket, absent, shop, own))
    assert f"the right of {LITTLE} to create it" in words
    assert "does not exist" not in words
    assert strictly(server, bucket, key, shop, own).rows == 2300


def test_a_dump_you_trust_may_give_things_to_the_operator(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    key = bucket.put("mine.sql", plain.replace(b"OWNER TO shop_owner", b"OWNER TO master"))
    loaded(server, bucket, key, shop, Options(workers=2), allow=frozenset({PRIVILEGED_OWNER}))
    assert (
        server.value(shop, "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'public'")
        == MASTER
    )


def test_a_publication_goes_to_its_owner(server: DumpServer, bucket: Bucket, plain: bytes, shop: str) -> None:
    index = b"CREATE INDEX posts_user"
    publication = (
        b"CREATE PUBLICATION p WITH (publish = 'insert, update, delete, truncate');\n"
        b"ALTER PUBLICATION p OWNER TO shop_owner;\nALTER PUBLICATION p ADD TABLE ONLY public.posts;\n"
    )
    strictly(server, bucket, bucket.put("publication.sql", plain.replace(index, publication + index, 1)), shop)
    assert server.value(shop, "SELECT pubowner::regrole::text FROM pg_publication") == OWNER
    assert server.value(shop, "SELECT prrelid::regclass::text FROM pg_publication_rel") == "posts"


BYSTANDER = "bystander"
VICTIMS = f"SELECT array_agg(usename::text ORDER BY usename) FROM pg_stat_activity WHERE application_name = '{VICTIM}'"
READERS = "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname ~ '^restore_read_'"


@contextmanager
def victims(server: DumpServer) -> Generator[None]:
    """A session of the dump's owner, and one of somebody whom only the operator may harm."""
    owner, bystander, password = sql.Identifier(OWNER), sql.Identifier(BYSTANDER), sql.Literal(PASSWORD)
    sessions: list[psycopg.Connection] = []
    with server.cluster.sql() as superuser:
        superuser.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(owner, password))
        superuser.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(bystander, password))
        try:
            sessions.extend(
                psycopg.connect(
                    host=server.address, dbname="postgres", user=name, password=PASSWORD, application_name=VICTIM
                )
                for name in (BYSTANDER, OWNER)
            )
            yield
        finally:
            for session in sessions:
                session.close()
            superuser.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(owner))
            superuser.execute(sql.SQL("DROP ROLE {}").format(bystander))


def verdicts(login: Target, administrator: Target | None = None) -> dict[str, Verdict]:
    """What the checks of gate `validated` come to."""
    report = run(login, expectations.from_mapping({}), RunOptions(administrator=administrator, budget_seconds=120))
    return {result.name: result.verdict for result in report.results}


def read_all(server: DumpServer, source: str, login: Target) -> None:
    """As the gate reads a candidate: its checks, and the loss report beside a source that is no dump's."""
    assert verdicts(login, server.target(login.dbname))["rows:public.x"] is Verdict.PASS
    (table,) = (table for table in loss.run(server.target(source), login).tables if str(table.table) == "public.x")
    assert table.status is loss.Status.EQUAL, table


@pytest.mark.parametrize("kind", READ)
def test_who_checks_a_loaded_dump_lends_its_functions_no_rights_of_the_operator(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str, kind: str
) -> None:
    key = bucket.put("read.sql", READ[kind].make(plain))
    strictly(server, bucket, key, shop)
    with server.database() as source:  # of an owner of its own: the dump's may have nothing in another database
        harmless = b"CREATE TABLE public.x (a text);\nINSERT INTO public.x VALUES ('1');"
        server.psql(source, plain.replace(b"OWNER TO shop_owner", b"OWNER TO app_owner") + harmless)
        with victims(server):
            read_all(server, source, server.target(shop))
            wait_until(lambda: server.value("postgres", VICTIMS) is None, 30, "the operator's harm", 0.05)
        with victims(server):
            with open_reader(server.target(shop), print, Event()) as login:
                read_all(server, source, login)
            wait_until(lambda: server.value("postgres", VICTIMS) == [BYSTANDER], 30, "the owner's session to end", 0.05)
    assert server.value("postgres", READERS) is None


def test_the_checks_find_with_the_reading_role_what_they_find_with_the_operator_s_login(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    strictly(server, bucket, bucket.put("policy.sql", POLICY.make(plain)), shop)
    operator = server.target(shop)
    with open_reader(operator, print, Event()) as login:
        found = verdicts(login, operator)
    assert found == verdicts(operator)
    assert found["rows:public.x"] is Verdict.PASS
    assert found["amcheck-heap:public.x"] is Verdict.PASS


def test_the_reading_role_can_log_in_where_an_owner_does_so_by_iam(server: DumpServer, shop: str) -> None:
    iam = "SELECT pg_has_role('{}', 'rds_iam', 'MEMBER')"
    with server.cluster.sql() as superuser:
        superuser.execute(sql.SQL("GRANT rds_iam TO {}").format(sql.Identifier(OWNER)))
        try:
            assert server.value(shop, iam.format(OWNER)) is True
            with open_reader(server.target(shop), print, Event()) as login:
                assert server.value(shop, iam.format(login.user)) is False
        finally:
            superuser.execute(sql.SQL("REVOKE rds_iam FROM {}").format(sql.Identifier(OWNER)))


def test_a_reading_role_that_a_killed_run_left_is_found_again_and_gone_after_the_next(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    strictly(server, bucket, bucket.put("good.sql", plain), shop)
    left = killed_reader(server, shop)
    assert server.value("postgres", READERS) == left.user
    with server.cluster.sql() as superuser:  # by whomever: its rights don't come back with its name
        superuser.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(left.user)))
    with open_reader(server.target(shop), print, Event()) as login:
        assert login.user == left.user
        assert server.value("postgres", f"SELECT rolcreaterole FROM pg_roles WHERE rolname = '{login.user}'") is False
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(**left.build_keywords(left.read_secret())))
        assert server.value("postgres", READERS) == login.user
    assert server.value("postgres", READERS) is None


def test_a_load_that_goes_on_takes_a_reading_role_left_behind_for_no_intruder(
    server: DumpServer, bucket: Bucket, plain: bytes, shop: str
) -> None:
    give = sql.SQL("ALTER DATABASE {} OWNER TO {}")
    first = b"CREATE TABLE public.posts"
    key = bucket.put("left.sql", plain.replace(first, b"CREATE TABLE public.nobodys (a int);\n" + first, 1))
    with server.cluster.sql() as superuser:
        superuser.execute(give.format(sql.Identifier(shop), sql.Identifier(MASTER)))
        assert "names no owner" in refused_words(lambda: strictly(server, bucket, key, shop))
        killed_reader(server, shop)
        superuser.execute(give.format(sql.Identifier(shop), sql.Identifier(OWNER)))
    done = strictly(server, bucket, key, shop)
    assert done.resumed
    assert done.server_changes == (f"database {shop}: changed",)
    assert server.value("postgres", READERS) is None
