"""A pod's health is asked through the API server: its answer and the API server's own refusal are told apart."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from restore.kubernetes.api import Api, Forbidden

POD = "/api/v1/namespaces/prod/pods/http:api-1:8080/proxy"
REFUSAL = 'pods "api-1" is forbidden: User "o" cannot get resource "pods/proxy" in API group "" in the namespace "prod"'


class Proxy(BaseHTTPRequestHandler):
    """As the API server proxies: paths of redirects are rewritten to its own."""

    def do_GET(self) -> None:
        answers = {f"{POD}/up?deep=1": 204, f"{POD}/moved": 302, f"{POD}/loop": 302, f"{POD}/denied": 403}
        status = 403 if "forbidden" in self.path else answers.get(self.path, 503)
        body = json.dumps({"kind": "Status", "message": REFUSAL}).encode() if "forbidden" in self.path else b""
        self.send_response(status)
        self.send_header("Location", f"{POD}/loop" if "loop" in self.path else f"{POD}/up?deep=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing on stderr."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        config: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "u", "user": {}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(config))
        yield Api(str(file))
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "status"), [("/up?deep=1", 204), ("/moved", 204), ("/loop", 302), ("/denied", 403), ("/down", 503)]
)
def test_what_a_pod_answers_is_told(api: Api, path: str, status: int) -> None:
    assert api.ask_pod_health("prod", "api-1", "http", 8080, path) == status


def test_a_right_that_is_missing_is_not_taken_for_the_pods_answer(api: Api) -> None:
    with pytest.raises(Forbidden, match="pods/proxy"):
        api.ask_pod_health("prod", "api-1", "http", 8080, "/forbidden")
