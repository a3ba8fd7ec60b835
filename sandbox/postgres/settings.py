"""The text of a server's configuration files (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

SUPERUSER = "rdsadmin"  # as on RDS: the customer's master user is no superuser
SEGMENT_MB = 4

# Data outlives a kill of the server, not a crash of the machine: fsync is what makes a sandbox slow.
FIXED = {
    "password_encryption": "scram-sha-256",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "max_wal_senders": "6",
    "jit": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "wal_level": "replica",
    "wal_init_zero": "off",
    "wal_recycle": "off",
    "max_wal_size": "512MB",
    "min_wal_size": f"{2 * SEGMENT_MB}MB",
    "archive_mode": "on",
    "hot_standby": "off",
    "logging_collector": "off",
    "log_line_prefix": "%m:%r:%u@%d:[%p]:",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.2",
    "track_commit_timestamp": "off",
}


PROTECTED = frozenset(
    [
        "archive_command",
        "archive_library",
        "archive_mode",
        "data_directory",
        "fsync",
        "full_page_writes",
        "hba_file",
        "hot_standby",
        "ident_file",
        "listen_addresses",
        "logging_collector",
        "port",
        "restore_command",
        "ssl",
        "ssl_cert_file",
        "ssl_key_file",
        "ssl_ca_file",
        "unix_socket_directories",
        "wal_level",
        "wal_recycle",
        "wal_init_zero",
        "synchronous_commit",
        "log_line_prefix",
        "log_timezone",
    ]
)


@dataclass(frozen=True)
class ServerSettings:
    """What differs between servers; `extra` are parameters of the customer's parameter group."""

    address: str
    """One or more, as listen_addresses takes them."""
    port: int
    sockets: Path
    archive: Path
    certificate: Path
    key: Path
    force_ssl: bool = True
    extra: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Recovery:
    """Replay of the WAL segments in `feed` up to the last commit not later than `target`."""

    feed: Path
    target: datetime


def configuration(settings: ServerSettings, recovery: Recovery | None = None) -> str:
    """The content of postgresql.auto.conf, which wins over every other file."""
    values = {
        **FIXED,
        **{name: value for name, value in settings.extra.items() if name not in PROTECTED},
        "listen_addresses": settings.address,
        "port": str(settings.port),
        "unix_socket_directories": str(settings.sockets),
        "unix_socket_permissions": "0700",
        "ssl_cert_file": str(settings.certificate),
        "ssl_key_file": str(settings.key),
        "archive_command": archive_command(settings.archive),
    }
    if recovery:
        values["restore_command"] = f'cp "{recovery.feed}/%f" "%p"'
        values["recovery_target_time"] = recovery.target.isoformat()
        values["recovery_target_action"] = "promote"
    return "".join(f"{name} = {quoted(value)}\n" for name, value in values.items())


def archive_command(archive: Path) -> str:
    """Sparse: a segment that a heartbeat closes is nearly empty. Renamed: a half-copied segment has another name."""
    return f'cp --sparse=always "%p" "{archive}/%f.part" && mv "{archive}/%f.part" "{archive}/%f"'


def host_based_authentication(*, force_ssl: bool = True) -> str:
    """The content of pg_hba.conf: rdsadmin only on the socket, everybody else by password, over TLS when forced."""
    kind = "hostssl" if force_ssl else "host"
    return (
        f"local all,replication {SUPERUSER} trust\n"
        "local all all reject\n"
        "host rdsadmin all all reject\n"
        f"host all {SUPERUSER} all reject\n"
        f"{kind} all all all scram-sha-256\n"
    )


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
