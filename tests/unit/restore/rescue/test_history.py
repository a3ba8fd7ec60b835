"""Numbers of transactions go round: what is older must not be taken for newer when they have."""

from __future__ import annotations

from restore.rescue.history import add_epoch, choose_newest, is_newer


def test_numbers_are_compared_across_the_end_of_the_circle() -> None:
    last = (1 << 32) - 1
    assert is_newer(11, 10)
    assert is_newer(5, last - 5)
    assert not is_newer(last - 5, 5)
    assert not is_newer(10, 10)


def test_the_newest_of_both_sides_of_the_end_is_the_one_after_it() -> None:
    last = (1 << 32) - 1
    assert choose_newest([last - 1, 7, last]) == 7
    assert choose_newest([]) is None


def test_a_number_of_the_past_gets_the_epoch_in_which_it_was_given_out() -> None:
    epoch = 1 << 32
    assert add_epoch(90, 3 * epoch + 100) == 3 * epoch + 90
    assert add_epoch(epoch - 3, 3 * epoch + 100) == 3 * epoch - 3
