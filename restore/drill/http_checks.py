"""Requests to the copies, and whether they answer as the configuration says."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from restore.errors import Problem, RestoreError
from restore.kubernetes import Api, Pod, PodAnswer
from restore.kubernetes.connection import IN_CLUSTER
from restore.model.drill import HttpCheck
from restore.redaction import redact

SECONDS = 30.0
MOST = 1 << 20
"""Bytes of an answer that are read."""
SHOWN = 200
POD = "{pod}"
KEPT_BACK = "authorization"
"""The header by which the API server knows who asks it: it sends none on to a pod."""

Ask = Callable[[HttpCheck, Pod | None, Mapping[str, str]], PodAnswer]
"""Sends one request; a pod where the URL has {pod}."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follows nothing: the status that was asked for is the first one."""


OPENER = urllib.request.build_opener(_NoRedirect)


def find_fault(check: HttpCheck, answer: PodAnswer) -> str | None:
    """Returns what is wrong with an answer, or None. Pure."""
    if answer.status != check.status:
        return f"status {answer.status}: {_show(answer.body)}"
    if not check.json:
        return None
    try:
        document: object = json.loads(answer.body)
    except ValueError:
        return f"no JSON: {_show(answer.body)}"
    found = ((path, read_path(document, path), needed) for path, needed in check.json.items())
    return "; ".join(f"{path} is {_show_value(value)}" for path, value, needed in found if value != needed) or None


MISSING = object()


def read_path(document: object, path: str) -> object:
    """Returns the value at a path of names and numbers (`items.0.id`); MISSING where there is none."""
    value = document
    for part in path.split("."):
        if isinstance(value, dict) and part in cast("dict[str, object]", value):
            value = cast("dict[str, object]", value)[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(cast("list[object]", value)):
            value = cast("list[object]", value)[int(part)]
        else:
            return MISSING
    return value


def _show_value(value: object) -> str:
    return "missing" if value is MISSING else redact(json.dumps(value, ensure_ascii=False))[:SHOWN]


def _show(body: bytes) -> str:
    return redact(" ".join(body.decode(errors="replace").split()))[:SHOWN] or "empty"


def describe_needed(check: HttpCheck) -> str:
    values = ", ".join(f"{path} = {json.dumps(value, ensure_ascii=False)}" for path, value in check.json.items())
    return f"{check.method} {check.url} answers {check.status}" + (f" with {values}" if values else "")


def find_problems(
    checks: Sequence[HttpCheck], pods: Mapping[str, Sequence[Pod]], headers: Sequence[Mapping[str, str]], ask: Ask
) -> list[Problem]:
    """Sends every request, and returns what was answered wrongly. `headers`: those of each request, secrets filled
    in."""
    problems: list[Problem] = []
    for check, sent in zip(checks, headers, strict=True):
        pod = next(iter(pods.get(check.app or "", ())), None) if POD in check.url else None
        fault = "no pod to ask" if POD in check.url and pod is None else _ask_once(ask, check, pod, sent)
        if fault:
            fix = 'docs/drill.md, "A request is answered wrongly"'
            problems.append(Problem(f"drill.check:{check.url}", fault, describe_needed(check), fix))
    return problems


def _ask_once(ask: Ask, check: HttpCheck, pod: Pod | None, headers: Mapping[str, str]) -> str | None:
    try:
        return find_fault(check, ask(check, pod, headers))
    except RestoreError as error:
        return error.problem.found if error.problem else str(error)
    except (OSError, HTTPException, ValueError) as error:
        return redact(str(error)) or type(error).__name__


def make_asker(api: Api, namespace: str) -> Ask:
    """Returns who sends requests: to a pod directly where it is reached from here, otherwise through the API server."""

    def ask(check: HttpCheck, pod: Pod | None, headers: Mapping[str, str]) -> PodAnswer:
        if pod is None:
            return send(check.url, check.method, headers)
        if is_near(pod):
            return send(check.url.replace(POD, _write_host(pod.address or "")), check.method, headers)
        url: SplitResult = urlsplit(check.url.replace(POD, "pod"))
        if any(name.lower() == KEPT_BACK for name in headers):
            raise ValueError(
                "the API server sends no Authorization on to a pod: run the drill in the cluster "
                "(python -m restore drill schedule), or name a URL without {pod}"
            )
        return api.ask_pod(namespace, pod.name, url, check.method, headers)

    return ask


def is_near(pod: Pod) -> bool:
    """Tells whether pods are reached from here by their address: from a pod, and where they are on this machine."""
    return bool(pod.address) and (bool(os.environ.get(IN_CLUSTER)) or ip_address(pod.address or "").is_loopback)


def _write_host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def send(url: str, method: str, headers: Mapping[str, str]) -> PodAnswer:
    """Returns the answer to one request, whatever its status. Raises OSError where there is none."""
    request = urllib.request.Request(url, method=method, headers=dict(headers))  # noqa: S310 (the schema allows http(s))
    try:
        with OPENER.open(request, timeout=SECONDS) as answer:
            return PodAnswer(answer.status, answer.read(MOST))
    except urllib.error.HTTPError as error:
        with error:
            return PodAnswer(error.code, error.read(MOST))
