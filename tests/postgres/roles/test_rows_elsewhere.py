"""A drill empties a table of the restored database, and none whose rows are in another server."""

from __future__ import annotations

import pytest

from restore.drill.defect import require_local
from restore.errors import PermanentError
from tests.support.postgres.scratch_server import Database
from validation.expectations.table_names import Table

TABLES = """
CREATE SCHEMA app;
CREATE TABLE app."Users" (id int);
CREATE TABLE events (id int) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER billing FOREIGN DATA WRAPPER wrapper OPTIONS (host '127.0.0.1');
CREATE FOREIGN TABLE invoices (id int) SERVER billing;
CREATE TABLE archive (id int) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE archive_1 PARTITION OF archive FOR VALUES FROM (0) TO (10) SERVER billing;
CREATE VIEW accounts AS SELECT id FROM invoices;
"""


def test_tables_and_their_partitions_are_told_from_what_is_elsewhere(empty_database: Database) -> None:
    with empty_database.connect() as connection:
        connection.execute(TABLES)
        for name in ('app."Users"', "events", "events_1"):
            require_local(connection, Table.parse(name))
        for name in ("invoices", "archive", "archive_1", "accounts", "nothing"):
            with pytest.raises(PermanentError, match="another database"):
                require_local(connection, Table.parse(name))
