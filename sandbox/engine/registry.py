"""Which provider a reference names; processes are started once per provider resource and operation."""

from __future__ import annotations

import threading

from . import guard
from .plugins import Plugin, Plugins
from .providing import HIDDEN, Builtin, Provider, ProviderResource, Service
from .resources import Resource
from .urns import package_of
from .values import has_unknown


class Registry:
    """Providers by the URN of their provider resource."""

    def __init__(self, builtin: Builtin, plugins: Plugins) -> None:
        self._builtin, self._plugins = builtin, plugins
        self._known: dict[str, Service] = {}
        self._mutex = threading.Lock()

    def service(self, urn: str, version: str = "") -> Service:
        """The provider, started where it isn't running; it may still lack its configuration."""
        package = package_of(urn)
        with self._mutex:
            if urn not in self._known:
                builtin = package == "pulumi"
                self._known[urn] = self._builtin if builtin else self._plugins.start(package, version)
            return self._known[urn]

    def configured(self, resource: Resource) -> Service:
        """The provider of a provider resource, configured by its inputs as far as they are known."""
        service = self.service(resource.urn, str(resource.inputs.get("version") or ""))
        inputs = {k: v for k, v in resource.inputs.items() if k != HIDDEN}
        if isinstance(service, Plugin) and not service.configured and not has_unknown(inputs):
            guard.check_provider(package_of(resource.urn), inputs)
            service.configure(resource.urn, resource.id, inputs)
        return service

    def resource(self, resource: Resource) -> Provider:
        """A provider as a resource."""
        service = self.service(resource.urn, str(resource.inputs.get("version") or ""))
        return ProviderResource(service if isinstance(service, Plugin) else None)

    @property
    def services(self) -> list[Service]:
        return list(self._known.values())
