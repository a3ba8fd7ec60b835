"""A stack's settings outside a Pulumi program: the same keys, read through the Automation API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime

from restore.aws import Aws
from restore.config.settings import collect
from restore.evidence import Store, other_run
from restore.model.request import Settings
from restore.pulumi_stack.automation import OperatorStack


def read_settings(stack: OperatorStack, now: datetime, more: Mapping[str, str] | None = None) -> Settings:
    """Returns a stack's settings, as if it had `more` keys too.

    Raises Refused with everything that is wrong with the configuration.
    """
    config = stack.read_config()
    secret = [key for key, value in config.items() if value.secret]
    entries = {key: value.text for key, value in config.items()} | dict(more or {})
    return collect(entries, stack.program_name, dict(os.environ), secret).read_settings(now)


def require_alone(settings: Settings) -> None:
    """Raises Refused while somebody else runs a restore of this stack; says what there is to say of an earlier run."""
    if said := other_run.require_alone(Store.open(settings.evidence, Aws.of(settings)), settings.stack):
        print(said)
