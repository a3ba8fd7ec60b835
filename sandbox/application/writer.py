"""A pod of the application: small transactions until SIGTERM, a line of log a second, /health over HTTP.

Run as a script in the cluster (sandbox/cluster/launcher.py). Its environment: POD_NAME, POD_IP, APP, the database's
address (connection_url.of_environment), DATABASE_PROXY (host:port to connect to instead), LAZY_POOL (no session before
a request that isn't for /health, and none once nobody has asked for a while).
It behaves as a server with Prisma does: it takes what its environment says at its start, keeps its connection, and
comes back after a lost one with growing pauses.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sandbox.application.connection_url import for_libpq, of_environment
from sandbox.application.names import HEALTH_PORT

PER_SECOND = 5.0
HEALTHY_SECONDS = 3.0
LONGEST_PAUSE = 2.0
KNOWN_USERS = 500
IDLE_SECONDS = 2.0
"""How long a lazy pool works after a request."""
SEVERAL = {"rpc-orchestrator": 1, "indexer": 10, "api-gateway": 20}
"""Every how many-th transaction of an application has more than one statement."""
OTHERWISE = 20


@dataclass
class Progress:
    """What the health endpoint and the log tell."""

    host: str = ""
    committed: int = 0
    last_commit: float = 0.0
    error: str = "not connected yet"
    """The error of the last attempt; empty since the last commit."""
    lazy: bool = False
    busy_until: float = 0.0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to write."""
        return not self.lazy or time.monotonic() < self.busy_until

    @property
    def healthy(self) -> bool:
        if not self.wanted:
            return not self.stopping.is_set()
        return time.monotonic() - self.last_commit < HEALTHY_SECONDS and not self.stopping.is_set()

    def report(self) -> dict[str, object]:
        status = "ok" if self.healthy else "unavailable"
        return {"status": status, "database": self.host, "committed": self.committed, "error": self.error}


def serve_health(address: str, progress: Progress) -> None:
    """Answers every request with the state of this pod: 200 while it commits, otherwise 503."""
    server = socket.create_server((address, HEALTH_PORT), backlog=16)
    while True:
        client, _ = server.accept()
        with client:
            client.settimeout(1)
            try:
                if not client.recv(4096).startswith(b"GET /health "):
                    progress.busy_until = time.monotonic() + IDLE_SECONDS
                body = json.dumps(progress.report()).encode()
                status = b"200 OK" if progress.healthy else b"503 Service Unavailable"
                head = (
                    b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                )
                client.sendall(head % (status, len(body)) + body)
            except OSError:
                continue


def connect(url: str, name: str, progress: Progress) -> psycopg.Connection:
    address, _, port = os.environ.get("DATABASE_PROXY", "").partition(":")
    through: dict[str, Any] = {"hostaddr": address, "port": port} if address else {}  # the name to verify is the URL's
    connection = psycopg.connect(for_libpq(url), application_name=name, autocommit=True, connect_timeout=3, **through)
    progress.host = f"{connection.info.host}:{connection.info.port}"
    say(f"connected to {progress.host}")
    return connection


def write_for_ever(url: str, app: str, name: str, progress: Progress) -> None:
    """Commits until told to stop; a transaction under way is finished first."""
    pause = 0.1
    while not progress.stopping.is_set():
        if not progress.wanted:
            progress.stopping.wait(0.1)
            continue
        try:
            with connect(url, name, progress) as connection:
                pause = 0.1
                write(connection, app, name, progress)
        except psycopg.Error as error:
            progress.error = str(error).strip()
            say(f"error: {progress.error}")
            progress.stopping.wait(random.uniform(pause / 2, pause))
            pause = min(2 * pause, LONGEST_PAUSE)


def write(connection: psycopg.Connection, app: str, name: str, progress: Progress) -> None:
    users = [str(row[0]) for row in connection.execute("SELECT id FROM users LIMIT %s", [KNOWN_USERS])]
    due, reported, counted = time.monotonic(), time.monotonic(), progress.committed
    number = 0
    while progress.wanted and not progress.stopping.is_set():
        number += 1
        one_transaction(connection, app, name, random.choice(users), number)
        progress.committed += 1
        progress.last_commit, progress.error = time.monotonic(), ""
        if progress.last_commit - reported >= 1:
            say(f"committed {progress.committed - counted} transactions at {progress.host}")
            reported, counted = progress.last_commit, progress.committed
        due = max(due + 1 / PER_SECOND, time.monotonic() - 1)
        progress.stopping.wait(max(0.0, due - time.monotonic()))


def one_transaction(connection: psycopg.Connection, app: str, name: str, user: str, number: int) -> None:
    """Commits once; what is a single statement commits by itself."""
    if number % SEVERAL.get(app, OTHERWISE):
        transfer(connection, user)
        return
    with connection.transaction():
        if app == "rpc-orchestrator":
            # The user's row first, as every writer does, so that two never wait for each other
            connection.execute("UPDATE users SET updated_at = clock_timestamp() WHERE id = %s", [user])
            transfer(connection, user)
        elif app == "indexer":
            statement = "INSERT INTO smart_contracts (address, name, owner_id) VALUES (%s, %s, %s) RETURNING id"
            inserted = connection.execute(statement, [f"0x{random.getrandbits(160):040x}", f"indexed by {name}", user])
            transfer(connection, user, inserted.fetchall()[0][0])
        else:
            email = f"{random.getrandbits(64):016x}@ghost.example"
            inserted = connection.execute("INSERT INTO users (email) VALUES (%s) RETURNING id", [email])
            transfer(connection, inserted.fetchall()[0][0])


def transfer(connection: psycopg.Connection, user: object, contract: object = None) -> None:
    connection.execute(
        "INSERT INTO transactions (user_id, contract_id, amount, created_at) VALUES (%s, %s, %s, clock_timestamp())",
        [user, contract, f"{random.randrange(1, 10**9) / 10**6:.6f}"],
    )


def say(message: str) -> None:
    print(message, flush=True)


def main() -> int:
    lazy = bool(os.environ.get("LAZY_POOL"))
    progress = Progress(lazy=lazy, error="" if lazy else Progress.error)
    signal.signal(signal.SIGTERM, lambda _number, _frame: progress.stopping.set())
    name = os.environ.get("POD_NAME") or socket.gethostname()
    arguments = (os.environ.get("POD_IP", "127.0.0.1"), progress)
    threading.Thread(target=serve_health, args=arguments, daemon=True).start()
    write_for_ever(of_environment(os.environ), os.environ.get("APP", "api-gateway"), name, progress)
    say(f"stopped after {progress.committed} transactions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
