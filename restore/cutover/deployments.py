"""The wanted state of the applications' Deployments, and the replicas to come back with. Pure."""

from __future__ import annotations

from restore.cutover.traffic import wanted_endpoint
from restore.model.cluster import Deployment
from restore.model.context import RestoreContext
from restore.model.labels import (
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_REAPPLIED,
    ANNOTATION_REPLICAS,
    FIELD_MANAGER,
)
from restore.model.planned import AppPlan
from restore.model.rds import Endpoint
from restore.model.request import App, Traffic


def recorded_replicas(context: RestoreContext, app: App, deployment: Deployment) -> int | None:
    """Returns the replicas to come back with; None when nobody can say."""
    if app.replicas is not None:
        return app.replicas
    noted = deployment.annotations.get(ANNOTATION_REPLICAS, "")
    known = int(noted) if noted.isdecimal() else None
    if context.held(deployment.annotations):
        return known
    # At zero and held by no restore: of a region that stands by, whose team notes how many there are to be
    unheld = known if ANNOTATION_ID not in deployment.annotations else None
    return deployment.replicas or unheld


def app_plans(context: RestoreContext) -> tuple[AppPlan, ...]:
    """Returns the wanted state of the Deployments; empty while traffic was never moved and isn't to be."""
    endpoint = wanted_endpoint(context)
    untouched = context.request.traffic is Traffic.SOURCE and not context.manages_any
    if untouched or endpoint is None:
        return ()
    return tuple(_app_plan(context, app, deployment, endpoint) for app, deployment in context.apps)


def _app_plan(context: RestoreContext, app: App, deployment: Deployment, endpoint: Endpoint) -> AppPlan:
    recorded = recorded_replicas(context, app, deployment) or 0
    wanted = 0 if context.request.traffic is Traffic.FROZEN else recorded
    held = context.held(deployment.annotations)
    return AppPlan(
        name=app.name,
        replicas=wanted,
        recorded_replicas=recorded,
        former_manager=former_manager_of(
            held, deployment.annotations.get(ANNOTATION_MANAGER), deployment.replicas_manager
        ),
        endpoint=endpoint,
        reapplied=_reapplied(deployment, wanted),
        health=app.health,
    )


def _reapplied(deployment: Deployment, wanted: int) -> str:
    """Returns a new marker whenever the Deployment runs and shouldn't, or the other way round.

    The engine compares inputs, not the cluster: without it, a Deployment that somebody scaled up, or that an
    interrupted run had resumed, would count as frozen. Other differences in number are left alone: they may be an
    autoscaler's.
    """
    if (deployment.replicas == 0) != (wanted == 0):
        return deployment.resource_version
    return deployment.annotations.get(ANNOTATION_REAPPLIED, "")


def former_manager_of(held: bool, noted: str | None, manager: str | None) -> str | None:
    if held:
        return noted or None
    ours = manager is not None and manager.partition("/")[0] == FIELD_MANAGER
    return None if ours else manager
