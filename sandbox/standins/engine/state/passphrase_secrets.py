"""The passphrase secrets manager: AES-256-GCM under a PBKDF2 key, in Pulumi's text format."""

from __future__ import annotations

import base64
import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import SECRET, SIG, Value, is_secret, parse_json, reveal, rewrite, secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROUNDS = 1_000_000


def passphrase() -> str:
    """The passphrase of PULUMI_CONFIG_PASSPHRASE, otherwise of the file that PULUMI_CONFIG_PASSPHRASE_FILE names."""
    if (from_environment := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return from_environment
    if path := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise Problem(f"reading PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error
    raise Problem(
        "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
    )


class Crypter:
    """Encrypts and decrypts for one stack.

    `salt` is `v1:<salt>:v1:<nonce>:<ciphertext of "pulumi">`; without one a new one is made. `phrase` is asked of the
    environment when it is needed, unless it is given. What was decrypted is
    encrypted to the same text again, so that an unchanged state is an unchanged file.
    """

    def __init__(self, salt: str | None = None, phrase: str | None = None) -> None:
        self._given, self._phrase = salt, phrase
        self._raw = base64.b64decode(salt.split(":")[1]) if salt else os.urandom(8)
        self._seen: dict[str, str] = {}

    @cached_property
    def salt(self) -> str:
        return self._given or f"v1:{_encoded(self._raw)}:{self.encrypt('pulumi')}"

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC  # takes half the time of hashlib's

        phrase = passphrase() if self._phrase is None else self._phrase
        cipher = AESGCM(PBKDF2HMAC(SHA256(), 32, self._raw, ROUNDS).derive(phrase.encode()))
        if self._given:
            _decrypt(cipher, self._given.split(":", 2)[2])
        return cipher

    def encrypt(self, text: str) -> str:
        if text not in self._seen:
            nonce = os.urandom(12)
            sealed = self._cipher.encrypt(nonce, text.encode(), None)
            self._seen[text] = f"v1:{_encoded(nonce)}:{_encoded(sealed)}"
        return self._seen[text]

    def decrypt(self, text: str) -> str:
        """Raises Problem when the passphrase is not the one that it was encrypted with."""
        plain = _decrypt(self._cipher, text)
        self._seen[plain] = text
        return plain

    # Secrets inside property values

    def opened(self, value: Value) -> Value:
        """Sealed secrets as secrets in clear, marked as such."""
        return rewrite(value, lambda v: secret(parse_json(self._text(v))) if _is_sealed(v) else v)

    def opened_as_text(self, value: Value) -> Value:
        """Sealed secrets as `export --show-secrets` writes them: with their JSON text as `plaintext`."""
        return rewrite(value, lambda v: {SIG: SECRET, "plaintext": self._text(v)} if _is_sealed(v) else v)

    def sealed(self, value: Value) -> Value:
        """Secrets in clear as ciphertext."""
        if isinstance(value, dict):
            if is_secret(value) and "value" in value:
                return {SIG: SECRET, "ciphertext": self.encrypt(_json(reveal(value)))}
            return {k: self.sealed(v) for k, v in value.items()}
        return [self.sealed(v) for v in value] if isinstance(value, list) else value

    def _text(self, value: Value) -> str:
        held = cast(dict[str, str], value)
        return held["plaintext"] if "plaintext" in held else self.decrypt(held["ciphertext"])


def _json(value: Value) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _is_sealed(value: Value) -> bool:
    return isinstance(value, dict) and is_secret(value) and "value" not in value


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decrypt(cipher: AESGCM, text: str) -> str:
    from cryptography.exceptions import InvalidTag

    _, nonce, data = text.split(":")
    try:
        return cipher.decrypt(base64.b64decode(nonce), base64.b64decode(data), None).decode()
    except InvalidTag:
        raise Problem("incorrect passphrase") from None
