"""Which provider a reference names; processes are started once per provider resource and operation."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future

from sandbox.standins.engine.errors import Refusal
from sandbox.standins.engine.property_values import has_unknown
from sandbox.standins.engine.providers import loopback_guard
from sandbox.standins.engine.providers.interface import HIDDEN, Builtin, Provider, ProviderResource, Service
from sandbox.standins.engine.providers.plugin_client import Plugin
from sandbox.standins.engine.providers.plugin_start import Plugins
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import is_provider, package_of

BUILTIN = "pulumi"


class Registry:
    """Providers by the URN of their provider resource."""

    def __init__(self, builtin: Builtin, plugins: Plugins) -> None:
        self._builtin, self._plugins = builtin, plugins
        self._known: dict[str, Future[Service]] = {}
        self._mutex = threading.Lock()

    def warm(self, resources: Iterable[Resource]) -> None:
        """Starts the providers of the state in the background: they load while the program does.

        A provider that doesn't start is a matter for the resource that needs it.
        """
        for resource in resources:
            if is_provider(resource.urn) and package_of(resource.urn) != BUILTIN:
                version = str(resource.inputs.get("version") or "")
                threading.Thread(target=self._begin, args=(resource.urn, version), daemon=True).start()

    def service(self, urn: str, version: str = "") -> Service:
        """The provider, started where it isn't running; it may still lack its configuration."""
        return self._begin(urn, version).result()

    def _begin(self, urn: str, version: str) -> Future[Service]:
        with self._mutex:
            if service := self._known.get(urn):
                return service
            future = self._known[urn] = Future[Service]()
        package = package_of(urn)
        try:
            future.set_result(self._builtin if package == BUILTIN else self._plugins.start(package, version))
        except Refusal as error:
            future.set_exception(error)
        return future

    def configured(self, resource: Resource) -> Service:
        """The provider of a provider resource, configured by its inputs as far as they are known."""
        service = self.service(resource.urn, str(resource.inputs.get("version") or ""))
        inputs = {k: v for k, v in resource.inputs.items() if k != HIDDEN}
        if isinstance(service, Plugin) and not service.configured and not has_unknown(inputs):
            loopback_guard.check_provider(package_of(resource.urn), inputs)
            service.configure(resource.urn, resource.id, inputs)
        return service

    def resource(self, resource: Resource) -> Provider:
        """A provider as a resource."""
        service = self.service(resource.urn, str(resource.inputs.get("version") or ""))
        return ProviderResource(service if isinstance(service, Plugin) else None)

    @property
    def services(self) -> list[Service]:
        """Those that run; waits for those that are starting."""
        with self._mutex:
            begun = list(self._known.values())
        return [future.result() for future in begun if future.exception() is None]
