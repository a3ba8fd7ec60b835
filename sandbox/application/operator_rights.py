"""The operator's rights in both worlds: IAM actions in AWS, verbs in the cluster; shown, and taken away one by one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.application.kubernetes_api import Kube
from sandbox.application.operator_roles import OperatorRoles, Verb
from sandbox.aws.client import Clients, clients
from sandbox.machine.layout import Layout


@dataclass(frozen=True)
class OperatorRights:
    """A right is an IAM action (`rds:CreateDBSnapshot`) or a verb (`patch deployments.apps`) of docs/permissions.md."""

    aws: Clients
    roles: OperatorRoles

    @classmethod
    def of(cls, layout: Layout) -> OperatorRights:
        return cls(clients(layout), OperatorRoles.documented(Kube(layout.kubeconfig)))

    def remove(self, rights: Sequence[str]) -> None:
        """Exactly these are missing from now on. Raises ValueError for one that the page doesn't give."""
        verbs = [Verb.parse(right) for right in rights if " " in right]
        actions = [right for right in rights if " " not in right]
        if unknown := sorted(set(actions) - set(self._actions())):
            raise ValueError(f"docs/permissions.md gives no IAM action {', '.join(unknown)}")
        self.roles.remove(verbs)
        self.aws.post("rights", remove=actions)

    @contextmanager
    def without(self, *rights: str) -> Generator[None]:
        self.remove(rights)
        try:
            yield
        finally:
            self.remove([])

    def describe(self) -> str:
        """A line for each right: missing, or (of an IAM action) used since the sandbox's start."""
        state = self.aws.rights()
        notes = dict.fromkeys(state["used"], "used") | dict.fromkeys(state["removed"], "MISSING")
        lines = [(action, notes.get(action, "")) for action in state["actions"]]
        present = self.roles.present()
        lines += [(str(verb), "" if verb in present else "MISSING") for verb in self.roles.verbs()]
        return "\n".join(f"{right:48} {note}".rstrip() for right, note in lines)

    def _actions(self) -> list[str]:
        return self.aws.rights()["actions"]
