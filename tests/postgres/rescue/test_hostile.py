"""Tables of every kind come back whole: what is lost, what is damaged, and by the undo file what was before."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import TupleRow

from restore.errors import PermanentError
from restore.rescue.carry import Carried
from restore.rescue.model import Apart, Reason, Wish
from sandbox.machine.processes import wait_until
from tests.postgres.rescue.conftest import CUSTOMERS, ORDERS, Shop
from tests.postgres.rescue.test_rescue import undo, written
from validation.expectations.table_names import Table

NAME = "kinds"


@dataclass(frozen=True)
class Kind:
    """A table `kinds` of 40 rows: how it is made, and what breaks some of them."""

    make: str
    damage: str
    written: tuple[int, int, int] = (10, 10, 0)


LOSE = "DELETE FROM kinds WHERE n <= 10;"
KINDS = {
    "key of several types": Kind(
        "CREATE TYPE mood AS ENUM ('bad', 'good', 'Z'); CREATE DOMAIN code AS text CHECK (value <> '');"
        "CREATE TABLE kinds (n int, m mood, c code, v text, PRIMARY KEY (c, m, n));"
        "INSERT INTO kinds SELECT n, CASE n % 2 WHEN 0 THEN 'Z' ELSE 'bad' END::mood, 'it''s ' || n, 'v' "
        "FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20",
    ),
    "identity that is no key": Kind(
        "CREATE TABLE kinds (c text PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, v text);"
        "INSERT INTO kinds (c, v) SELECT 'c' || n, 'v' FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20",
    ),
    "generated": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, v text, up text GENERATED ALWAYS AS (upper(v)) STORED UNIQUE);"
        "INSERT INTO kinds SELECT n, 'v' || n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET v = 'lost' || n WHERE n BETWEEN 11 AND 20",
    ),
    "partitions of partitions, with a row that moved": Kind(
        "CREATE TABLE kinds (n int, d date, v text, PRIMARY KEY (n, d)) PARTITION BY RANGE (d);"
        "CREATE TABLE kinds_1 PARTITION OF kinds FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') "
        "PARTITION BY LIST (n); CREATE TABLE kinds_1a PARTITION OF kinds_1 DEFAULT;"
        "CREATE TABLE kinds_2 PARTITION OF kinds DEFAULT;"
        "CREATE FUNCTION boom() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'boom'; END$$;"
        "INSERT INTO kinds SELECT n, date '2026-01-01' + n, 'v' FROM generate_series(1, 40) n;"
        "CREATE TRIGGER boom BEFORE INSERT OR UPDATE ON kinds FOR EACH ROW EXECUTE FUNCTION boom()",
        "ALTER TABLE kinds DISABLE TRIGGER boom;"
        + LOSE
        + "UPDATE kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20; ALTER TABLE kinds ENABLE TRIGGER boom",
    ),
    "children by inheritance": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, v text); CREATE TABLE kinds_child (extra text) INHERITS (kinds);"
        "INSERT INTO kinds SELECT n, 'v' FROM generate_series(1, 40) n;"
        "INSERT INTO kinds_child SELECT n, 'child' FROM generate_series(1, 60) n",
        LOSE + "UPDATE ONLY kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20",
    ),
    "values that are like no other": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, f float8, q numeric, t timestamptz, i interval, j json, b bytea, "
        "x xml, a text[], r int4range, p point, net inet, bits varbit, money money, tz timetz, ts tsvector);"
        "INSERT INTO kinds SELECT n, (ARRAY['NaN', '-infinity', '-0', '5e-324'])[1 + n % 4]::float8, "
        "(ARRAY['NaN', 'infinity', '1.00', '-0.000001'])[1 + n % 4]::numeric, "
        "(ARRAY['-infinity', 'infinity', '4713-01-01 BC', '294276-12-31 23:59:59.999999Z'])[1 + n % 4]::timestamptz, "
        "'1 year -1 day 00:00:00.000001', '{\"a\":1, \"a\":2 }', decode('00ff5c0a0d', 'hex'), '<a>&amp;</a>', "
        "ARRAY['NULL', NULL, 'a,b\"c\\', ''], 'empty', '(1e300,-0)', '::1/64', '0101', '-1.5', '24:00:00+15:59', "
        "'''a b'' c:1A' FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET f = 1, j = '{\"a\":2}', b = '' WHERE n BETWEEN 11 AND 20",
    ),
    "rows that are stored outside of the table": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, v text, b bytea);"
        "ALTER TABLE kinds ALTER v SET STORAGE EXTERNAL;"
        "INSERT INTO kinds SELECT n, repeat(md5(n::text), 20000), decode(repeat(md5(n::text), 20000), 'hex') "
        "FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET v = left(v, -1) WHERE n BETWEEN 11 AND 20",
    ),
    "a key that is a case-insensitive word": Kind(
        "CREATE EXTENSION citext; CREATE TABLE kinds (w citext PRIMARY KEY, n int, v citext UNIQUE);"
        "INSERT INTO kinds SELECT 'Word' || n, n, 'V' || n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET w = upper(w::text), v = 'lost' || n WHERE n BETWEEN 11 AND 20",
    ),
    "a key of a type of an extension": Kind(
        "CREATE EXTENSION ltree; CREATE TABLE kinds (w ltree PRIMARY KEY, n int, v text);"
        "INSERT INTO kinds SELECT ('a.b' || n)::ltree, n, 'v' FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20",
    ),
    "a constraint whose function names tables without their schema": Kind(
        "CREATE TABLE known (v text PRIMARY KEY); INSERT INTO known VALUES ('v'), ('lost');"
        "CREATE FUNCTION is_known(text) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM known WHERE v = $1)';"
        "CREATE TABLE kinds (n int PRIMARY KEY, v text CHECK (is_known(v)));"
        "INSERT INTO kinds SELECT n, 'v' FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20",
    ),
    "an exclusion constraint, and somebody who took a room": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, during int4range, v text, EXCLUDE USING gist (during WITH &&));"
        "INSERT INTO kinds SELECT n, int4range(n * 10, n * 10 + 10), 'v' FROM generate_series(1, 40) n",
        LOSE + "INSERT INTO kinds VALUES (99, int4range(15, 25));UPDATE kinds SET v = 'lost' WHERE n BETWEEN 11 AND 20",
        (8, 10, 2),
    ),
    "values that each took from the next": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, place int NOT NULL UNIQUE); "
        "INSERT INTO kinds SELECT n, n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET place = place + 1000 WHERE n BETWEEN 11 AND 20;"
        "UPDATE kinds SET place = place - 999 WHERE n BETWEEN 11 AND 19",
    ),
    "a value that somebody has by now": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, place int UNIQUE); "
        "INSERT INTO kinds SELECT n, n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET place = place + 1000 WHERE n BETWEEN 11 AND 20; INSERT INTO kinds VALUES (99, 12)",
        (10, 9, 1),
    ),
    "a value that somebody has by now, checked at the end": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, place int UNIQUE DEFERRABLE INITIALLY DEFERRED); "
        "INSERT INTO kinds SELECT n, n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET place = place + 1 WHERE n BETWEEN 11 AND 20;"
        "UPDATE kinds SET place = 11 WHERE n = 20; INSERT INTO kinds VALUES (98, 3)",
        (9, 0, 11),
    ),
    "a parent in the same table, which the deletion took away": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, parent int REFERENCES kinds ON DELETE SET NULL);"
        "INSERT INTO kinds SELECT n, CASE WHEN n BETWEEN 11 AND 20 THEN n - 10 END FROM generate_series(1, 40) n",
        LOSE,
    ),
    "references in a circle within the table, checked at the end": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, next int NOT NULL REFERENCES kinds DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO kinds SELECT n, 1 + n % 10 FROM generate_series(1, 10) n",
        "DELETE FROM kinds WHERE n <= 10",
        (10, 0, 0),
    ),
}


TEAMS = """
CREATE TABLE teams (id int PRIMARY KEY, owner int);
CREATE TABLE people (id int PRIMARY KEY, team int NOT NULL REFERENCES teams ON DELETE CASCADE);
INSERT INTO teams SELECT n FROM generate_series(1, 4) n;
INSERT INTO people SELECT n, 1 + n % 4 FROM generate_series(1, 12) n;
ALTER TABLE teams ADD FOREIGN KEY (owner) REFERENCES people;
UPDATE teams SET owner = (SELECT min(id) FROM people WHERE team = teams.id);
"""


def team_rows(shop: Shop) -> list[TupleRow]:
    return shop.ask("SELECT t::text FROM teams t UNION ALL SELECT p::text FROM people p ORDER BY 1")


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_table_comes_back(shop: Shop, kind: Kind) -> None:
    for database in (shop.serving, shop.restored):
        database.execute(kind.make)
    incident = shop.damage(kind.damage)
    damaged = shop.ask("SELECT k::text FROM ONLY kinds k ORDER BY 1")
    wish = Wish(Table("public", NAME), written_by=(incident,))
    shop.look(wish)
    assert written(shop.apply(wish)) == {NAME: kind.written}
    if not kind.written[2]:
        with shop.restored.connect() as candidate:
            whole = candidate.execute("SELECT k::text FROM ONLY kinds k ORDER BY 1").fetchall()
        assert shop.ask("SELECT k::text FROM ONLY kinds k ORDER BY 1") == whole
    undo(shop)
    assert shop.ask("SELECT k::text FROM ONLY kinds k ORDER BY 1") == damaged


def test_rows_of_two_tables_that_refer_to_each_other_come_back_and_can_be_taken_back(shop: Shop) -> None:
    for database in (shop.serving, shop.restored):
        database.execute(TEAMS)
    shop.damage("DELETE FROM teams WHERE id <= 2")
    damaged = team_rows(shop)
    assert written(shop.apply(Wish(Table("public", "teams"), with_children=True))) == {
        "people": (6, 0, 0),
        "teams": (2, 0, 0),
    }
    assert len(team_rows(shop)) == 4 + 12
    undo(shop)
    assert team_rows(shop) == damaged


def test_what_somebody_writes_meanwhile_stays(shop: Shop) -> None:
    incident = shop.damage("UPDATE customers SET email = 'lost' || id")
    with shop.serving.connect() as other, ThreadPoolExecutor(1) as aside:
        with other.transaction():
            other.execute("UPDATE customers SET email = 'newest' WHERE id = 7")
            applied = aside.submit(shop.apply, Wish(CUSTOMERS, written_by=(incident,)))
            waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            wait_until(lambda: bool(shop.ask(waiting)), 60, "the rescue waits for the row")
        assert written(applied.result()) == {"customers": (0, 19, 0)}
    assert shop.ask("SELECT email FROM customers WHERE id IN (7, 8) ORDER BY id") == [
        ("newest",),
        ("c8@example.invalid",),
    ]


def test_one_database_waits_for_the_other_whatever_ends_idle_transactions(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id > 150")
    for database in (shop.serving, shop.restored):
        database.execute(f"ALTER DATABASE {database.name} SET idle_in_transaction_session_timeout = '1ms'")
    assert written(shop.apply(Wish(ORDERS))) == {"orders": (50, 0, 0)}


def test_a_disk_without_room_for_the_undo_file_ends_it_with_nothing_written(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id > 150")
    damaged = shop.content(shop.serving)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(PermanentError, match=r"(?s)undo file .*File too large.*--undo"):
            shop.apply(Wish(ORDERS))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert shop.content(shop.serving) == damaged
    assert not shop.undo.exists()


def test_ctrl_c_between_two_rows_ends_it_with_nothing_written(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(FileIO):
        def __init__(self, path: Path):
            super().__init__(path, "x")

        def write(self, data: Any, /) -> int:
            if bytes(data) == b"160\n":
                raise KeyboardInterrupt
            return super().write(data)

    shop.damage("DELETE FROM orders WHERE id > 150")
    damaged = shop.content(shop.serving)
    monkeypatch.setattr("restore.rescue.undo._create", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        shop.apply(Wish(ORDERS))
    assert shop.content(shop.serving) == damaged
    assert not shop.undo.exists()


def test_rows_that_a_policy_hides_from_the_operator_are_never_taken_for_missing(shop: Shop) -> None:
    shop.role = "pg_database_owner"
    for database in (shop.serving, shop.restored):
        database.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO pg_database_owner")
    shop.serving.execute("ALTER TABLE countries ENABLE ROW LEVEL SECURITY")
    wish = Wish(Table("public", "countries"))
    for rescue in (shop.look, shop.apply):
        with pytest.raises(PermanentError, match="BYPASSRLS"):
            rescue(wish)
    assert not shop.undo.exists()


def test_a_value_that_the_column_no_longer_takes_is_named(shop: Shop) -> None:
    shop.damage("DELETE FROM orders WHERE id > 150; ALTER TABLE orders ALTER amount TYPE numeric(3, 1)")
    shop.serving.execute("INSERT INTO orders (customer_id, amount) VALUES (1, 99.9)")
    shop.restored.execute("UPDATE orders SET amount = 12345 WHERE id = 160")
    with pytest.raises(PermanentError, match="numeric field overflow"):
        shop.apply(Wish(ORDERS))


def test_a_carry_takes_along_tables_that_refer_to_each_other_and_where_the_sequences_are(shop: Shop) -> None:
    for database in (shop.serving, shop.restored):
        database.execute(TEAMS)
        database.execute(
            "CREATE SEQUENCE down INCREMENT -1;"
            "CREATE TABLE refs (ref text DEFAULT 'R' || nextval('down') PRIMARY KEY);"
            "INSERT INTO refs DEFAULT VALUES"
        )
    switched = shop.next_transaction()
    shop.restored.execute(
        "INSERT INTO teams VALUES (5); INSERT INTO people VALUES (99, 5); UPDATE teams SET owner = 99 WHERE id = 5;"
        "INSERT INTO refs DEFAULT VALUES; INSERT INTO refs DEFAULT VALUES"
    )
    carried = shop.carry(switched)
    assert {one.table.name: one.inserted for one in carried.done} == {"teams": 1, "people": 1, "refs": 2}
    assert carried.apart == ()
    assert shop.ask("INSERT INTO refs DEFAULT VALUES RETURNING ref") == [("R-4",)]


def test_a_table_that_only_the_candidate_has_is_named_and_keeps_no_other_from_being_carried(shop: Shop) -> None:
    switched = shop.next_transaction()
    shop.restored.execute("CREATE TABLE fresh AS SELECT 7 AS id; ALTER TABLE fresh ADD PRIMARY KEY (id)")
    fresh = Apart(Table("public", "fresh"), Reason.NO_TABLE, ("id",), ('["7"]',))
    assert shop.carry(switched) == Carried((), (fresh,))
    shop.restored.execute("INSERT INTO orders (customer_id, amount) VALUES (1, 5)")
    carried = shop.carry(switched)
    assert (written(carried.done), carried.apart) == ({"orders": (1, 0, 0)}, (fresh,))


@pytest.mark.parametrize(
    ("name", "left_behind"),
    [
        ("identity that is no key", 0),
        ("partitions of partitions, with a row that moved", 0),
        ("a key that is a case-insensitive word", 0),
        ("an exclusion constraint, and somebody who took a room", 1),
        ("values that each took from the next", 0),
        ("a value that somebody has by now", 0),
    ],
)
def test_a_carry_takes_along_what_the_source_has_not_written(shop: Shop, name: str, left_behind: int) -> None:
    kind = KINDS[name]
    shop.serving.execute(kind.make)
    before = shop.ask("SELECT k::text FROM ONLY kinds k ORDER BY 1")
    with shop.serving.server.database(shop.serving.name) as copy:
        shop.restored = copy
        switched = shop.next_transaction()
        copy.execute(kind.damage)
        carried = shop.carry(switched)
        written_since = f"SELECT k::text FROM kinds k WHERE age(xmin) <= age('{switched}'::xid)"
        with copy.connect() as candidate:
            new = set(candidate.execute(written_since.encode()).fetchall())
    missing = new - set(shop.ask("SELECT k::text FROM kinds k"))
    assert len(missing) == left_behind == sum(len(rows.keys) for rows in carried.apart)
    undo(shop)
    assert shop.ask("SELECT k::text FROM ONLY kinds k ORDER BY 1") == before
