"""PostgreSQL as the operator and as the application see it: connections, sessions, logins. psycopg's home."""

from restore.postgres.activity import (
    Activity,
    Quiet,
    Session,
    attribute,
    list_sessions,
    observe,
    read_activity,
    read_server_start,
)
from restore.postgres.app_login import (
    Attempt,
    application_login,
    connect_as_application,
    find_row,
    missing_privileges,
    read_row,
    try_login,
    write_as_application,
)
from restore.postgres.background_writers import (
    BackgroundWriter,
    WriterKind,
    list_cron_jobs,
    list_subscriptions,
    read_settings,
)
from restore.postgres.connection import APPLICATION_NAME, SYSTEM, Connection, administer, connect, tls_parameters
from restore.postgres.erasure import count_present, list_erased_keys
from restore.postgres.fence import Fence, lift, put_up, read_fence
from restore.postgres.replication import LogicalSlot, list_logical_slots
from restore.postgres.sequences import list_sequences, set_sequence
from restore.postgres.write_counters import WriteCounters, read_counters, read_next_transaction

__all__ = [
    "APPLICATION_NAME",
    "SYSTEM",
    "Activity",
    "Attempt",
    "BackgroundWriter",
    "Connection",
    "Fence",
    "LogicalSlot",
    "Quiet",
    "Session",
    "WriteCounters",
    "WriterKind",
    "administer",
    "application_login",
    "attribute",
    "connect",
    "connect_as_application",
    "count_present",
    "find_row",
    "lift",
    "list_cron_jobs",
    "list_erased_keys",
    "list_logical_slots",
    "list_sequences",
    "list_sessions",
    "list_subscriptions",
    "missing_privileges",
    "observe",
    "put_up",
    "read_activity",
    "read_counters",
    "read_fence",
    "read_next_transaction",
    "read_row",
    "read_server_start",
    "read_settings",
    "set_sequence",
    "tls_parameters",
    "try_login",
    "write_as_application",
]
