"""A row that the source wrote after the recovery point isn't overwritten by a carry, and nothing ends at another row
that has its key by chance."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from restore.rescue.carry import Carried
from restore.rescue.model import Reason
from tests.postgres.rescue.conftest import CUSTOMERS, ORDERS, SHOP, Shop
from tests.support.postgres.scratch_server import Database, Server, copied
from validation.expectations.table_names import Table

LINES = Table("public", 'odd "lines%')
TAGS = Table("public", "tags")
COUNTRIES = Table("public", "countries")


def written(carried: Carried) -> dict[Table, tuple[int, int]]:
    return {one.table: (one.inserted, one.overwritten) for one in carried.done if one.inserted or one.overwritten}


def apart_of(carried: Carried) -> tuple[tuple[Table, Reason, tuple[str, ...]], ...]:
    return tuple((rows.table, rows.reason, rows.keys) for rows in carried.apart)


def test_a_key_that_both_gave_out_keeps_the_sources_row_and_the_candidates_is_named(shop: Shop) -> None:
    shop.damage("INSERT INTO orders (customer_id, amount) VALUES (1, 1001), (1, 1002)")  # 201, 202
    switched = shop.next_transaction()
    shop.restored.execute("INSERT INTO orders (customer_id, amount) VALUES (2, 1), (2, 2), (2, 3)")  # 201 to 203
    carried = shop.carry(switched)
    assert written(carried) == {ORDERS: (1, 0)}
    assert apart_of(carried) == ((ORDERS, Reason.NEW, ('["201"]', '["202"]')),)
    assert shop.ask("SELECT id, customer_id, amount FROM orders WHERE id > 200 ORDER BY id") == [
        (201, 1, 1001),
        (202, 1, 1002),
        (203, 2, 3),
    ]
    assert shop.ask("INSERT INTO orders (customer_id, amount) VALUES (1, 0) RETURNING id") == [(204,)]


def test_what_refers_to_a_row_of_the_candidate_never_ends_at_the_sources_row_of_that_key(shop: Shop) -> None:
    shop.damage("INSERT INTO orders (customer_id, amount) VALUES (1, 1001)")
    switched = shop.next_transaction()
    shop.restored.execute(
        "INSERT INTO orders (customer_id, amount) VALUES (2, 1);"
        "INSERT INTO orders (customer_id, amount, parent_id) VALUES (2, 2, 201);"
        "INSERT INTO \"odd \"\"lines%\" VALUES (201, 1, 'of 201'), (202, 1, 'of 202'), (200, 3, 'comes');"
        "UPDATE tags SET order_id = 201 WHERE id = 1"
    )
    before = shop.ask("SELECT order_id FROM tags WHERE id = 1")
    carried = shop.carry(switched)
    assert set(apart_of(carried)) == {
        (ORDERS, Reason.NEW, ('["201"]',)),
        (ORDERS, Reason.REFERS, ('["202"]',)),
        (LINES, Reason.REFERS, ('["201", "1"]', '["202", "1"]')),
        (TAGS, Reason.REFERS, ('["1"]',)),
    }
    assert written(carried) == {LINES: (1, 0)}
    assert shop.ask('SELECT order_id, "a b" FROM "odd ""lines%" WHERE order_id > 200 OR line = 3') == [(200, "comes")]
    assert shop.ask("SELECT order_id FROM tags WHERE id = 1") == before


def test_a_row_that_both_changed_stays_as_the_source_has_it_and_what_refers_to_it_comes(shop: Shop) -> None:
    shop.damage("UPDATE customers SET country = NULL WHERE id = 2")
    switched = shop.next_transaction()
    shop.restored.execute(
        "UPDATE customers SET email = 'two@example.invalid' WHERE id = 2;"
        "UPDATE customers SET email = 'four@example.invalid' WHERE id = 4;"
        "INSERT INTO orders (customer_id, amount) VALUES (2, 7)"
    )
    carried = shop.carry(switched)
    assert apart_of(carried) == ((CUSTOMERS, Reason.CHANGED, ('["2"]',)),)
    assert written(carried) == {CUSTOMERS: (0, 1), ORDERS: (1, 0)}
    assert shop.ask("SELECT email, country FROM customers WHERE id IN (2, 4) ORDER BY id") == [
        ("c2@example.invalid", None),
        ("four@example.invalid", "ch"),
    ]


def test_a_row_that_the_source_deleted_and_the_candidate_changed_comes_back(shop: Shop) -> None:
    shop.damage('DELETE FROM "odd ""lines%" WHERE order_id = 5')
    switched = shop.next_transaction()
    shop.restored.execute('UPDATE "odd ""lines%" SET "a b" = \'later\' WHERE order_id = 5 AND line = 1')
    carried = shop.carry(switched)
    assert (written(carried), apart_of(carried)) == ({LINES: (1, 0)}, ())


def test_a_row_that_the_candidate_deleted_stays_with_what_the_source_wrote(shop: Shop) -> None:
    shop.damage("UPDATE orders SET amount = 77 WHERE id = 150")
    switched = shop.next_transaction()
    shop.restored.execute(
        'DELETE FROM "odd ""lines%" WHERE order_id = 150; DELETE FROM orders WHERE id = 150;'
        "UPDATE orders SET amount = 78 WHERE id = 151"
    )
    carried = shop.carry(switched)
    assert (written(carried), apart_of(carried)) == ({ORDERS: (0, 1)}, ())
    assert shop.ask("SELECT amount FROM orders WHERE id = 150") == [(77,)]


def test_who_signed_up_on_both_sides_is_named_with_what_refers_to_them_and_the_rest_comes(shop: Shop) -> None:
    shop.damage("INSERT INTO customers (id, email) VALUES (50, 'same@example.invalid')")
    switched = shop.next_transaction()
    shop.restored.execute(
        "INSERT INTO customers (id, email) VALUES (60, 'same@example.invalid'), (61, 'new@example.invalid');"
        "UPDATE customers SET email = 'c4@x.invalid' WHERE id = 4;"
        "INSERT INTO orders (customer_id, amount) VALUES (60, 1), (61, 2)"
    )
    carried = shop.carry(switched)
    assert apart_of(carried) == (
        (CUSTOMERS, Reason.UNIQUE, ('["60"]',)),
        (ORDERS, Reason.REFERS, ('["201"]',)),
    )
    assert written(carried) == {CUSTOMERS: (1, 1), ORDERS: (1, 0)}


def test_a_key_of_words_that_both_have_since_is_perhaps_two_rows(shop: Shop) -> None:
    shop.damage("INSERT INTO countries VALUES ('INV-10', 'here')")
    switched = shop.next_transaction()
    shop.restored.execute(
        "INSERT INTO countries VALUES ('INV-10', 'there'); UPDATE customers SET country = 'INV-10' WHERE id = 4"
    )
    carried = shop.carry(switched)
    assert apart_of(carried) == (
        (COUNTRIES, Reason.EITHER, ('["INV-10"]',)),
        (CUSTOMERS, Reason.REFERS, ('["4"]',)),
    )
    assert written(carried) == {}


@pytest.mark.parametrize(("here", "reason"), [("10:00", Reason.CHANGED), ("10:01", Reason.EITHER)])
def test_the_moment_of_creation_tells_a_row_that_both_changed_from_two_of_one_key(
    shop: Shop, here: str, reason: Reason
) -> None:
    for database in (shop.serving, shop.restored):
        database.execute(
            "CREATE TABLE slots (name text PRIMARY KEY, created_at timestamptz, n int);"
            "CREATE TABLE bookings (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, slot text REFERENCES slots)"
        )
    shop.damage(f"INSERT INTO slots VALUES ('a', '2026-01-01 {here}Z', 1)")
    switched = shop.next_transaction()
    shop.restored.execute(
        "INSERT INTO slots VALUES ('a', '2026-01-01 10:00Z', 2); INSERT INTO bookings (slot) VALUES ('a');"
        "UPDATE customers SET country = NULL WHERE id = 2"
    )
    carried = shop.carry(switched)
    assert carried.apart[0].reason is reason
    assert shop.ask("SELECT count(*) FROM bookings") == [(1 if reason is Reason.CHANGED else 0,)]


def test_what_was_still_open_at_the_recovery_point_was_written_after_it(server: Server, tmp_path: Path) -> None:
    with server.database("template1") as serving, ExitStack() as copies:
        serving.execute(SHOP)
        with serving.connect() as writer, writer.transaction():
            writer.execute("UPDATE customers SET email = 'open@x.invalid' WHERE id = 1")
            serving.execute("UPDATE customers SET email = 'done@x.invalid' || id WHERE id IN (2, 3)")
            restored = Database(copies.enter_context(copied(server)), serving.name)
        shop = Shop(serving, restored, tmp_path, [])
        switched = shop.next_transaction()
        restored.execute("UPDATE customers SET country = NULL WHERE id IN (1, 2)")
        carried = shop.carry(switched)
        assert apart_of(carried) == ((CUSTOMERS, Reason.CHANGED, ('["1"]',)),)
        assert shop.ask("SELECT email, country FROM customers WHERE id IN (1, 2) ORDER BY id") == [
            ("open@x.invalid", "pt"),
            ("done@x.invalid2", None),
        ]


def test_a_candidate_of_a_dump_overwrites_nothing_for_nothing_tells_what_is_older(
    server: Server, tmp_path: Path
) -> None:
    with server.database("template1") as serving, server.database("template1") as loaded:
        for database in (serving, loaded):
            database.execute(SHOP)
        shop = Shop(serving, loaded, tmp_path, [])
        switched = shop.next_transaction()
        loaded.execute(
            "UPDATE customers SET country = NULL WHERE id = 2; INSERT INTO orders (customer_id, amount) VALUES (2, 1)"
        )
        carried = shop.carry(switched)
    assert apart_of(carried) == ((CUSTOMERS, Reason.UNKNOWN, ('["2"]',)),)
    assert written(carried) == {ORDERS: (1, 0)}
