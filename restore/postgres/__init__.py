"""PostgreSQL as the operator and as the application see it: connections, sessions, logins. psycopg's home."""

from restore.postgres.activity import Activity, Quiet, Session, activity, attributed, quiet, sessions
from restore.postgres.app_login import Attempt, any_row, application_login, missing, read_row, try_login
from restore.postgres.connection import APPLICATION_NAME, SYSTEM, Connection, administer, connect, tls_parameters

__all__ = [
    "APPLICATION_NAME",
    "SYSTEM",
    "Activity",
    "Attempt",
    "Connection",
    "Quiet",
    "Session",
    "activity",
    "administer",
    "any_row",
    "application_login",
    "attributed",
    "connect",
    "missing",
    "quiet",
    "read_row",
    "sessions",
    "tls_parameters",
    "try_login",
]
