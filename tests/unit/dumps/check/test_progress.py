"""On a terminal of 80 columns everything that matters can be read, whatever the numbers."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import replace

import pytest
from rich.console import Console

from restore.dumps.check.progress_bar import Bar, render
from restore.dumps.model import LoadPhase, Progress

TB = 10**12
LARGEST = Progress(
    LoadPhase.LOADING, 1.0, 999 * TB, 999 * TB, 999_999_999_999, 999e6, 359_999.0, 1999, 2000,
    tuple(f"public.a_table_with_quite_a_long_name_{number}" for number in range(8)),
)  # fmt: skip


def shown(progress: Progress) -> list[str]:
    screen = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    with screen.capture() as printed:
        screen.print(render(progress))
    return printed.get().splitlines()


@pytest.mark.parametrize("phase", LoadPhase)
def test_the_first_line_is_whole_and_the_second_is_cut_not_wrapped(phase: LoadPhase) -> None:
    first, second = shown(replace(LARGEST, phase=phase))
    assert len(first) <= 80
    assert len(second) <= 80
    assert phase.value in first
    assert "…" not in first
    assert second.startswith("999,999,999,999 rows; ")


def test_while_rows_are_loaded_it_says_how_much_how_fast_and_how_long() -> None:
    first, second = shown(LARGEST)
    assert first.split("  ")[-1].strip().endswith("999.0 TB of 999.0 TB, 999.0 MB/s, 4 d 3 h left")
    assert "1999 of 2000 indexes and keys; now public.a_table" in second


def test_while_indexes_are_built_the_bar_counts_them_not_bytes() -> None:
    first, _ = shown(replace(LARGEST, phase=LoadPhase.INDEXES, tasks_done=0))
    assert "0 of 2000 indexes, keys and the like" in first
    assert "TB" not in first


def test_what_was_last_reported_stays_on_the_screen() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal, Bar(terminal) as bar:
        bar(replace(LARGEST, phase=LoadPhase.FINISHED))
    said = b""
    with contextlib.suppress(OSError):  # a terminal that nobody writes to any more ends with EIO
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert "finished" in said.decode()
    assert "999,999,999,999 rows" in said.decode()
