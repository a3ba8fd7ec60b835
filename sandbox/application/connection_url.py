"""The application's connection URL, as Prisma writes it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

# Parameters of Prisma's connector that libpq refuses:
# https://www.prisma.io/docs/orm/overview/databases/postgresql
PRISMA_ONLY = frozenset(
    {"schema", "connection_limit", "pool_timeout", "pgbouncer", "socket_timeout", "statement_cache_size", "sslaccept"}
)


def connection_url(user: str, password: str, host: str, port: int, database: str, ca: Path) -> str:
    query = {
        "schema": "public",
        "connection_limit": "5",
        "sslmode": "verify-full",
        "sslrootcert": str(ca),
    }
    return f"postgresql://{user}:{quote(password, safe='')}@{host}:{port}/{database}?{urlencode(query, safe='/')}"


def for_libpq(url: str) -> str:
    """The same URL without what only Prisma understands."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, True) if name not in PRISMA_ONLY]
    return urlunsplit(parts._replace(query=urlencode(kept, safe="/")))
