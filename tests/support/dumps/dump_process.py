"""The loader as a process of its own, that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from psycopg.errors import UndefinedTable

from sandbox.machine.layout import CHECKOUT
from sandbox.machine.processes import dies_with_parent, wait_until
from tests.support.dumps.bucket import NAME, Bucket
from tests.support.dumps.dump_server import MASTER, PASSWORD, DumpServer
from validation.connect.target import Target

IN_PIECES = (str(Path(__file__).parent / "load_in_pieces.py"),)
READER = """
import os, sys, threading
from restore.dumps.load.read_role import open_reader
from validation.connect.target import Target
with open_reader(Target.from_url(os.environ["TARGET_URL"]), print, threading.Event()) as login:
    print(login.user, login.password, flush=True)
    sys.stdin.read()
"""
TRANSACTIONS = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True)
class Loader:
    """`python -m restore.dumps load`, of one dump into one database."""

    server: DumpServer
    bucket: Bucket
    key: str
    database: str
    program: Sequence[str] = ("-m", "restore.dumps", "load")

    @property
    def command(self) -> list[str]:
        allow = ["--allow", "privileged_owner"]
        return [sys.executable, *self.program, f"s3://{NAME}/{self.key}", "--to-env", "TARGET_URL", *allow]

    @property
    def environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(CHECKOUT), "TARGET_URL": url(self.server, self.database)}
        return {**os.environ, **self.bucket.environment, **own}

    def run(self) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            self.command, cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False
        )

    @contextmanager
    def running(self) -> Generator[subprocess.Popen[bytes]]:
        """Killed at the end of the context, if it still runs."""
        process = subprocess.Popen(
            self.command,
            cwd=CHECKOUT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=dies_with_parent(),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def killed_after(self, more: int, counted: Callable[[Loader], int]) -> bool:
        """Starts it and kills it (SIGKILL) when there are so many more; False when it ended before."""
        with self.advancing(more, counted) as process:
            return process.poll() is None

    @contextmanager
    def advancing(self, more: int, counted: Callable[[Loader], int]) -> Generator[subprocess.Popen[bytes]]:
        """Runs it; the context begins when there are so many more, or it has ended."""
        goal = counted(self) + more
        with self.running() as process:
            wait_until(
                lambda: process.poll() is not None or counted(self) >= goal,
                60,
                f"{more} more {counted.__name__}",
                every=0.005,
            )
            yield process


def killed_reader(server: DumpServer, database: str) -> Target:
    """The login of a process that read the database and was killed (SIGKILL)."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TARGET_URL": url(server, database)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dies_with_parent(),
    )
    with process:
        assert process.stdout
        user, password = process.stdout.readline().split()
        process.kill()
    return replace(server.target(database), user=user, password=password)


def url(server: DumpServer, database: str) -> str:
    """The master user's, over verified TLS."""
    where = f"postgresql://{MASTER}:{quote(PASSWORD, safe='')}@{server.address}/{database}"
    return f"{where}?sslmode=verify-full&sslrootcert={quote(str(server.authority), safe='')}"


def transactions(loader: Loader) -> int:
    """Begun by the server."""
    return int(str(loader.server.value("postgres", TRANSACTIONS)))


def entries(loader: Loader) -> int:
    """In the ledger: statements, pieces of rows, tasks."""
    with suppress(UndefinedTable):
        return int(str(loader.server.value(loader.database, "SELECT count(*) FROM _restore.done")))
    return 0
