"""The stand-in Kubernetes provider as a whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence

from sandbox.providers.plugin import Failure, Resource
from sandbox.providers.values import Properties

from . import config
from .objects import DEPLOYMENT, SECRET


class Kubernetes:
    name, version = "kubernetes", "4.34.2"
    types: Sequence[str] = (DEPLOYMENT.type, SECRET.type)

    def check_config(self, config: Properties) -> Sequence[Failure]:
        return _problems(config)

    def configure(self, config: Properties, cancelled: threading.Event) -> Mapping[str, Resource]:
        from .api import Https
        from .patch import Patch

        settings = _settings(config)
        api = Https(settings.connection, settings.reason)
        return {kind.type: Patch(kind, api, settings, cancelled) for kind in (DEPLOYMENT, SECRET)}


def _problems(given: Properties) -> Sequence[Failure]:
    return config.problems(given, os.environ)


def _settings(given: Properties) -> config.Settings:
    return config.settings(given, os.environ)
