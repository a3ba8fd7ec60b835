"""A server with settings like those of an RDS instance, made afresh for each load; its CPU seconds can be read."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from sandbox.machine.layout import Layout
from sandbox.machine.processes import start_time, wait_until
from sandbox.postgres import content, roles
from sandbox.postgres.files import remove_tree
from sandbox.postgres.host import Host
from sandbox.postgres.server import Server
from sandbox.postgres.settings import SUPERUSER, host_based_authentication, quoted

MASTER, PASSWORD, DATABASE = "master", "bench", "app"
START_SECONDS = 60.0
LOCALE = "C.UTF-8"
"""Every machine has it. RDS's en_US.UTF-8 makes indexes of text dearer, for all ways."""
TABLES: LiteralString = """
  SELECT relname FROM pg_catalog.pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1
"""
# Durable, and what RDS's default parameter groups make of 8 GB of memory: `aws rds describe-db-parameters` (units: User
# Guide, "Working with parameters on RDS for PostgreSQL"). WAL isn't archived.
SETTINGS = {
    "shared_buffers": "2GB",
    "effective_cache_size": "4GB",
    "maintenance_work_mem": "134MB",
    "max_wal_size": "2GB",
    "min_wal_size": "192MB",
    "checkpoint_timeout": "5min",
    "checkpoint_completion_target": "0.9",
    "wal_level": "replica",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.1",
    "autovacuum_analyze_scale_factor": "0.05",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "max_connections": "100",
    "ssl": "on",
    "logging_collector": "off",
    "timezone": "UTC",
}


@dataclass(frozen=True)
class Machine:
    """Where the server lives; one at a time."""

    host: Host
    layout: Layout
    locale: str = LOCALE

    @property
    def data(self) -> Path:
        return self.host.folder / "bench"

    @property
    def address(self) -> str:
        return self.layout.address("bench")

    @property
    def environment(self) -> Mapping[str, str]:
        """For a client, as the master user, over verified TLS."""
        url = f"postgresql://{MASTER}:{PASSWORD}@{self.address}/{DATABASE}"
        return {
            "PGHOST": self.address,
            "PGUSER": MASTER,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": DATABASE,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(self.layout.ca),
            "TARGET_URL": f"{url}?sslmode=verify-full&sslrootcert={quote(str(self.layout.ca), safe='')}",
        }

    @contextmanager
    def running(self, **changed: str) -> Generator[None]:
        """A fresh server with an empty database of the master user's; removed at the end."""
        remove_tree(self.data)
        self._make(changed)
        server = Server(self.host.binaries, self.host.identity, self.data, self.host.folder / "log")
        try:
            server.start(self._answers, START_SECONDS)
            with self.superuser("postgres") as session:
                for statement in (*roles.master(MASTER, DATABASE), roles.password(MASTER, PASSWORD)):
                    session.execute(statement)
                session.execute("CHECKPOINT")
            yield
        finally:
            server.stop(fast=False)
            remove_tree(self.data)

    def _make(self, changed: Mapping[str, str]) -> None:
        identity, binaries = self.host.identity, self.host.binaries
        identity.run(
            binaries.tool("initdb"), "-D", self.data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
            f"--locale={self.locale}", "--data-checksums", "--no-sync", "--wal-segsize=64",
        )  # fmt: skip
        pair = self.host.authority.issue(self.address)
        identity.secret(self.data / "server.crt", pair.certificate)
        identity.secret(self.data / "server.key", pair.key)
        places = {"listen_addresses": self.address, "unix_socket_directories": str(self.host.sockets)}
        lines = [f"{name} = {quoted(value)}\n" for name, value in {**SETTINGS, **changed, **places}.items()]
        identity.secret(self.data / "postgresql.auto.conf", "".join(lines).encode())
        identity.secret(self.data / "pg_hba.conf", host_based_authentication().encode())
        statements = "".join(f"{statement};\n\n" for statement in roles.boot(binaries.major))
        identity.run(binaries.tool("postgres"), "--single", "-j", "-F", "-D", self.data, "postgres", text=statements)

    def superuser(self, database: str = DATABASE) -> psycopg.Connection[TupleRow]:
        """A session on the socket, in autocommit."""
        return psycopg.connect(host=str(self.host.sockets), user=SUPERUSER, dbname=database, autocommit=True)

    def _answers(self) -> bool:
        try:
            self.superuser("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def _postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def _no_clients(self) -> bool:
        """No session's process is left, not even one that has ended and whose CPU seconds nobody has taken over yet."""
        children = _children(self._postmaster)
        return not any(MASTER in _title(pid) or start_time(pid) is None for pid in children)

    def content(self) -> content.Content:
        with self.superuser() as session:
            return content.read(session, self.host.binaries.tool("pg_dump"))

    def rows(self) -> dict[str, int]:
        """Rows by table, counted."""
        with self.superuser() as session:
            named = session.execute(TABLES).fetchall()
            count = sql.SQL("SELECT count(*) FROM {}")
            found = {name: session.execute(count.format(sql.Identifier(name))).fetchone() for (name,) in named}
        return {name: row[0] if row else 0 for name, row in found.items()}

    def cpu_seconds(self) -> float:
        """Of the server since its start: postmaster, ended children and living ones. Waits for clients to be gone."""
        wait_until(self._no_clients, START_SECONDS, "the end of the clients' sessions")
        postmaster = self._postmaster
        return _cpu(postmaster, slice(11, 15)) + sum(_cpu(pid, slice(11, 13)) for pid in _children(postmaster))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _title(pid: int) -> str:
    """What PostgreSQL shows a process as: `postgres: master app 127.0.0.1(40000) idle`; "" for an ended one."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _cpu(pid: int, fields: slice) -> float:
    """Fields utime and stime (cutime, cstime) of proc(5)'s stat, in seconds; 0 for an ended process."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, words[fields])) / os.sysconf("SC_CLK_TCK")
