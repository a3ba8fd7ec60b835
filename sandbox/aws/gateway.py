"""One HTTP endpoint for all of AWS: RDS is ours, everything else moto's; /_sandbox is the sandbox's own.

The guard stands before RDS and moto: what a key's policies don't allow reaches neither.
"""

from __future__ import annotations

import io
import json
import re
import socket
import sys
import uuid
from collections.abc import Iterable
from urllib.parse import parse_qsl

from sandbox.aws import topic_limits
from sandbox.aws.bucket_replication import BucketReplication
from sandbox.aws.control import Control
from sandbox.aws.dark_regions import DarkRegions
from sandbox.aws.errors import AwsError
from sandbox.aws.iam.calls import CREDENTIAL, Request, call_of, credential_of
from sandbox.aws.iam.guard import Guard
from sandbox.aws.iam.refusals import Refusal, answer
from sandbox.aws.moto_services import Environ, MotoServices, StartResponse, read_body
from sandbox.aws.other_accounts import OtherAccounts, forward
from sandbox.aws.rds.operations.registry import call, protocol
from sandbox.aws.rds.work.conditions import rotate_managed_secret
from sandbox.aws.rds.work.jobs import JobRunner
from sandbox.aws.trail import TARGET, Trail

RDS_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/rds/aws4_request")
FAILURE_STATUS = 500


class Gateway:
    """A WSGI application."""

    def __init__(self, runner: JobRunner, moto: MotoServices, guard: Guard) -> None:
        self._runner, self._moto, self._guard = runner, moto, guard
        self._regions = DarkRegions(runner)
        self._replication = BucketReplication(moto)
        self._control = Control(runner, moto, guard.rights, {**self._regions.routes(), **self._replication.routes()})
        self._others = OtherAccounts()
        self._trail = Trail()

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "") == "/_sandbox/accounts":
            answered = self._others.change(json.loads(read_body(environ)))
            return _respond(start, 200, "application/json", json.dumps(answered))
        if environ.get("PATH_INFO", "").startswith("/_sandbox/"):
            status, body = self._control.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], read_body(environ))
            return _respond(start, status, "application/json", json.dumps(body, default=str))
        if self._regions.is_lost(environ):
            _hang_up(environ)
            return []
        if endpoint := self._others.endpoint(environ):
            return forward(endpoint, environ, start)
        request = _request(environ)
        if refusal := self._guard.refusal(request):
            return _refuse(start, request, refusal)
        if told := self._guard.answer(request):
            return _respond(start, 200, "text/xml", told)
        if scope := RDS_SCOPE.search(environ.get("HTTP_AUTHORIZATION", "")):
            return self._rds(environ, start, scope[1])
        if document := self._looked_up(request) or self._rotated_by_rds(request):
            return _respond(start, 200, "application/x-amz-json-1.1", document)
        if refusal := refuse_message(request) or self._missing(request):
            return _refuse(start, request, refusal)
        return self._moto(environ, self._replication.told(environ, start))

    def _missing(self, request: Request) -> Refusal | None:
        """The refusal of an object that isn't there, where the key may not know that."""
        refusal = self._guard.refusal_of_absence(request)
        return refusal if refusal and not self._moto.has_object(request.path, request.query) else None

    def _looked_up(self, request: Request) -> str | None:
        """The answer of CloudTrail's LookupEvents, which moto doesn't have; None for all else."""
        credential = credential_of(request)
        if credential is None or credential.service != "cloudtrail":
            return None
        call = call_of(request, credential)
        return json.dumps(self._trail.look_up(call.parameters)) if call.operation == TARGET else None

    def _rotated_by_rds(self, request: Request) -> str | None:
        """The answer of RotateSecret for a secret in which RDS keeps a master password; None for all else.

        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
        """
        credential = credential_of(request)
        if credential is None or request.headers.get("x-amz-target") != "secretsmanager.RotateSecret":
            return None
        call = call_of(request, credential)
        secret = rotate_managed_secret(self._runner.region(call.region), str(call.parameters.get("SecretId", "")))
        return json.dumps({"ARN": secret, "Name": secret.rpartition(":secret:")[2][:-7]}) if secret else None

    def _rds(self, environ: Environ, start: StartResponse, region: str) -> Iterable[bytes]:
        text = read_body(environ).decode("utf-8", "replace") or environ.get("QUERY_STRING", "")
        form = dict(parse_qsl(text, keep_blank_values=True))
        action = form.get("Action", "")
        status, body = self.answer(action, form, region)
        if scope := CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")):
            self._trail.record(action, form, scope["key"], region, "" if status == 200 else "refused")
        if self._runner.shared.faults.take("lost-answer", action):
            _hang_up(environ)
            return []
        return _respond(start, status, "text/xml", body)

    def answer(self, action: str, form: dict[str, str], region: str) -> tuple[int, str]:
        """HTTP status and body of one call to RDS."""
        request_id = str(uuid.uuid4())
        try:
            model = protocol.operation(action)
            self._control.interfere(action, form)
            result = call(self._runner.region(region), model, protocol.parse(model, form))
        except AwsError as error:
            return protocol.error(error, request_id)
        except Exception as error:  # noqa: BLE001 - the server's last resort, answered as AWS answers its own
            print(f"{action}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            failure = AwsError("InternalFailure", f"The sandbox failed: {type(error).__name__}: {error}")
            return FAILURE_STATUS, protocol.error(failure, request_id)[1]
        return 200, protocol.answer(model, result, request_id)


def refuse_message(request: Request) -> Refusal | None:
    """SNS's refusal of a message that it wouldn't publish; None for all else."""
    credential = credential_of(request)
    if credential is None or credential.service != "sns":
        return None
    call = call_of(request, credential)
    fault = topic_limits.find_fault(call.parameters) if call.operation == topic_limits.PUBLISH else ""
    return Refusal("sns", "InvalidParameter", fault) if fault else None


def _refuse(start: StartResponse, request: Request, refusal: Refusal) -> list[bytes]:
    refused = answer(request, refusal)
    return _respond(start, refused.status, refused.content_type, refused.content)


def _respond(start: StartResponse, status: int, kind: str, body: str | bytes) -> list[bytes]:
    content = body.encode() if isinstance(body, str) else body
    start(
        f"{status} {'OK' if status == 200 else 'Error'}",
        [("Content-Type", kind), ("Content-Length", str(len(content)))],
    )
    return [content]


def _request(environ: Environ) -> Request:
    """The request, with a body that can be read once more."""
    body = read_body(environ)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    headers = {k[5:].replace("_", "-").lower(): str(value) for k, value in environ.items() if k.startswith("HTTP_")}
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    return Request(environ["REQUEST_METHOD"], path, query, headers, body)


def _hang_up(environ: Environ) -> None:
    """Ends the connection without an answer, as a network does."""
    connection = environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
