"""What the pods of the schedule are told: the settings of the stack, in a ConfigMap, for there is no secret in it.

Without what belongs to one restore, so that a restore changes none of it, and without a login of this machine's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from restore.errors import PermanentError, Problem
from restore.gates.runner import values
from restore.gates.runner.request import strip_local_settings
from restore.model.request import Infrastructure, QuietSettings, Settings, ValidationSettings

FILE = "settings.json"


def build_schedule_settings(settings: Settings, serving: str, database: str) -> Settings:
    """Returns what the check and the dump need.

    Args:
        serving: identifier of the instance that serves the applications.
        database: the database to dump.
    """
    return replace(
        strip_local_settings(settings),
        source=serving,
        prevention=settings.prevention,
        login=replace(settings.login, database=database),
        request=None,
        apps=(),
        waive={},
        erasure={},
        instance={},
        fence=False,
        sequences=None,
        quiet=QuietSettings(),
        infrastructure=Infrastructure(),
        validation=ValidationSettings(),
    )


def write_settings(settings: Settings) -> str:
    """Returns the document."""
    return json.dumps(values.to_json(settings), sort_keys=True)


def read_settings(file: Path, root_certificate: Path | None) -> Settings:
    """Returns the settings in a mounted file. Raises PermanentError for one of another version of this program."""
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        fix = "docs/prevention.md: pulumi up (writes it again)"
        raise PermanentError.of(Problem(f"file {file}", str(error), "the settings of the schedule", fix)) from error
    settings: Settings = values.from_json(document)
    if root_certificate is None:
        return settings
    return replace(settings, tls=replace(settings.tls, root_certificate=str(root_certificate)))
