"""The state of one resource, as the deployment schema (version 3) writes it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, cast

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value

FIELDS = {
    "urn": "urn",
    "custom": "custom",
    "delete": "delete",
    "id": "id",
    "type": "type",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "taint": "taint",
    "external": "external",
    "dependencies": "dependencies",
    "initErrors": "init_errors",
    "provider": "provider",
    "propertyDependencies": "property_dependencies",
    "pendingReplacement": "pending_replacement",
    "additionalSecretOutputs": "additional_secret_outputs",
    "aliases": "aliases",
    "customTimeouts": "custom_timeouts",
    "importID": "import_id",
    "retainOnDelete": "retain_on_delete",
    "deletedWith": "deleted_with",
    "replaceWith": "replace_with",
    "created": "created",
    "modified": "modified",
    "sourcePosition": "source_position",
    "stackTrace": "stack_trace",
    "ignoreChanges": "ignore_changes",
    "hideDiff": "hide_diff",
    "replaceOnChanges": "replace_on_changes",
    "replacementTrigger": "replacement_trigger",
    "refreshBeforeUpdate": "refresh_before_update",
    "viewOf": "view_of",
    "resourceHooks": "resource_hooks",
}
ALWAYS = ("urn", "custom", "type")
NOT_SERVED = ("taint", "replaceWith", "hideDiff", "refreshBeforeUpdate", "viewOf")


@dataclass(eq=False)
class Resource:
    """One resource; compared by identity, as old and new states of one URN live side by side."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Props = field(default_factory=dict[str, Value])
    outputs: Props = field(default_factory=dict[str, Value])
    parent: str = ""
    provider: str = ""
    dependencies: list[str] = field(default_factory=list[str])
    property_dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    delete: bool = False
    protect: bool = False
    taint: bool = False
    external: bool = False
    pending_replacement: bool = False
    retain_on_delete: bool = False
    init_errors: list[str] = field(default_factory=list[str])
    additional_secret_outputs: list[str] = field(default_factory=list[str])
    aliases: list[str] = field(default_factory=list[str])
    custom_timeouts: dict[str, float] = field(default_factory=dict[str, float])
    import_id: str = ""
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list[str])
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[Value] = field(default_factory=list[Value])
    ignore_changes: list[str] = field(default_factory=list[str])
    hide_diff: list[str] = field(default_factory=list[str])
    replace_on_changes: list[str] = field(default_factory=list[str])
    replacement_trigger: Value = None
    refresh_before_update: bool = False
    view_of: str = ""
    resource_hooks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    unknown: bool = False
    """Outside --target and not made: what depends on it gets unknowns. Not part of the state."""

    @classmethod
    def from_json(cls, data: Props) -> Resource:
        """Raises Problem for fields that this engine doesn't know or can't honour: nothing is dropped silently."""
        foreign = [key for key in data if key not in FIELDS or (key in NOT_SERVED and data[key])]
        if foreign:
            raise Problem(
                f"the state of {data.get('urn')} holds {', '.join(foreign)}, which the stand-in engine doesn't serve"
            )
        values: dict[str, Any] = {FIELDS[key]: value for key, value in data.items() if value is not None}
        return cls(**values)

    def to_json(self) -> Props:
        """The resource in the field order of the schema, empty fields left out."""
        values = ((key, cast(Value, getattr(self, name))) for key, name in FIELDS.items())
        return {key: value for key, value in values if value or key in ALWAYS}

    def copy(self) -> Resource:
        return copy.copy(self)

    @property
    def needs(self) -> set[str]:
        """The URNs that it must not outlive."""
        urns = {self.parent, self.deleted_with, self.provider.rpartition("::")[0], *self.dependencies}
        return urns.union(*self.property_dependencies.values()) - {""}

    def timeout(self, operation: str) -> float:
        return self.custom_timeouts.get(operation, 0)

    def hooks(self, moment: str) -> list[str]:
        return self.resource_hooks.get(moment, [])
