"""The sandbox's certificate authority, and server certificates for loopback addresses."""

from __future__ import annotations

import fcntl
import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

OTHERS = 143
"""With them the file is as long as AWS's global bundle (165 kB); whoever can't take so long a file fails here too."""
LIFE = timedelta(days=3650)
LEEWAY = timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """The CA in a folder: ca.pem for everybody, ca.key for the owner only; made at the first use.

    ca.pem is a bundle, as AWS's is: certificates of other CAs, and then this one.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate_path = folder / "ca.pem"
        key_path = folder / "ca.key"
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.certificate_path.exists():
                pair = _self_signed()
                _write(key_path, pair.key, 0o600)
                _write(self.certificate_path, _others() + pair.certificate, 0o644)
        self._certificate = x509.load_pem_x509_certificates(self.certificate_path.read_bytes())[-1]
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_path} holds no elliptic curve key")
        self._key = key

    @property
    def begins(self) -> datetime:
        return self._certificate.not_valid_before_utc

    @property
    def expires(self) -> datetime:
        return self._certificate.not_valid_after_utc

    def issue(self, address: str) -> Pair:
        """A server certificate whose subjectAltName is the address (libpq's verify-full accepts it)."""
        key = ec.generate_private_key(ec.SECP256R1())
        ip = x509.IPAddress(ipaddress.ip_address(address))
        builder = (
            _builder(address, key.public_key(), self._certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([ip]), critical=False)
            .add_extension(_identifier_of(self._certificate), critical=False)
        )
        return Pair(_pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key))


def _self_signed() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(_pem(_authority("restore sandbox CA", key)), _key_pem(key))


def _others() -> bytes:
    """CAs that sign nothing here; one key is enough for them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return b"".join(_pem(_authority(f"restore sandbox CA of region {number}", key)) for number in range(OTHERS))


def _authority(subject: str, key: Key) -> x509.Certificate:
    return (
        _builder(subject, key.public_key(), _name(subject))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )


def _builder(subject: str, key: PublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + LIFE)
    )


def _identifier_of(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    subject = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject.value)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
        out.write(content)
    part.chmod(mode)
    part.replace(path)
