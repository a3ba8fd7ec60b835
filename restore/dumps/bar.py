"""Progress for people on a terminal."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as RichProgress

from restore.dumps.model import Progress
from restore.durations import spoken


class Bar:
    """A rich bar: bytes of the dump, then tasks."""

    def __init__(self, stream: TextIO) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        tail = (TextColumn("{task.fields[left]}"), TextColumn("{task.fields[doing]}", style="dim"))
        self._bar = RichProgress(*columns, *tail, console=Console(file=stream), transient=False)
        self._task = self._bar.add_task("reading", total=None, left="", doing="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        left = "" if progress.left_seconds is None else f"{spoken(timedelta(seconds=progress.left_seconds))} left"
        tasks = f"{progress.tasks_done}/{progress.tasks_total} tasks" if progress.tasks_total else ""
        self._bar.update(
            self._task,
            description=progress.phase.value,
            total=progress.bytes_total,
            completed=progress.bytes_read,
            left=" ".join(filter(None, (tasks, left))),
            doing=", ".join(progress.doing[:3]),
        )
