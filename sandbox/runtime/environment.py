"""The environment in which Pulumi, kubectl, psql and boto3 meet the sandbox, and the files Pulumi needs for it."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.application.stack_config import configuration
from sandbox.aws.client import ACCESS_KEY, SECRET_KEY
from sandbox.cluster.launcher import postgres_programs
from sandbox.machine.layout import CHECKOUT, DIRECTORY_VARIABLE, Layout
from sandbox.runtime import logins

STAND_INS = (CHECKOUT / "sandbox" / "standins" / "engine" / "bin", CHECKOUT / "sandbox" / "standins" / "bin")


def variables(layout: Layout, search_path: str) -> dict[str, str]:
    """What to export: the operator's rights. The stand-ins come last on PATH, so that the real programs win."""
    return {
        DIRECTORY_VARIABLE: str(layout.root),
        "PATH": extended_path(search_path),
        "PULUMI_BACKEND_URL": f"file://{layout.pulumi / 'state'}",
        "PULUMI_HOME": str(pulumi_home(layout)),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase_file(layout)),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **logins.operator(layout),
    }


def extended_path(search_path: str) -> str:
    """The running Python's programs first, then psql and pg_restore of its databases, as a machine's own may be
    too old for these; the stand-ins last; each folder once."""
    first = [str(Path(sys.executable).parent), str(postgres_programs())]
    last = [str(folder) for folder in STAND_INS]
    between = [part for part in search_path.split(os.pathsep) if part and part not in (*first, *last)]
    return os.pathsep.join([*first, *between, *last])


def administrator(layout: Layout) -> dict[str, str]:
    """What to export over `variables` to have every right, as the sandbox's own world has."""
    return {
        "KUBECONFIG": str(layout.kubeconfig),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": "",
    }


def exports(layout: Layout, *, admin: bool = False) -> str:
    """Shell lines for `eval "$(python -m sandbox env)"`."""
    exported = variables(layout, os.environ.get("PATH", os.defpath)) | (administrator(layout) if admin else {})
    return "\n".join(f"export {name}={quoted(value)}" for name, value in exported.items())


def quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def pulumi_home(layout: Layout) -> Path:
    return layout.pulumi / "home"


def passphrase_file(layout: Layout) -> Path:
    return layout.pulumi / "passphrase"


def prepare_pulumi(layout: Layout) -> bool:
    """Makes the file backend, PULUMI_HOME and the passphrase; returns whether the passphrase is new."""
    layout.pulumi.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (layout.pulumi / "state", pulumi_home(layout), layout.evidence):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(passphrase_file(layout), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return True


def write_stack(
    layout: Layout, project: Path, stack: str, *, fresh: bool, wanted: Mapping[str, Any] | None = None
) -> Path:
    """Writes Pulumi.<stack>.yaml, with these settings or those of the sandbox's own stack. What an operator has set
    stays, unless the sandbox is a fresh one.

    The salt of an existing file stays with it: it belongs to the passphrase of this sandbox.
    """
    file = project / f"Pulumi.{stack}.yaml"
    kept = {} if fresh or not file.exists() else loaded(file.read_text())
    part = file.with_name(f".{file.name}.part")
    part.write_text(yaml.safe_dump(merged(kept, wanted or configuration(layout)), sort_keys=False))
    part.replace(file)
    return file


def loaded(text: str) -> dict[str, Any]:
    content: object = yaml.safe_load(text)
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def merged(kept: Mapping[str, Any], entries: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a stack file with `entries` in its config; everything else of it as it is."""
    present = cast("Mapping[str, Any]", kept.get("config") or {})
    return {**kept, "config": {**present, **entries}}
