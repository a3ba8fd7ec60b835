"""`make bench-rescue`: 500,000 rows of a table of 5 million brought back, against COPYing just those out and in.

Whole processes that take turns; the ratio is the median of the rounds' own. COPY is told which rows are missing; a
rescue has to find them. Two shapes: the newest rows gone (a bad DELETE by time), and rows from all over the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as Shown

from bench.validation.server import Running, running
from bench.validation.ways import Failed, Run, run

ROWS, LOST = 5_000_000, 10
"""Every so many of the rows are lost."""
TABLE = """
CREATE TABLE users (id bigint PRIMARY KEY);
INSERT INTO users SELECT generate_series(1, 10000);
CREATE TABLE events (id bigint, user_id bigint, note text, amount numeric(20, 2), created_at timestamptz NOT NULL);
INSERT INTO events
SELECT n, 1 + n % 10000, md5(n::text), n % 100000 / 100.0, timestamptz '2026-11-22 14:00Z' + n * interval '1 second'
FROM generate_series(1, {rows}) n;
ALTER TABLE events ADD PRIMARY KEY (id);
CREATE INDEX ON events (created_at);
ALTER TABLE events ADD FOREIGN KEY (user_id) REFERENCES users;
"""


@dataclass(frozen=True)
class Shape:
    """Which rows are lost, as SQL about an event."""

    name: str
    condition: str


def shapes(rows: int) -> tuple[Shape, ...]:
    return (
        Shape("the newest", f"id > {rows - rows // LOST}"),
        Shape("one in ten, all over", f"id % {LOST} = 0"),
    )


def lose(server: Running, shape: Shape) -> None:
    with server.connect("source") as connection:
        connection.execute(f"DELETE FROM events WHERE {shape.condition}".encode())
        connection.execute("VACUUM ANALYZE events")
        connection.execute("CHECKPOINT")


def copied(server: Running, shape: Shape, folder: Path) -> Run:
    """As a person does it: out to a file, then in."""
    file = folder / "rows"
    psql = [server.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]
    out = f"\\copy (SELECT * FROM events WHERE {shape.condition}) TO '{file}'"
    parts = [
        run([[*psql, server.url("candidate"), "-c", out]], {}),
        run([[*psql, server.url("source"), "-c", f"\\copy events FROM '{file}'"]], {}),
    ]
    return Run(sum(part.seconds for part in parts), max(part.peak_mb for part in parts), "")


def rescued(server: Running, folder: Path, rows: int) -> Run:
    undo = folder / "undo.sql"
    undo.unlink(missing_ok=True)
    databases = [server.url("source"), server.url("candidate")]
    done = run([[sys.executable, "-m", "bench.bring_back", *databases, str(undo)]], {})
    if json.loads(done.output) != rows // LOST:
        raise Failed(f"{done.output} rows came back, not {rows // LOST}")
    return done


def check(server: Running, rows: int) -> None:
    """Raises Failed unless the table is whole again."""
    whole = "SELECT count(*), sum(hashtextextended(e::text, 0)) FROM events e"
    with server.connect("source") as here, server.connect("candidate") as there:
        mine, theirs = (connection.execute(whole).fetchone() for connection in (here, there))
    if mine != theirs or not mine or mine[0] != rows:
        raise Failed(f"the table has {mine}, not {theirs}")


def measure(server: Running, rows: int, rounds: int, folder: Path) -> dict[Shape, dict[str, list[Run]]]:
    with server.connect() as connection:
        connection.execute("CREATE DATABASE candidate")
    with server.connect("candidate") as connection:
        connection.execute(TABLE.format(rows=rows).encode())
        connection.execute("VACUUM ANALYZE")
    with server.connect() as connection:
        connection.execute("CREATE DATABASE source TEMPLATE candidate")
    runs: dict[Shape, dict[str, list[Run]]] = {}
    for shape in shapes(rows):
        found = runs[shape] = {"COPY out and in": [], "rescue": []}
        for _ in range(rounds):
            lose(server, shape)
            found["COPY out and in"].append(copied(server, shape, folder))
            lose(server, shape)
            found["rescue"].append(rescued(server, folder, rows))
            check(server, rows)
            print(f"{shape.name}: {[round(each[-1].seconds, 1) for each in found.values()]} s", file=sys.stderr)
    return runs


def ratio(found: dict[str, list[Run]]) -> float:
    pairs = zip(found["rescue"], found["COPY out and in"], strict=True)
    return round(statistics.median(one.seconds / other.seconds for one, other in pairs), 2)


def table(runs: dict[Shape, dict[str, list[Run]]]) -> Shown:
    shown = Shown(title="Whole processes", title_justify="left")
    for column in ("rows that are gone", "way", "seconds", "peak MB"):
        shown.add_column(column, justify="left" if column in ("rows that are gone", "way") else "right")
    for shape, found in runs.items():
        for way, done in found.items():
            seconds = statistics.median(one.seconds for one in done)
            shown.add_row(shape.name, way, f"{seconds:.1f}", f"{max(one.peak_mb for one in done):.0f}")
    return shown


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rescue", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="bench-rescue-") as folder:
        try:
            with running(Path(folder)) as server:
                runs = measure(server, asked.rows, asked.rounds, Path(folder))
        except Failed as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    Console(width=100).print(table(runs))
    newest, scattered = runs.values()
    peak = max(one.peak_mb for found in runs.values() for one in found["rescue"])
    figures = {"rescue_over_copy": ratio(newest), "peak_rss_mb": round(peak)}
    print(json.dumps({**figures, "rescue_over_copy_scattered": ratio(scattered)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
