"""The stand-in Kubernetes provider as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from sandbox.providers.contract import Failure, Resource, Surroundings
from sandbox.providers.values import Properties

from . import config
from .objects import DEPLOYMENT, SECRET


class Kubernetes:
    name, version = "kubernetes", "4.34.2"
    types: Sequence[str] = (DEPLOYMENT.type, SECRET.type)

    def check_config(self, config: Properties) -> Sequence[Failure]:
        return _problems(config)

    def configure(self, config: Properties, surroundings: Surroundings) -> Mapping[str, Resource]:
        from .api import Https
        from .patch import Patch

        settings = _settings(config)
        api = Https(settings.connection, settings.reason)
        return {kind.type: Patch(kind, api, settings, surroundings) for kind in (DEPLOYMENT, SECRET)}


def _problems(given: Properties) -> Sequence[Failure]:
    return config.problems(given, os.environ)


def _settings(given: Properties) -> config.Settings:
    return config.settings(given, os.environ)
