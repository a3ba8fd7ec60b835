"""A PostgreSQL server with its defaults, but for memory, and databases that are quick to fill."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from sandbox.machine.layout import Layout
from sandbox.postgres.files import remove_tree
from sandbox.postgres.host import Host
from sandbox.postgres.server import Server

USER = "bench"
PORT = 5432
START_SECONDS = 60.0
# No WAL for tables that a transaction makes and fills: what is measured only reads.
SETTINGS = {
    "shared_buffers": "1GB",
    "maintenance_work_mem": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "fsync": "off",
    "autovacuum": "off",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Running:
    """A server on loopback that lets its user in without a password."""

    address: str
    programs: Path

    def url(self, database: str, port: int = PORT, address: str | None = None) -> str:
        return f"postgresql://{USER}@{address or self.address}:{port}/{database}?sslmode=disable"

    def connect(self, database: str = "postgres") -> psycopg.Connection[TupleRow]:
        return psycopg.connect(self.url(database), autocommit=True)

    @property
    def psql(self) -> str:
        return str(self.programs / "psql")


@contextmanager
def running(root: Path) -> Generator[Running]:
    """Starts a server; it ends with the context or with this process, and its data is removed."""
    layout = Layout.at(root)
    host = Host.at(layout)
    data, address = host.folder / "bench", layout.address("bench")
    host.identity.run(
        host.binaries.tool("initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
    )
    settings = {**SETTINGS, "listen_addresses": address, "unix_socket_directories": ""}
    lines = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
    host.identity.secret(data / "postgresql.auto.conf", lines.encode())
    found = Running(address, host.binaries.tool("psql").parent)
    server = Server(host.binaries, host.identity, data, host.folder / "log")
    try:
        server.start(lambda: _answers(found), START_SECONDS)
        yield found
    finally:
        server.stop(fast=False)
        remove_tree(host.folder)


def _answers(server: Running) -> bool:
    try:
        server.connect().close()
    except psycopg.OperationalError:
        return False
    return True
