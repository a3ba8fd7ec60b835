"""What `python -m restore rescue --apply` does once it is connected, as a process of its own: for bench.rescue."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from restore.rescue.model import Wish
from restore.rescue.run import apply
from validation.expectations.table_names import Table


def main(source: str, candidate: str, undo: str) -> None:
    """Brings back what table events lacks; prints how many rows that were."""
    with psycopg.connect(source, autocommit=True) as here, psycopg.connect(candidate, autocommit=True) as there:
        (done,) = apply(here, there, Wish(Table("public", "events")), Path(undo), "bench", print)
    print(done.inserted)


if __name__ == "__main__":
    main(*sys.argv[1:])
