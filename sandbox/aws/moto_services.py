"""moto in this process, as a WSGI application: every service but RDS, with a memory that outlives a restart.

moto keeps its state in objects that can't be written to disk. So each request that can change something is played
one at a time, with moto's source of randomness seeded, and goes to a journal; a start plays the journal again, at the
times of then. This is the one module that knows moto's inside.
"""

from __future__ import annotations

import io
import os
import random
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote

from sandbox.aws import ACCOUNT, backup_selections
from sandbox.aws.rds.service.metrics import Value
from sandbox.aws.request_journal import Journal, Request, now

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
READS = re.compile(r"(Describe|List|Get|Head|Lookup|Search|BatchGet|Query|Scan|Select|Decrypt|Encrypt)")
SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/")
LARGE_BYTES = 8 * 1024 * 1024
BLOCK_BYTES = 1024 * 1024
FIRST_FAILURE = 400


class _Clock(threading.local):
    """The time that moto sees: that of the request that is played, the same whenever it is; else now."""

    def __init__(self) -> None:
        self.at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.at or now()).astimezone(UTC).replace(tzinfo=None)


class _SeededOs:
    """The module os, but for urandom, which draws from moto's own source."""

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        self.urandom = draw

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


class MotoServices:
    """A WSGI application; `replay()` first."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("MOTO_ACCOUNT_ID", ACCOUNT)
        os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # nobody asks here, and each region loads them
        import moto.core.utils as core_utils

        self._clock = _Clock()
        core_utils.utcnow = self._clock
        from moto.moto_api._internal import mock_random
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            create_backend_app,
        )

        self._random = cast("Any", mock_random)
        self._application: Any = DomainDispatcherApplication(create_backend_app)
        self._drawing = threading.local()
        self._journal = Journal(folder)
        self._lock = threading.RLock()
        self._touched: set[tuple[str, str]] = set()
        self._seed_modules()
        backup_selections.install()
        _read_what_is_current()

    def _seed_modules(self) -> None:
        import moto.kms.utils as kms_utils
        import moto.s3.models as s3_models

        def draw(count: int) -> bytes:
            # A thread's own: a read beside it would take from what a change draws, and from its replay
            source = getattr(self._drawing, "random", None) or random.Random(secrets.randbits(64))
            return source.randbytes(count)

        for module in (cast("Any", kms_utils), cast("Any", s3_models)):
            module.os = _SeededOs(draw)

    def replay(self) -> int:
        """Plays the journal; gives how many requests it had."""
        count = 0
        for request in self._journal:
            answer = self._play(request)
            if answer.status >= FIRST_FAILURE:
                print(f"replay of {request.method} {request.path}: {answer.status}", file=sys.stderr, flush=True)
            count += 1
        return count

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if answer := self._object(environ, start):
            return answer
        body = read_body(environ)
        if not self._is_change(environ, body):
            environ["wsgi.input"] = io.BytesIO(body)
            return cast("Iterable[bytes]", self._application(environ, start))
        with self._lock:
            request = _request(environ, body, secrets.randbits(64))
            answer = self._play(request)
            if answer.status < FIRST_FAILURE:
                self._journal.append(request)
        start(answer.line, answer.headers)
        return answer.body

    def _is_change(self, environ: Environ, body: bytes) -> bool:
        """Also the first request to a service in a region: it makes what is there from the beginning."""
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        place = (scope[1], scope[2]) if scope else ("", "")
        if place not in self._touched:
            return True
        return not reads_only(environ, body)

    def _play(self, request: Request) -> _Answer:
        environ = _environ(request)
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        self._touched.add((scope[1], scope[2]) if scope else ("", ""))
        self._random.seed(request.seed)
        self._drawing.random = random.Random(request.seed)
        self._clock.at = request.time
        answer = _Answer()
        try:
            result = self._application(environ, answer.start)
            answer.body = [b"".join(result)]
            if close := getattr(result, "close", None):
                close()
        finally:
            self._clock.at = None
        return answer

    # -- large objects ------------------------------------------------------------------------------------------

    def _object(self, environ: Environ, start: StartResponse) -> Iterator[bytes] | None:
        """A large S3 object, or a part of any, straight from its buffer: moto reads all of it for each request."""
        if environ["REQUEST_METHOD"] != "GET" or "/s3/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
            return None
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        bucket, _, name = unquote(environ.get("PATH_INFO", "")).lstrip("/").partition("/")
        if not name or query.keys() - {"versionId", "x-id"} or _conditional(environ):
            return None
        key = self._key(bucket, name, query.get("versionId", [None])[0])
        if key is None or (int(key.size) < LARGE_BYTES and "HTTP_RANGE" not in environ):
            return None
        size = int(key.size)
        span = byte_range(environ.get("HTTP_RANGE"), size)
        if span is None:
            return None
        headers = {**key.response_dict, **key.metadata, "accept-ranges": "bytes"}
        headers = {k.lower(): str(v) for k, v in headers.items() if v is not None}
        if key.version_id != "null":
            headers["x-amz-version-id"] = key.version_id
        first, last = span
        headers["content-length"] = str(last - first + 1)
        partial = "HTTP_RANGE" in environ
        if partial:
            headers["content-range"] = f"bytes {first}-{last}/{size}"
        start("206 Partial Content" if partial else "200 OK", list(headers.items()))
        return _blocks(key, first, last)

    def has_object(self, path: str, query: str) -> bool:
        """Whether the object, or the version of it, that a request names is there."""
        bucket, _, name = unquote(path).lstrip("/").partition("/")
        return self._key(bucket, name, parse_qs(query).get("versionId", [None])[0]) is not None

    def _key(self, bucket: str, name: str, version: str | None) -> Any:
        from moto.s3.models import s3_backends

        backend = cast("Any", s3_backends)[ACCOUNT]["aws"]
        try:
            return backend.get_object(bucket, name, version_id=version)
        except Exception:  # noqa: BLE001 - moto answers the request itself, with its own error
            return None

    # -- what is measured ---------------------------------------------------------------------------------------

    def measure(self, values: Callable[[str], Iterable[Value]]) -> None:
        """What CloudWatch knows of RDS in a region: asked for whenever somebody reads metrics, and never journalled."""
        from moto.core.common_models import CloudWatchMetricProvider

        class OfRds(CloudWatchMetricProvider):
            """moto asks every subclass that somebody holds."""

            @staticmethod
            def get_cloudwatch_metrics(account_id: str, region: str) -> list[Any]:
                del account_id
                return [_datum(value) for value in values(region)]

        self._measuring = OfRds

    # -- what was sent ------------------------------------------------------------------------------------------

    def messages(self) -> list[dict[str, Any]]:
        """Everything that was published to SNS topics, in order for each topic."""
        from moto.sns.models import sns_backends

        messages: list[dict[str, Any]] = []
        with self._lock:
            for region, backend in cast("Any", sns_backends)[ACCOUNT].items():
                for arn, topic in backend.topics.items():
                    for sent in topic.sent_notifications:
                        identifier, message, subject = sent[:3]
                        messages.append(
                            {
                                "region": region,
                                "topic": arn,
                                "id": str(identifier),
                                "subject": subject,
                                "message": message,
                            }
                        )
        return messages


def _datum(value: Value) -> Any:
    from moto.cloudwatch.models import MetricDatum

    where = [{"Name": "DBInstanceIdentifier", "Value": value.instance}]
    return MetricDatum("AWS/RDS", value.metric, value.value, where, value.at.replace(tzinfo=None), value.unit)


class _Answer:
    def __init__(self) -> None:
        self.line, self.status = "", 0
        self.headers: list[tuple[str, str]] = []
        self.body: list[bytes] = []

    def start(self, line: str, headers: list[tuple[str, str]], _: object = None) -> None:
        self.line, self.status, self.headers = line, int(line.split()[0]), headers


def reads_only(environ: Environ, body: bytes) -> bool:
    """Whether a request can't change anything, by the conventions of AWS's protocols."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return bool(READS.match(str(target).rpartition(".")[2]))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
        return bool(READS.match(action))
    if b"rpc-v2" in environ.get("HTTP_SMITHY_PROTOCOL", "").encode():
        return bool(READS.match(str(environ.get("PATH_INFO", "")).rpartition("/")[2]))
    return environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS")


def read_body(environ: Environ) -> bytes:
    """The whole body of a request, with or without a length."""
    stream = environ["wsgi.input"]
    if environ.get("CONTENT_LENGTH"):
        return stream.read(int(environ["CONTENT_LENGTH"]))
    return stream.read() if environ.get("wsgi.input_terminated") else b""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header (all, for none); None where it is nothing simple or out of bounds."""
    if header is None:
        return (0, size - 1) if size else None
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if not match or match[1] == match[2] == "":
        return None
    if match[1] == "":
        return (max(0, size - int(match[2])), size - 1) if int(match[2]) and size else None
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return (first, last) if first <= last else None


def _conditional(environ: Environ) -> bool:
    return any(name.startswith("HTTP_IF_") for name in environ)


def _blocks(key: Any, first: int, last: int) -> Iterator[bytes]:
    at = first
    while at <= last:
        with key.lock:
            buffer = key._value_buffer
            buffer.seek(at)
            block = cast("bytes", buffer.read(min(BLOCK_BYTES, last - at + 1)))
        if not block:
            return
        at += len(block)
        yield block


def _read_what_is_current() -> None:
    """A secret read without a version is its AWSCURRENT one, also after UpdateSecretVersionStage has moved that label:
    moto goes on answering with the version that was current before."""
    from moto.secretsmanager.models import SecretsManagerBackend

    backend = cast("Any", SecretsManagerBackend)
    moved: Any = backend.update_secret_version_stage

    def update(
        self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> Any:
        answer = moved(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        if version_stage == "AWSCURRENT" and move_to_version_id:
            self.secrets[secret_id].set_default_version_id(move_to_version_id)
        return answer

    backend.update_secret_version_stage = update


def _request(environ: Environ, body: bytes, seed: int) -> Request:
    headers = [
        (k, str(v)) for k, v in environ.items() if k.startswith("HTTP_") or k in ("CONTENT_TYPE", "SERVER_PROTOCOL")
    ]
    return Request(
        seed=seed,
        time=now(),
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", ""),
        query=environ.get("QUERY_STRING", ""),
        headers=(*headers, ("RAW_URI", str(environ.get("RAW_URI", environ.get("REQUEST_URI", ""))))),
        body=body,
    )


def _environ(request: Request) -> Environ:
    host = dict(request.headers).get("HTTP_HOST", "localhost")
    return {
        **dict(request.headers),
        "REQUEST_URI": dict(request.headers).get("RAW_URI", ""),
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SCRIPT_NAME": "",
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": host.partition(":")[0],
        "SERVER_PORT": host.partition(":")[2] or "80",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
