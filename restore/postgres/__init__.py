"""PostgreSQL as the operator and as the application see it: connections, sessions, logins. psycopg's home."""

from restore.postgres.activity import Activity, Quiet, Session, attribute, list_sessions, observe, read_activity
from restore.postgres.app_login import Attempt, application_login, find_row, missing_privileges, read_row, try_login
from restore.postgres.connection import APPLICATION_NAME, SYSTEM, Connection, administer, connect, tls_parameters

__all__ = [
    "APPLICATION_NAME",
    "SYSTEM",
    "Activity",
    "Attempt",
    "Connection",
    "Quiet",
    "Session",
    "administer",
    "application_login",
    "attribute",
    "connect",
    "find_row",
    "list_sessions",
    "missing_privileges",
    "observe",
    "read_activity",
    "read_row",
    "tls_parameters",
    "try_login",
]
