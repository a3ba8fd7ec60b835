"""`make bench-validation`: the runbook's checks by serial psql against ours, and the loss report against COPY.

Whole-process seconds. The ways take turns, and each figure is the median of its rounds; a ratio is the median of the
rounds' own ratios, for the machine's speed changes from round to round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.validation import data, ways
from bench.validation.relay import relaying
from bench.validation.server import PORT, Running, running
from bench.validation.ways import Failed, Run

DIFFERENCES = (
    "delete from events where id > (select max(id) from events) * 0.99",
    "update events set note = 'changed' where id % 5000 = 0",
)
PSQL, SAME = "serial psql", "validation, the same checks"
COPY, LOSS = "COPY both to /dev/null", "loss report, equal"
DIFFERENT = "loss report, 1 % lost, 1 in 5,000 changed"
MB = 1e6


def taking_turns(ways_: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Each way once a round, after one that is not counted, so that all read from memory."""
    found: dict[str, list[Run]] = {name: [] for name in ways_}
    for number in range(rounds + 1):
        for name, way in ways_.items():
            done = way()
            say(f"{name}: {done.seconds:.1f} s")
            if number:
                found[name].append(done)
    return found


def ratio(runs: Mapping[str, Sequence[Run]], over: str, under: str) -> float:
    pairs = zip(runs[over], runs[under], strict=True)
    return round(statistics.median(one.seconds / other.seconds for one, other in pairs), 2)


def checks(server: Running, scale: float, rounds: int, folder: Path) -> dict[str, list[Run]]:
    wanted = data.tables(scale)
    say(f"filling {len(wanted)} tables, {sum(wanted.values()):,} rows")
    data.fill_checked(server, scale)
    file = ways.checks_file(folder, wanted)
    runs = taking_turns(
        {
            PSQL: lambda: ways.serial_psql(server, list(wanted)),
            SAME: lambda: ways.same_checks(server, file),
        },
        rounds,
    )
    return {**runs, "validation run, all its checks": [ways.all_checks(server, file)]}


def equal_loss(server: Running, scale: float, rounds: int) -> dict[str, list[Run]]:
    say(f"filling two tables of {data.fill_pair(server, scale):,} rows")
    return taking_turns(
        {
            COPY: lambda: ways.copy_both(server, "events"),
            LOSS: lambda: ways.loss_report(server, PORT, 0),
        },
        rounds,
    )


def relayed(server: Running, expected: int) -> tuple[Run, float]:
    """A loss report through a relay, and the MB that passed."""
    with relaying(server.address, PORT) as relay:
        done = ways.loss_report(server, relay.port, expected)
    return done, relay.passed / MB


def made_different(server: Running) -> None:
    with server.connect(data.CANDIDATE) as connection:
        for statement in DIFFERENCES:
            connection.execute(statement)


def measure(server: Running, scale: float, rounds: int, folder: Path) -> dict[str, float]:
    losses = equal_loss(server, scale, rounds)
    _, equal_mb = relayed(server, 0)
    made_different(server)
    different, different_mb = relayed(server, 1)
    checked = checks(server, scale, rounds, folder)
    runs = {**checked, **losses, DIFFERENT: [different]}
    Console(width=100).print(shown(runs, {LOSS: equal_mb, DIFFERENT: different_mb}))
    ours = [run for name, done in runs.items() if name not in (PSQL, COPY) for run in done]
    return {
        "ratio_serial_psql": ratio(checked, PSQL, SAME),
        "loss_report_over_copy": ratio(losses, LOSS, COPY),
        "loss_report_traffic_mb": round(equal_mb, 3),
        "peak_rss_mb": round(max(one.peak_mb for one in ours)),
    }


def shown(runs: Mapping[str, Sequence[Run]], traffic: Mapping[str, float]) -> Table:
    table = Table(title="Whole processes", title_justify="left")
    for column in ("way", "seconds", "each round", "peak MB", "traffic MB"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for name, done in runs.items():
        seconds = [one.seconds for one in done]
        passed = f"{traffic[name]:.3f}" if name in traffic else ""
        each = " ".join(f"{one:.1f}" for one in seconds)
        peak = max(one.peak_mb for one in done)
        table.add_row(name, f"{statistics.median(seconds):.1f}", each, f"{peak:.0f}", passed)
    return table


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.validation", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 100 tables, 20 million rows, and 2 x 5 million")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="bench-validation-") as folder:
        try:
            with running(Path(folder)) as server:
                figures = measure(server, asked.scale, asked.rounds, Path(folder))
        except Failed as error:
            say(f"failed: {error}")
            return 1
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
