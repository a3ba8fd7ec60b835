"""Tables of every kind come back whole: what is lost, what is damaged, and by the undo file what was before."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from restore.rescue.model import Wish
from tests.postgres.rescue.conftest import Shop
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
    "values that changed places": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, place int UNIQUE); "
        "INSERT INTO kinds SELECT n, n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET place = place + 1000 WHERE n BETWEEN 11 AND 20;"
        "UPDATE kinds SET place = place - 999 WHERE n BETWEEN 11 AND 19;"
        "UPDATE kinds SET place = 11 WHERE n = 20",
    ),
    "a value that somebody has by now": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, place int UNIQUE); "
        "INSERT INTO kinds SELECT n, n FROM generate_series(1, 40) n",
        LOSE + "UPDATE kinds SET place = place + 1000 WHERE n BETWEEN 11 AND 20; INSERT INTO kinds VALUES (99, 12)",
        (10, 9, 1),
    ),
    "references in a circle within the table, checked at the end": Kind(
        "CREATE TABLE kinds (n int PRIMARY KEY, next int NOT NULL REFERENCES kinds DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO kinds SELECT n, 1 + n % 10 FROM generate_series(1, 10) n",
        "DELETE FROM kinds WHERE n <= 10",
        (10, 0, 0),
    ),
}


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
