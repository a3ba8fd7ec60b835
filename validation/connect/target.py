"""How to reach a database that is to be validated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote

from validation.connect.urls import UrlError, read_parameters

OWN = ("host", "port", "dbname", "user", "password", "sslmode", "sslrootcert")
NO_OTHER_SERVER = MappingProxyType({"hostaddr": ""})
"""Empty, not absent: otherwise PGHOSTADDR or a service file could lead to another server."""
RESPONSIVE: Mapping[str, str] = MappingProxyType(
    {
        "connect_timeout": "10",
        "keepalives": "1",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
)
"""A server that can't be reached is noticed after 10 s, one that stops answering after about half a minute."""


def _make_empty() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Target:
    """One database. The password, or a function that gets it (e.g. an IAM token), is in no repr.

    `expected_address` is the IP address, or address:port, that the server itself must report; `parameters`
    are further libpq keywords.
    """

    host: str
    dbname: str
    user: str
    password: str | Callable[[], str] | None = field(default=None, repr=False)
    port: int = 5432
    sslmode: str = "verify-full"
    sslrootcert: str | None = None
    expected_address: str | None = None
    parameters: Mapping[str, str] = field(default_factory=_make_empty, repr=False)
    via: str = ""
    """The local address:port of a tunnel; the certificate is verified for `host` all the same."""

    @classmethod
    def from_url(cls, url: str, *, expected_address: str | None = None) -> Target:
        """Reads a URL, also an application's one (see `urls`); TLS is verified unless the URL says otherwise.

        Raises UrlError, without any of the URL in its message.
        """
        parameters = read_parameters(url)
        missing = [name for name in ("host", "dbname", "user") if name not in parameters]
        if missing:
            raise UrlError(f"the URL lacks {', '.join(missing)}")
        return cls(
            host=parameters["host"],
            dbname=parameters["dbname"],
            user=parameters["user"],
            password=parameters.get("password"),
            port=_parse_port(parameters.get("port", "5432")),
            sslmode=parameters.get("sslmode", "verify-full"),
            sslrootcert=parameters.get("sslrootcert"),
            expected_address=expected_address,
            parameters={name: value for name, value in parameters.items() if name not in OWN},
        )

    def __str__(self) -> str:
        return f"{self.dbname} on {self.host}:{self.port}"

    def read_secret(self) -> str | None:
        """Returns the password, asking its function for it; None without one. Raises what that function raises."""
        return self.password() if callable(self.password) else self.password

    def build_keywords(self, secret: str | None) -> dict[str, str]:
        """Returns the keywords for `psycopg.connect`; a host that stops answering is noticed within about half a
        minute."""
        own = {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.dbname,
            "user": self.user,
            "password": secret,
            "sslmode": self.sslmode,
            "sslrootcert": self.sslrootcert,
            "client_encoding": "utf8",
            "application_name": "validation",
        }
        return {
            **NO_OTHER_SERVER,
            **RESPONSIVE,
            **self.parameters,
            **{name: value for name, value in own.items() if value},
            **build_tunnel_keywords(self.via),
        }


def build_tunnel_keywords(via: str) -> dict[str, str]:
    """Returns libpq's keywords that lead through a tunnel, whose end is at this address:port; none without one.

    `hostaddr` is where it connects, `host` stays the name that a certificate must have (PostgreSQL documentation,
    "Parameter Key Words")."""
    address, _, port = via.rpartition(":")
    return {"hostaddr": address.removeprefix("[").removesuffix("]"), "port": port} if via else {}


def remove_secret(secret: str | None, text: str) -> str:
    """Returns the text with the secret blotted out, plain and percent-encoded."""
    for form in {secret, quote(secret, safe="")} if secret else ():
        text = text.replace(form, "***")
    return text


def _parse_port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UrlError("the URL's port is no number between 1 and 65535")
    return int(text)
