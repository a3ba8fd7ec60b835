"""The Roles of docs/permissions.md, and of the whole cluster, bound to the operator; a verb taken away from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.application.kubernetes_api import CONFLICT, ClusterError, Json, Kube
from sandbox.cluster.operator_login import GATES, USER
from sandbox.machine.processes import wait_until
from sandbox.rights import documented
from sandbox.rights.documented import Role

ENFORCED_SECONDS = 30.0
GROUP = "rbac.authorization.k8s.io"
OF_GATES = "restore-gates"
"""The Role that the Jobs of gates have in place of `restore`, which is the operator's."""


@dataclass(frozen=True)
class Verb:
    """One verb on one resource, as `kubectl auth can-i` names it: `patch deployments.apps`, `get pods/log`."""

    verb: str
    resource: str
    group: str = ""

    @classmethod
    def parse(cls, text: str) -> Verb:
        """Raises ValueError for anything but two words."""
        verb, _, named = text.partition(" ")
        resource, _, group = named.partition(".")
        if not verb or not resource or " " in named:
            raise ValueError(f"{text!r}: write a verb and a resource, as in `patch deployments.apps`")
        return cls(verb, resource, group)

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


@dataclass(frozen=True)
class OperatorRoles:
    """The operator's Roles in one cluster, through its administrator's login."""

    kube: Kube
    roles: tuple[Role, ...]

    @classmethod
    def documented(cls, kube: Kube) -> OperatorRoles:
        return cls(kube, documented.read().roles)

    def install(self) -> None:
        """The namespaces, Roles and bindings as documented, whatever was there."""
        for role in self.roles:
            if role.namespace:
                self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": role.namespace}})
            self._put("rolebindings", role, binding(role))
        self.remove([])

    def verbs(self) -> tuple[Verb, ...]:
        """Every verb of every Role, once."""
        return tuple(dict.fromkeys(verb for role in self.roles for rule in role.rules for verb in verbs_of(rule)))

    def remove(self, removed: Sequence[Verb]) -> None:
        """Exactly these are missing from now on. Raises ValueError for one that no Role gives."""
        if unknown := [str(verb) for verb in removed if verb not in self.verbs()]:
            verbs = ", ".join(str(verb) for verb in self.verbs())
            raise ValueError(f"docs/permissions.md gives no {', '.join(unknown)}; it gives {verbs}")
        for role in self.roles:
            self._put("roles", role, manifest(role, without(role.rules, removed)))
        wait_until(lambda: self._enforced(removed), ENFORCED_SECONDS, "the API server to know the Roles")

    def present(self) -> frozenset[Verb]:
        """Every verb that the cluster gives the operator now."""
        return frozenset(verb for role in self.roles for rule in self._rules(role) for verb in verbs_of(rule))

    def _rules(self, role: Role) -> list[Json]:
        return self.kube.request("GET", f"{path('roles', role)}/{role.name}").get("rules") or []

    def _enforced(self, removed: Sequence[Verb]) -> bool:
        """The API server decides by a copy of the Roles, which follows a moment later."""
        return all(
            self._may(role, verb, rule.get("resourceNames", [""])[0]) is (verb not in removed)
            for role in self.roles
            for rule in role.rules
            for verb in verbs_of(rule)
        )

    def _may(self, role: Role, verb: Verb, name: str) -> bool:
        resource, _, subresource = verb.resource.partition("/")
        attributes = {"verb": verb.verb, "group": verb.group, "resource": resource, "subresource": subresource}
        spec = {"user": users(role)[0], "resourceAttributes": {**attributes, "namespace": role.namespace, "name": name}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self.kube.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
        return bool(answer["status"]["allowed"])

    def _put(self, resource: str, role: Role, body: Json) -> None:
        where = path(resource, role)
        try:
            self.kube.request("POST", where, body=body)
        except ClusterError as error:
            if error.status != CONFLICT:
                raise
            self.kube.request("PUT", f"{where}/{body['metadata']['name']}", body=body)


def path(resource: str, role: Role) -> str:
    """Where the API keeps Roles (`roles`) and their bindings (`rolebindings`), of a namespace or of the cluster."""
    return f"/apis/{GROUP}/v1/" + (
        f"namespaces/{role.namespace}/{resource}" if role.namespace else f"cluster{resource}"
    )


def verbs_of(rule: Json) -> Iterator[Verb]:
    return (
        Verb(verb, resource, group)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def without(rules: Sequence[Json], removed: Sequence[Verb]) -> list[Json]:
    """The same rules, one for each resource, without these verbs; a rule that is left without any goes."""
    single = [
        {**rule, "apiGroups": [group], "resources": [resource], "verbs": verbs}
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if (verbs := [verb for verb in rule["verbs"] if Verb(verb, resource, group) not in removed])
    ]
    return single if removed else list(rules)


def manifest(role: Role, rules: Sequence[Json]) -> Json:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind(role),
        "metadata": metadata(role),
        "rules": list(rules),
    }


def kind(role: Role) -> str:
    return "Role" if role.namespace else "ClusterRole"


def metadata(role: Role) -> Json:
    return {"name": role.name, **({"namespace": role.namespace} if role.namespace else {})}


def binding(role: Role) -> Json:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": f"{kind(role)}Binding",
        "metadata": metadata(role),
        "roleRef": {"apiGroup": GROUP, "kind": kind(role), "name": role.name},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": user} for user in users(role)],
    }


def users(role: Role) -> tuple[str, ...]:
    """Who has a Role: the operator, its Jobs, or both."""
    return {OF_GATES: (GATES,), "restore": (USER,)}.get(role.name, (USER, GATES))
