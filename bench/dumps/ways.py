"""The ways to load one dump, each as the command that an operator would type."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from bench.dumps.generated import CUSTOM, PLAIN, Generated
from bench.dumps.machine import Machine
from bench.dumps.store import BUCKET

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
JOBS = 2
LOADER = "loader"
"""With a plan, as `pulumi up` loads: the dump is read for it while RDS makes the instance."""
UNPLANNED = "loader, no plan"
"""Checks the whole dump first."""
PLAN = "plan.json"

TRUST = ("--allow", "privileged_owner")
"""The dump's owner is the operator, as in the other ways."""


class Failed(Exception):
    """A way didn't load the dump; its figures would mean nothing."""


@dataclass(frozen=True)
class Run:
    """One load, as a whole process."""

    seconds: float
    client_cpu: float
    server_cpu: float
    client_mb: float
    """The largest of its processes, resident."""
    wal_mb: float
    said: str


def commands(machine: Machine, dumps: Generated) -> Mapping[str, str]:
    """Shell commands by the name of the way."""
    python = quote(sys.executable)
    fetch = f"{python} -m bench.dumps.fetch {PLAIN}"
    psql = f"{quote(str(machine.host.binaries.tool('psql')))} -X -q -v ON_ERROR_STOP=1 -o /dev/null"
    pg_restore = quote(str(machine.host.binaries.tool("pg_restore")))
    load = f"{python} -m restore.dumps load s3://{BUCKET}/{PLAIN} --to-env TARGET_URL {' '.join(TRUST)}"
    return {
        "runbook": f'{fetch} "$SCRATCH/dump.sql.gz" && gunzip "$SCRATCH/dump.sql.gz" && {psql} -f "$SCRATCH/dump.sql"',
        "stream": f"{fetch} | gunzip | {psql}",
        "pg_restore": f"{pg_restore} -j {JOBS} --exit-on-error -d app {quote(str(dumps.folder / CUSTOM))}",
        LOADER: f"{load} --plan {quote(str(dumps.folder / PLAN))}",
        UNPLANNED: load,
    }


def plan(dumps: Generated, endpoint: str) -> float:
    """Makes the plan that the loader's way needs; gives its seconds. Raises Failed with what it said."""
    what = [f"s3://{BUCKET}/{PLAIN}", "--save", dumps.folder / PLAN, *TRUST]
    command = [sys.executable, "-m", "restore.dumps", "plan", *what]
    began = time.monotonic()
    environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stdout + done.stderr)
    return time.monotonic() - began


def run(machine: Machine, command: str, endpoint: str) -> Run:
    """Runs one way against the machine's server, which runs and is empty. Raises Failed with what it said."""
    with tempfile.TemporaryDirectory(prefix="bench-dumps-") as scratch:
        environment = {
            **os.environ,
            **CREDENTIALS,
            **machine.environment,
            "AWS_ENDPOINT_URL": endpoint,
            "SCRATCH": scratch,
        }
        output = Path(scratch) / "output"
        wal, server_cpu, began = _wal_bytes(machine), machine.cpu_seconds(), time.monotonic()
        with output.open("wb") as out:
            actions = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)]
            argv = ["bash", "-o", "pipefail", "-c", command]
            pid = os.posix_spawnp("bash", argv, environment, file_actions=actions, setpgroup=0)
            with watched(pid) as peak:
                _, status, usage = os.wait4(pid, 0)
        seconds = time.monotonic() - began
        said = output.read_text(errors="replace")
        if os.waitstatus_to_exitcode(status):
            raise Failed(f"{command}\n{said[-3000:]}")
    return Run(
        seconds,
        usage.ru_utime + usage.ru_stime,
        machine.cpu_seconds() - server_cpu,
        max(peak, default=0) / 1024,
        (_wal_bytes(machine) - wal) / 1e6,
        said,
    )


@contextmanager
def watched(group: int, every: float = 0.1) -> Generator[set[int]]:
    """The high-water marks of resident memory, in KiB, of all processes of a group, as seen while the context lasts.

    wait4's ru_maxrss is no use: a spawned process begins with its parent's mark.
    """
    seen: set[int] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(every):
            seen.update(_high_water(pid) for pid in _members(group))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _members(group: int) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if os.getpgid(int(entry.name)) == group:
                found.append(int(entry.name))
    return found


def _high_water(pid: int) -> int:
    """VmHWM of proc(5), in KiB; 0 for an ended process."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def _wal_bytes(machine: Machine) -> int:
    with machine.superuser("postgres") as session:
        row = session.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    return row[0] if row else 0
