"""The database that is measured: made in steps, so that each size holds all of the one before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from psycopg import sql

from bench.validation.server import Running

DATABASE = "large"
ACCOUNTS = 50_000
ROW_BYTES = 1024
"""What one row takes of a block, of which eight have room in one."""
PARTS = 2
"""Large tables of one kind, which are filled at the same time."""
NULL_EVERY = 20_000
ORPHAN_EVERY = 100
RESTORE_POINT = "2026-11-22T14:00:00Z"
TABLES = tuple(f"events_{number}" for number in range(PARTS))

SCHEMA = """
create table accounts (id bigint primary key, email text not null unique);
insert into accounts select n, 'account' || n from generate_series(1, {accounts}) n;
create table labels (id int primary key, word text);
insert into labels select n, 'label' from generate_series(1, 100) n;
"""
TABLE = sql.SQL("""
create table {table} (id bigserial primary key, account_id bigint, key uuid not null, note text,
                      stage text default 'new', created_at timestamptz not null);
alter table {table} alter note set storage plain;
""")
FILL = sql.SQL("""
insert into {table} (account_id, key, note, created_at)
select case when n % {orphan} = 1 then -n else 1 + n % {accounts} end, md5(n::text)::uuid,
       case when n % {null} <> 7 then repeat('n', {width}) end,
       timestamptz '2026-11-22 14:00Z' - ({last} - n) * interval '1 microsecond'
from generate_series({first}::bigint, {last}::bigint) n
""")
KEYS = sql.SQL("""
create unique index if not exists {key} on {table} (key);
create index if not exists {times} on {table} (created_at);
""")
REFERENCE = sql.SQL("alter table {table} add foreign key (account_id) references accounts not valid")
WIDTH = ROW_BYTES - 24 - 8 - 8 - 16 - 8 - 8 - 16
"""Of the note: the rest is the row's head, its place, and the other columns."""


@dataclass(frozen=True)
class Seeded:
    """Wrong rows of one table, by number."""

    rows: int

    @property
    def nulls(self) -> int:
        return (self.rows - 7 + NULL_EVERY) // NULL_EVERY

    @property
    def orphans(self) -> int:
        return (self.rows - 1 + ORPHAN_EVERY) // ORPHAN_EVERY


def count_rows(size: float) -> int:
    """Returns the rows of each large table with which all of them take so many bytes."""
    return int(size / PARTS / ROW_BYTES)


def create(server: Running) -> None:
    """Makes the database, with empty large tables."""
    with server.connect() as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    with server.connect(DATABASE) as connection:
        connection.execute(SCHEMA.format(accounts=ACCOUNTS))  # pyright: ignore[reportArgumentType, reportCallIssue]
        for table in TABLES:
            connection.execute(TABLE.format(table=sql.Identifier(table)))
            connection.execute(REFERENCE.format(table=sql.Identifier(table)))


def grow(server: Running, first: int, last: int) -> None:
    """Adds the rows of these numbers to each large table, and analyzes all."""
    with ThreadPoolExecutor(PARTS) as pool:
        for future in [pool.submit(grow_table, server, table, first, last) for table in TABLES]:
            future.result()
    with server.connect(DATABASE) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def grow_table(server: Running, table: str, first: int, last: int) -> None:
    """Fills one table without its keys, which are made again at the end: that is faster."""
    name = sql.Identifier(table)
    key, times = sql.Identifier(f"{table}_key"), sql.Identifier(f"{table}_times")
    with server.connect(DATABASE) as connection:
        connection.execute(sql.SQL("alter table {} drop constraint {}").format(name, sql.Identifier(f"{table}_pkey")))
        connection.execute(sql.SQL("drop index if exists {}, {}").format(key, times))
        connection.execute(sql.SQL("alter table {} disable trigger all").format(name))
        connection.execute(
            FILL.format(
                table=name,
                orphan=sql.Literal(ORPHAN_EVERY),
                null=sql.Literal(NULL_EVERY),
                accounts=sql.Literal(ACCOUNTS),
                width=sql.Literal(WIDTH),
                first=sql.Literal(first),
                last=sql.Literal(last),
            )
        )
        connection.execute(sql.SQL("alter table {} enable trigger all").format(name))
        connection.execute(sql.SQL("alter table {} add primary key (id)").format(name))
        connection.execute(KEYS.format(table=name, key=key, times=times))


def measure_bytes(server: Running) -> int:
    """Returns the size of the database, indexes included."""
    with server.connect(DATABASE) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


STRUCTURAL = (
    ("drop index events_0_times", "schema:indexes"),
    ("alter table events_1 drop constraint events_1_account_id_fkey", "schema:constraints"),
    ("alter table accounts alter email drop not null", "schema:columns"),
    ("select setval('events_1_id_seq', 5)", "sequence:public.events_1.id"),
    ("alter table events_0 disable trigger all", "triggers"),
    ("drop table labels", "schema:tables"),
    ("create schema shadow", "schema:schemas"),
    ("grant select on accounts to public", "schema:grants"),
    ("create function helper() returns int language sql return 1", "schema:functions"),
    ("create view everything as select * from accounts", "schema:views"),
    ("update pg_index set indisvalid = false where indexrelid = 'accounts_email_key'::regclass", "indexes"),
    ("update pg_class set relpages = relpages + 100 where relname = 'events_1'", "files"),
    ("alter database large set default_transaction_read_only = on", "writable"),
)
"""Ways to damage what isn't rows, and the check that must find each; one a row, all done at once."""
