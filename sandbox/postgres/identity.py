"""The user that PostgreSQL runs as: whoever calls, or an ordinary user when root calls (PostgreSQL refuses root)."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class CommandFailed(RuntimeError):
    """A program of PostgreSQL's or the system's ended with an error; the text ends with what it said."""


@dataclass(frozen=True)
class Identity:
    uid: int
    gid: int
    drop: bool

    @classmethod
    def choose(cls) -> Identity:
        """The present user; for root the user `postgres` if there is one, otherwise nobody by number."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), drop=False)
        try:
            entry = pwd.getpwnam("postgres")
        except KeyError:
            return cls(NOBODY, NOBODY, drop=True)
        return cls(entry.pw_uid, entry.pw_gid, drop=True)

    @property
    def name(self) -> str:
        return str(self.uid)

    def popen(self, argv: list[str], log: Path, prepare: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
        """Starts a server in a process group of its own, its output appended to `log`."""
        with log.open("ab") as out:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                env=ENVIRONMENT,
                process_group=0,
                preexec_fn=prepare,
                user=self.uid if self.drop else None,
                group=self.gid if self.drop else None,
                extra_groups=[] if self.drop else None,
            )

    def run(self, *argv: str | Path, text: str | None = None) -> str:
        """Runs a command as this user and gives its standard output.

        Raises CommandFailed with the end of its standard error.
        """
        process = subprocess.run(
            [str(word) for word in argv],
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env=ENVIRONMENT,
            check=False,
            user=self.uid if self.drop else None,
            group=self.gid if self.drop else None,
            extra_groups=[] if self.drop else None,
        )
        if process.returncode:
            raise CommandFailed(f"{argv[0]} ended with {process.returncode}: {process.stderr.strip()[-800:]}")
        return process.stdout

    def reaches(self, path: Path) -> bool:
        """Whether this user can enter the folder (or execute the file)."""
        try:
            self.run("test", "-x", path)
        except CommandFailed:
            return False
        return True

    def folder(self, path: Path, mode: int = 0o700) -> Path:
        """Makes the folder with its parents, and gives it to this user."""
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        self.own(path)
        return path

    def own(self, path: Path) -> None:
        if self.drop:
            os.chown(path, self.uid, self.gid)

    def secret(self, path: Path, content: bytes) -> None:
        """Writes a file that only this user (and root) can read."""
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
        self.own(part)
        part.replace(path)
