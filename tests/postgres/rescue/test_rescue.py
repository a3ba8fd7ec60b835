"""What a bad statement took from one table comes back, and nothing else changes."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import psycopg
import pytest

from restore.errors import PermanentError, Refused, TemporaryError
from restore.rescue import run
from restore.rescue.model import Done, Wish
from sandbox.postgres import binaries
from sandbox.postgres.identity import Identity
from tests.postgres.rescue.conftest import CUSTOMERS, ORDERS, Shop
from tests.support.postgres.scratch_server import PASSWORD, SUPERUSER
from validation.expectations.table_names import Table

LINES = 'odd "lines%'


def written(done: Sequence[Done]) -> dict[str, tuple[int, int, int]]:
    """Inserted, overwritten, kept out."""
    return {one.table.name: (one.inserted, one.overwritten, one.kept) for one in done}


def differing_tables(shop: Shop) -> list[str]:
    mine, theirs = shop.content(shop.serving), shop.content(shop.restored)
    return [name for name in mine if mine[name] != theirs[name]]


def undo(shop: Shop) -> None:
    """Runs the undo file as its first line says."""
    psql = binaries.find(Identity.choose()).tool("psql")
    server = shop.serving.server
    url = f"postgresql://{SUPERUSER}@{server.host}:{server.port}/{shop.serving.name}"
    done = subprocess.run(
        [psql, url, "--no-psqlrc", "--file", shop.undo],
        env={"PGPASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_deleted_rows_come_back_with_what_they_took_along(shop: Shop) -> None:
    deletion = shop.damage("DELETE FROM orders WHERE id BETWEEN 101 AND 150")
    found = {one.table.name: one for one in shop.look(Wish(ORDERS))}
    assert found["orders"].lost == 50
    assert found[LINES].lost == 100
    assert found["tags"].different == 5
    done = shop.apply(Wish(ORDERS, written_by=(deletion,), with_children=True))
    assert written(done) == {"orders": (50, 0, 0), LINES: (100, 0, 0), "tags": (0, 5, 0)}
    assert differing_tables(shop) == []


def test_children_stay_out_unless_they_are_asked_for(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id = 150")
    assert written(shop.apply(Wish(ORDERS))) == {"orders": (1, 0, 0)}
    assert shop.ask('SELECT count(*) FROM "odd ""lines%" WHERE order_id = 150') == [(0,)]


def test_missing_parents_come_first(shop: Shop) -> None:
    shop.damage(
        "DELETE FROM orders WHERE customer_id IN (3, 4); DELETE FROM customers WHERE id IN (3, 4, 5, 6) "
        "AND NOT EXISTS (SELECT FROM orders WHERE customer_id = customers.id)"
    )
    done = shop.apply(Wish(ORDERS, with_children=True, overwrite=True))
    assert [one.table.name for one in done][:2] == ["customers", "orders"]
    assert written(done)["customers"] == (2, 0, 0)
    assert differing_tables(shop) == []


def test_a_second_run_changes_nothing_and_leaves_no_undo_file(shop: Shop) -> None:
    deletion = shop.damage("DELETE FROM orders WHERE id BETWEEN 101 AND 110")
    wish = Wish(ORDERS, written_by=(deletion,), with_children=True)
    shop.apply(wish)
    shop.undo.unlink()
    assert set(written(shop.apply(wish)).values()) == {(0, 0, 0)}
    assert not shop.undo.exists()


def test_rows_written_after_the_incident_are_kept(shop: Shop) -> None:
    incident = shop.damage("UPDATE customers SET email = 'lost' || id")
    later = shop.damage("UPDATE customers SET email = 'new@example.invalid' WHERE id = 7")
    (found,) = shop.look(Wish(CUSTOMERS))
    assert [(writer.transaction, writer.rows) for writer in found.differing] == [(incident, 19), (later, 1)]
    assert written(shop.apply(Wish(CUSTOMERS)))["customers"] == (0, 0, 0)
    assert written(shop.apply(Wish(CUSTOMERS, written_by=(incident,))))["customers"] == (0, 19, 0)
    assert shop.ask("SELECT email FROM customers WHERE id = 7") == [("new@example.invalid",)]
    shop.undo.unlink()
    assert written(shop.apply(Wish(CUSTOMERS, overwrite=True)))["customers"] == (0, 1, 0)
    assert differing_tables(shop) == []


def test_only_the_damaged_column_goes_back_where_others_were_written_since(shop: Shop) -> None:
    shop.damage("UPDATE customers SET email = 'lost' || id")
    shop.damage("UPDATE customers SET country = NULL WHERE id = 7; UPDATE customers SET email = 'new' WHERE id = 8")
    wish = Wish(CUSTOMERS, damaged="email LIKE 'lost%'", columns=("email",))
    (found,) = shop.look(wish)
    assert found.overwritten == 19
    assert written(shop.apply(wish)) == {"customers": (0, 19, 0)}
    assert shop.ask("SELECT email, country FROM customers WHERE id IN (7, 8) ORDER BY id") == [
        ("c7@example.invalid", None),
        ("new", "ch"),
    ]
    undo(shop)
    assert shop.ask("SELECT email, country FROM customers WHERE id = 7") == [("lost7", None)]


def test_a_value_that_somebody_else_has_by_now_keeps_its_row_out(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE customer_id = 9; DELETE FROM customers WHERE id = 9")
    shop.damage("INSERT INTO customers (id, email) VALUES (900, 'c9@example.invalid')")
    done = shop.apply(Wish(ORDERS))
    assert written(done) == {"customers": (0, 0, 1), "orders": (0, 0, 10)}
    assert shop.said


def test_triggers_are_silent_unless_told_and_stand_as_before(shop: Shop) -> None:
    shop.serving.execute("ALTER TABLE orders ENABLE ALWAYS TRIGGER heard")
    shop.damage("DELETE FROM orders WHERE id = 150")
    before = shop.ask("SELECT count(*) FROM audit")
    shop.apply(Wish(ORDERS))
    assert shop.ask("SELECT count(*) FROM audit") == before
    assert shop.ask("SELECT tgenabled FROM pg_trigger WHERE tgname = 'heard'") == [("A",)]
    shop.damage("DELETE FROM orders WHERE id = 150")
    shop.undo.unlink()
    shop.apply(Wish(ORDERS, fire_triggers=True))
    assert shop.ask("SELECT what FROM audit") == [("INSERT orders",)]


def test_sequences_are_never_behind_what_came_back(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id > 190; ALTER SEQUENCE orders_id_seq RESTART WITH 150")
    (done,) = shop.apply(Wish(ORDERS))
    assert done.sequences == ("public.orders_id_seq",)
    assert shop.ask("SELECT nextval('orders_id_seq')") == [(201,)]


def test_a_condition_limits_what_comes_back(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id > 150")
    done = shop.apply(Wish(ORDERS, where="id % 2 = 0 -- even ones"))
    assert written(done) == {"orders": (25, 0, 0)}


@pytest.mark.parametrize("wish", [Wish(ORDERS, damaged="nothing = 1"), Wish(ORDERS, columns=("nothing",))])
def test_a_wrong_name_of_a_column_is_refused_in_one_sentence(shop: Shop, wish: Wish) -> None:
    with pytest.raises(Refused, match="nothing"):
        shop.look(wish)


@pytest.mark.parametrize("condition", ["no_such_column = 1", "id = 'x'", "id ="])
def test_a_wrong_condition_is_refused_in_one_sentence(shop: Shop, condition: str) -> None:
    with pytest.raises(Refused, match="--where"):
        shop.look(Wish(ORDERS, where=condition))


@pytest.mark.parametrize(("table", "why"), [("heap", "nothing tells its rows apart"), ("nowhere", "has no such table")])
def test_what_cannot_be_rescued_is_refused(shop: Shop, table: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        shop.look(Wish(Table("public", table)))


def test_the_undo_file_gives_every_row_back_as_it_was(shop: Shop) -> None:
    incident = shop.damage("DELETE FROM orders WHERE id > 150; UPDATE customers SET email = 'lost' || id")
    damaged = shop.content(shop.serving)
    shop.apply(Wish(ORDERS, written_by=(incident,), with_children=True))
    assert shop.undo.stat().st_mode & 0o777 == 0o600
    undo(shop)
    assert shop.content(shop.serving) == damaged
    shop.undo.unlink()
    shop.apply(Wish(CUSTOMERS, written_by=(incident,)))
    undo(shop)
    assert shop.content(shop.serving) == damaged


def test_undo_leaves_what_was_written_since(shop: Shop) -> None:
    incident = shop.damage("UPDATE customers SET email = 'lost' || id")
    shop.apply(Wish(CUSTOMERS, written_by=(incident,)))
    shop.damage("UPDATE customers SET email = 'newest' WHERE id = 3")
    undo(shop)
    assert shop.ask("SELECT email FROM customers WHERE id IN (3, 4) ORDER BY id") == [("newest",), ("lost4",)]


def test_undo_never_deletes_a_row_that_others_refer_to_by_now(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id = 150")
    shop.apply(Wish(ORDERS))
    shop.damage('INSERT INTO "odd ""lines%" VALUES (150, 9, \'new\')')
    with pytest.raises(AssertionError, match="refer to rows of public"):
        undo(shop)
    assert shop.ask("SELECT count(*) FROM orders WHERE id = 150") == [(1,)]


def test_a_row_that_somebody_has_locked_ends_it_with_nothing_written(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LOCK_TIMEOUT", "100ms")
    incident = shop.damage("UPDATE customers SET email = 'lost' || id; DELETE FROM orders WHERE customer_id = 1")
    damaged = shop.content(shop.serving)
    with shop.serving.connect() as other, other.transaction():
        other.execute("SELECT FROM customers WHERE id = 5 FOR UPDATE")
        with pytest.raises(TemporaryError, match="nothing was written"):
            shop.apply(Wish(CUSTOMERS, written_by=(incident,)))
    assert shop.content(shop.serving) == damaged
    assert not shop.undo.exists()


def test_a_row_that_a_constraint_refuses_by_now_ends_it_with_nothing_written(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE amount > 15; ALTER TABLE orders ADD CHECK (amount < 16)")
    damaged = shop.content(shop.serving)
    with pytest.raises(PermanentError, match="check constraint"):
        shop.apply(Wish(ORDERS))
    assert shop.content(shop.serving) == damaged


def test_a_lost_connection_before_the_commit_writes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.damage("DELETE FROM orders WHERE id > 150")
    damaged = shop.content(shop.serving)

    def kill(*_: object) -> None:
        shop.ask(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{shop.serving.name}' "
            "AND pid <> pg_backend_pid()"
        )

    monkeypatch.setattr("restore.rescue.undo.os.fsync", kill)
    with pytest.raises(psycopg.OperationalError):
        shop.apply(Wish(ORDERS))
    assert shop.content(shop.serving) == damaged
    monkeypatch.undo()
    undo(shop)  # what the file would take back was never there
    assert shop.content(shop.serving) == damaged


def test_large_tables_send_only_the_ranges_that_differ(shop: Shop) -> None:
    for database in (shop.serving, shop.restored):
        database.execute(
            "CREATE TABLE big AS SELECT n AS id, repeat('x', 100) AS word FROM generate_series(1, 50000) n"
        )
        database.execute("ALTER TABLE big ADD PRIMARY KEY (id)")
    shop.damage("DELETE FROM big WHERE id BETWEEN 20000 AND 20100; UPDATE big SET word = 'y' WHERE id = 30000")
    (found,) = shop.look(Wish(Table("public", "big")))
    assert (found.lost, found.different) == (101, 1)
    assert 102 <= found.read < 5_000
    assert written(shop.apply(Wish(Table("public", "big")))) == {"big": (101, 0, 0)}
    shop.undo.unlink()
    assert written(shop.apply(Wish(Table("public", "big"), overwrite=True))) == {"big": (0, 1, 0)}
    assert shop.ask("SELECT count(*), sum(id), min(word) FROM big") == [(50_000, 1_250_025_000, "x" * 100)]


def test_columns_that_only_one_side_has_stay_as_they_are(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id = 150")
    shop.serving.execute(
        "ALTER TABLE orders ADD COLUMN added text DEFAULT 'd'; ALTER TABLE orders DROP COLUMN parent_id"
    )
    assert written(shop.apply(Wish(ORDERS))) == {"orders": (1, 0, 0)}
    assert shop.ask("SELECT added, customer_id FROM orders WHERE id = 150") == [("d", 11)]


def test_partitions_take_their_rows_through_the_table(shop: Shop) -> None:
    for database in (shop.serving, shop.restored):
        database.execute(
            "CREATE TABLE parts (id integer PRIMARY KEY, word text) PARTITION BY RANGE (id);"
            "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);"
            "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);"
            "INSERT INTO parts SELECT n, 'w' FROM generate_series(1, 150) n"
        )
    shop.damage("DELETE FROM parts WHERE id IN (50, 120)")
    assert written(shop.apply(Wish(Table("public", "parts")))) == {"parts": (2, 0, 0)}
