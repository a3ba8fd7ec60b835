"""RegisterResource requests as goals; what they ask for and isn't served is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from pulumi.runtime.proto import alias_pb2, source_pb2
from pulumi.runtime.proto import resource_pb2 as rpc

from sandbox.standins.engine.deployment.durations import seconds
from sandbox.standins.engine.deployment.goals import Alias, Goal
from sandbox.standins.engine.deployment.resource_hooks import MOMENTS
from sandbox.standins.engine.errors import Refusal
from sandbox.standins.engine.providers.wire import from_struct, from_value
from sandbox.standins.engine.urns import STACK

NOT_SERVED = {
    "remote": "remote components",
    "replace_with": "the option replace_with",
    "hideDiffs": "the option hide_diffs",
    "envVarMappings": "the option env_var_mappings",
    "transforms": "resource transforms",
    "packageRef": "parameterized packages",
    "pluginChecksums": "plugin checksums",
    "state_migrations": "state migrations",
}
TIMEOUTS = ("create", "update", "delete", "read")


def refuse_unserved(request: rpc.RegisterResourceRequest) -> None:
    """Raises Refusal when a registration asks for what the stand-in engine doesn't do."""
    for name, meaning in NOT_SERVED.items():
        if getattr(request, name):
            raise Refusal(f"the stand-in engine doesn't serve {meaning} (resource {request.name})")


def read_goal(request: Any, root: str, directory: Path) -> Goal:
    """A RegisterResourceRequest as a goal.

    `root`: the URN of the stack, parent of whatever names none; `directory`: of the project.
    """
    hooks = {title: list(getattr(request.hooks, kind)) for kind, title in MOMENTS.items()}
    timeouts = {kind: seconds(getattr(request.customTimeouts, kind)) for kind in TIMEOUTS}
    delete_first = request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=from_struct(request.object),
        parent=request.parent or ("" if request.type == STACK else root),
        provider=request.provider,
        version=request.version,
        import_id=request.importId,
        delete_first=request.deleteBeforeReplace if delete_first else None,
        aliases=[*(Alias(urn=urn) for urn in request.aliasURNs), *map(_alias, request.aliases)],
        protect=request.protect,
        dependencies=list(request.dependencies),
        property_dependencies={key: list(value.urns) for key, value in request.propertyDependencies.items()},
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        custom_timeouts={kind: value for kind, value in timeouts.items() if value},
        retain_on_delete=request.retainOnDelete,
        deleted_with=request.deletedWith,
        replacement_trigger=from_value(request.replacement_trigger),
        source_position=_position(request.sourcePosition, directory),
        resource_hooks={title: names for title, names in hooks.items() if names},
    )


def read_lookup(request: rpc.ReadResourceRequest) -> Goal:
    return Goal(
        request.type,
        request.name,
        True,
        from_struct(request.properties),
        parent=request.parent,
        provider=request.provider,
        version=request.version,
        dependencies=list(request.dependencies),
        additional_secret_outputs=list(request.additionalSecretOutputs),
    )


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.WhichOneof("alias") == "urn":
        return Alias(urn=alias.urn)
    spec = alias.spec
    if spec.stack or spec.project:
        raise Refusal("the stand-in engine doesn't serve aliases of another stack or project")
    return Alias(name=spec.name, type=spec.type, parent=spec.parentUrn, no_parent=spec.noParent)


def _position(position: source_pb2.SourcePosition, directory: Path) -> str:
    if not position.uri:
        return ""
    path = Path(unquote(urlparse(position.uri).path))
    if path.is_relative_to(directory):
        path = path.relative_to(directory)
    return f"project:///{path}#{position.line}"
