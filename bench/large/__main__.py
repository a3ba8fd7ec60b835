"""`make bench-large`: all of a large database against a sample of it, on a volume as slow as a restored one.

Real blocks, read through a throttle (throttle.c) at the rate of a fresh RDS volume (validation/runner/limits.py names
the source). Three sizes are measured, 50 GB the largest, or what the disk has room for; only 2 TB is computed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table as Shown

from bench.large import data, model
from bench.large.model import Measured
from bench.large.volume import Volume, open_volume
from bench.validation.ways import Failed, Run, run
from validation import RunOptions, Target, ValidationReport, from_mapping
from validation import run as validate
from validation.connect.query_runner import Budget, ask_all
from validation.connect.session import connect
from validation.runner.limits import FRESH_RATE
from validation.schema import snapshot
from validation.schema.snapshot import SchemaSnapshot
from validation.terminal import format_size
from validation.verdict import Depth, Verdict

PARTS = (1 / 16, 1 / 4, 1.0)
SPARE_BYTES = 6e9
INDEXES = 0.12
"""Of the tables' bytes: their indexes, and what sorting them takes."""
SEEDS = ("db-A", "db-B", "db-C")
LOOKUP_CHECKS = 3 * data.PARTS
"""Two unique keys and a foreign key of each large table."""
HOURS = 12 * 3600.0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def choose_size(gigabytes: float, folder: Path) -> float:
    """Returns the bytes of the tables: those that are asked for, or what the disk has room for."""
    room = (shutil.disk_usage(folder).free - SPARE_BYTES) / (1 + 2 * INDEXES)
    if room < gigabytes * 1e9:
        say(f"the disk has room for {format_size(room)}, not for {gigabytes:g} GB")
    return min(gigabytes * 1e9, room)


def read_cold(volume: Volume, depth: Depth, checks: Path) -> Run:
    """Validates on a fresh volume, in a process of its own."""
    volume.make_fresh()
    words = ["run", "--checks", str(checks), "--target-env", "LARGE", "--restore-point", data.RESTORE_POINT]
    command = [sys.executable, "-m", "validation", *words, "--depth", depth]
    return run([command], {"LARGE": volume.running.url(data.DATABASE)}, expected=(0, 1, 2))


def measure_sizes(volume: Volume, size: float, folder: Path) -> Iterator[tuple[Measured, Sequence[Run]]]:
    """Yields each size as it is measured."""
    checks = folder / "checks.toml"
    checks.write_text(
        "".join(f'[[not_null]]\ntable = "{table}"\ncolumns = ["note"]\n' for table in data.TABLES)
        + f"[limits]\nbudget_seconds = {HOURS:.0f}\n"
    )
    data.create(volume.running)
    rows = 0
    for part in PARTS:
        more = data.count_rows(size * part)
        say(f"filling up to {format_size(size * part)} of tables")
        volume.make_fast()
        data.grow(volume.running, rows + 1, more)
        rows = more
        sample, sample_fetched = read_cold(volume, Depth.SAMPLE, checks), volume.read_fetched()
        say(f"sample: {sample.seconds:.1f} s, {format_size(sample_fetched)} fetched")
        full, full_fetched = read_cold(volume, Depth.FULL, checks), volume.read_fetched()
        say(f"full: {full.seconds:.1f} s, {format_size(full_fetched)} fetched")
        fetched = (full_fetched, sample_fetched)
        yield Measured(data.measure_bytes(volume.running), full.seconds, sample.seconds, *fetched), (sample, full)


def look_for_rows(volume: Volume, rows: int) -> tuple[int, float]:
    """Returns how many of the wrong rows samples of several seeds have found, and how many by their probability."""
    seeded, found, expected = data.Seeded(rows), 0, 0.0
    for seed in SEEDS:
        report = sample_once(volume, seed, None)
        assert report.sample is not None
        for table in data.TABLES:
            of_checks = (
                (f"not-null:public.{table}.note", seeded.nulls),
                (f"foreign-key:public.{table}.{table}_account_id_fkey", seeded.orphans),
            )
            for name, wrong in of_checks:
                result = next(result for result in report.results if result.name == name)
                found += int(result.found.split()[0].replace(",", "")) if result.verdict is Verdict.FAIL else 0
                expected += wrong * report.sample.chances[name]
    return found, expected


def look_for_structure(volume: Volume) -> tuple[int, int]:
    """Returns how many of the structural defects a sample has found, and how many there are."""
    schema = read_schema(volume)
    with volume.running.connect(data.DATABASE) as connection:
        for damage, _ in data.STRUCTURAL:
            connection.execute(damage)  # pyright: ignore[reportArgumentType, reportCallIssue]
    report = sample_once(volume, SEEDS[0], schema)
    failed = {result.name for result in report.results if result.verdict is Verdict.FAIL}
    for damage, name in data.STRUCTURAL:
        if name not in failed:
            say(f"missed: {damage}")
    return sum(name in failed for _, name in data.STRUCTURAL), len(data.STRUCTURAL)


def read_schema(volume: Volume) -> SchemaSnapshot:
    session = connect(Target.from_url(volume.running.url(data.DATABASE)))
    try:
        return snapshot.read(ask_all(session, snapshot.build_questions(), Budget(HOURS, HOURS * 1000)))
    finally:
        session.close()


def sample_once(volume: Volume, seed: str, schema: SchemaSnapshot | None) -> ValidationReport:
    expected = from_mapping({"not_null": [{"table": table, "columns": ["note"]} for table in data.TABLES]})
    return validate(
        Target.from_url(volume.running.url(data.DATABASE)),
        expected,
        RunOptions(
            schema=schema, restore_point=datetime.fromisoformat(data.RESTORE_POINT), depth=Depth.SAMPLE, seed=seed
        ),
    )


def show(measured: Sequence[Measured], sample: float, full: float) -> Shown:
    """Returns the sizes that were measured, and the one that is computed."""
    table = Shown(title=f"On a fresh volume ({FRESH_RATE / 1e6:.1f} MB a second)", title_justify="left")
    for column in ("database", "full", "fetched", "sample", "fetched", "sample/full"):
        table.add_column(column, justify="right")
    for each in measured:
        table.add_row(
            format_size(each.size),
            f"{each.full_seconds:,.0f} s",
            format_size(each.full_fetched),
            f"{each.sample_seconds:,.0f} s",
            format_size(each.sample_fetched),
            f"{each.sample_seconds / each.full_seconds:.3f}",
        )
    computed = f"{format_size(model.FARTHEST)}, extrapolated"
    table.add_row(computed, f"{full:,.0f} s", "", f"{sample:,.0f} s", "", f"{sample / full:.3f}")
    return table


def measure(folder: Path, gigabytes: float) -> dict[str, float]:
    size = choose_size(gigabytes, folder)
    with open_volume(folder) as volume:
        measured: list[Measured] = []
        runs: list[Run] = []
        for each, both in measure_sizes(volume, size, folder):
            measured.append(each)
            runs += both
        found, expected = look_for_rows(volume, data.count_rows(size))
        structural, of = look_for_structure(volume)
    sample, full = model.extrapolate(measured, data.PARTS, LOOKUP_CHECKS)
    Console(width=100).print(show(measured, sample, full))
    return {
        "sample_over_full": round(sample / full, 4),
        "structural_found": round(structural / of, 3),
        "row_defects_found": found,
        "row_defects_expected": round(expected, 1),
        "peak_rss_mb": round(max(run.peak_mb for run in runs)),
        "largest_gb": round(measured[-1].size / 1e9, 1),
    }


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=50.0, help="bytes of the tables at the largest size")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="bench-large-") as folder:
        try:
            figures = measure(Path(folder), asked.gigabytes)
        except Failed as error:
            say(f"failed: {error}")
            return 1
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
