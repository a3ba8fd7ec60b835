"""The databases that are measured: 100 tables and 20 million rows at scale 1, and two equal tables of 5 million."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from psycopg import sql

from bench.validation.server import Running

CHECKED, SOURCE, CANDIDATE = "checked", "source", "candidate"
SIZES = ((1, 5_000_000), (4, 1_500_000), (15, 400_000), (30, 80_000), (50, 12_000))
"""(tables, rows of each), as in an application: few large ones, many small ones."""
LARGEST = SIZES[0][1]
INDEXED = 4
"""Every so many tables have an index on their timestamp."""
COLUMNS = """
  create table {table} (id bigint, user_id bigint, note text, amount numeric(20, 2), created_at timestamptz not null);
  insert into {table}
  select n, 1 + n % {users}, md5(n::text), n % 100000 / 100.0, timestamptz '2026-11-22 14:00Z' - n * interval '1 second'
  from generate_series({rows}, 1, -1) n
"""
MADE = sql.SQL(COLUMNS)
KEY = sql.SQL("alter table {table} add primary key (id)")
INDEX = sql.SQL("create index on {table} (created_at)")
REFERENCE = sql.SQL("alter table {table} add foreign key (user_id) references {users} not valid")
ANALYSE = sql.SQL("vacuum analyze {table}")


def tables(scale: float) -> dict[str, int]:
    """Rows by table; the first table is the one that the others refer to."""
    sizes = [rows for count, rows in reversed(SIZES) for _ in range(count)]
    return {f"t{number:03}": max(1, round(rows * scale)) for number, rows in enumerate(sizes)}


def fill_checked(server: Running, scale: float) -> None:
    wanted = tables(scale)
    users = next(iter(wanted))
    create(server, CHECKED)
    largest_first = sorted(wanted, key=lambda table: -wanted[table])
    with ThreadPoolExecutor(2) as pool:
        filling = [pool.submit(fill, server, CHECKED, table, wanted[table], wanted[users]) for table in largest_first]
        for one in filling:
            one.result()
    with server.connect(CHECKED) as connection:
        for number, table in enumerate(wanted):
            if table != users:
                connection.execute(REFERENCE.format(table=sql.Identifier(table), users=sql.Identifier(users)))
            if number % INDEXED == 0:
                connection.execute(INDEX.format(table=sql.Identifier(table)))


def fill_pair(server: Running, scale: float) -> int:
    """Two databases with one equal table each; returns its rows."""
    rows = round(LARGEST * scale)
    create(server, SOURCE)
    fill(server, SOURCE, "events", rows, rows)
    create(server, CANDIDATE, SOURCE)
    return rows


def create(server: Running, database: str, template: str = "template1") -> None:
    statement = sql.SQL("create database {} template {} strategy file_copy")
    with server.connect() as connection:
        connection.execute(statement.format(sql.Identifier(database), sql.Identifier(template)))


def fill(server: Running, database: str, table: str, rows: int, users: int) -> None:
    name = sql.Identifier(table)
    with server.connect(database) as connection:
        with connection.transaction():
            connection.execute(MADE.format(table=name, rows=sql.Literal(rows), users=sql.Literal(users)))
            connection.execute(KEY.format(table=name))
        connection.execute(ANALYSE.format(table=name))
