"""What all clusters of a sandbox share: programs, user, certificate authority, template, folders."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine.layout import Layout
from sandbox.postgres import binaries, roles
from sandbox.postgres.binaries import Binaries
from sandbox.postgres.files import remove_graves, remove_tree
from sandbox.postgres.identity import Identity
from sandbox.postgres.settings import SEGMENT_MB, SUPERUSER
from sandbox.postgres.tls import Authority

TEMPLATE_VERSION = "3"
ELSEWHERE = "RESTORE_SANDBOX_CLUSTERS"


@dataclass(frozen=True)
class Host:
    """`folder` holds clusters and snapshots; `sockets` the servers' sockets."""

    folder: Path
    identity: Identity
    binaries: Binaries
    authority: Authority

    @classmethod
    def at(cls, layout: Layout) -> Host:
        identity = Identity.choose()
        folder = location(layout, identity)
        identity.folder(folder)
        host = cls(folder, identity, binaries.find(identity), Authority(layout.tls))
        for part in (host.clusters, host.snapshots, host.sockets):
            identity.folder(part)
            remove_graves(part)
        return host

    @property
    def clusters(self) -> Path:
        return self.folder / "clusters"

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    @property
    def sockets(self) -> Path:
        return self.folder / "sockets"

    def copy(self, source: Path, target: Path) -> None:
        """A copy of a tree; by reference where the file system can."""
        self.identity.run("cp", "-a", "--reflink=auto", source, target)

    def link(self, source: Path, target: Path) -> None:
        """A copy of a tree that nobody changes: hard links."""
        remove_tree(target)
        self.identity.run("cp", "-al", source, target)

    def template(self) -> Path:
        """An initialised cluster that new ones are copied from; made once for all sandboxes of a user."""
        key = f"{TEMPLATE_VERSION} {self.binaries.version} {SEGMENT_MB} {self.identity.uid} {self.binaries.folder}"
        target = binaries.shared_folder(self.identity) / f"template-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        if not target.exists():
            self._make_template(target)
        return target

    def _make_template(self, target: Path) -> None:
        part = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
        self.identity.own(part)
        data = part / "data"
        self.identity.run(
            self.binaries.tool("initdb"), "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--data-checksums", "--no-sync", f"--wal-segsize={SEGMENT_MB}",
        )  # fmt: skip
        statements = "\n".join(f"{statement};" for statement in roles.boot(self.binaries.major)) + "\n"
        self.identity.run(
            self.binaries.tool("postgres"), "--single", "-j", "-F", "-D", data, "postgres",
            text=statements.replace(";\n", ";\n\n"),
        )  # fmt: skip
        try:
            data.rename(target)
        except OSError:
            if not target.exists():  # else another process was first, with the same content
                raise
        shutil.rmtree(part, ignore_errors=True)


def location(layout: Layout, identity: Identity) -> Path:
    """The folder of the clusters: in the state folder when the server's user can reach it, otherwise below /var/tmp.

    The environment variable of ELSEWHERE moves it; it must then be the same for all commands on one sandbox.
    """
    layout.root.mkdir(parents=True, exist_ok=True)
    elsewhere = os.environ.get(ELSEWHERE)
    if not elsewhere and identity.reaches(layout.root):
        return layout.root / "postgres"
    name = f"restore-sandbox-{hashlib.sha256(str(layout.root).encode()).hexdigest()[:12]}"
    return Path(elsewhere or "/var/tmp") / name
