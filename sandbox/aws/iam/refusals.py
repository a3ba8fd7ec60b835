"""A refusal as AWS answers it, in the protocol of the request (pure)."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sandbox.aws.iam.calls import Request

DENIED, BAD = 403, 400
FORBIDDEN = frozenset({"AccessDenied", "UnauthorizedOperation", "InvalidClientTokenId", "InvalidAccessKeyId"})
"""The codes with that status; EC2 has one of its own."""
NAMESPACES = {
    "rds": "http://rds.amazonaws.com/doc/2014-10-31/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


@dataclass(frozen=True)
class Refusal:
    """The code and message of an error, for a service."""

    service: str
    code: str
    message: str

    @property
    def status(self) -> int:
        return DENIED if self.code in FORBIDDEN else BAD


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: str


def denied(principal: str, action: str, shown: str, *, explicitly: bool) -> str:
    """AWS's words, the same in every service.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    where = f" on resource: {shown}" if shown else ""
    why = (
        "with an explicit deny in an identity-based policy"
        if explicitly
        else f"because no identity-based policy allows the {action} action"
    )
    return f"User: {principal} is not authorized to perform: {action}{where} {why}"


def answer(request: Request, refusal: Refusal) -> Answer:
    """An answer to HEAD has no body: all that its caller sees is the status."""
    if refusal.service == "s3":
        return Answer(refusal.status, "application/xml", "" if request.method == "HEAD" else _s3(refusal))
    if "x-amz-target" in request.headers:
        body = json.dumps({"__type": refusal.code, "Message": refusal.message, "message": refusal.message})
        return Answer(refusal.status, "application/x-amz-json-1.1", body)
    return Answer(refusal.status, "text/xml", _ec2(refusal) if refusal.service == "ec2" else _query(refusal))


def _s3(refusal: Refusal) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
        f"<RequestId>{uuid.uuid4().hex[:16].upper()}</RequestId><HostId>sandbox</HostId></Error>"
    )


def _ec2(refusal: Refusal) -> str:
    return (
        f"<Response><Errors><Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
        f"</Error></Errors><RequestID>{uuid.uuid4()}</RequestID></Response>"
    )


def _query(refusal: Refusal) -> str:
    namespace = NAMESPACES.get(refusal.service, "")
    return (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{escape(refusal.code)}</Code>'
        f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
