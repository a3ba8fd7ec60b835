"""The threads of a load share rows and tasks without losing one, and all hear of a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from restore.dumps.check.progress import Meter
from restore.dumps.load.copy_batches import SMALL, Rows
from restore.dumps.load.ledger import Done
from restore.dumps.load.post_data_tasks import Lock, Task
from restore.dumps.load.work_queue import CopyBatch, LoadStopped, WorkQueue
from restore.dumps.sql.splitter import CopyBegin, Piece
from restore.errors import PermanentError

TABLE = b"public.t"
BEGIN = CopyBegin(b"COPY public.t FROM stdin", TABLE, 1, 0, 1)


def piece(board: WorkQueue, at: int, *, size: int = 10, whole: bool = True, last: bool = False) -> Piece:
    return Piece(BEGIN, board.take(), size, 1, at, at, 1, whole, last)


def rows(board: WorkQueue, done: Done | None = None, sizes: dict[bytes, int] | None = None) -> Rows:
    meter = Meter(100, lambda: 0)
    return Rows(board, meter, done or Done(16, resumed=False), {TABLE}, sizes or {})


def run_of(board: WorkQueue) -> CopyBatch:
    found = board.take_work()
    assert isinstance(found, CopyBatch)
    return found


def test_a_piece_that_is_loaded_is_not_loaded_again() -> None:
    board = WorkQueue(2, 16)
    done = Done(16, resumed=True)
    done.copies[1][0] = (20, 2)
    reader = rows(board, done)
    for at in (0, 10, 20):
        reader.see(piece(board, at))
    assert run_of(board).at == 20


def test_a_long_row_is_one_transaction_of_several_pieces() -> None:
    board = WorkQueue(2, 16)
    reader = rows(board)
    reader.see(piece(board, 0, whole=False))
    reader.see(piece(board, 10, whole=False))
    reader.see(piece(board, 20))
    reader.see(piece(board, 30, last=True))
    assert [one.at for one in board.take_pieces(run_of(board))] == [0, 10, 20]
    assert [one.at for one in board.take_pieces(run_of(board))] == [30]


def test_only_a_whole_table_of_the_dumps_own_is_emptied_and_frozen() -> None:
    board = WorkQueue(4, SMALL * 2)
    reader = rows(board)
    reader.see(piece(board, 0, size=SMALL + 1, last=True))
    reader.see(piece(board, 10, size=SMALL + 1, last=True))
    reader.plain = set()
    reader.see(piece(board, 0, size=SMALL + 1, last=True))
    assert [run_of(board).freeze for _ in range(3)] == [True, False, False]


def test_a_tables_index_waits_for_its_last_row() -> None:
    board = WorkQueue(1, 16)
    reader = rows(board)
    index = Task("index", (), {TABLE: Lock.SHARE}, 1, table=TABLE)
    board.plan([index])
    reader.see(piece(board, 0, last=True))
    run = run_of(board)
    list(board.take_pieces(run))
    board.note_loaded(run)
    assert board.take_work() is index


def waiting(board: WorkQueue, call: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            call()
        except LoadStopped as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, caught


@pytest.mark.parametrize("what", ["take", "take_work", "end_reading", "wait_for_tasks"])
def test_whoever_waits_hears_of_the_first_failure(what: str) -> None:
    board = WorkQueue(1, 16)
    buffers = [board.take() for _ in range(3)]
    if what == "wait_for_tasks":
        board.plan([Task("index", (), {}, 1, table=TABLE)])
    if what == "end_reading":
        board.loading = 1
    thread, caught = waiting(board, getattr(board, what))
    first = PermanentError("first")
    board.fail(first)
    board.fail(PermanentError("second"))
    thread.join(10)
    assert len(caught) == 1
    assert board.error is first
    assert len(buffers) == 3


def test_memory_is_bounded_by_the_number_of_sessions() -> None:
    board = WorkQueue(2, 16)
    taken = [board.take() for _ in range(4)]
    thread, _ = waiting(board, board.take)
    board.give(taken.pop())
    thread.join(10)
    assert not thread.is_alive()
