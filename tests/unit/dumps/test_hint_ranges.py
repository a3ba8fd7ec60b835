"""Which rows are read again while a table loads: never those that somebody still writes, never all of it twice."""

from __future__ import annotations

from restore.dumps.hints import LEAST_BLOCKS, Fresh


def read(fresh: Fresh, *ends: int) -> list[range]:
    """The ranges that commits with so many blocks in the table give, without the empty ones."""
    return [found for end in ends if (found := fresh.committed(end))]


def ends(*steps: int) -> list[int]:
    """Of a table, in steps of the least that is read at once."""
    return [step * LEAST_BLOCKS for step in steps]


def test_rows_that_another_session_has_not_committed_are_not_read_in_vain() -> None:
    ranges = read(Fresh(sessions=2), *ends(1, 2, 3, 4))
    assert ranges == [range(LEAST_BLOCKS), range(LEAST_BLOCKS, 2 * LEAST_BLOCKS)]


def test_no_block_is_read_twice_or_left_out() -> None:
    fresh = Fresh(sessions=3)
    ranges = [*read(fresh, *ends(1, 3, 4, 9, 11, 12, 13, 14)), fresh.completed(*ends(15))]
    assert [block for one in ranges for block in one] == list(range(15 * LEAST_BLOCKS))


def test_a_table_of_few_pieces_is_read_before_a_checkpoint_makes_its_pages_go_to_wal() -> None:
    fresh = Fresh(sessions=2)
    assert read(fresh, *ends(1, 2)) == []
    assert fresh.completed(*ends(3)) == range(3 * LEAST_BLOCKS)
    assert not fresh.completed(*ends(3))


def test_a_table_that_grows_slowly_costs_no_query_for_each_commit() -> None:
    ranges = read(Fresh(sessions=1), *range(0, 2 * LEAST_BLOCKS + 100, 7))
    assert len(ranges) == 2
    assert all(len(one) >= LEAST_BLOCKS for one in ranges)


def test_a_load_that_goes_on_reads_nothing_of_what_was_there() -> None:
    ranges = read(Fresh(1, begin=None), *ends(1000, 1001, 1002))
    assert ranges == [range(1000 * LEAST_BLOCKS, 1001 * LEAST_BLOCKS)]


def test_a_table_that_another_session_emptied_of_its_end_asks_for_nothing_backwards() -> None:
    fresh = Fresh(1, begin=None)
    assert read(fresh, *ends(5, 1, 1, 1)) == []
    assert not fresh.completed(0)
