"""A PostgreSQL server on a volume that fetches its blocks as slowly as a restored one does."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.validation.server import SETTINGS, START_SECONDS, USER, Running
from bench.validation.ways import Failed
from sandbox.machine.layout import Layout
from sandbox.postgres.files import remove_tree
from sandbox.postgres.host import Host
from sandbox.postgres.server import Server
from validation.runner.limits import FRESH_RATE

SHARED_BYTES = 16 + (16 << 22)
"""Of throttle.c's `struct shared`."""
FETCHED_AT = 8


@dataclass(frozen=True)
class Volume:
    """The server, its data, and what it has fetched."""

    running: Running
    server: Server
    state: Path
    slow: Path
    """Is there while first touches are slow."""

    def make_fresh(self) -> None:
        """Restarts the server with nothing in its memory, on a volume that has fetched nothing."""
        self.server.stop()
        with self.state.open("r+b") as file:
            file.truncate(0)
            file.truncate(SHARED_BYTES)
        self.slow.touch()
        self.start()

    def make_fast(self) -> None:
        """Restarts the server on a volume that is as fast as the machine's."""
        self.server.stop()
        self.slow.unlink(missing_ok=True)
        self.start()

    def start(self) -> None:
        self.server.start(self._answers, START_SECONDS)

    def read_fetched(self) -> int:
        """Returns the bytes that were fetched since the volume was fresh."""
        with self.state.open("rb") as file:
            file.seek(FETCHED_AT)
            return struct.unpack("<Q", file.read(8))[0]

    def _answers(self) -> bool:
        try:
            self.running.connect().close()
        except OSError:
            return False
        except Exception:  # noqa: BLE001 - psycopg's: it isn't up yet
            return False
        return True


@contextmanager
def open_volume(root: Path, rate: float = FRESH_RATE) -> Generator[Volume]:
    """Starts a server whose first touches are slowed to `rate` bytes a second; its data is removed at the end. Raises
    Failed without a C compiler."""
    layout = Layout.at(root)
    host = Host.at(layout)
    data, address = host.folder / "large", layout.address("large")
    tools, state = host.folder / "tools", host.folder / "fetched"
    host.identity.folder(tools)
    programs = host.binaries.tool("initdb").parent
    host.identity.run(
        programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
    )
    settings = {**SETTINGS, "shared_buffers": "512MB", "listen_addresses": address, "unix_socket_directories": ""}
    lines = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
    host.identity.secret(data / "postgresql.auto.conf", lines.encode())
    library = compile_throttle(tools)
    host.identity.secret(state, b"")
    os.truncate(state, SHARED_BYTES)
    wrapper = tools / "postgres"
    slow = tools / "slow"
    preload = f"export LD_PRELOAD={library} THROTTLE_FILE={state} THROTTLE_RATE={rate:.0f}"
    wrapper.write_text(f'#!/bin/sh\n[ -e {slow} ] && {preload}\nexec {programs / "postgres"} "$@"\n')
    wrapper.chmod(0o755)
    server = Server(replace(host.binaries, folder=tools), host.identity, data, host.folder / "log")
    volume = Volume(Running(address, programs), server, state, slow)
    try:
        volume.start()
        yield volume
    finally:
        server.stop(fast=False)
        remove_tree(host.folder)


def compile_throttle(folder: Path) -> Path:
    """Returns the library that slows first touches. Raises Failed."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Failed("no C compiler (cc): apt-get install gcc")
    library = folder / "throttle.so"
    source = Path(__file__).with_name("throttle.c")
    try:
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    except subprocess.CalledProcessError as error:
        raise Failed(f"{error}") from error
    library.chmod(0o755)
    return library
