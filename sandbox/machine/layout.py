"""Where the sandbox keeps its state and its cache, and which loopback addresses belong to it."""

from __future__ import annotations

import hashlib
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DIRECTORY_VARIABLE = "RESTORE_SANDBOX_DIR"
CACHE_VARIABLE = "RESTORE_SANDBOX_CACHE"
FIRST_ADDRESS = int(ipaddress.IPv4Address("127.1.0.0"))
ADDRESSES = 0xFD0000


def address(directory: Path, *name: str) -> str:
    """The loopback address of one named part of one sandbox.

    Salted by the state directory, so that sandboxes side by side don't meet; the same name always has the
    same address, as a host name has on AWS.
    """
    key = "/".join((str(directory.resolve()), *name)).encode()
    offset = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") % (ADDRESSES - 1) + 1
    return str(ipaddress.IPv4Address(FIRST_ADDRESS + offset))


def default_directory() -> Path:
    return Path(os.environ.get(DIRECTORY_VARIABLE) or CHECKOUT / ".sandbox")


def cache() -> Path:
    """The folder of built artefacts, keyed by content inside; shared by all checkouts of a user."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/cache/restore-sandbox")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "restore-sandbox"


@dataclass(frozen=True)
class Layout:
    """The files of one sandbox, all below its state directory."""

    root: Path

    @classmethod
    def at(cls, directory: Path | None = None) -> Layout:
        return cls((directory or default_directory()).resolve())

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def ca(self) -> Path:
        return self.tls / "ca.pem"

    @property
    def aws(self) -> Path:
        return self.root / "aws"

    @property
    def cluster(self) -> Path:
        return self.root / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's: of the sandbox's own world and of tests."""
        return self.cluster / "kubeconfig"

    @property
    def operator_kubeconfig(self) -> Path:
        """The operator's, with whose rights the program acts."""
        return self.cluster / "operator.kubeconfig"

    @property
    def gates_kubeconfig(self) -> Path:
        """That of the Jobs in which gates run, for the token of their service account isn't mounted here."""
        return self.cluster / "gates.kubeconfig"

    @property
    def pulumi(self) -> Path:
        return self.root / "pulumi"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def record(self) -> Path:
        """sandbox.json: endpoints, and pids with their start times."""
        return self.root / "sandbox.json"

    def address(self, *name: str) -> str:
        return address(self.root, *name)

    @property
    def aws_endpoint(self) -> str:
        return f"http://{self.address('aws')}:4566"
