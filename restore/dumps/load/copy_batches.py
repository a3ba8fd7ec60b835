"""The pieces of a dump's data on their way to the board: skipped when loaded before, otherwise grouped into
transactions."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from restore.dumps.check.progress import Meter
from restore.dumps.load.ledger import Done
from restore.dumps.load.work_queue import CopyBatch, WorkQueue
from restore.dumps.sql.splitter import Piece

SMALL = 64 << 10
"""Bytes of a table below which emptying it costs more than frozen rows are worth."""


@dataclass
class Rows:
    """`plain`: tables that this dump makes and that hold rows themselves; `sizes`: bytes, where they are known."""

    board: WorkQueue
    meter: Meter
    done: Done
    plain: Set[bytes]
    sizes: Mapping[bytes, int]
    left_out: Set[bytes] = frozenset()
    """Tables that are not loaded by choice."""
    open: CopyBatch | None = None
    """It takes the next piece too."""

    def see(self, piece: Piece) -> None:
        """Takes the next piece of the dump: as rows to load, or as loaded by an earlier attempt. Raises LoadStopped."""
        begin = piece.begin
        if begin.table in self.left_out:
            self.board.give(piece.buffer)
        elif self.open is not None:
            self._extend(self.open, piece)
        elif _is_empty(piece) or self.done.is_loaded(begin.block, piece.at):
            self.meter.count_skipped(begin.table, piece.rows, piece.size)
            self.board.give(piece.buffer)
        else:
            run = CopyBatch(begin, piece.at, piece.line, piece.offset, self._can_freeze(piece))
            self.board.add(run)
            self._extend(run, piece)
        if piece.last:
            self.board.close_table(begin.table)

    def _extend(self, run: CopyBatch, piece: Piece) -> None:
        close = piece.last if run.freeze else piece.whole
        self.open = None if close else run
        self.board.extend(run, piece, close=close)

    def _can_freeze(self, piece: Piece) -> bool:
        """A whole table in one transaction can be written frozen: less WAL, and no second writing later."""
        return _is_only_piece(piece) and piece.size > SMALL and piece.begin.table in self.plain

    def find_size(self, table: bytes) -> int:
        """Returns the bytes of its rows in the dump, as far as they are known."""
        return self.sizes.get(table) or self.meter.tables.get(table, (0, 0))[1]


def _is_empty(piece: Piece) -> bool:
    """Whether it has no row. Its table is an extension's own as a rule, which only its owner may write to."""
    return _is_only_piece(piece) and piece.size == 0


def _is_only_piece(piece: Piece) -> bool:
    """Whether it is the only piece of its table."""
    return piece.at == 0 and piece.last
