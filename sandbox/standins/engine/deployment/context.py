"""What the parts of a deployment share, apart from the running of steps."""

from __future__ import annotations

from sandbox.standins.engine.deployment.step_runner import StepRunner
from sandbox.standins.engine.errors import Refusal
from sandbox.standins.engine.options import Options
from sandbox.standins.engine.providers.interface import Provider
from sandbox.standins.engine.providers.registry import Registry
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import is_provider, targeted


class Context:
    def __init__(self, runner: StepRunner, registry: Registry, options: Options) -> None:
        self.runner, self.registry, self.options = runner, registry, options
        self.checkpoint, self.view, self.dry_run = runner.checkpoint, runner.view, runner.dry_run
        self.olds: dict[str, Resource] = {}
        self.deleted: dict[str, list[str]] = {}
        """URNs deleted so far, with the properties that made it a replacement."""
        self.aliased: dict[str, str] = {}
        self.kept = protected_tree(self.checkpoint.old) if options.exclude_protected else set[str]()
        self.index()

    def index(self) -> None:
        self.olds = {r.urn: r for r in self.checkpoint.old if not r.delete}

    def in_scope(self, urn: str) -> bool:
        """Whether --target and --exclude-protected leave the resource to this operation."""
        return urn not in self.kept and targeted(urn, self.options.targets)

    def provider(self, resource: Resource) -> Provider | None:
        """What carries out the operations on a resource; nothing for components."""
        return self.required_provider(resource) if resource.custom else None

    def required_provider(self, resource: Resource) -> Provider:
        if is_provider(resource.urn):
            return self.registry.resource(resource)
        urn = resource.provider.rpartition("::")[0]
        declared = self.runner.seen.get(urn) or self.olds.get(urn)
        if declared is None:
            raise Refusal(f"unknown provider {resource.provider}")
        return self.registry.configured(declared)


def protected_tree(resources: list[Resource]) -> set[str]:
    """The URNs of protected resources and of all that they stand on."""
    by_urn = {r.urn: r for r in resources}
    protected: set[str] = set()
    left = [r.urn for r in resources if r.protect]
    while left:
        urn = left.pop()
        if urn in by_urn and urn not in protected:
            protected.add(urn)
            left.extend(by_urn[urn].needs)
    return protected
