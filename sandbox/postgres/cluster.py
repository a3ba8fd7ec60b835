"""A PostgreSQL cluster as RDS keeps one: data, WAL archive, base backups, certificate, log, in one folder."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from sandbox.postgres import roles
from sandbox.postgres.files import remove_tree, socket_folder
from sandbox.postgres.host import Host
from sandbox.postgres.server import Server, StartFailed
from sandbox.postgres.settings import SUPERUSER, Recovery, ServerSettings, configuration, host_based_authentication

START_SECONDS = 1800.0
ARCHIVE_SECONDS = 60.0
WAL_NAME = re.compile(r"[0-9A-F]{24}")


class RecoveryFailed(RuntimeError):
    """A restored cluster didn't come up; the text is the end of its log."""


@dataclass(frozen=True)
class BaseBackup:
    """A copy of a cluster and the WAL that makes it consistent; it can be recovered to any moment from `ended`."""

    path: Path
    start_wal: str
    ended: datetime


@dataclass(frozen=True)
class Place:
    """Where clients find a server."""

    address: str
    port: int


@dataclass(frozen=True)
class Origin:
    """Hard links to all that a restore needs: its source may be deleted meanwhile."""

    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "base"

    @property
    def wal(self) -> Path:
        return self.folder / "wal"

    @classmethod
    def of_copy(cls, host: Host, folder: Path, copy: Path) -> Origin:
        origin = cls(folder)
        remove_tree(folder)
        host.identity.folder(folder)
        host.link(copy, origin.base)
        return origin

    @classmethod
    def of_archive(cls, host: Host, folder: Path, backup: BaseBackup, archive: Path) -> Origin:
        origin = cls.of_copy(host, folder, backup.path)
        host.identity.folder(origin.wal)
        for name in wal_from(backup.start_wal, (entry.name for entry in archive.iterdir())):
            os.link(archive / name, origin.wal / name)
        return origin


class Cluster:
    """The folder of one cluster, and the server on it when it runs.

    `parameters` are the customer's (of a parameter group), applied at the next start.
    """

    def __init__(self, host: Host, root: Path, place: Place, own_address: str = "") -> None:
        """`own_address`: where it answers besides, whatever its place is: what a client has that keeps a name's address
        (`hostaddr`)."""
        self._host, self.root, self.place, self._own_address = host, root, place, own_address
        self.parameters: dict[str, str] = {}
        self.force_ssl = True
        self.data, self.archive, self.log = root / "data", root / "archive", root / "log"
        self._server = Server(host.binaries, host.identity, self.data, self.log)
        self._sockets = socket_folder(host.sockets, root)

    # -- making -------------------------------------------------------------------------------------------------

    def create(self, user: str, password: str, database: str | None) -> None:
        """A fresh cluster with the master user and, when named, its database."""
        self._clean()
        self._host.copy(self._host.template(), self.data)
        self.start()
        with self.sql() as session:
            for statement in roles.master(user, database):
                session.execute(statement)
            session.execute(roles.password(user, password))

    def restore(self, origin: Origin, target: datetime | None = None) -> None:
        """A copy of a cluster, started as it is; or replayed to the last commit not later than `target`, and promoted.

        Raises RecoveryFailed.
        """
        self._clean()
        self._host.copy(origin.base, self.data)
        recovery = Recovery(origin.wal, target) if target else None
        if recovery:
            (self.data / "recovery.signal").touch()
            self._host.identity.own(self.data / "recovery.signal")
        try:
            self.start(recovery)
        except StartFailed as error:
            raise RecoveryFailed(str(error)) from error
        if recovery:
            self._configure(None)

    def _clean(self) -> None:
        self.stop(fast=False)
        remove_tree(self.root)
        self._host.identity.folder(self.root)

    # -- running ------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._server.running

    @property
    def pid(self) -> int | None:
        return self._server.pid

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def start(self, recovery: Recovery | None = None) -> None:
        """Starts the server and waits until it accepts writes. Raises StartFailed."""
        self._configure(recovery)
        self._server.start(self._writable, START_SECONDS)

    def stop(self, *, fast: bool = True) -> None:
        self._server.stop(fast=fast)
        remove_tree(self._sockets)

    def freeze(self) -> None:
        """The server hangs: it takes connections and answers nothing, until `thaw`."""
        self._server.freeze()

    def thaw(self) -> None:
        self._server.thaw()

    @property
    def frozen(self) -> bool:
        return self._server.frozen

    def reconfigure(self) -> None:
        """Applies what a running server can take without a restart."""
        self._configure(None)
        self._server.reload()

    def move(self, place: Place) -> None:
        """Restarts at another address: on a rename the address follows the identifier, as DNS does."""
        self.stop()
        self.place = place
        self.start()

    def destroy(self, *, keep_backups: bool = False) -> None:
        """Removes the data; base backups and archive too unless they are kept."""
        self.stop(fast=keep_backups)
        remove_tree(self.data if keep_backups else self.root)

    def _configure(self, recovery: Recovery | None) -> None:
        identity = self._host.identity
        identity.folder(self.archive)
        identity.folder(self._sockets)
        pair = self._host.authority.issue(self.place.address)
        identity.secret(self.root / "server.crt", pair.certificate)
        identity.secret(self.root / "server.key", pair.key)
        settings = ServerSettings(
            address=",".join(dict.fromkeys(filter(None, (self.place.address, self._own_address)))),
            port=self.place.port,
            sockets=self._sockets,
            archive=self.archive,
            certificate=self.root / "server.crt",
            key=self.root / "server.key",
            extra=self.parameters,
        )
        identity.secret(self.data / "postgresql.auto.conf", configuration(settings, recovery).encode())
        hba = host_based_authentication(force_ssl=self.force_ssl)
        identity.secret(self.data / "pg_hba.conf", hba.encode())

    def _writable(self) -> bool:
        try:
            with self.sql() as session:
                row = session.execute("SELECT pg_is_in_recovery()").fetchone()
                return row is not None and not row[0]
        except psycopg.OperationalError:
            return False

    # -- SQL ----------------------------------------------------------------------------------------------------

    @contextmanager
    def sql(self, database: str = "postgres") -> Generator[psycopg.Connection[TupleRow]]:
        """A superuser's session on the socket, in autocommit."""
        with psycopg.connect(
            host=str(self._sockets),
            port=self.place.port,
            user=SUPERUSER,
            dbname=database,
            connect_timeout=10,
            autocommit=True,
            application_name="rdsadmin",
            sslmode="disable",
        ) as session:
            yield session

    def value(self, query: LiteralString) -> object:
        """The first column of the first row."""
        with self.sql() as session:
            row = session.execute(query).fetchone()
        return row[0] if row else None

    def set_password(self, user: str, password: str) -> None:
        with self.sql() as session:
            session.execute(roles.password(user, password))

    def drop_connections(self) -> int:
        """Ends every client's session; gives how many."""
        ended = self.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND usename <> 'rdsadmin'"
        )
        return int(str(ended))

    def set_read_only(self, *, on: bool) -> None:
        """No new transaction may write (a full disk), or may again."""
        statement = "SET default_transaction_read_only = {}" if on else "RESET default_transaction_read_only"
        with self.sql() as session:
            users = session.execute(
                "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname <> 'rdsadmin'"
            ).fetchall()
            session.execute("SET default_transaction_read_only = off")
            for (name,) in users:
                role = sql.SQL("ALTER ROLE {} ").format(sql.Identifier(str(name)))
                session.execute(role + sql.SQL(statement).format(sql.SQL("on")))
        self.drop_connections()

    # -- backups ------------------------------------------------------------------------------------------------

    @property
    def backups(self) -> list[BaseBackup]:
        """The complete base backups, oldest first."""
        return read_backups(self.root / "base")

    def copy_out(self, destination: Path) -> BaseBackup:
        """A consistent copy of the running server, with the WAL to start it on its own."""
        remove_tree(destination)
        self._host.identity.folder(destination.parent)
        tool = self._host.binaries.tool("pg_basebackup")
        self._host.identity.run(
            tool, "-h", self._sockets, "-p", str(self.place.port), "-U", SUPERUSER, "-D", destination,
            "-c", "fast", "-X", "stream", "--no-manifest", "--no-sync",
        )  # fmt: skip
        label = (destination / "backup_label").read_text()
        return BaseBackup(destination, label.split("(file ")[1].split(")")[0], datetime.now(UTC))

    def base_backup(self) -> BaseBackup:
        """A copy that point-in-time recovery can begin with; it counts only once it is recorded as complete."""
        number = max((int(b.path.name) for b in self.backups), default=-1) + 1
        backup = self.copy_out(self.root / "base" / str(number))
        record = {"start_wal": backup.start_wal, "ended": backup.ended.isoformat()}
        target = backup.path.with_suffix(".json")
        part = target.with_suffix(".part")
        part.write_text(json.dumps(record))
        part.replace(target)
        return backup

    def heartbeat(self) -> datetime:
        """Commits something, closes the WAL segment and waits for the archive.

        Every moment up to the returned one can be restored. A later commit is needed: a recovery target after the
        last commit is never reached, and PostgreSQL ends with FATAL.
        """
        with self.sql() as session:
            session.execute("SET default_transaction_read_only = off")
            row = session.execute("SELECT clock_timestamp(), pg_current_xact_id()").fetchone()
            segment = session.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        if row is None or segment is None:
            raise RuntimeError(f"no heartbeat from {self.root.name}")
        end = time.monotonic() + ARCHIVE_SECONDS
        while not (self.archive / str(segment[0])).exists():
            if time.monotonic() > end or not self.running:
                raise TimeoutError(f"{segment[0]} is not archived: {self._server.tail()}")
            time.sleep(0.01)
        return row[0]

    def tail(self) -> str:
        return self._server.tail()


def wal_from(start: str, names: Iterator[str]) -> list[str]:
    """Archived files that a recovery from segment `start` can need, of any timeline, and the timeline histories."""
    return sorted(
        name
        for name in names
        if name.endswith(".history") or (WAL_NAME.fullmatch(name[:24]) and name[8:24] >= start[8:] and is_wal(name))
    )


def is_wal(name: str) -> bool:
    """A finished segment, or the last one of a timeline; not a copy under way."""
    return len(name) == 24 or (name.endswith(".partial") and not name.endswith(".part"))


def read_backups(folder: Path) -> list[BaseBackup]:
    """The recorded base backups in a folder, oldest first."""
    backups: list[BaseBackup] = []
    for record in folder.glob("*.json"):
        content: Mapping[str, str] = json.loads(record.read_text())
        ended = datetime.fromisoformat(content["ended"])
        backups.append(BaseBackup(record.with_suffix(""), content["start_wal"], ended))
    return sorted(backups, key=lambda backup: backup.ended)


def backup_for(backups: list[BaseBackup], target: datetime) -> BaseBackup | None:
    """The newest base backup from which `target` can be reached, if any."""
    return max((b for b in backups if b.ended <= target), key=lambda b: b.ended, default=None)
