"""What stands between the operator's commands and the two APIs: each call is seen, and can be held, refused or lost.

Only the operator's commands go through it; the sandbox's own world and the reader ask AWS and the cluster themselves.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from tempfile import NamedTemporaryFile
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import yaml

from sandbox.machine.layout import Layout

SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
UPSTREAM_SECONDS = 120.0
HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "host", "expect"})
KUBERNETES = "kubernetes"


class Mode(StrEnum):
    """What an API does with every call."""

    SERVES = "serves"
    REFUSES = "refuses"
    HANGS = "hangs"
    LOST = "is lost"
    EXPIRED = "says that the login has expired"


@dataclass(frozen=True)
class Call:
    """A request: `rds`, `CreateDBSnapshot`; `s3`, `GET /bucket/key`; `kubernetes`, `PATCH secrets`."""

    service: str
    operation: str


@dataclass
class Trap:
    """Holds the first call that matches: before it takes effect, or after, when only its answer is still to come."""

    matches: Callable[[Call], bool]
    after: bool
    sprung: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        self.sprung.set()
        self.released.wait(UPSTREAM_SECONDS)


@dataclass
class Wire:
    """The modes of the services, by name; `aws` counts for all of AWS."""

    modes: dict[str, Mode] = field(default_factory=dict[str, Mode])
    trap: Trap | None = None
    held: threading.Event = field(default_factory=threading.Event)
    """Set once a call hangs."""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def set(self, service: str, mode: Mode) -> None:
        with self._changed:
            self.modes[service] = mode

    def clear(self) -> None:
        """Everything serves again; whoever hangs loses its connection, and a trap holds nobody any more."""
        with self._changed:
            self.modes.clear()
            self.held.clear()
            if self.trap:
                self.trap.released.set()
            self.trap = None
            self._changed.notify_all()

    def mode(self, call: Call) -> Mode:
        general = Mode.SERVES if call.service == KUBERNETES else self.modes.get("aws", Mode.SERVES)
        return self.modes.get(call.service, general)

    def hang(self, call: Call) -> None:
        self.held.set()
        with self._changed:
            self._changed.wait_for(lambda: self.mode(call) is not Mode.HANGS, UPSTREAM_SECONDS)

    def take_trap(self, call: Call) -> Trap | None:
        """The trap, for the one call that springs it."""
        with self._changed:
            if self.trap and not self.trap.sprung.is_set() and self.trap.matches(call):
                self.trap.sprung.set()
                return self.trap
        return None


def name_aws_call(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    scope = SCOPE.search(headers.get("Authorization", ""))
    service = scope[1] if scope else "sts"
    if service == "s3":
        return Call(service, f"{method} {urlsplit(path).path}")
    action = parse_qs(body.decode("utf-8", "replace")).get("Action")
    return Call(service, action[0] if action else headers.get("X-Amz-Target", "").rpartition(".")[2])


def name_kubernetes_call(method: str, path: str, _headers: Mapping[str, str], _body: bytes) -> Call:
    """By the resource's plural; a dry run has a name of its own."""
    split = urlsplit(path)
    parts = split.path.strip("/").split("/")
    inside = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else parts[-1:]
    resource = "/".join([*inside[:1], *inside[2:3]]) or "namespaces"
    return Call(KUBERNETES, f"{'DRY ' if 'dryRun=' in split.query else ''}{method} {resource}")


@dataclass(frozen=True)
class Upstream:
    """The API itself, and the login that is shown to it in place of the caller's certificate."""

    address: str
    port: int
    context: ssl.SSLContext | None
    name: Callable[[str, str, Mapping[str, str], bytes], Call]

    def connect(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection(self.address, self.port, timeout=UPSTREAM_SECONDS)
        return http.client.HTTPSConnection(self.address, self.port, timeout=UPSTREAM_SECONDS, context=self.context)


class WireServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, wire: Wire, upstream: Upstream) -> None:
        super().__init__((address, port), Handler)
        self.wire, self.upstream = wire, upstream
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed says nothing."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WireServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle_call(self) -> None:
        wire = self.server.wire
        body = self._read_body()
        call = self.server.upstream.name(
            self.command, self.path, {name.title(): value for name, value in self.headers.items()}, body
        )
        trap = wire.take_trap(call)
        if trap and not trap.after:
            trap.hold()
        if self._interrupts(call):
            return
        answer, content = self._forward(body)
        if trap and trap.after:
            trap.hold()
        if wire.mode(call) in (Mode.HANGS, Mode.LOST) and self._interrupts(call):
            return
        self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_call  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: a cell says what it needs to."""

    def _interrupts(self, call: Call) -> bool:
        """Does what the mode says; whether that was all."""
        mode = self.server.wire.mode(call)
        if mode is Mode.SERVES:
            return False
        if mode is Mode.HANGS:
            self.server.wire.hang(call)
        if mode in (Mode.HANGS, Mode.LOST):
            self.close_connection = True
            self.connection.shutdown(SHUT_RDWR)
        else:
            self._answer(*refusal(call, mode))
        return True

    def _read_body(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(iter(self._read_chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self.server.upstream.connect()
        try:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            connection.request(self.command, self.path, body or None, kept)
            answer = connection.getresponse()
            watching = "watch=true" in self.path
            return answer, b"" if watching else answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        head = self.command == "HEAD"
        for name, value in headers.items():
            if name.lower() not in HOP or (head and name.lower() == "content-length"):
                self.send_header(name, value)
        if not head:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not head:
            self.wfile.write(content)


def refusal(call: Call, mode: Mode) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body as the API itself refuses."""
    if call.service == KUBERNETES:
        reason, code = ("Unauthorized", 401) if mode is Mode.EXPIRED else ("Forbidden", 403)
        verb, _, resource = call.operation.partition(" ")
        text = f'{resource} is forbidden: User "restore-operator" cannot {verb.lower()} resource "{resource}"'
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
        return code, {"Content-Type": "application/json"}, json.dumps({**status, "message": text}).encode()
    code = "AccessDenied"
    text = f"User: arn:aws:sts::123456789012:assumed-role/restore-operator is not authorized: {call.operation}"
    if mode is Mode.EXPIRED:
        code, text = "ExpiredToken", "The security token included in the request is expired"
    if call.service in ("secretsmanager", "kms", "ssm"):
        body = {"__type": f"{code}Exception", "message": text}
        return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()
    if call.service == "s3":
        return (
            403,
            {"Content-Type": "application/xml"},
            f"<Error><Code>{code}</Code><Message>{text}</Message></Error>".encode(),
        )
    inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
    body = f"<ErrorResponse>{inner}<RequestId>matrix</RequestId></ErrorResponse>"
    return 403, {"Content-Type": "text/xml"}, body.encode()


def start(layout: Layout) -> tuple[Wire, list[WireServer], str, str]:
    """The wire of a sandbox, its servers, and where they are: AWS's endpoint, the API server's."""
    wire = Wire()
    kubeconfig = cast("dict[str, Any]", yaml.safe_load(layout.operator_kubeconfig.read_text()))
    aws, api = urlsplit(layout.aws_endpoint), urlsplit(str(kubeconfig["clusters"][0]["cluster"]["server"]))
    upstreams = (
        (layout.address("matrix", "aws"), Upstream(str(aws.hostname), int(aws.port or 80), None, name_aws_call)),
        (
            layout.address("matrix", "kubernetes"),
            Upstream(str(api.hostname), int(api.port or 443), operator_context(kubeconfig), name_kubernetes_call),
        ),
    )
    port = 8001
    servers = [WireServer(address, port, wire, upstream) for address, upstream in upstreams]
    aws_url, api_url = (f"http://{address}:{port}" for address, _ in upstreams)
    return wire, servers, aws_url, api_url


def operator_context(kubeconfig: Mapping[str, Any]) -> ssl.SSLContext:
    """TLS to the API server with the operator's certificate."""
    from base64 import b64decode

    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    with NamedTemporaryFile() as file:
        file.write(b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"]))
        file.flush()
        context.load_cert_chain(file.name)
    return context
