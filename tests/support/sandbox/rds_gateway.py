"""A running gateway in a state directory of its own, with what tests say often."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from sandbox.aws.client import Clients, clients
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import wait_until
from sandbox.postgres.server import clear_away
from sandbox.runtime import lifecycle

PASSWORD = "first-Passw0rd"
WAIT = 90.0


@dataclass
class Sandbox:
    """`seen` holds the statuses that each instance went through, in order."""

    layout: Layout
    pace: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    seen: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def start(self) -> None:
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        ready = self.layout.aws / "ready.json"
        ready.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "sandbox.aws", "--dir", str(self.layout.root), "--pace", str(self.pace)]
        with (self.layout.logs / "aws.log").open("ab") as log:
            self.process = subprocess.Popen(argv, cwd=CHECKOUT, stdout=log, stderr=log)
        wait_until(lambda: ready.exists() or self._ended(), 60, "ready.json")
        assert not self._ended(), self.log()

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def log(self) -> str:
        return (self.layout.logs / "aws.log").read_text()

    @property
    def ready(self) -> dict[str, Any]:
        return json.loads((self.layout.aws / "ready.json").read_text())

    @property
    def postgres_folder(self) -> Path:
        return lifecycle.postgres_folder(self.layout)

    @property
    def aws(self) -> Clients:
        return clients(self.layout)

    # -- RDS ----------------------------------------------------------------------------------------------------

    def create(self, name: str, **more: Any) -> None:
        settings: dict[str, Any] = {
            "DBInstanceClass": "db.t4g.medium",
            "Engine": "postgres",
            "AllocatedStorage": 20,
            "MasterUsername": "ghostadmin",
            "MasterUserPassword": PASSWORD,
            "DBName": "app",
            "BackupRetentionPeriod": 7,
        }
        self.aws.rds.create_db_instance(DBInstanceIdentifier=name, **(settings | more))

    def describe(self, name: str) -> Any:
        return self.aws.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

    def available(self, name: str, status: str = "available") -> Any:
        """Waits for the status; a failed one ends the wait."""
        rds, seen = self.aws.rds, self.seen.setdefault(name, [])
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            instance: Any = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
            now = instance["DBInstanceStatus"]
            if not seen or seen[-1] != now:
                seen.append(now)
            if now == status:
                return instance
            assert now not in ("failed", "incompatible-restore", "incompatible-parameters"), f"{now}: {self.log()}"
            time.sleep(0.02)
        raise AssertionError(f"{name} isn't {status}: {seen} {self.log()[-2000:]}")

    def gone(self, name: str) -> None:
        rds = self.aws.rds
        wait_until(
            lambda: not any(i.get("DBInstanceIdentifier") == name for i in rds.describe_db_instances()["DBInstances"]),
            WAIT,
            f"end of {name}",
        )

    def snapshot_ready(self, name: str) -> Any:
        rds = self.aws.rds

        def state() -> Any:
            return rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]

        wait_until(lambda: state()["Status"] == "available", WAIT, f"snapshot {name}")
        return state()

    def restorable(self, name: str, moment: Any) -> None:
        wait_until(lambda: self.describe(name)["LatestRestorableTime"] > moment, WAIT, f"{name} restorable to {moment}")

    def connect(self, name: str, password: str = PASSWORD, **more: Any) -> psycopg.Connection[TupleRow]:
        endpoint = self.describe(name)["Endpoint"]
        settings: dict[str, Any] = {
            "host": endpoint["Address"],
            "port": endpoint["Port"],
            "user": "ghostadmin",
            "password": password,
            "dbname": "app",
            "sslmode": "verify-full",
            "sslrootcert": str(self.layout.ca),
            "autocommit": True,
        }
        return psycopg.connect(**(settings | more))

    def sql(self, name: str, query: Any, password: str = PASSWORD, **more: Any) -> list[TupleRow]:
        with self.connect(name, password, **more) as session:
            cursor = session.execute(query)
            return cursor.fetchall() if cursor.description else []

    def remove(self) -> None:
        """Ends all at once: the kernel ends the servers with their gateway."""
        self.stop(signal.SIGKILL)
        for data in self.postgres_folder.glob("clusters/*/data"):
            clear_away(data)
        for folder in (self.postgres_folder, self.layout.root):
            shutil.rmtree(folder, ignore_errors=True)


Maker = Callable[..., Sandbox]
