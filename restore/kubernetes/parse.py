"""Objects of the Kubernetes API (JSON) as this program's values. Pure."""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, unquote

from restore.errors import PermanentError, Problem
from restore.kubernetes.scheduling import parse_pod_needs
from restore.model.cluster import ConnectionSecret, Deployment
from restore.model.labels import FIELD_MANAGER
from restore.model.request import ConnectionKeys

KubeObject = Mapping[str, Any]

REPLICAS = ("f:spec", "f:replicas")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""What `>` of PowerShell begins a file with."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Holds the whole object again: with `kubectl apply` of a Secret, its values."""


def parse_texts(mapping: object) -> dict[str, str]:
    """Returns the labels or annotations, without kubectl's copy of the object."""
    return {str(key): str(value) for key, value in cast("KubeObject", mapping or {}).items() if key != LAST_APPLIED}


def parse_deployment(answer: KubeObject) -> Deployment:
    """Reads a Deployment object. An absent spec.replicas is 1, as the API defaults it."""
    metadata: KubeObject = answer["metadata"]
    spec: KubeObject = answer.get("spec") or {}
    status: KubeObject = answer.get("status") or {}
    template: KubeObject = spec.get("template") or {}
    template_metadata: KubeObject = template.get("metadata") or {}
    pod_spec: KubeObject = template.get("spec") or {}
    containers = cast("Sequence[KubeObject]", pod_spec.get("containers") or ())
    replicas = spec.get("replicas")
    return Deployment(
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        resource_version=str(metadata.get("resourceVersion", "")),
        replicas=1 if replicas is None else int(replicas),
        ready=int(status.get("readyReplicas") or 0),
        terminating=status.get("terminatingReplicas"),
        replicas_manager=find_field_manager(metadata, REPLICAS),
        annotations=parse_texts(metadata.get("annotations")),
        template_annotations=parse_texts(template_metadata.get("annotations")),
        labels=parse_texts(metadata.get("labels")),
        selector=render_selector(spec.get("selector") or {}),
        generation=int(metadata.get("generation") or 0),
        observed_generation=int(status.get("observedGeneration") or 0),
        images=tuple(str(item.get("image", "")) for item in containers),
        needs=parse_pod_needs(pod_spec),
        paused=bool(spec.get("paused")),
    )


def parse_connection_secret(
    answer: KubeObject, key: str, parts: ConnectionKeys | None = None, also: Sequence[str] = ()
) -> ConnectionSecret:
    """Reads a Secret object and the value of one key: None when the key is absent.

    `parts`: the keys that the URL is made of instead. `also`: further keys to read. Raises PermanentError when a value
    is no text.
    """
    metadata: KubeObject = answer["metadata"]
    data: KubeObject = answer.get("data") or {}
    if parts and parts.host:
        key, also = parts.host, (parts.host, parts.port, parts.user, parts.password, parts.database, *also)
    values = {name: _decode(metadata, name, str(data[name])) for name in also if name in data}
    url = _decode(metadata, key, str(data[key])) if key in data else None
    return ConnectionSecret(
        name=str(metadata["name"]),
        key=key,
        keys=tuple(sorted(data)),
        url=compose_url(parts, values) if url is not None and parts and parts.host else url,
        values=values,
        key_manager=find_field_manager(metadata, ("f:data", f"f:{key}")),
        annotations=parse_texts(metadata.get("annotations")),
        resource_version=str(metadata.get("resourceVersion", "")),
        immutable=answer.get("immutable") is True,
        owned_keys=_list_owned_keys(metadata),
    )


def _list_owned_keys(metadata: KubeObject) -> tuple[str, ...]:
    entries = cast("Sequence[KubeObject]", metadata.get("managedFields") or ())
    ours = [entry for entry in entries if entry.get("manager") == FIELD_MANAGER and owns(entry, ("f:data",))]
    names = {str(name) for entry in ours for name in entry["fieldsV1"]["f:data"]}
    return tuple(sorted(name.removeprefix("f:") for name in names if name.startswith("f:")))


def compose_url(parts: ConnectionKeys, values: Mapping[str, str]) -> str:
    """Returns the URL that the values of single keys say; its white space at the ends is no part of it."""
    host, port, user, password, database = (
        values.get(name, "").strip() for name in (parts.host, parts.port, parts.user, parts.password, parts.database)
    )
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"postgresql://{login}@{host}{f':{port}' if port else ''}/{quote(database, safe='')}"


def _decode(metadata: KubeObject, key: str, value: str) -> str:
    name = metadata["name"]
    raw = b""
    try:
        raw = base64.b64decode(value, validate=True)
        return raw.decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        found = "text in UTF-16" if raw.startswith(UTF_16) else "bytes that are no text"
        problem = Problem(
            f"secret {name}, key {key}",
            found,
            "a database URL in UTF-8",
            f"kubectl -n {metadata['namespace']} edit secret {name}",
        )
        raise PermanentError.of(problem) from error


def render_selector(answer: KubeObject) -> str:
    """Returns a label selector as the text that a list call takes."""
    return ",".join([*_format_equalities(answer), *_format_expressions(answer)])


def _format_equalities(answer: KubeObject) -> Iterator[str]:
    yield from (f"{key}={value}" for key, value in sorted(parse_texts(answer.get("matchLabels")).items()))


def _format_expressions(answer: KubeObject) -> Iterator[str]:
    for item in cast("Sequence[KubeObject]", answer.get("matchExpressions") or ()):
        key, values = item["key"], ",".join(item.get("values") or ())
        forms = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": f"{key}",
            "DoesNotExist": f"!{key}",
        }
        yield forms[str(item["operator"])]


def name_manager(entry: KubeObject) -> str:
    """Returns an entry of managedFields as `manager/operation`, with the subresource where there is one."""
    parts = (entry.get("manager"), entry.get("operation"), entry.get("subresource"))
    return "/".join(str(part) for part in parts if part)


def owns(entry: KubeObject, path: Sequence[str]) -> bool:
    """Tells whether the entry's field set contains the path (`f:spec`, `f:replicas`)."""
    position: object = entry.get("fieldsV1")
    for step in path:
        if not isinstance(position, Mapping) or step not in position:
            return False
        position = cast("KubeObject", position)[step]
    return True


def find_field_manager(metadata: KubeObject, path: Sequence[str]) -> str | None:
    """Returns who owns a field: somebody else before us, the latest of several; None when nobody does."""
    entries = [item for item in cast("Sequence[KubeObject]", metadata.get("managedFields") or ()) if owns(item, path)]
    ranked = sorted(entries, key=lambda item: (item.get("manager") != FIELD_MANAGER, str(item.get("time", ""))))
    return name_manager(ranked[-1]) if ranked else None


def find_passwords(url: str) -> tuple[str, ...]:
    """Returns the passwords in a URL, as written and decoded: before the host, and (JDBC) as a parameter."""
    authority = url.partition("://")[2].partition("/")[0]
    pairs = (pair.partition("=") for pair in url.partition("?")[2].split("&"))
    written_passwords = [
        authority.rpartition("@")[0].partition(":")[2],
        *(value for name, _, value in pairs if name == "password"),
    ]
    return tuple(text for written in written_passwords if written for text in (written, unquote(written)))
