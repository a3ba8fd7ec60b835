"""What is used of the kubernetes package works in every version that pyproject.toml allows, and no other is allowed."""

from __future__ import annotations

import json
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from typing import Any, cast

import pytest
import urllib3
from kubernetes.client import Configuration

from restore.kubernetes import connection
from sandbox.machine.layout import CHECKOUT

TOKEN = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "from-plugin"}}


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that came."""

    def do_GET(self) -> None:
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing on stderr."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Echo) as echo:
        thread = threading.Thread(target=echo.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{echo.server_port}"
        echo.shutdown()
        thread.join()


def kubeconfig(server: str, user: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "prod",
            "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "operator"}}],
            "clusters": [{"name": "prod", "cluster": {"server": server}}],
            "users": [{"name": "operator", "user": user}],
        }
    )


PLUGIN = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": sys.executable,
    "args": ["-c", f"print({json.dumps(json.dumps(TOKEN))})"],
    "interactiveMode": "Never",
}


@pytest.mark.parametrize(
    ("user", "sent"), [({"token": "static"}, "Bearer static"), ({"exec": PLUGIN}, "Bearer from-plugin")]
)
def test_a_login_reaches_the_server_with_the_operators_token(server: str, user: dict[str, Any], sent: str) -> None:
    """EKS's kubeconfig has a plugin (aws eks get-token)."""
    where = connection.load(kubeconfig(server, user), None)
    answer = where.send_request("GET", f"{where.server}/version", where.build_headers(), None, (5.0, 5.0))
    headers = {name.lower(): value for name, value in json.loads(answer.data).items()}
    assert headers["authorization"] == sent


def configured(**values: object) -> Any:
    configuration = cast("Any", Configuration)()
    for name, value in values.items():
        setattr(configuration, name, value)
    return configuration


def test_the_connections_verify_the_cluster_and_show_the_operators_certificate() -> None:
    made = configured(ssl_ca_cert="ca.pem", cert_file="me.pem", key_file="me.key", connection_pool_maxsize=20)
    pool = connection.open_pool(made)
    assert type(pool) is urllib3.PoolManager
    kept = pool.connection_pool_kw
    assert [str(kept[name]) for name in ("ca_certs", "cert_file", "key_file")] == ["ca.pem", "me.pem", "me.key"]
    assert (int(kept["cert_reqs"]), kept["maxsize"]) == (2, 20)


def test_a_cluster_behind_a_proxy_is_reached_through_it() -> None:
    pool = connection.open_pool(configured(host="https://10.0.0.1", proxy="http://127.0.0.1:3128"))
    assert isinstance(pool, urllib3.ProxyManager)
    assert str(pool.proxy) == "http://127.0.0.1:3128"


def test_no_version_is_allowed_in_which_the_attribute_was_not_tested() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    (allowed,) = (entry for entry in project["dependencies"] if entry.startswith("kubernetes"))
    tested = int(version("kubernetes").partition(".")[0])
    assert allowed == f"kubernetes>={tested},<{tested + 1}"
