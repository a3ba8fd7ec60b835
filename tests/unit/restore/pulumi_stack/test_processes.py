"""An interrupted drill deletes what it made only once nothing makes more of it."""

from __future__ import annotations

import signal
import subprocess
import sys

from restore.pulumi_stack.processes import end_children, list_children

STUBBORN = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print(1, flush=True); signal.pause()"


def test_a_child_is_listed_while_it_runs_and_ended_by_interrupts() -> None:
    waits = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print(1, flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", waits], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in list_children()
        end_children([child.pid], patience=(0.0, 30.0, 0.0))
        assert child.wait(30) == -signal.SIGINT or child.returncode == 1
        assert child.pid not in list_children()


def test_a_child_that_ignores_interrupts_is_killed_in_the_end() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        end_children([child.pid], patience=(0.0, 0.0, 0.0))
        assert child.wait(30) == -signal.SIGKILL


def test_a_child_that_has_ended_gets_no_signal() -> None:
    sent: list[int] = []
    end_children([7], patience=(0.0, 0.0), send=lambda pid, _: sent.append(pid), running=lambda _: False)
    assert sent == []
