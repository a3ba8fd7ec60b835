"""Logging in as the application does, with its own URL at another endpoint."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from restore.errors import PermanentError, Problem, TemporaryError
from restore.model.rds import Endpoint
from restore.model.request import Tls
from restore.postgres.connection import CHANGE_SECONDS, Connection, open_connection
from restore.redaction import redact, register_secret
from validation.connect import urls

THEIR_FILES = ("hostaddr", "passfile", "service", "sslcert", "sslcrl", "sslcrldir", "sslkey", "sslpassword")
"""Parameters of an application's URL that name things of its own machine."""


WHO = """
select current_user, current_database(), current_setting('server_version'), pg_catalog.pg_is_in_recovery()
"""


SCHEMAS = """
select n.nspname::text,
       pg_catalog.has_schema_privilege(n.oid, 'usage'),
       coalesce(array_agg(c.relname::text order by c.relname) filter (where c.oid is not null), '{}'),
       coalesce(bool_or(pg_catalog.has_any_column_privilege(c.oid, 'select')), false)
from pg_catalog.pg_namespace n
left join pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.current_setting('search_path'), ','))
          with ordinality as path (word, place)
  on n.nspname = replace(btrim(path.word, ' "'), '$user', current_user)
left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
group by n.oid, n.nspname
order by min(path.place) nulls last, n.nspname
"""
"""What the connection's user may do in each schema, those of its search_path first: as its role, the database and the
URL's options set it. Tables of extensions are none of an application's."""


ROW_SECONDS, ALL_ROWS_SECONDS = 10.0, 60.0
"""How long reading one row may take: of one table, and of any table at all."""


ROWS_SECONDS = 300.0
"""How long a statement may take that looks for many rows."""


READABLE = """
with recursive parts(root, part) as (
  select i.inhparent, i.inhrelid from pg_catalog.pg_inherits i
  union
  select p.root, i.inhrelid from parts p join pg_catalog.pg_inherits i on i.inhparent = p.part
)
select n.nspname::text, c.relname::text, c.relkind = 'p'
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and pg_catalog.has_schema_privilege(n.oid, 'usage')
  and pg_catalog.has_any_column_privilege(c.oid, 'select')
  and (c.relkind = 'r' or not exists (
    select from parts p join pg_catalog.pg_class f on f.oid = p.part where p.root = c.oid and f.relkind = 'f'))
order by c.relrowsecurity, c.reltuples <= 0, c.relkind = 'p', c.relpages, c.oid
limit 200
"""
"""Tables of which the connection's user may read a row, those that need least for it first; nothing that a foreign
server or a view's query would answer."""


@dataclass(frozen=True)
class SchemaRights:
    """What the application may do in one schema: `readable` when it may read at least one of its tables."""

    name: str
    usable: bool
    tables: tuple[str, ...] = ()
    readable: bool = False

    @property
    def lacking(self) -> tuple[str, ...]:
        if not self.usable:
            return (f"usage on schema {self.name}",)
        return () if self.readable else tuple(f"select on {self.name}.{table}" for table in self.tables)


@dataclass(frozen=True)
class Attempt:
    """A login as the application, tried at an endpoint."""

    user: str
    database: str
    server_version: str
    recovering: bool
    """Still in recovery: can't be written to."""
    schema: str
    """The schema of its tables: the URL's, or the first that it may read, or the first where it lacks a right."""
    missing_privileges: tuple[str, ...]
    """`usage on schema x`, or `select on x.t` for all tables of the schema when not one of them can be read."""


def try_login(url: str, endpoint: Endpoint, tls: Tls) -> Attempt:
    """Logs in with the application's own URL at another endpoint, verified as the operator's connections are; reads
    only. Raises as `connect`, PermanentError for a URL that can't be used, and TemporaryError when the server doesn't
    say who is logged in; the text never contains the URL."""
    login = read_application_login(url)
    named = urls.parse(url).parameters.get("schema")
    with open_connection(login, endpoint, tls, statement_seconds=30.0) as connection:
        row = connection.execute(WHO).fetchone()
        if row is None:
            raise TemporaryError(f"{endpoint} didn't say who is logged in")
        user, database, version, recovering = row
        schema, lacking = find_missing_privileges(named, list_schemas(connection))
        return Attempt(str(user), str(database), str(version), bool(recovering), schema, lacking)


@contextmanager
def connect_as_application(url: str, endpoint: Endpoint, tls: Tls) -> Generator[Connection]:
    """Yields a read-only connection with the application's own URL at another endpoint. Raises as `try_login`."""
    with open_connection(read_application_login(url), endpoint, tls, ROWS_SECONDS) as connection:
        yield connection


@contextmanager
def write_as_application(url: str, endpoint: Endpoint, tls: Tls) -> Generator[Connection]:
    """Yields a connection with the application's own URL at another endpoint that may write: only ever for an instance
    that a drill deletes. Raises as `try_login`."""
    with open_connection(read_application_login(url), endpoint, tls, CHANGE_SECONDS, read_only=False) as connection:
        yield connection


def read_row(url: str, endpoint: Endpoint, tls: Tls) -> str:
    """Logs in with the application's own URL at this endpoint and reads one row; returns the table that it is of.

    Nothing of the schema is run but, where no other table has a row, row security policies; each read is a read-only
    transaction of its own that is rolled back. Raises as `try_login`; PermanentError when no row can be read.
    """
    login = read_application_login(url)
    with open_connection(login, endpoint, tls, ROW_SECONDS) as connection:
        return find_row(connection, f"PostgreSQL {endpoint}, user {login.get('user', '')}")


def find_row(connection: Connection, subject: str) -> str:
    """Reads one row as `read_row` does, in this autocommit connection, whose settings it changes.

    Raises PermanentError with this subject when no row can be read.
    """
    connection.read_only = True
    connection.execute("SET search_path TO pg_catalog")
    connection.execute("SET lock_timeout TO '5s'")
    tables = connection.execute(READABLE).fetchall()
    until, unread = time.monotonic() + ALL_ROWS_SECONDS, ""
    for schema, table, partitioned in tables:
        if time.monotonic() > until:
            unread = f"{ALL_ROWS_SECONDS:.0f} s were not enough"
            break
        only = sql.SQL("" if partitioned else "ONLY ")
        query = sql.SQL("SELECT 1 FROM {}{} LIMIT 1").format(only, sql.Identifier(schema, table))
        try:
            with connection.transaction(force_rollback=True):
                if connection.execute(query).fetchone():
                    return f"{schema}.{table}"
        except psycopg.Error as error:
            if connection.closed:
                raise
            unread = f"{schema}.{table}: {redact(' '.join(str(error).split()))}"
    found = f"no row in the {len(tables)} tables that it may read" + (f" ({unread})" if unread else "")
    fix = 'python -m restore options (other recovery points); or docs/permissions.md, "PostgreSQL": the role\'s rights'
    raise PermanentError.of(Problem(subject, found, "one row of any table, read with the application's login", fix))


def read_application_login(url: str) -> dict[str, str]:
    """Picks the parameters of the application's URL that hold at any endpoint. Raises PermanentError for one that can't
    be used. Pure."""
    try:
        login = urls.read_parameters(url)
    except urls.UrlError as error:
        needed = "postgresql://user:password@host:port/database"
        raise PermanentError.of(
            Problem("the application's URL", str(error), needed, 'docs/configuration.md, "Fields of `secret`"')
        ) from error
    register_secret(login.get("password", ""))
    return {name: value for name, value in login.items() if name not in THEIR_FILES}


def list_schemas(connection: Connection) -> tuple[SchemaRights, ...]:
    """Reads the database's own schemas, those of the connection's search_path first."""
    rows = connection.execute(SCHEMAS).fetchall()
    return tuple(SchemaRights(name, usable, tuple(tables), readable) for name, usable, tables, readable in rows)


def find_missing_privileges(named: str | None, rights: Sequence[SchemaRights]) -> tuple[str, tuple[str, ...]]:
    """Finds a schema, and the rights there that the application lacks and can't do without. Pure.

    The schema that its URL names (Prisma's) must be usable. Without one, any schema with a table that it may read
    will do: names in its statements can have any schema in front.
    """
    if named is not None:
        of_url = [schema for schema in rights if schema.name == named]
        return named, of_url[0].lacking if of_url else (f"schema {named} (it doesn't exist)",)
    readable = [schema for schema in rights if schema.usable and schema.readable]
    if readable:
        return readable[0].name, ()
    needed = [schema for schema in rights if schema.tables] or [schema for schema in rights if schema.usable]
    first = next(iter(needed or rights), SchemaRights("public", usable=False))
    return first.name, first.lacking
