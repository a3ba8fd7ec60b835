"""A slot that a consumer reads stays behind with its server: it must be named before the switch, with its reader."""

from __future__ import annotations

from restore.inventory.dependents import build_slot_dependent
from restore.postgres.replication import LogicalSlot, list_logical_slots
from tests.support.postgres.scratch_server import Database


def test_logical_slots_are_listed_with_their_database_and_physical_ones_are_not(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("select pg_create_logical_replication_slot('cdc', 'pgoutput')")
        connection.execute("select pg_create_physical_replication_slot('standby')")
        try:
            slots = list_logical_slots(connection)
        finally:
            connection.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
    assert slots == [LogicalSlot("cdc", database.name, "pgoutput", "", "")]


def test_a_slot_says_who_reads_it() -> None:
    unread = build_slot_dependent(LogicalSlot("cdc", "shop", "pgoutput", "", ""))
    assert unread.detail == "pgoutput in database shop, nobody reads it now"
    read = build_slot_dependent(LogicalSlot("cdc", "shop", "pgoutput", "debezium", "10.0.0.7"))
    assert read.detail.endswith("read by debezium at 10.0.0.7")
