"""Logical replication that a database is part of: slots that others read, subscriptions by which it reads others."""

from __future__ import annotations

from dataclasses import dataclass

from restore.postgres.connection import Connection

SLOTS = """
select s.slot_name::text, s.database::text, s.plugin::text, coalesce(r.application_name, ''),
       coalesce(host(r.client_addr), '')
from pg_replication_slots s left join pg_stat_replication r on r.pid = s.active_pid
where s.slot_type = 'logical' order by 1
"""
"""Logical slots of all databases of the server, with who reads each now."""


@dataclass(frozen=True)
class LogicalSlot:
    """`consumer` and `address` are empty while nobody reads it."""

    name: str
    database: str
    plugin: str
    consumer: str
    address: str


def list_logical_slots(connection: Connection) -> list[LogicalSlot]:
    """Reads the logical slots of the server; pglogical's are among them."""
    return [LogicalSlot(*(str(value) for value in row)) for row in connection.execute(SLOTS).fetchall()]
