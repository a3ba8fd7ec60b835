"""Which rows are read again while a table loads: never those that somebody still writes, never all of it twice."""

from __future__ import annotations

from restore.dumps.load.hint_bits import LEAST_BLOCKS, NewInstance, State


def flushed(steps: int, *, behind: int = 0) -> State:
    """Of a table, in steps of the least that is read at once; WAL grows by 1 with each, all but `behind` is flushed."""
    return State(steps * LEAST_BLOCKS, steps, steps - behind)


def read(fresh: NewInstance, *states: State) -> list[range]:
    """The ranges that commits give which leave the table and WAL so, without the empty ones."""
    return [found for now in states if (found := fresh.committed(now))]


def steps(*ranges: range) -> list[int]:
    return [block // LEAST_BLOCKS for one in ranges for block in one if block % LEAST_BLOCKS == 0]


def test_rows_that_another_session_has_not_committed_are_not_read_in_vain() -> None:
    ranges = read(NewInstance(sessions=2), *map(flushed, (1, 2, 3, 4)))
    assert ranges == [range(LEAST_BLOCKS), range(LEAST_BLOCKS, 2 * LEAST_BLOCKS)]


def test_rows_whose_commit_is_not_on_the_disk_are_not_read_in_vain() -> None:
    fresh = NewInstance(sessions=1)
    assert read(fresh, *(flushed(step, behind=2) for step in (1, 2, 3))) == []
    assert steps(*read(fresh, flushed(4, behind=2))) == [0]
    assert steps(*read(fresh, flushed(5))) == [1, 2, 3]


def test_no_block_is_read_twice_or_left_out() -> None:
    fresh = NewInstance(sessions=3)
    ranges = [*read(fresh, *map(flushed, (1, 3, 4, 9, 11, 12, 13, 14))), fresh.completed(flushed(15))]
    assert [block for one in ranges for block in one] == list(range(15 * LEAST_BLOCKS))


def test_a_table_of_few_pieces_is_read_before_a_checkpoint_makes_its_pages_go_to_wal() -> None:
    fresh = NewInstance(sessions=2)
    assert read(fresh, *map(flushed, (1, 2))) == []
    assert fresh.completed(flushed(3)) == range(3 * LEAST_BLOCKS)
    assert not fresh.completed(flushed(3))


def test_a_table_that_grows_slowly_costs_no_query_for_each_commit() -> None:
    ranges = read(NewInstance(sessions=1), *(State(end, end, end) for end in range(0, 2 * LEAST_BLOCKS + 100, 7)))
    assert len(ranges) == 2
    assert all(len(one) >= LEAST_BLOCKS for one in ranges)


def test_a_load_that_goes_on_reads_nothing_of_what_was_there() -> None:
    ranges = read(NewInstance(1, begin=None), *map(flushed, (1000, 1001, 1002)))
    assert ranges == [range(1000 * LEAST_BLOCKS, 1001 * LEAST_BLOCKS)]


def test_a_table_that_another_session_emptied_of_its_end_asks_for_nothing_backwards() -> None:
    fresh = NewInstance(1, begin=None)
    assert read(fresh, *map(flushed, (5, 1, 1, 1))) == []
    assert not fresh.completed(flushed(0))
