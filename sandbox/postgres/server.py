"""One running postgres: started so that it never outlives this program, stopped, and cleared away after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.machine.processes import dies_with_parent, wait_until
from sandbox.postgres.binaries import Binaries
from sandbox.postgres.identity import Identity

STOP_SECONDS = 20.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
# The death signal follows the thread that starts a child: this one lives as long as the program.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="postgres-launcher")


class StartFailed(RuntimeError):
    """The server ended before it answered; the text is the end of its log."""


class Server:
    """A postgres process on a data folder."""

    def __init__(self, binaries: Binaries, identity: Identity, data: Path, log: Path) -> None:
        self._binaries, self._identity, self.data, self.log = binaries, identity, data, log
        self._process: subprocess.Popen[bytes] | None = None
        self.frozen = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, answers: Callable[[], bool], seconds: float) -> None:
        """Starts the server and waits until `answers()`.

        Raises StartFailed when it ends first, TimeoutError after `seconds`.
        """
        clear_away(self.data)
        argv = [str(self._binaries.tool("postgres")), "-D", str(self.data)]
        prepare = dies_with_parent(signal.SIGQUIT)
        self._process = _launcher.submit(self._identity.popen, argv, self.log, prepare).result()
        end = time.monotonic() + seconds
        while not answers():
            if not self.running:
                raise StartFailed(self.tail())
            if time.monotonic() > end:
                self.stop(fast=False)
                raise TimeoutError(f"no answer within {seconds:g} s: {self.tail()}")
            time.sleep(0.02)

    def stop(self, *, fast: bool = True) -> None:
        """Ends the server: fast (a checkpoint, clients disconnected), or at once (recovery at the next start).

        What takes too long is ended harder; no committed row is lost by that.
        """
        if self._process is None:
            return
        if self.frozen:  # a stopped process takes no other signal than SIGKILL
            self.thaw()
        if self.running:
            for number in STOP_SIGNALS if fast else STOP_SIGNALS[1:]:
                self._process.send_signal(number)
                try:
                    self._process.wait(STOP_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Stops every process of the server where it stands: connections are taken by the kernel and never answered."""
        self.frozen = True
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)
        self.frozen = False

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in processes_in(self.data):
            _signal(pid, number)

    def reload(self) -> None:
        if self._process and self.running:
            self._process.send_signal(signal.SIGHUP)

    def tail(self, lines: int = 8) -> str:
        """The end of the server's log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""


def clear_away(data: Path) -> None:
    """Ends what still runs on a data folder, and removes the lock that a killed postmaster left.

    Without it a new server refuses to start: its predecessor's backends still hold shared memory, or another
    process has the pid that is written in postmaster.pid.
    """
    for number, seconds in ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        for pid in processes_in(data):
            _signal(pid, number)
        try:
            wait_until(lambda: not processes_in(data), seconds, f"end of the processes in {data}")
            break
        except TimeoutError:
            if number == signal.SIGKILL:
                raise
    (data / "postmaster.pid").unlink(missing_ok=True)


def processes_in(data: Path) -> list[int]:
    """Processes whose working folder is the data folder: a postmaster and its children, and nobody else."""
    folder = str(data.resolve())
    pids: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd") == folder:  # noqa: PTH115 - a removed folder has no resolved path
                pids.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile, or another user's
    return pids


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
