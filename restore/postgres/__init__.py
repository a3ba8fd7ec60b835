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
    connect_as_application,
    find_missing_privileges,
    find_row,
    read_application_login,
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
from restore.postgres.connection import APPLICATION_NAME, SYSTEM, Connection, administer, build_tls_parameters, connect
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
    "attribute",
    "build_tls_parameters",
    "connect",
    "connect_as_application",
    "count_present",
    "find_missing_privileges",
    "find_row",
    "lift",
    "list_cron_jobs",
    "list_erased_keys",
    "list_logical_slots",
    "list_sequences",
    "list_sessions",
    "list_subscriptions",
    "observe",
    "put_up",
    "read_activity",
    "read_application_login",
    "read_counters",
    "read_fence",
    "read_next_transaction",
    "read_row",
    "read_server_start",
    "read_settings",
    "set_sequence",
    "try_login",
    "write_as_application",
]
