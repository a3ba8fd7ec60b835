"""What is measured, each as whole processes: a person's way, and ours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.validation.data import CANDIDATE, CHECKED, SOURCE
from bench.validation.server import Running
from sandbox.machine.layout import CHECKOUT

RESTORE_POINT = "2026-11-22T14:00:00Z"
FILLED = ("user_id", "note", "amount")
"""Columns that may be null by their definition, and must not be."""


class Failed(Exception):
    """A command did not do its work: its figure would mean nothing."""


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mb: float
    output: str


def run(
    commands: Sequence[Sequence[str]], variables: Mapping[str, str], text: str = "", expected: Sequence[int] = (0,)
) -> Run:
    """Runs the commands beside each other until all have ended. Raises Failed."""
    environment = {**os.environ, **variables}
    began = time.monotonic()
    started = [
        subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for command in commands
    ]  # fmt: skip
    ended = [_ended(process, text, expected) for process in started]
    return Run(time.monotonic() - began, max(peak for peak, _ in ended), "".join(said for _, said in ended))


def _ended(process: subprocess.Popen[str], text: str, expected: Sequence[int]) -> tuple[float, str]:
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as words:
        words.write(text)
    said = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        raise Failed(f"{process.args} ended with {process.returncode}, not {list(expected)}:\n{said[-2000:]}")
    return usage.ru_maxrss / 1024, said


def serial_psql(server: Running, tables: Sequence[str]) -> Run:
    """The runbook's way (V.3 and its checklist): one session, one statement after the other."""
    command = [server.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", server.url(CHECKED)]
    found = run([command], {}, "\n".join(statements(tables)))
    if len(found.output.split()) != len(statements(tables)):
        raise Failed(f"psql answered {len(found.output.split())} statements of {len(statements(tables))}")
    return found


def statements(tables: Sequence[str]) -> list[str]:
    """Row counts, newest timestamps, null values, rows without the row they refer to, a known row."""
    users = tables[0]
    counts = [f"SELECT count(*) FROM {table};" for table in tables]
    newest = [f"SELECT extract(epoch FROM max(created_at)) FROM {table};" for table in tables]
    nulls = [f"SELECT count(*) FROM {table} WHERE {column} IS NULL;" for table in tables for column in FILLED]
    orphans = [
        f"SELECT count(*) FROM {table} c WHERE user_id IS NOT NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {users} p WHERE p.id = c.user_id);"
        for table in tables[1:]
    ]
    return [*counts, f"SELECT id FROM {users} WHERE id = 1;", *newest, *nulls, *orphans]


def checks_file(folder: Path, tables: Mapping[str, int]) -> Path:
    """The same as expectations."""
    parts = [f'[[must_exist]]\ntable = "{next(iter(tables))}"\nkey = {{ id = "1" }}\n']
    for table, rows in tables.items():
        parts.append(f"[tables.{table}]\nmin = {rows}\nmax = {rows}\n")
        parts.append(f'[[freshness]]\ntable = "{table}"\ncolumn = "created_at"\ntolerance_seconds = 60\n')
        parts.append(f'[[not_null]]\ntable = "{table}"\ncolumns = {list(FILLED)!r}\n')
    path = folder / "checks.toml"
    path.write_text("\n".join(parts))
    return path


def same_checks(server: Running, checks: Path) -> Run:
    """Ours, of what serial_psql() checks."""
    words = ["bench.validation.same_checks", str(checks), RESTORE_POINT]
    return run([[sys.executable, "-m", *words]], {"CHECKED": server.url(CHECKED)})


def all_checks(server: Running, checks: Path) -> Run:
    """Ours with all that it checks besides: the bench's tables pass those, or need what isn't there (amcheck)."""
    words = ["run", "--checks", str(checks), "--target-env", "CHECKED", "--restore-point", RESTORE_POINT]
    command = [sys.executable, "-m", "validation", *words]
    return run([command], {"CHECKED": server.url(CHECKED)}, expected=(0, 2))


def copy_both(server: Running, table: str) -> Run:
    """Both tables written to nowhere by the server itself, at the same time: nothing crosses the network."""
    copy = f"COPY {table} TO '/dev/null'"
    databases = (SOURCE, CANDIDATE)
    return run([[server.psql, "-X", "-q", "-d", server.url(name), "-c", copy] for name in databases], {})


def loss_report(server: Running, port: int, expected: int) -> Run:
    words = ["loss", "--source-env", "OLD", "--target-env", "NEW", "--json"]
    variables = {"OLD": server.url(SOURCE, port), "NEW": server.url(CANDIDATE, port)}
    return run([[sys.executable, "-m", "validation", *words]], variables, expected=(expected,))
