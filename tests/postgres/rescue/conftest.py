"""A small shop: one database serves and was damaged, the other is its copy of the second before."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from restore.postgres.connection import Connection
from restore.rescue import carry, run
from restore.rescue.carry import Carried
from restore.rescue.model import Done, Found, Wish
from tests.support.postgres.scratch_server import Database, Server
from validation.expectations.table_names import Table

SHOP = """
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE customers (
    id integer PRIMARY KEY, email text UNIQUE, country text REFERENCES countries, note json,
    loud text GENERATED ALWAYS AS (upper(email)) STORED);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers,
    amount numeric NOT NULL CHECK (amount >= 0), parent_id bigint REFERENCES orders);
CREATE TABLE "odd ""lines%" (
    order_id bigint REFERENCES orders ON DELETE CASCADE, line integer, "a b" text, PRIMARY KEY (order_id, line));
CREATE TABLE tags (id serial PRIMARY KEY, order_id bigint REFERENCES orders ON DELETE SET NULL);
CREATE TABLE audit (what text);
CREATE TABLE heap (word text);
CREATE FUNCTION heard() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO public.audit VALUES (tg_op || ' ' || tg_table_name); RETURN NULL; END$$;
INSERT INTO countries VALUES ('ch', 'Switzerland'), ('pt', 'Portugal');
INSERT INTO customers SELECT n, 'c' || n || '@example.invalid', CASE n % 2 WHEN 0 THEN 'ch' ELSE 'pt' END, '{"n": 1}'
    FROM generate_series(1, 20) n;
INSERT INTO orders (customer_id, amount, parent_id)
    SELECT 1 + n % 20, n / 10.0, CASE WHEN n > 100 THEN n - 100 END FROM generate_series(1, 200) n;
INSERT INTO "odd ""lines%" SELECT n, line, E'tab\\tand \\\\ and \\n' || line
    FROM generate_series(1, 200) n, generate_series(1, 2) line;
INSERT INTO tags (order_id) SELECT n FROM generate_series(1, 200, 10) n;
CREATE TRIGGER heard AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION heard();
"""
ORDERS = Table("public", "orders")
CUSTOMERS = Table("public", "customers")


@dataclass
class Shop:
    """The source that serves, and the candidate."""

    serving: Database
    restored: Database
    folder: Path
    said: list[str]
    role: str = ""
    """Whom the operator acts as; a superuser without it."""

    def damage(self, statements: str) -> str:
        """Runs statements in one transaction of the source; returns its number."""
        with self.serving.connect() as connection, connection.transaction():
            connection.execute(statements.encode())
            row = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
        assert row is not None
        return str(row[0])

    def ask(self, query: str) -> list[TupleRow]:
        with self.serving.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def content(self, database: Database) -> dict[str, list[TupleRow]]:
        """Every row of every table, in order."""
        tables = ("countries", "customers", "orders", '"odd ""lines%"', "tags", "audit", "heap")
        with database.connect() as connection:
            return {
                name: connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1".encode()).fetchall()
                for name in tables
            }

    @property
    def undo(self) -> Path:
        return self.folder / "undo.sql"

    @contextmanager
    def connected(self) -> Generator[tuple[Connection, Connection]]:
        """Source and candidate, as the program connects to them."""
        with self.serving.connect() as source, self.restored.connect() as candidate:
            for connection in (source, candidate):
                connection.execute("SET search_path = pg_catalog")
                if self.role:
                    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(self.role)))
            candidate.execute("SET default_transaction_read_only = on")
            yield source, candidate

    def look(self, wish: Wish) -> tuple[Found, ...]:
        with self.connected() as (source, candidate):
            return run.look(source, candidate, wish)

    def next_transaction(self) -> int:
        """Of the candidate, as gate `switched` records it."""
        with self.restored.connect() as connection:
            row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        assert row is not None
        return int(row[0])

    def carry(self, next_transaction: int) -> Carried:
        with self.connected() as (source, candidate):
            return carry.carry(source, candidate, next_transaction, self.undo, "test", self.said.append)

    def apply(self, wish: Wish) -> tuple[Done, ...]:
        with self.connected() as (source, candidate):
            return run.apply(source, candidate, wish, self.undo, "test", self.said.append)


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Iterator[Shop]:
    with server.database("template1") as serving:
        serving.execute(SHOP)
        with server.database(serving.name) as restored:
            yield Shop(serving, restored, tmp_path, [])
