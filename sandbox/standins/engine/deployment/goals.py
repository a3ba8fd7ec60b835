"""What the program asks for (goals), and what is done for it (steps)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.standins.engine.property_values import Props, Value
from sandbox.standins.engine.providers.interface import Diff
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import is_default_provider

OUTSIDE_THE_PLAN = ("create-replacement", "delete-replaced", "import-replacement", "read-replacement")


@dataclass(frozen=True)
class Alias:
    """Another name that a resource had: a whole URN, or parts of one (an empty part is as it is now)."""

    urn: str = ""
    name: str = ""
    type: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass
class Goal:
    """One registration. `options` holds what is copied to the state as it is, by attribute of Resource."""

    type: str
    name: str
    custom: bool
    inputs: Props
    parent: str = ""
    provider: str = ""
    version: str = ""
    aliases: list[Alias] = field(default_factory=list[Alias])
    import_id: str = ""
    delete_first: bool | None = None
    protect: bool = False
    retain_on_delete: bool = False
    deleted_with: str = ""
    dependencies: list[str] = field(default_factory=list[str])
    property_dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    ignore_changes: list[str] = field(default_factory=list[str])
    replace_on_changes: list[str] = field(default_factory=list[str])
    additional_secret_outputs: list[str] = field(default_factory=list[str])
    custom_timeouts: dict[str, float] = field(default_factory=dict[str, float])
    replacement_trigger: Value = None
    source_position: str = ""
    resource_hooks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def resource(self, urn: str, old: Resource | None) -> Resource:
        """The state to come, as far as the goal says it."""
        return Resource(
            urn,
            self.type,
            self.custom,
            inputs=self.inputs,
            parent=self.parent,
            provider=self.provider,
            import_id=self.import_id,
            protect=self.protect,
            retain_on_delete=self.retain_on_delete,
            deleted_with=self.deleted_with,
            dependencies=self.dependencies,
            property_dependencies=self.property_dependencies,
            ignore_changes=self.ignore_changes,
            replace_on_changes=self.replace_on_changes,
            additional_secret_outputs=self.additional_secret_outputs,
            custom_timeouts=self.custom_timeouts,
            replacement_trigger=self.replacement_trigger,
            source_position=self.source_position,
            resource_hooks=self.resource_hooks,
            created=old.created if old else "",
            modified=old.modified if old else "",
        )


@dataclass
class Step:
    """One change of one resource. `result` is what a refresh turned out to be."""

    op: str
    old: Resource | None
    new: Resource | None
    diff: Diff = field(default_factory=Diff)
    gone: bool = False
    result: str = ""

    @property
    def resource(self) -> Resource:
        resource = self.new or self.old
        assert resource is not None
        return resource

    @property
    def urn(self) -> str:
        return self.resource.urn

    @property
    def shown_op(self) -> str:
        return self.result or self.op

    @property
    def logical(self) -> bool:
        """Whether it counts in the summary by itself (a replace counts once for its three steps)."""
        return self.op not in (*OUTSIDE_THE_PLAN, "remove-pending-replace", "refresh")

    @property
    def internal(self) -> bool:
        return self.op == "remove-pending-replace" or is_default_provider(self.urn)

    @property
    def changes_what_was_read(self) -> bool:
        return bool(self.old and self.new and self.old.outputs != self.new.outputs)
