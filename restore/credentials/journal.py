"""What a rotation has begun, kept until it is done: a Secret in the applications' namespace.

It is made before any password changes, and removed last. So a rotation that was killed goes on with the passwords that
it has chosen, and none is ever set that isn't kept. The operator's new password is no part of it: Secrets Manager keeps
that itself, as a pending version. Pure but for the API's two calls.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from restore.errors import PermanentError, Problem
from restore.kubernetes import Api
from restore.kubernetes.api import Conflict
from restore.kubernetes.other_writers import MANAGED_BY
from restore.model.labels import ANNOTATION_ID
from restore.redaction import register_secret

LENGTH = 32
CHARACTERS = string.ascii_letters + string.digits
"""What needs no quoting in a URL, a shell or JSON; RDS takes 8 to 128 printable characters but / ' " @ and space."""
VERSION_PREFIX = "restore-"
"""What the version ids of pending passwords in Secrets Manager begin with: those of others are somebody else's."""


@dataclass(frozen=True)
class Journal:
    """One rotation. Passwords are empty where the applications have none of their own."""

    version: str
    """The id of the version in which Secrets Manager keeps the operator's new password (a ClientRequestToken)."""
    managed_before: str = ""
    """The current version of the secret that RDS manages, before RDS was asked to rotate it."""
    application_old: str = field(default="", repr=False)
    application_new: str = field(default="", repr=False)

    def register(self) -> Journal:
        """Returns the same, its passwords kept out of everything that is written or said."""
        register_secret(self.application_old)
        register_secret(self.application_new)
        return self


def make_password() -> str:
    """Returns a new password, registered as a secret."""
    return register_secret("".join(secrets.choice(CHARACTERS) for _ in range(LENGTH)))


def make_version() -> str:
    """Returns an id for a version of a secret: 32 to 64 characters (API reference, PutSecretValue)."""
    return f"{VERSION_PREFIX}{secrets.token_hex(16)}"


def name_secret(restore_id: str) -> str:
    return f"restore-rotation-{restore_id}"


def build_secret(journal: Journal, restore_id: str) -> dict[str, Any]:
    """Returns the Secret to create."""
    texts = {
        "version": journal.version,
        "managed-before": journal.managed_before,
        "application-old": journal.application_old,
        "application-new": journal.application_new,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name_secret(restore_id),
            "labels": dict([MANAGED_BY]),
            "annotations": {ANNOTATION_ID: restore_id},
        },
        "immutable": True,
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }


def parse(item: Mapping[str, Any]) -> Journal:
    """Reads what `build_secret` made. Raises PermanentError for a Secret that is none."""
    data: Mapping[str, str] = item.get("data") or {}
    try:
        texts = {key: base64.b64decode(value, validate=True).decode() for key, value in data.items()}
        journal = Journal(texts["version"], texts["managed-before"], texts["application-old"], texts["application-new"])
    except (KeyError, ValueError) as error:
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        fix = f"kubectl -n {namespace} delete secret {name}; python -m restore credentials rotate"
        raise PermanentError.of(
            Problem(f"secret {name}", "it can't be read", "the journal of a rotation", fix)
        ) from error
    return journal.register()


@dataclass(frozen=True)
class Journals:
    """The journal of one restore in its namespace. Errors as of Api."""

    api: Api
    namespace: str
    restore_id: str

    @property
    def _folder(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace)}/secrets"

    @property
    def _path(self) -> str:
        return f"{self._folder}/{quote(name_secret(self.restore_id))}"

    def read(self) -> Journal | None:
        """Returns what a rotation has begun; None when none is under way."""
        item = self.api.get(self._path)
        return parse(item) if item else None

    def is_kept(self) -> bool:
        """Tells whether a rotation is under way; that nothing may be read counts as no."""
        return self.api.read(self._path).item is not None

    def begin(self, journal: Journal) -> Journal:
        """Keeps a new journal; returns the one that is there when somebody else was faster."""
        try:
            return parse(self.api.create(self._folder, build_secret(journal, self.restore_id)))
        except Conflict:
            return self.read() or self.begin(journal)

    def end(self) -> None:
        self.api.delete(self._path)
