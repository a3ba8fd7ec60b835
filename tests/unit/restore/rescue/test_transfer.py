"""What is left out of a comparison, or sent in another form, must not make a row look missing."""

from __future__ import annotations

from restore.rescue.transfer import is_binary
from validation.expectations.table_names import Table
from validation.loss.comparability import Column, TablePair, TableShape, pair_tables
from validation.loss.key_ranges import Ranges


def pair(here: dict[str, str], there: dict[str, str]) -> TablePair:
    def shape(columns: dict[str, str]) -> TableShape:
        return TableShape(
            Table("public", "t"), partitioned=False, unlogged=False, rows=1, pages=1, columns=columns, key=()
        )

    return pair_tables(shape(here), shape(there), {})


def test_keys_of_which_equal_ones_may_be_in_two_ranges_are_looked_up_in_all_of_the_source() -> None:
    assert Ranges(Column("id", "bigint"), ("10", "20")).is_by_bounds([2])
    assert not Ranges(Column("id", "citext"), ("a", "b")).is_by_bounds([2])
    assert not Ranges(Column("id", None), ("1", "2")).is_by_bounds([2]), "of two types: 1 and 1.0"
    assert not Ranges(Column("id", "bigint"), tuple(map(str, range(40)))).is_by_bounds(range(0, 40, 2))


def test_values_of_types_that_the_sides_write_differently_are_sent_as_text() -> None:
    assert is_binary(pair({"a": "integer", "b": "mood"}, {"a": "integer", "b": "mood"}), ["a"])
    assert not is_binary(pair({"a": "integer", "b": "mood"}, {"a": "integer", "b": "mood"}), ["a", "b"])
    assert not is_binary(pair({"a": "bigint"}, {"a": "integer"}), ["a"])
