"""A refusal as AWS answers it, in the protocol of the request (pure)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from sandbox.aws.iam.calls import SMITHY, Request

CBOR = "application/cbor"
JSON_SERVICES = frozenset({"backup"})
"""Services of the protocol rest-json: their requests have no target."""
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

    @property
    def content(self) -> bytes:
        return self.body.encode("latin-1" if self.content_type == CBOR else "utf-8")


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
    if SMITHY.search(request.path):
        return Answer(refusal.status, CBOR, _cbor({"__type": refusal.code, "message": refusal.message}))
    if "x-amz-target" in request.headers or refusal.service in JSON_SERVICES:
        body = json.dumps({"__type": refusal.code, "Message": refusal.message, "message": refusal.message})
        return Answer(refusal.status, "application/x-amz-json-1.1", body)
    return Answer(refusal.status, "text/xml", _ec2(refusal) if refusal.service == "ec2" else _query(refusal))


def _cbor(texts: Mapping[str, str]) -> str:
    """A map of texts (RFC 8949), each byte as the character of that number."""
    items = [item for pair in texts.items() for item in pair]
    return chr(0xA0 + len(texts)) + "".join(_cbor_text(item.encode()) for item in items)


def _cbor_text(text: bytes) -> str:
    return (b"\x79" + len(text).to_bytes(2, "big") + text).decode("latin-1")


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
