"""Requests to the copies: a wrong answer is never taken for a right one."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from restore.drill import http_checks
from restore.errors import PermanentError, Problem
from restore.kubernetes import Pod, PodAnswer
from restore.model.drill import HttpCheck

CHECK = HttpCheck("http://{pod}:8080/me", app="api", json={"user.email": "a@b", "roles.0": "admin"})
GOOD = b'{"user": {"email": "a@b"}, "roles": ["admin"], "more": 1}'


def pod(address: str = "10.0.0.9") -> Pod:
    return Pod("api-1", "1", address, "n", "Running", ready=True, terminating=False)


def test_an_answer_as_needed_is_no_fault() -> None:
    assert http_checks.find_fault(CHECK, PodAnswer(200, GOOD)) is None


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (PodAnswer(503, b"down"), "status 503: down"),
        (PodAnswer(302, b""), "status 302: empty"),
        (PodAnswer(200, b"<html>"), "no JSON"),
        (PodAnswer(200, b'{"user": {"email": "x"}, "roles": ["admin"]}'), 'user.email is "x"'),
        (PodAnswer(200, b'{"user": "a@b", "roles": []}'), "roles.0 is missing"),
    ],
)
def test_a_wrong_answer_says_what_is_wrong(answer: PodAnswer, fault: str) -> None:
    assert fault in (http_checks.find_fault(CHECK, answer) or "")


def test_a_number_is_not_its_text() -> None:
    check = HttpCheck("http://x/y", json={"count": 1})
    assert http_checks.find_fault(check, PodAnswer(200, b'{"count": "1"}')) is not None
    assert http_checks.find_fault(check, PodAnswer(200, b'{"count": 1}')) is None


def find(ask: http_checks.Ask, pods: Mapping[str, list[Pod]]) -> list[Problem]:
    return http_checks.find_problems([CHECK], pods, [{}], ask)


def test_a_pod_that_isn_t_there_is_a_problem_and_no_pass() -> None:
    (problem,) = find(lambda _check, _pod, _headers: PodAnswer(200, GOOD), {})
    assert problem.subject == "drill.check:http://{pod}:8080/me"
    assert problem.found == "no pod to ask"


@pytest.mark.parametrize("error", [OSError("refused"), PermanentError("forbidden"), ValueError("no URL")])
def test_a_request_that_can_t_be_sent_is_a_problem(error: Exception) -> None:
    def ask(*_: object) -> PodAnswer:
        raise error

    (problem,) = find(ask, {"api": [pod()]})
    assert problem.found == str(error)


class Recording:
    """An API server that notes who was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def ask_pod(self, *words: Any) -> PodAnswer:
        self.asked.append(words)
        return PodAnswer(200, GOOD)


def test_a_pod_elsewhere_is_asked_through_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    api: Any = Recording()
    assert http_checks.make_asker(api, "shop-drill")(CHECK, pod(), {"X": "1"}).status == 200
    ((space, name, url, method, headers),) = api.asked
    assert (space, name, url.path, url.port, method, headers) == ("shop-drill", "api-1", "/me", 8080, "GET", {"X": "1"})


def test_a_token_that_would_not_arrive_is_said_instead_of_a_401(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    api: Any = Recording()
    with pytest.raises(ValueError, match="drill schedule"):
        http_checks.make_asker(api, "shop-drill")(CHECK, pod(), {"authorization": "Bearer x"})
    assert api.asked == []


@contextmanager
def serving() -> Generator[tuple[str, list[str | None]]]:
    """A server that redirects /old, and notes the header Authorization."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(302 if self.path == "/old" else 200)
            if self.path == "/old":
                self.send_header("Location", "/me")
            self.end_headers()
            self.wfile.write(GOOD)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            del code, size

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{{pod}}:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_near_pod_gets_the_token_and_no_redirect_is_followed() -> None:
    api: Any = Recording()
    ask = http_checks.make_asker(api, "shop-drill")
    with serving() as (base, seen):
        answer = ask(HttpCheck(f"{base}/me"), pod("127.0.0.1"), {"Authorization": "Bearer x"})
        moved = ask(HttpCheck(f"{base}/old"), pod("127.0.0.1"), {})
    assert (answer.status, answer.body, moved.status) == (200, GOOD, 302)
    assert seen == ["Bearer x", None]
    assert api.asked == []
