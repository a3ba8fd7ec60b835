"""All values of one Secret, and writing some of them: whoever owned the keys owns them afterwards."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from restore.kubernetes.api import Api
from restore.model.labels import FIELD_MANAGER


@dataclass(frozen=True)
class SecretValues:
    """The Secret as read; values that are no text are left out."""

    texts: Mapping[str, str] = field(repr=False)
    version: str
    """Its resourceVersion."""


def read_values(api: Api, namespace: str, name: str) -> SecretValues:
    """Reads a Secret that is there; empty for one that isn't. Errors as of Api."""
    item = api.get(_build_path(namespace, name)) or {"metadata": {}}
    data: Mapping[str, str] = item.get("data") or {}
    decoded = {key: _decode(value) for key, value in data.items()}
    texts = {key: text for key, text in decoded.items() if text is not None}
    return SecretValues(texts, str(item["metadata"].get("resourceVersion", "")))


def write_values(
    api: Api, namespace: str, name: str, read: SecretValues, changed: Mapping[str, str], manager: str | None
) -> None:
    """Writes these keys and nothing else. `manager`: who owns them (`manager/operation`), and goes on owning them.

    Raises Conflict when somebody changed the Secret since it was read.
    """
    data = {key: base64.b64encode(text.encode()).decode() for key, text in changed.items()}
    body = {"metadata": {"resourceVersion": read.version}, "data": data}
    owner = (manager or FIELD_MANAGER).partition("/")[0]
    api.patch(_build_path(namespace, name), body, "merge", fieldManager=owner)


def _build_path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace)}/secrets/{quote(name)}"


def _decode(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
