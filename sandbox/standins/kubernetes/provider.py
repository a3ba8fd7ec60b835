"""The stand-in Kubernetes provider as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from sandbox.standins.kubernetes import provider_config
from sandbox.standins.kubernetes.patched_objects import DEPLOYMENT, OWN, SECRET
from sandbox.standins.plugin.interface import CheckFailure, Function, ResourceType, Surroundings
from sandbox.standins.plugin.property_values import Properties


class Kubernetes:
    name, version = "kubernetes", "4.34.2"
    types: Sequence[str] = (DEPLOYMENT.type, SECRET.type, *(kind.type for kind in OWN))

    def check_config(self, config: Properties) -> Sequence[CheckFailure]:
        return _problems(config)

    def configure(self, config: Properties, surroundings: Surroundings) -> Mapping[str, ResourceType]:
        from sandbox.standins.kubernetes.api_client import Https
        from sandbox.standins.kubernetes.patch import OwnObject, Patch

        settings = _settings(config)
        api = Https(settings.connection, settings.reason)
        patched = {kind.type: Patch(kind, api, settings, surroundings) for kind in (DEPLOYMENT, SECRET)}
        return {**patched, **{kind.type: OwnObject(kind, api, settings, surroundings) for kind in OWN}}

    def functions(self, config: Properties) -> Mapping[str, Function]:
        del config
        return {}


def _problems(config: Properties) -> Sequence[CheckFailure]:
    return provider_config.problems(config, os.environ)


def _settings(config: Properties) -> provider_config.KubernetesSettings:
    return provider_config.settings(config, os.environ)
