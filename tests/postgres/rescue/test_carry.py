"""What the applications wrote to the candidate isn't lost on the way back to the source."""

from __future__ import annotations

from restore.rescue import carry
from restore.rescue.carry import Carried, NewRows, order_parents_first
from restore.rescue.model import ForeignKey, OnDelete
from tests.postgres.rescue.conftest import CUSTOMERS, ORDERS, Shop
from validation.expectations.table_names import Table

LINES = Table("public", 'odd "lines%')
HEAP = Table("public", "heap")


def write_to_candidate(shop: Shop) -> None:
    shop.restored.execute(
        "INSERT INTO customers (id, email) VALUES (21, 'new@example.invalid');"
        "INSERT INTO orders (customer_id, amount) VALUES (21, 5), (3, 6);"
        "UPDATE customers SET country = NULL WHERE id = 2;"
        "INSERT INTO heap VALUES ('no key')"
    )


def test_rows_written_since_the_switch_come_back_to_the_source(shop: Shop) -> None:
    shop.damage("UPDATE customers SET email = 'lost' || id WHERE id > 10")
    switched = shop.next_transaction()
    write_to_candidate(shop)
    done = shop.carry(switched).done
    assert [(one.table, one.inserted, one.overwritten) for one in done] == [(CUSTOMERS, 1, 1), (ORDERS, 2, 0)]
    assert shop.ask("SELECT email, country FROM customers WHERE id IN (2, 11, 21) ORDER BY id") == [
        ("c2@example.invalid", None),
        ("lost11", "pt"),  # as it was before the switch: what the restore is for is not carried
        ("new@example.invalid", None),
    ]


def test_a_new_row_takes_along_what_it_refers_to(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE customer_id = 3; DELETE FROM customers WHERE id = 3")
    switched = shop.next_transaction()
    write_to_candidate(shop)
    shop.carry(switched)
    assert shop.ask("SELECT amount FROM orders WHERE customer_id = 3") == [(6,)]


def test_what_cannot_be_carried_is_counted_too(shop: Shop) -> None:
    switched = shop.next_transaction()
    write_to_candidate(shop)
    with shop.restored.connect() as candidate:
        new = carry.count_new(candidate, switched)
    assert NewRows(HEAP, 1, carried=False) in new
    assert NewRows(ORDERS, 2, carried=True) in new


def test_nothing_written_since_is_nothing_to_carry(shop: Shop) -> None:
    write_to_candidate(shop)
    shop.restored.execute("VACUUM FREEZE customers")
    assert shop.carry(shop.next_transaction()) == Carried()
    assert not shop.undo.exists()


def test_frozen_rows_are_as_old_as_they_were(shop: Shop) -> None:
    switched = shop.next_transaction()
    write_to_candidate(shop)
    shop.restored.execute("VACUUM FREEZE")
    assert {one.table: one.inserted for one in shop.carry(switched).done}[ORDERS] == 2


def test_a_table_stands_after_those_that_it_refers_to_also_where_these_refer_to_each_other() -> None:
    def refers(child: Table, parent: Table) -> ForeignKey:
        return ForeignKey("k", child, ("a",), parent, ("b",), OnDelete.NOTHING)

    assert order_parents_first([LINES, ORDERS, CUSTOMERS], [refers(LINES, ORDERS), refers(ORDERS, CUSTOMERS)]) == (
        CUSTOMERS,
        ORDERS,
        LINES,
    )
    circle = [refers(ORDERS, CUSTOMERS), refers(CUSTOMERS, ORDERS), refers(LINES, ORDERS), refers(LINES, CUSTOMERS)]
    assert order_parents_first([LINES, ORDERS, CUSTOMERS], circle)[2] == LINES
