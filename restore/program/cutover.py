"""Cutover: which database serves the applications, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from restore.model.gates import APPROVED, RENAMED, SERVING, SWITCHED, Move, determine_move, list_needed_gates
from restore.model.planned import Plan
from restore.program.patches import declare_deployments, declare_secrets, keep_way_back
from restore.program.receipts import Gates, declare_receipt, describe_serving, list_open_gates


class Cutover(pulumi.ComponentResource):
    """Parent of the way back, of the patches of the connection secret and of every Deployment (also at zero replicas),
    and of the receipts `approved` (two persons), `switched`, `renamed` (cutover rename) and `serving`."""

    deployments: Sequence[k8s.apps.v1.DeploymentPatch]
    receipts: Mapping[str, pulumi.Stash]
    """`approved`, `switched`, `renamed` and `serving`; empty in a freeze, which switches nothing."""

    def __init__(
        self,
        plan: Plan,
        namespace: str,
        gates: Gates,
        *,
        depends_on: Sequence[pulumi.Resource],
        proved: Mapping[str, Any] | None = None,
    ) -> None:
        """Args:
        namespace: of the applications.
        depends_on: what must be done before anything is switched, or stopped.
        proved: what `switched` is to say about the candidate that it switches to.
        """
        super().__init__("restore:index:Cutover", plan.id, {"traffic": str(plan.traffic)})
        way_back = keep_way_back(plan, self)
        serving = describe_serving(plan)
        if determine_move(plan) is Move.FREEZE:
            declare_secrets(plan, namespace, self, [])
            self.deployments = declare_deployments(plan, namespace, self, depends_on)
            self.receipts = {}
        else:
            traffic = {"traffic": str(plan.traffic), **serving}
            decided = {**traffic, **(proved or {})}
            approved = self.declare_approval(plan, gates, decided, depends_on)
            before = [*depends_on, *way_back, *approved.values()]
            switched = declare_receipt(gates, SWITCHED, decided, self, before)
            secrets = declare_secrets(plan, namespace, self, [switched])
            renamed = self.declare_names(plan, gates, traffic, switched)
            self.deployments = declare_deployments(plan, namespace, self, [switched, *renamed.values(), *secrets])
            replicas = {app.name: app.replicas for app in plan.apps}
            served = declare_receipt(gates, SERVING, {**traffic, "replicas": replicas}, self, self.deployments)
            self.receipts = {**approved, SWITCHED.name: switched, **renamed, SERVING.name: served}
        opened = list_open_gates(self.receipts, [deployment.urn for deployment in self.deployments])
        self.register_outputs({"endpoint": serving["endpoint"], "proved": opened})

    def declare_approval(
        self, plan: Plan, gates: Gates, decided: Mapping[str, Any], depends_on: Sequence[pulumi.Resource]
    ) -> dict[str, pulumi.Stash]:
        """Declares the receipt `approved`; empty where one person is enough, and on the way back."""
        if APPROVED not in list_needed_gates(plan):
            return {}
        return {APPROVED.name: declare_receipt(gates, APPROVED, decided, self, depends_on)}

    def declare_names(
        self, plan: Plan, gates: Gates, traffic: Mapping[str, Any], switched: pulumi.Stash
    ) -> dict[str, pulumi.Stash]:
        """Declares the receipt `renamed`, whose gate moves production's identifier; empty where the URL is switched
        instead."""
        if plan.rename is None:
            return {}
        names = {"production": plan.rename.production, "aside": plan.rename.aside}
        return {RENAMED.name: declare_receipt(gates, RENAMED, {**traffic, **names}, self, [switched])}
