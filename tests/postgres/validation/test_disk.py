"""Damage on disk is found, also where no checksum tells of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.postgres.disk import Disk, drop, item, swap
from tests.support.postgres.scratch_server import Database
from tests.support.postgres.validation_sample import FAIL, the, validate, wrong
from validation import as_text


def wrong_attribute_count(page: bytearray) -> None:
    """A row that claims to have more columns than its table: readable, and wrong."""
    page[item(page, 3) + 18] = 40


def zeroed(page: bytearray) -> None:
    page[:] = bytes(len(page))


def garbled(page: bytearray) -> None:
    page[4000:4010] = bytes(byte ^ 0xFF for byte in page[4000:4010])


DAMAGES: dict[str, tuple[Callable[[Disk], None], set[str]]] = {
    "a row malformed in its block": (
        lambda disk: disk.change("transactions", 2, wrong_attribute_count),
        {"amcheck-heap:public.transactions"},
    ),
    "an index out of order": (
        lambda disk: disk.change("transactions_created_at", 1, lambda page: swap(page, 5, 6)),
        {"amcheck-index:public.transactions_created_at"},
    ),
    "a block of a table zeroed, which no checksum tells": (
        lambda disk: disk.change("transactions", 5, zeroed),
        {"heap-and-index:public.transactions"},
    ),
    "a table's file cut off": (
        lambda disk: disk.cut("transactions", 2),
        {"files", "freshness:public.transactions.created_at", "heap-and-index:public.transactions"},
    ),
    "a piece of a long value lost": (
        lambda disk: disk.change(disk.toast_of("documents"), 0, lambda page: drop(page, 2)),
        {"toast:public.documents", "amcheck-heap:public.documents"},
    ),
}


@pytest.fixture
def disk(database: Database) -> Disk:
    disk = Disk(database)
    disk.vacuum()
    return disk


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_on_disk_is_found_by_the_check_that_is_named_for_it(database: Database, disk: Disk, name: str) -> None:
    damage, found_by = DAMAGES[name]
    damage(disk)
    report = validate(database)
    assert wrong(report) == dict.fromkeys(found_by, FAIL), as_text(report)


def test_a_block_with_a_wrong_checksum_is_found_where_it_is_read_and_counted(database: Database, disk: Disk) -> None:
    disk.change("transactions", 3, garbled, checksum=False)
    report = validate(database)
    assert the(report, "rows:public.transactions").verdict is FAIL
    assert "invalid page in block 3" in the(report, "rows:public.transactions").found
    assert the(validate(database), "checksums").verdict is FAIL


def test_a_file_that_is_gone_is_found(database: Database, disk: Disk) -> None:
    disk.remove("smart_contracts")
    report = validate(database)
    assert the(report, "rows:public.smart_contracts").verdict is FAIL
    assert the(report, "files").verdict is FAIL
    assert report.verdict is FAIL


def test_an_undamaged_database_of_frozen_rows_passes(database: Database, disk: Disk) -> None:
    assert wrong(validate(database)) == {}
