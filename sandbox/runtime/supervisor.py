"""The one process that everything of a sandbox is a child of: `python -m sandbox.runtime.supervisor --dir DIR`.

Children are started from its main thread and die with it, however it ends. It restarts nothing by itself:
SIGHUP (sent by `up`) starts what does not run, SIGTERM stops all.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.cluster.launcher import KubernetesCluster, images
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import ProcessId, dies_with_parent
from sandbox.runtime import logins

STOP_SECONDS = 30.0
LOOK_EVERY = 0.5
Child = subprocess.Popen[bytes]


@dataclass
class Supervisor:
    """Starts, records and stops the parts of one sandbox."""

    layout: Layout
    pace: float
    program: Path
    postgres_programs: Path
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    stopping: bool = False
    wanted: bool = True
    rounds: int = 0
    ended: dict[str, int] = field(default_factory=dict[str, int])

    def run(self) -> None:
        """Returns once it was told to stop and every part has ended."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._want)
        signal.set_wakeup_fd(self._wakeup(), warn_on_full_buffer=False)
        while not self.stopping:
            if self.wanted:
                self.wanted = False
                self.start_missing()
            self._sleep()
            self.note_ended()
        self.stop_all()

    def start_missing(self) -> None:
        self.rounds += 1
        self.ended.clear()
        starters: dict[str, Callable[[], Child]] = {"cluster": self._cluster, "aws": self._aws}
        for name, start in starters.items():
            if name not in self.children:
                self.children[name] = start()
        self.record()

    def note_ended(self) -> None:
        """Forgets children that ended, after saying so in the log."""
        ended = {name: child.returncode for name, child in self.children.items() if child.poll() is not None}
        for name, code in ended.items():
            print(f"{name} ended with {code}", file=sys.stderr, flush=True)
            del self.children[name]
        self.ended |= ended
        if ended:
            self.record()

    def stop_all(self) -> None:
        """All at once with SIGTERM; SIGKILL for what still runs after STOP_SECONDS."""
        for child in self.children.values():
            child.terminate()
        end = time.monotonic() + STOP_SECONDS
        for name, child in self.children.items():
            try:
                child.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop in time", file=sys.stderr, flush=True)
                child.kill()
                child.wait()
        self.children.clear()
        KubernetesCluster(self.layout).remove_leftovers()
        self.record()

    def record(self) -> None:
        """Writes sandbox.json at once, never half."""
        pids = {"supervisor": os.getpid(), **{name: child.pid for name, child in self.children.items()}}
        processes = {name: ProcessId.of(pid) for name, pid in pids.items()}
        content = {
            "sandbox": str(self.layout.root),
            "pace": self.pace,
            "rounds": self.rounds,
            "ended": self.ended,
            "endpoints": {"aws": self.layout.aws_endpoint, "kubernetes": KubernetesCluster(self.layout).server},
            "processes": {name: {"pid": p.pid, "started": p.started} for name, p in processes.items() if p},
        }
        part = self.layout.record.with_suffix(".part")
        part.write_text(json.dumps(content, indent=1))
        part.replace(self.layout.record)

    def _cluster(self) -> Child:
        cluster = KubernetesCluster(self.layout)
        cluster.remove_leftovers()
        return cluster.start(self.program, images(self.postgres_programs, logins.gates(self.layout)))

    def _aws(self) -> Child:
        (self.layout.aws / "ready.json").unlink(missing_ok=True)
        argv = [sys.executable, "-m", "sandbox.aws", "--dir", str(self.layout.root), "--pace", str(self.pace)]
        with (self.layout.logs / "aws.log").open("ab") as log:
            return subprocess.Popen(
                argv,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dies_with_parent(),
            )

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _want(self, *_: object) -> None:
        self.wanted = True

    def _wakeup(self) -> int:
        self._woken, writer = os.pipe()
        for end in (self._woken, writer):
            os.set_blocking(end, False)
        return writer

    def _sleep(self) -> None:
        """Until a signal comes, or a moment has passed."""
        import select

        if select.select([self._woken], [], [], LOOK_EVERY)[0]:
            os.read(self._woken, 512)


@dataclass(frozen=True)
class Record:
    """What sandbox.json says; `rounds` counts how often missing parts were started, `ended` those lost since."""

    pace: float
    processes: dict[str, ProcessId]
    rounds: int
    ended: dict[str, int]

    @classmethod
    def read(cls, layout: Layout) -> Record | None:
        try:
            content: dict[str, Any] = json.loads(layout.record.read_text())
        except (OSError, ValueError):
            return None
        processes = {name: ProcessId(p["pid"], p["started"]) for name, p in content.get("processes", {}).items()}
        return cls(float(content.get("pace", 0)), processes, int(content.get("rounds", 0)), content.get("ended", {}))

    def alive(self, name: str) -> ProcessId | None:
        process = self.processes.get(name)
        return process if process and process.alive else None


def launch(layout: Layout, pace: float, program: Path, postgres_programs: Path) -> int:
    """Starts a supervisor in a session of its own, detached from the caller; returns its pid."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "sandbox.runtime.supervisor", "--dir", str(layout.root), "--pace", str(pace)]
    argv += ["--program", str(program), "--postgres", str(postgres_programs)]
    with (layout.logs / "supervisor.log").open("ab") as log:
        started = subprocess.Popen(
            argv, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    return started.pid


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.runtime.supervisor", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--program", type=Path, required=True, help="the cluster binary")
    parser.add_argument("--postgres", type=Path, required=True, help="folder with psql")
    options = parser.parse_args()
    Supervisor(Layout.at(options.dir), options.pace, options.program, options.postgres).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
