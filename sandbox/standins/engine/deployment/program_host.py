"""The program host: starts the user's program, or asks the Automation API to run an inline one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

from sandbox.standins.engine.deployment.resource_hooks import Report
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.state.project import Project

SHOWN = 32
"""The exit status of a program that has reported its error itself."""
ABANDON_SECONDS = 2.0


@dataclass(frozen=True)
class Launch:
    """What a program is told when it starts: what `pulumi.runtime.Settings` takes, and its configuration."""

    project: str
    stack: str
    monitor: str
    engine: str
    parallel: int
    dry_run: bool
    root_directory: str
    config: dict[str, str]
    secret_keys: list[str]
    organization: str = "organization"


class Program(Protocol):
    def start(self, report: Report, launch: Launch) -> None: ...
    def wait(self, timeout: float | None = None) -> int | None: ...
    def interrupt(self) -> None: ...
    def kill(self) -> None: ...
    def abandon(self) -> None: ...


class ChildProgram:
    """`__main__.py` in a child process, which imports the SDK at once; what it prints is shown as diagnostics."""

    def __init__(self, project: Project, stack: str) -> None:
        main = project.main / "__main__.py" if project.main.is_dir() else project.main
        if not main.exists():
            raise Problem(f"unable to find main python program `__main__.py` in `{project.main}`")
        self._program = str(project.main)
        self._threads: list[threading.Thread] = []
        self._process = subprocess.Popen(
            [project.python, "-uP", str(Path(__file__).with_name("program_executor.py"))],
            cwd=main.parent,
            env={**os.environ, "PULUMI_PROJECT": project.name, "PULUMI_STACK": stack},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self, report: Report, launch: Launch) -> None:
        for stream, severity in ((self._process.stdout, "info"), (self._process.stderr, "info#err")):
            thread = threading.Thread(target=_forward, args=(stream, severity, report), daemon=True)
            thread.start()
            self._threads.append(thread)
        stdin = cast(IO[str], self._process.stdin)
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps({**asdict(launch), "program": self._program}) + "\n")
            stdin.close()

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit status, or None while the program runs."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        for thread in self._threads:
            thread.join(5)
        return status

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.wait()

    def abandon(self) -> None:
        """Ends a program that was never started."""
        with contextlib.suppress(BrokenPipeError):
            cast(IO[str], self._process.stdin).close()
        if self.wait(ABANDON_SECONDS) is None:
            self._signal(signal.SIGKILL)
            self._process.wait()


def _forward(stream: IO[str], severity: str, report: Report) -> None:
    for line in stream:
        if line.strip():
            report.diagnostic(severity, line.rstrip("\n"))


class InlineProgram:
    """A function of the process that called us (`--client`): run through its LanguageRuntime service."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._status: int | None = None
        self._done = threading.Event()

    def start(self, report: Report, launch: Launch) -> None:
        threading.Thread(target=self._run, args=(report, launch), daemon=True).start()

    def _run(self, report: Report, launch: Launch) -> None:
        import grpc
        from pulumi.runtime.proto import language_pb2, language_pb2_grpc

        from sandbox.standins.engine.providers import wire

        stub: Any = language_pb2_grpc.LanguageRuntimeStub(grpc.insecure_channel(self._address, wire.CHANNEL))
        request = language_pb2.RunRequest(
            project=launch.project,
            stack=launch.stack,
            pwd=str(Path.cwd()),
            config=launch.config,
            configSecretKeys=launch.secret_keys,
            dryRun=launch.dry_run,
            parallel=launch.parallel,
            monitor_address=launch.monitor,
            organization=launch.organization,
            args=[launch.engine],
        )
        try:
            reply = stub.Run(request, wait_for_ready=True)
            self._status = SHOWN if reply.bail else int(bool(reply.error))
            if reply.error and not report.logged_error:
                report.diagnostic("error", reply.error)
        except grpc.RpcError as error:
            self._status = SHOWN
            report.diagnostic("error", f"the program could not be run: {wire.details(error)}")
        self._done.set()

    def wait(self, timeout: float | None = None) -> int | None:
        return self._status if self._done.wait(timeout) else None

    def interrupt(self) -> None:
        """The caller's process is its own."""

    kill = abandon = interrupt
