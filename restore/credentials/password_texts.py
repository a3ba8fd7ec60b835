"""A password in the text of a secret, and the same text with another one: every other byte as it was. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote, unquote

from restore.model.rds import Credential
from validation.connect import urls


def replace_password(text: str, old: Credential, new: str) -> str:
    """Returns the text with the login's password replaced; unchanged where it doesn't stand there.

    Read are the password alone, a database URL with this user and password (also as JDBC's parameters), and a JSON
    object (as RDS and External Secrets keep them) whose values are one of these. `new` needs no quoting in any of them.
    """
    if text.strip(urls.AROUND) == old.password:
        return text.replace(old.password, new)
    document = _parse_object(text)
    if document is not None:
        replaced = {
            key: replace_password(value, old, new) if isinstance(value, str) else value
            for key, value in document.items()
        }
        return text if replaced == document else json.dumps(replaced, ensure_ascii=False)
    return _replace_in_url(text, old, new)


def change_values(values: Mapping[str, str], old: Credential, new: str) -> dict[str, str]:
    """Returns those values, by key, in which the password stands, with the new one."""
    replaced = {key: replace_password(value, old, new) for key, value in values.items()}
    return {key: value for key, value in replaced.items() if value != values[key]}


def read_login(url: str) -> Credential:
    """Returns the login that a connection URL holds; an empty password where it has none. Raises UrlError."""
    parameters = urls.read_parameters(url)
    return Credential(parameters.get("user", ""), parameters.get("password", ""))


def _replace_in_url(text: str, old: Credential, new: str) -> str:
    try:
        url, login = urls.parse(text), read_login(text)
    except urls.UrlError:
        return text
    if (login.user, login.password) != (old.user, old.password):
        return text
    before_host = url.password is not None and unquote(url.password) == old.password
    query = url.query if url.query is None else _replace_in_query(url.query, old, new)
    return str(replace(url, password=quote(new, safe="") if before_host else url.password, query=query))


def _replace_in_query(query: str, old: Credential, new: str) -> str:
    def substitute(match: re.Match[str]) -> str:
        return f"{match[1]}{quote(new, safe='')}" if unquote(match[2]) == old.password else match[0]

    return re.sub(r"((?:^|(?<=&))password=)([^&]*)", substitute, query)


def _parse_object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        document: object = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None
