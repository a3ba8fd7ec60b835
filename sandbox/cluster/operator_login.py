"""The logins of the operator and of its Jobs to the cluster: users by certificate, who may do nothing until a Role says
so."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.cluster.launcher import KubernetesCluster
from sandbox.machine.layout import Layout

USER = "restore-operator"
GATES = "restore-gates"
"""In place of the service account of the Jobs in which gates run."""
LIFE = timedelta(days=365)
LEEWAY = timedelta(hours=1)


def write(layout: Layout) -> None:
    """Writes both kubeconfigs, signed by the cluster's authority, which must have started once."""
    write_login(layout, USER, layout.operator_kubeconfig)
    write_login(layout, GATES, layout.gates_kubeconfig)


def write_login(layout: Layout, user: str, file: Path) -> None:
    folder = layout.cluster / "pki"
    authority = (folder / "ca.crt").read_bytes()
    signing = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{folder / 'ca.key'} holds no elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issued(x509.load_pem_x509_certificate(authority), signing, key.public_key(), user)
    content = kubeconfig(KubernetesCluster(layout).server, authority, _pem(certificate), _private(key), user)
    part = file.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(content)
    part.replace(file)


def issued(
    authority: x509.Certificate, signing: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePublicKey, name: str
) -> x509.Certificate:
    """A client's certificate; its common name is the user, of no group."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now + LIFE)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signing, hashes.SHA256())
    )


def kubeconfig(server: str, authority: bytes, certificate: bytes, key: bytes, name: str) -> str:
    """With all in one file, as the administrator's has it."""
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    user = {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": name}}],
            "current-context": "sandbox",
        },
        sort_keys=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
