"""Database URLs: read without changing a byte, and turned into what libpq understands.

An application's URL is written for its own client. Prisma's parameters (`schema`, `connection_limit`,
`pgbouncer`, ...) are unknown to libpq, which refuses the whole URL for one of them; rewriting a URL through
an encoder changes passwords. So the parts are kept as they stand, and decoding is a separate step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from urllib.parse import unquote

from psycopg import pq

URL = re.compile(
    r"(?P<scheme>(?:jdbc:)?[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?"
    r"(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.DOTALL,
)
SCHEME = re.compile(r"(jdbc:)?postgres(ql)?(\+[A-Za-z0-9_]+)?", re.IGNORECASE)
"""JDBC's driver takes user and password as parameters (jdbc.postgresql.org, "Connecting to the Database")."""
HOST = re.compile(r"(?P<host>\[[^\]]*\]|[^:,\[\]]*)(?::(?P<port>[0-9]*))?")
AROUND = " \t\r\n\f\v"
"""What may stand around a URL: `echo` and editors end what they write with a newline, and clients read past it."""
BYTE_ORDER_MARK = "\ufeff"
QUOTES = "\"'`"
INVISIBLE = re.compile(r"[\x00-\x1f\x7f]")


class UrlError(ValueError):
    """The URL can't be used; the message never contains any of it."""


class WrappedUrlError(UrlError):
    """Bytes that belong to no URL stand around it or in it."""


@dataclass(frozen=True)
class Url:
    """A PostgreSQL URL in the bytes it was written in: nothing decoded, `str()` gives it back unchanged."""

    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    host: str
    port: str | None
    database: str | None
    query: str | None = field(repr=False)
    fragment: str = field(default="", repr=False)
    before: str = ""
    after: str = ""
    """White space around the URL: no part of it, and kept."""

    def __str__(self) -> str:
        user = "" if self.user is None else self.user
        password = "" if self.password is None else f":{self.password}"
        at = "" if self.user is None else "@"
        port = "" if self.port is None else f":{self.port}"
        path = "" if self.database is None else f"/{self.database}"
        query = "" if self.query is None else f"?{self.query}"
        url = f"{self.scheme}://{user}{password}{at}{self.host}{port}{path}{query}{self.fragment}"
        return f"{self.before}{url}{self.after}"

    @property
    def parameters(self) -> Mapping[str, str]:
        """The decoded query; of a repeated name the last value counts."""
        pairs = (pair.partition("=") for pair in (self.query or "").split("&") if pair)
        return {unquote(name): unquote(value) for name, _, value in pairs}

    def with_host(self, host: str, port: int | None = None) -> Url:
        """Returns the same URL with another host; also another port when one is given; every other byte as it was.

        Raises UrlError when the query names a host or port of its own, which would win over the new one.
        """
        inside = sorted({"host", "hostaddr", "port", "service"} & self.parameters.keys())
        if inside:
            raise UrlError(f"the URL's query sets {', '.join(inside)}: move it to the front, before the path")
        written = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return replace(self, host=written, port=self.port if port is None else str(port))


def parse(url: str) -> Url:
    """Splits a URL, with or without white space around it. Raises UrlError for no PostgreSQL URL with one host."""
    bare = url.strip(AROUND)
    _refuse_wrapped(bare)
    match = URL.fullmatch(bare)
    if not match or not SCHEME.fullmatch(match["scheme"]):
        raise UrlError("not a database URL: needs postgresql://user:password@host:port/database")
    userinfo, at, address = match["authority"].rpartition("@")
    place = HOST.fullmatch(address)
    if not place:
        raise UrlError("needs one host and a numeric port; special characters elsewhere percent-encoded")
    user, colon, password = userinfo.partition(":")
    return Url(
        scheme=match["scheme"],
        user=user if at else None,
        password=password if colon else None,
        host=place["host"],
        port=place["port"],
        database=match["path"][1:] if match["path"] else None,
        query=match["query"],
        fragment=match["fragment"] or "",
        before=url[: len(url) - len(url.lstrip(AROUND))],
        after=url[len(url.rstrip(AROUND)) :],
    )


def _refuse_wrapped(bare: str) -> None:
    """Raises WrappedUrlError: clients differ in what they make of such bytes, and most refuse them."""
    if bare.startswith(BYTE_ORDER_MARK):
        raise WrappedUrlError("a byte order mark stands before the URL")
    if bare[:1] in QUOTES and bare:
        raise WrappedUrlError("quotes stand around the URL")
    if INVISIBLE.search(bare):
        raise WrappedUrlError("a line break, tab or other invisible character stands inside the URL")


def read_parameters(url: str) -> dict[str, str]:
    """Returns what libpq needs to connect as this URL says, decoded, as keywords for `psycopg.connect`.

    Parameters that libpq doesn't know are left out. So is `sslcert` without `sslkey`: that is Prisma's name for the
    server's certificate (Prisma reference, "PostgreSQL database connector"), to libpq it would be the client's. Raises
    UrlError as `parse` does.
    """
    parts = parse(url)
    written = {
        "host": parts.host.strip("[]"),
        "port": parts.port,
        "dbname": parts.database,
        "user": parts.user,
        "password": parts.password,
    }
    filled = {name: unquote(value) for name, value in written.items() if value}
    in_query = dict(parts.parameters)
    if "sslkey" not in in_query:
        in_query.pop("sslcert", None)
    return filled | {name: value for name, value in in_query.items() if name in list_libpq_keywords()}


@cache
def list_libpq_keywords() -> frozenset[str]:
    """Returns the connection parameters that the linked libpq knows."""
    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
