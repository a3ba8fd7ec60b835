"""A server like RDS (the master user is no superuser), the source that is dumped, and psql's load."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from sandbox.machine.layout import Layout
from sandbox.postgres import content
from sandbox.postgres.cluster import Cluster, Place
from sandbox.postgres.files import remove_tree
from sandbox.postgres.host import Host
from validation.connect.target import Target

HERE = Path(__file__).parent
MASTER, PASSWORD = "master", "p@ss:w/rd%20#?"
OWNER = "app_owner"
TRANSACTION_TIMEOUT, TRANSACTION_TIMEOUT_SINCE = b"SET transaction_timeout = 0;\n", 17
ROLES = (OWNER, "app_reader", "Odd Role;")


class LoadFailed(Exception):
    """psql ended with an error; the text is what it said."""


@dataclass(frozen=True)
class DumpServer:
    """A running cluster; `folder` is for files of the tests."""

    cluster: Cluster
    host: Host
    folder: Path
    numbers: itertools.count[int] = field(default_factory=itertools.count, repr=False)

    @property
    def address(self) -> str:
        return self.cluster.place.address

    def target(self, database: str) -> Target:
        """The master user's, over verified TLS."""
        return Target(self.address, database, MASTER, PASSWORD, sslrootcert=str(self.authority))

    @property
    def authority(self) -> Path:
        return Layout.at(self.folder).ca

    @property
    def marks(self) -> Path:
        """A folder that everybody may write to, the server too."""
        return self.folder / "marks"

    def session(self, database: str) -> psycopg.Connection[TupleRow]:
        """The master user's session, in autocommit."""
        return psycopg.connect(
            host=self.address, user=MASTER, password=PASSWORD, dbname=database, sslmode="require", autocommit=True
        )

    @contextmanager
    def database(self, encoding: str = "UTF8") -> Generator[str]:
        """An empty database of the application owner's, dropped at the end."""
        name = f"target_{next(self.numbers)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER {} {} ENCODING {} LOCALE {}")
        copied = sql.SQL("STRATEGY file_copy" if self.host.binaries.major >= 15 else "")
        locale = "C" if encoding == "SQL_ASCII" else "C.UTF-8"
        with self.cluster.sql() as superuser:
            superuser.execute(create.format(sql.Identifier(name), sql.Identifier(OWNER), copied, encoding, locale))
        try:
            yield name
        finally:
            with self.cluster.sql() as superuser:
                superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def value(self, database: str, query: str) -> object:
        """The first column of the first row, as a superuser sees it."""
        with self.cluster.sql(database) as superuser:
            row = superuser.execute(query.encode()).fetchone()
        return row[0] if row else None

    def content(self, database: str) -> content.Content:
        with self.cluster.sql(database) as superuser:
            return content.read(superuser, self.host.binaries.tool("pg_dump"))

    def dump(self, database: str, *options: str) -> bytes:
        """What pg_dump writes of a database, as a superuser."""
        with self.cluster.sql() as superuser:
            where = ["-h", superuser.info.host, "-U", superuser.info.user, "-d", database]
        pg_dump = self.host.binaries.tool("pg_dump")
        return subprocess.run([pg_dump, *where, *options], capture_output=True, check=True).stdout

    def psql(self, database: str, statements: bytes) -> None:
        """What the runbook does: psql as the master user; here it stops at the first error.

        It is spared the one setting of a newer pg_dump that an older server doesn't know.

        Raises LoadFailed.
        """
        if self.host.binaries.major < TRANSACTION_TIMEOUT_SINCE:
            statements = statements.replace(TRANSACTION_TIMEOUT, b"")
        command = [self.host.binaries.tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
        where = {
            "PGHOST": self.address,
            "PGUSER": MASTER,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": database,
            "PGSSLMODE": "require",
        }
        process = subprocess.run(command, input=statements, capture_output=True, check=False, env=os.environ | where)
        if process.returncode:
            raise LoadFailed(process.stderr.decode(errors="replace")[-2000:])

    def crash(self) -> None:
        """Kills the server without warning (SIGKILL to the postmaster), and starts it again."""
        if self.cluster.pid is not None:
            os.kill(self.cluster.pid, signal.SIGKILL)
        self.cluster.stop(fast=False)
        self.cluster.start()


@contextmanager
def running() -> Generator[DumpServer]:
    """Starts a server with the application's roles; all is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="dumps-") as folder:
        layout = Layout.at(Path(folder))
        layout.root.chmod(0o755)
        (layout.root / "marks").mkdir()
        (layout.root / "marks").chmod(0o777)
        host = Host.at(layout)
        cluster = Cluster(host, host.clusters / "dumps", Place(layout.address("dumps"), 5432))
        try:
            cluster.create(MASTER, PASSWORD, None)
            make_roles(cluster)
            yield DumpServer(cluster, host, layout.root)
        finally:
            cluster.destroy()
            remove_tree(host.folder)


def make_roles(cluster: Cluster) -> None:
    with cluster.sql() as superuser:
        for name in ROLES:
            role = sql.Identifier(name)
            superuser.execute(sql.SQL("CREATE ROLE {}").format(role))
            superuser.execute(sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(role, sql.Identifier(MASTER)))


def make_source(server: DumpServer, database: str) -> None:
    """Fills a database with every kind of object."""
    server.psql(database, (HERE / "everything.sql").read_bytes())
