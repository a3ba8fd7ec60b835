"""The wanted state of the applications' Deployments, and the replicas to come back with. Pure."""

from __future__ import annotations

from restore.cutover.traffic import find_databases, find_target_endpoint
from restore.model.cluster import Deployment
from restore.model.context import RestoreContext
from restore.model.labels import (
    ANNOTATION_ID,
    ANNOTATION_MANAGER,
    ANNOTATION_REAPPLIED,
    ANNOTATION_REPLICAS,
    ANNOTATION_SERVED,
    FIELD_MANAGER,
)
from restore.model.planned import AppPlan
from restore.model.rds import Endpoint
from restore.model.request import App, Traffic


def read_recorded_replicas(context: RestoreContext, app: App, deployment: Deployment) -> int | None:
    """Returns the replicas to come back with; None when nobody can say."""
    if app.replicas is not None:
        return app.replicas
    noted = deployment.annotations.get(ANNOTATION_REPLICAS, "")
    known = int(noted) if noted.isdecimal() else None
    if context.is_held(deployment.annotations):
        return known
    # At zero and held by no restore: of a region that stands by, whose team notes how many there are to be
    unheld = known if ANNOTATION_ID not in deployment.annotations else None
    return deployment.replicas or unheld


def plan_apps(context: RestoreContext) -> tuple[AppPlan, ...]:
    """Returns the wanted state of the Deployments; empty while traffic was never moved and isn't to be."""
    endpoint = find_target_endpoint(context)
    untouched = context.request.traffic is Traffic.SOURCE and not context.manages_any
    if untouched or endpoint is None:
        return ()
    return tuple(_plan_app(context, app, deployment, endpoint) for app, deployment in context.apps)


def _plan_app(context: RestoreContext, app: App, deployment: Deployment, endpoint: Endpoint) -> AppPlan:
    recorded = read_recorded_replicas(context, app, deployment) or 0
    replicas = 0 if context.request.traffic is Traffic.FROZEN else recorded
    held = context.is_held(deployment.annotations)
    return AppPlan(
        name=app.name,
        replicas=replicas,
        recorded_replicas=recorded,
        former_manager=find_former_manager(
            held, deployment.annotations.get(ANNOTATION_MANAGER), deployment.replicas_manager
        ),
        endpoint=endpoint,
        reapplied=_choose_reapplied(deployment, replicas),
        health=app.health,
        database=_find_database_id(context),
        served=_find_served_id(context, deployment),
    )


def _find_database_id(context: RestoreContext) -> str:
    """Returns the DbiResourceId of the database to use, where the endpoint doesn't tell it from the other."""
    serving, _ = find_databases(context)
    return (serving.resource_id if serving else "gone") if context.renames else ""


def _find_served_id(context: RestoreContext, deployment: Deployment) -> str:
    """Returns the DbiResourceId of the candidate once the Deployment was started on it: it stays until close."""
    noted = deployment.annotations.get(ANNOTATION_SERVED, "") if context.is_held(deployment.annotations) else ""
    starts = context.renames and context.request.traffic is Traffic.RESTORED and context.candidate
    return context.candidate.resource_id if starts and context.candidate else noted


def _choose_reapplied(deployment: Deployment, replicas: int) -> str:
    """Returns a new marker whenever the Deployment runs and shouldn't, or the other way round.

    The engine compares inputs, not the cluster: without it, a Deployment that somebody scaled up, or that an
    interrupted run had resumed, would count as frozen. Other differences in number are left alone: they may be an
    autoscaler's.
    """
    if (deployment.replicas == 0) != (replicas == 0):
        return deployment.resource_version
    return deployment.annotations.get(ANNOTATION_REAPPLIED, "")


def find_former_manager(held: bool, noted: str | None, manager: str | None) -> str | None:
    if held:
        return noted or None
    ours = manager is not None and manager.partition("/")[0] == FIELD_MANAGER
    return None if ours else manager
