"""`make bench-dumps`: whole-process seconds of each way to load one dump, in rounds, on a fresh server each time.

The loader goes by a plan made before, as in `pulumi up`, which reads the dump while RDS makes the instance; without
one it reads the dump twice, and that is measured too. It analyzes all tables, which the other ways leave to be done.

First all ways load a tenth of the data, and what they loaded is compared row by row; then the full dump, in rounds.
A round has each way once, in turn the first; ratios are medians of the rounds' own ratios, for the machine's speed
changes from round to round. At last the loader alone loads twice the data: its memory must not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.dumps.generated import Generated, generated
from bench.dumps.machine import LOCALE, Machine
from bench.dumps.store import serving
from bench.dumps.ways import LOADER, UNPLANNED, Failed, Run, commands, plan, run
from sandbox.machine.layout import Layout
from sandbox.postgres.content import Content, differences
from sandbox.postgres.files import remove_tree
from sandbox.postgres.host import Host

Round = dict[str, Run]
OURS = (LOADER, UNPLANNED)
RATIOS = {"ratio_runbook": "runbook", "ratio_stream": "stream", "ratio_pg_restore": "pg_restore"}


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """The names, beginning with another one in each round."""
    start = number % len(names)
    return [*names[start:], *names[:start]]


def rounds(machine: Machine, dumps: Generated, endpoint: str, count: int) -> Iterator[Round]:
    """Each way once a round. Raises Failed when a way loaded other rows than the dump has."""
    ways = commands(machine, dumps)
    for number in range(count):
        done: Round = {}
        for name in in_turn(list(ways), number):
            done[name] = counted(machine, dumps, endpoint, name, ways[name])
        yield done


def counted(machine: Machine, dumps: Generated, endpoint: str, name: str, command: str) -> Run:
    """One way on a fresh server. Raises Failed when it loaded other rows than the dump has."""
    with machine.running():
        done = run(machine, command, endpoint)
        if (found := machine.rows()) != dumps.rows:
            raise Failed(f"{name} loaded {found}, the dump has {dumps.rows}")
    say(f"{name}: {done.seconds:.1f} s")
    return done


def where_time_goes(one: Run) -> str:
    """The loader's own phases, and its floor: what its work costs the processors."""
    cores = os.cpu_count() or 1
    phases = next((line.strip() for line in one.said.splitlines() if line.startswith("  ")), "")
    server, client = one.server_cpu / cores, one.client_cpu / cores
    floor = f"on {cores} processors server CPU alone takes {server:.1f} s, the loader's {client:.1f} s"
    return f"loader, {one.seconds:.1f} s: {phases}; {floor}"


def equal_loads(machine: Machine, dumps: Generated, endpoint: str) -> Round:
    """Each way once; raises Failed when what is in the database afterwards isn't what psql's load left there."""
    done: Round = {}
    wanted: Content | None = None
    for name, command in commands(machine, dumps).items():
        with machine.running():
            done[name] = run(machine, command, endpoint)
            found = machine.content()
        wanted = wanted or found
        if other := differences(wanted, found):
            raise Failed(f"{name} loaded something else:\n" + "\n".join(other[:20]))
        say(f"{name}: {done[name].seconds:.1f} s, content equal")
    return done


def ratios(measured: Sequence[Round], loader: str = LOADER) -> dict[str, float]:
    """How many times faster the loader is than each other way."""
    return {
        key: round(statistics.median(one[name].seconds / one[loader].seconds for one in measured), 2)
        for key, name in RATIOS.items()
    }


def shown(title: str, measured: Sequence[Round]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("way", "seconds", "each round", "client CPU s", "server CPU s", "client MB", "WAL MB"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for name in measured[0]:
        runs = [one[name] for one in measured]
        middle = [statistics.median(figures) for figures in zip(*map(figures_of, runs), strict=True)]
        each = " ".join(f"{one.seconds:.0f}" for one in runs)
        table.add_row(name, f"{middle[0]:.1f}", each, *(f"{figure:.0f}" for figure in middle[1:]))
    return table


def figures_of(one: Run) -> tuple[float, ...]:
    return one.seconds, one.client_cpu, one.server_cpu, one.client_mb, one.wal_mb


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dumps", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a little over 1 GB of plain dump")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--locale", default=LOCALE, help="of the server, one that the machine has")
    parser.add_argument("--generate", action="store_true", help="only make the dumps")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="bench-dumps-") as folder:
        layout = Layout.at(Path(folder))
        machine = Machine(Host.at(layout), layout, asked.locale)
        try:
            sizes = (asked.scale / 10, asked.scale, asked.scale * 2)
            small, large, twice = (generated(machine, scale) for scale in sizes)
            return 0 if asked.generate else measure(machine, small, large, twice, asked.rounds)
        except Failed as error:
            say(f"failed: {error}")
            return 1
        finally:
            remove_tree(machine.host.folder)


def measure(machine: Machine, small: Generated, large: Generated, twice: Generated, count: int) -> int:
    console = Console(width=110)
    with serving(small.folder) as endpoint:
        plan(small, endpoint)
        tenth = equal_loads(machine, small, endpoint)
    console.print(shown(f"{small.bytes / 1e9:.2f} GB of plain dump, {sum(small.rows.values()):,} rows", [tenth]))
    with serving(large.folder) as endpoint:
        say(f"the plan: {plan(large, endpoint):.1f} s")
        measured = list(rounds(machine, large, endpoint, count))
    console.print(shown(f"{large.bytes / 1e9:.2f} GB of plain dump, {sum(large.rows.values()):,} rows", measured))
    growth = statistics.median(one[LOADER].seconds for one in measured) / tenth[LOADER].seconds
    console.print(f"loader, {large.bytes / small.bytes:.1f} times the data: {growth:.1f} times the seconds")
    console.print("\n".join(where_time_goes(one[LOADER]) for one in measured))
    with serving(twice.folder) as endpoint:
        doubled = {UNPLANNED: counted(machine, twice, endpoint, UNPLANNED, commands(machine, twice)[UNPLANNED])}
    console.print(shown(f"{twice.bytes / 1e9:.2f} GB of plain dump, {sum(twice.rows.values()):,} rows", [doubled]))
    peak = max(done.client_mb for one in (*measured, doubled) for way, done in one.items() if way in OURS)
    console.print(f"without a plan: {ratios(measured, UNPLANNED)}")
    print(json.dumps({**ratios(measured), "peak_rss_mb": round(peak)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
