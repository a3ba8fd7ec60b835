"""Damage to the files of a database, behind the server's back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from tests.support.postgres.scratch_server import Database

BLOCK = 8192
CHECKSUM = slice(8, 10)
ITEMS = 24
"""Where the item pointers of a block begin: four bytes each."""


@dataclass(frozen=True)
class Disk:
    """The files of a database whose server runs, with nothing of it left in the server's buffers afterwards."""

    database: Database

    def vacuum(self) -> None:
        with self.database.connect() as connection:
            connection.execute("vacuum (freeze, analyze)")

    def change(self, relation: str, block: int, change: Callable[[bytearray], None], *, checksum: bool = True) -> None:
        """Changes one block in its file; with a right checksum afterwards unless told else."""
        path = self._written(relation)
        data = bytearray(path.read_bytes())
        place = slice(block * BLOCK, (block + 1) * BLOCK)
        page = data[place]
        change(page)
        if checksum and any(page):
            page[CHECKSUM] = self._checksum(page, block)
        data[place] = page
        path.write_bytes(data)
        self._forget()

    def cut(self, relation: str, blocks: int) -> None:
        """Takes blocks from the end of a file."""
        path = self._written(relation)
        path.write_bytes(path.read_bytes()[: -blocks * BLOCK])
        self._forget()

    def remove(self, relation: str) -> None:
        self._written(relation).unlink()
        self._forget()

    def toast_of(self, relation: str) -> str:
        return str(self._one("select reltoastrelid::regclass from pg_class where oid = {}::regclass", relation))

    def _written(self, relation: str) -> Path:
        """The file of a relation, with all that the server knows in it."""
        path = self.database.server.data / str(self._one("select pg_relation_filepath({})", relation))
        self.database.execute("checkpoint")
        return path

    def _one(self, query: str, relation: str) -> Any:
        with self.database.connect() as connection:
            row = connection.execute(sql.SQL(query).format(sql.Literal(relation))).fetchone()  # pyright: ignore[reportArgumentType]
        assert row
        return row[0]

    def _checksum(self, page: bytearray, block: int) -> bytes:
        with self.database.server.connect() as connection:
            connection.execute("create extension if not exists pageinspect")
            row = connection.execute("select page_checksum(%s, %s)", [bytes(page), block]).fetchone()
        assert row
        return (int(row[0]) & 0xFFFF).to_bytes(2, "little")

    def _forget(self) -> None:
        with self.database.server.connect() as connection:
            connection.execute("create extension if not exists pg_buffercache")
            connection.execute(
                "select pg_buffercache_evict(bufferid) from pg_buffercache"
                " where reldatabase = (select oid from pg_database where datname = %s)",
                [self.database.name],
            )


def item(page: bytearray, number: int) -> int:
    """Where the item of that number, from 1, begins in the block."""
    return int.from_bytes(page[_pointer(number)], "little") & 0x7FFF


def swap(page: bytearray, slot: int, other_slot: int) -> None:
    """Swaps the pointers to two items: an index whose keys are out of order."""
    page[_pointer(slot)], page[_pointer(other_slot)] = page[_pointer(other_slot)], page[_pointer(slot)]


def drop(page: bytearray, number: int) -> None:
    """Makes an item pointer one that points at nothing."""
    page[_pointer(number)] = bytes(4)


def _pointer(number: int) -> slice:
    return slice(ITEMS + 4 * (number - 1), ITEMS + 4 * number)
