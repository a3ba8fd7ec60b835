"""Which operation of which service an HTTP request is, with its parameters (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
SMITHY = re.compile(r"/service/[^/]+/operation/(?P<operation>\w+)")
SERVICES = {"monitoring": "cloudwatch"}
"""Services whose requests are signed for another name than that of their IAM actions."""


@dataclass(frozen=True)
class Request:
    """What a refusal needs to know of an HTTP request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Credential:
    """Whose key signed a request, for which region and service."""

    key: str
    region: str
    service: str


@dataclass(frozen=True)
class Call:
    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]


def credential_of(request: Request) -> Credential | None:
    """From the Authorization header, or from a presigned URL; None for a request that nobody has signed."""
    presigned = parse_qs(request.query).get("X-Amz-Credential", [""])[0]
    text = request.headers.get("authorization") or f"Credential={presigned}"
    match = CREDENTIAL.search(text)
    return Credential(match["key"], match["region"], match["service"]) if match else None


def call_of(request: Request, credential: Credential) -> Call:
    """The call; an empty operation for a request of no protocol that is known here."""
    service = SERVICES.get(credential.service, credential.service)
    read = {"s3": _s3, "backup": _backup, "route53": _route53}.get(service, _rpc)
    operation, parameters = read(request)
    return Call(service, operation, credential.region, parameters)


def _rpc(request: Request) -> tuple[str, Mapping[str, Any]]:
    """Of the protocols json, query and smithy-rpc-v2; the last one's parameters are not read."""
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2], json.loads(request.body or b"{}")
    if smithy := SMITHY.search(request.path):
        return smithy["operation"], {}
    form = dict(parse_qsl(request.body.decode("utf-8", "replace") or request.query, keep_blank_values=True))
    return form.get("Action", ""), form


def _backup(request: Request) -> tuple[str, Mapping[str, Any]]:
    """Plans and their selections; the other operations are not known here."""
    match [unquote(part) for part in request.path.strip("/").split("/")]:
        case ["backup", "plans"] if request.method == "GET":
            return "ListBackupPlans", {}
        case ["backup", "plans", plan, "selections"]:
            name = {"GET": "ListBackupSelections", "PUT": "CreateBackupSelection"}.get(request.method, "")
            body: dict[str, Any] = json.loads(request.body or b"{}") if name.startswith("Create") else {}
            return name, {"BackupPlanId": plan, **body}
        case ["backup", "plans", plan, "selections", selection]:
            name = {"GET": "GetBackupSelection", "DELETE": "DeleteBackupSelection"}.get(request.method, "")
            return name, {"BackupPlanId": plan, "SelectionId": selection}
        case _:
            return "", {}


def _route53(request: Request) -> tuple[str, Mapping[str, Any]]:
    match request.path.strip("/").split("/"):
        case [_, "hostedzone"] if request.method == "GET":
            return "ListHostedZones", {}
        case [_, "hostedzone", zone, "rrset"] if request.method == "GET":
            return "ListResourceRecordSets", {"HostedZoneId": zone}
        case _:
            return "", {}


def _s3(request: Request) -> tuple[str, Mapping[str, Any]]:
    """Addressed by path, as the sandbox's clients do."""
    query = {key: values[0] for key, values in parse_qs(request.query, keep_blank_values=True).items()}
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    parameters = {"Bucket": bucket, "Key": key, "Prefix": query.get("prefix"), "VersionId": query.get("versionId")}
    operation = _s3_operation(request.method, query, of_object=bool(key))
    return operation, {name: value for name, value in parameters.items() if value is not None}


def _s3_operation(method: str, query: Mapping[str, str], *, of_object: bool) -> str:
    """The operations that the program uses; empty for any other. Parts of an upload are asked as the object is
    (Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3")."""
    asked = query.keys() - {"versionId", "x-id"}
    if of_object and asked == {"tagging"}:
        return {"GET": "GetObjectTagging", "PUT": "PutObjectTagging"}.get(method, "")
    if of_object and asked <= {"uploads", "uploadId", "partNumber"} and asked:
        return {"POST": "PutObject", "PUT": "PutObject", "DELETE": "AbortMultipartUpload"}.get(method, "")
    if of_object and not asked:
        known = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
        return known.get(method, "")
    return "ListObjectsV2" if method == "GET" and query.get("list-type") == "2" and not of_object else ""
