"""The dumps that are loaded: made once by a real pg_dump, kept in the cache under the hash of what they are made of."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.dumps.machine import Machine
from sandbox.machine.layout import cache

SQL = Path(__file__).parent / "data.sql"
SIZES = {"transactions": 2_600_000, "users": 125_000}
BLOCK = 1 << 20
PLAIN, CUSTOM, FACTS = "dump.sql.gz", "dump.custom", "facts.json"


@dataclass(frozen=True)
class Generated:
    """A folder with the same data as a compressed plain dump and in the custom format."""

    folder: Path

    @property
    def bytes(self) -> int:
        """Of the plain dump, uncompressed."""
        return self._facts()["bytes"]

    @property
    def rows(self) -> Mapping[str, int]:
        return self._facts()["rows"]

    def _facts(self) -> dict[str, Any]:
        return json.loads((self.folder / FACTS).read_text())


def generated(machine: Machine, scale: float) -> Generated:
    """The dumps of that scale, made if need be: about a minute at scale 1."""
    key = hashlib.sha256(f"{scale} {machine.host.binaries.version}".encode() + SQL.read_bytes()).hexdigest()[:16]
    made = Generated(cache() / f"bench-dumps-{key}")
    if not (made.folder / FACTS).exists():
        print(f"making the dumps of scale {scale:g}", file=sys.stderr)
        made.folder.mkdir(parents=True, exist_ok=True)
        with machine.running(
            fsync="off", synchronous_commit="off", max_wal_size="8GB", wal_level="minimal", max_wal_senders="0"
        ):
            _fill(machine, scale)
            _dump(machine, made.folder)
    return made


def _fill(machine: Machine, scale: float) -> None:
    psql = [machine.host.binaries.tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
    sizes = [f"{name}={round(count * scale)}" for name, count in SIZES.items()]
    command = [*psql, *(word for size in sizes for word in ("-v", size)), "-f", SQL]
    subprocess.run(command, check=True, env=os.environ | machine.environment)


def _dump(machine: Machine, folder: Path) -> None:
    """Plain and custom side by side; the facts come last, so that a half-made folder is made again."""
    pg_dump = machine.host.binaries.tool("pg_dump")
    environment = os.environ | machine.environment
    custom = subprocess.Popen([pg_dump, "-Fc", "-f", folder / CUSTOM], env=environment)
    plain = subprocess.Popen([pg_dump], stdout=subprocess.PIPE, env=environment)
    with (folder / PLAIN).open("wb") as out:
        packer = subprocess.Popen(["gzip", "-4"], stdin=subprocess.PIPE, stdout=out)
    size = _piped(plain, packer)
    for process in (plain, packer, custom):
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)
    (folder / FACTS).write_text(json.dumps({"bytes": size, "rows": machine.rows()}))


def _piped(source: subprocess.Popen[bytes], target: subprocess.Popen[bytes]) -> int:
    """Copies the one's output to the other's input, and counts it."""
    if source.stdout is None or target.stdin is None:
        raise ValueError("both need a pipe")
    size = 0
    with target.stdin as out:
        while block := source.stdout.read(BLOCK):
            size += out.write(block)
    return size
