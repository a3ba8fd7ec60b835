"""Progress for people on a terminal: a bar that fits into 80 columns, and below it what is done right now."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from restore.dumps.model import LoadPhase, Progress
from restore.units import format_duration, format_size

BAR_WIDTH = 14


def measure(progress: Progress) -> tuple[int, int, str]:
    """Returns how much is done, of how much (bytes while the dump is read, later tasks), and both in words with what is
    left. Pure."""
    if not progress.phase.reads:
        counted = f"{progress.tasks_done} of {progress.tasks_total} indexes, keys and the like"
        return progress.tasks_done, progress.tasks_total, counted if progress.tasks_total else ""
    parts = [f"{format_size(progress.bytes_read)} of {format_size(progress.bytes_total)}"]
    if progress.rate:
        parts.append(f"{format_size(progress.rate)}/s")
    if progress.left_seconds is not None:
        parts.append(f"{format_duration(timedelta(seconds=progress.left_seconds))} left")
    return progress.bytes_read, progress.bytes_total, ", ".join(parts)


def format_details(progress: Progress) -> str:
    """Returns the second line: tables or tasks at work, rows, and rate. Pure."""
    parts = [f"{progress.rows:,} rows"] if progress.rows else []
    if progress.phase.reads and progress.tasks_total:
        parts.append(f"{progress.tasks_done} of {progress.tasks_total} indexes and keys")
    if progress.doing:
        parts.append(f"now {', '.join(progress.doing)}")
    return "; ".join(parts)


def render(progress: Progress) -> Group:
    """Returns two lines, each cut at the terminal's width."""
    completed, total, words = measure(progress)
    line = Table.grid(padding=(0, 1))
    line.add_column(width=max(len(phase.value) for phase in LoadPhase))
    line.add_column(width=BAR_WIDTH)
    line.add_column(no_wrap=True, overflow="ellipsis")
    over = progress.phase is LoadPhase.FINISHED
    bar = ProgressBar(total=1 if over else max(total, 1), completed=1 if over else completed, width=BAR_WIDTH)
    line.add_row(progress.phase.value, bar, words)
    return Group(line, Text(format_details(progress), style="dim", no_wrap=True, overflow="ellipsis"))


class Bar:
    """Shows the latest progress, a few times a second."""

    def __init__(self, stream: TextIO) -> None:
        self._progress: Progress | None = None
        self._live = Live(console=Console(file=stream), get_renderable=self._render_lines)

    def _render_lines(self) -> Group:
        return render(self._progress) if self._progress else Group()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        self._progress = progress
