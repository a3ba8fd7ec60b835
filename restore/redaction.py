"""The secrets that this process has read, so that nothing which is written or said can carry one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, quote_plus

MASK = "[secret]"
SHORT = 6
"""Shorter secrets are only looked for as whole values: inside other text they would be found by chance."""

_lock = threading.Lock()
_secrets: set[str] = set()
_public: set[str] = set()


def register_secret(value: str) -> str:
    """Remembers a secret value, and its percent-encoded spellings; returns it unchanged. Empty ones are ignored."""
    if value:
        with _lock:
            _secrets.update({value, quote(value, safe=""), quote(value), quote_plus(value)})
    return value


def declare_public(names: Iterable[str]) -> None:
    """Notes names that anybody knows (images, users, identifiers): a password that is part of one is no secret to
    keep, and masking it would mask the name wherever it stands."""
    with _lock:
        _public.update(names)


def forget_secrets() -> None:
    """Forgets all secret values, for tests."""
    with _lock:
        _secrets.clear()
        _public.clear()


def _list_known() -> list[str]:
    with _lock:
        kept = (secret for secret in _secrets if not any(secret in name for name in _public))
        return sorted(kept, key=len, reverse=True)


def redact(text: str) -> str:
    """Returns the text with every known secret masked."""
    for secret in _list_known():
        if text == secret or (len(secret) >= SHORT and secret in text):
            text = text.replace(secret, MASK)
    return text


def list_strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields every string in a JSON-like value with the path to it; keys of mappings count as strings too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[Any, Any]", value).items():
            yield f"{path} (a key)", str(key)
            yield from list_strings(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        for number, item in enumerate(cast("Sequence[Any]", value)):
            yield from list_strings(item, f"{path}[{number}]")


def find_secrets(document: object) -> tuple[str, ...]:
    """Paths of the strings that hold a known secret."""
    return tuple(path for path, text in list_strings(document) if redact(text) != text)
