"""The applications' connection URL: which endpoint it names, and the same URL at another endpoint. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from restore.model.cluster import Cluster
from restore.model.context import RestoreContext
from restore.model.labels import ANNOTATION_PREVIOUS
from restore.model.rds import Endpoint
from restore.model.request import Settings
from validation.connect import urls

STANDARD_PORT = 5432
STANDARD_DATABASE = "postgres"


def read_endpoint(url: urls.Url) -> Endpoint:
    return Endpoint(url.host, int(url.port) if url.port else STANDARD_PORT)


def is_same_host(host: str, other: str) -> bool:
    return host.strip("[]").rstrip(".").lower() == other.strip("[]").rstrip(".").lower()


def is_same_endpoint(endpoint: Endpoint, other: Endpoint) -> bool:
    return endpoint.port == other.port and is_same_host(endpoint.host, other.host)


def read_live_url(context: RestoreContext) -> urls.Url | None:
    """Returns the applications' URL; None when there is none that can be read."""
    secret = context.inventory.cluster.secret
    if not secret or not secret.url:
        return None
    try:
        return urls.parse(secret.url)
    except urls.UrlError:
        return None


def name_database(settings: Settings, cluster: Cluster) -> str:
    """Returns the database that the operator connects to: the configured one, else that of the applications' URL."""
    url = cluster.secret.url if cluster.secret else None
    try:
        named = urls.read_parameters(url).get("dbname") if url else None
    except urls.UrlError:
        named = None
    return settings.login.database or named or STANDARD_DATABASE


def read_previous_endpoint(context: RestoreContext) -> Endpoint | None:
    """Returns where the URL pointed before this restore changed it, as recorded when it did."""
    secret = context.inventory.cluster.secret
    if not secret or not context.is_held(secret.annotations):
        return None
    host, _, port = secret.annotations.get(ANNOTATION_PREVIOUS, "").rpartition(":")
    return Endpoint(host, int(port)) if host and port.isdecimal() else None


def repoint(url: urls.Url, endpoint: Endpoint) -> str:
    """Returns the URL at this endpoint, all other bytes as they were; a standard port that wasn't written stays
    unwritten."""
    if is_same_endpoint(read_endpoint(url), endpoint):
        return str(url)
    unwritten = url.port is None and endpoint.port == STANDARD_PORT
    return str(url.with_host(endpoint.host, None if unwritten else endpoint.port))


def find_named_endpoint(text: str, endpoints: Iterable[Endpoint]) -> Endpoint | None:
    """Returns the first of these endpoints whose host stands in a text; its port is the text's, where it says one."""
    for endpoint in endpoints:
        if match := _compile_address(endpoint.host).search(text):
            return Endpoint(endpoint.host, int(match["port"] or endpoint.port))
    return None


def repoint_text(text: str, now: Endpoint, endpoint: Endpoint) -> str:
    """Returns a text in which each address of one endpoint is another's, all other bytes as they were; a port that
    isn't written stays unwritten."""

    def substitute(match: re.Match[str]) -> str:
        return f"{endpoint.host}:{endpoint.port}" if match["port"] else endpoint.host

    return _compile_address(now.host).sub(substitute, text)


def _compile_address(host: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(host)}(?::(?P<port>[0-9]+))?(?![\w-]|\.\w)", re.IGNORECASE)
