"""The application's connection URL, as Prisma writes it."""

from __future__ import annotations

from collections.abc import Mapping
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


def of_environment(variables: Mapping[str, str]) -> str:
    """The database as a container is told it: DATABASE_URL, DB_HOST and its like, or a JDBC URL.

    Without any of them it raises KeyError for DATABASE_URL. libpq's own variables add what a form can't say.
    """
    if "DB_HOST" in variables:
        user, password = (quote(variables[name], safe="") for name in ("DB_USER", "DB_PASSWORD"))
        return f"postgresql://{user}:{password}@{variables['DB_HOST']}:{variables['DB_PORT']}/{variables['DB_NAME']}"
    if jdbc := variables.get("SPRING_DATASOURCE_URL"):
        parts = urlsplit(jdbc.removeprefix("jdbc:"))
        query = dict(parse_qsl(parts.query, True))
        user, password = (quote(query.pop(name), safe="") for name in ("user", "password"))
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}", query=urlencode(query, safe="/")))
    return variables["DATABASE_URL"]
