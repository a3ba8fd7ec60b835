"""Whom the applications use, read from what is found, and the wanted state of Deployments and secret. Pure."""

from __future__ import annotations

from enum import StrEnum

from restore.case import Case
from restore.model import (
    FIELD_MANAGER,
    NOTE_MANAGER,
    NOTE_PREVIOUS,
    NOTE_REAPPLIED,
    NOTE_REPLICAS,
    App,
    AppPlan,
    Deployment,
    Endpoint,
    Instance,
    SecretPlan,
    Traffic,
)
from validation.connect import urls

STANDARD_PORT = 5432


class Pointing(StrEnum):
    """What the applications' URL names."""

    SOURCE = "source"
    CANDIDATE = "candidate"
    ELSEWHERE = "elsewhere"


def endpoint_of(url: urls.Url) -> Endpoint:
    return Endpoint(url.host, int(url.port) if url.port else STANDARD_PORT)


def same_host(one: str, other: str) -> bool:
    return one.strip("[]").rstrip(".").lower() == other.strip("[]").rstrip(".").lower()


def same_endpoint(one: Endpoint, other: Endpoint) -> bool:
    return one.port == other.port and same_host(one.host, other.host)


def live_url(case: Case) -> urls.Url | None:
    """The applications' URL; None when there is none that can be read."""
    secret = case.inventory.cluster.secret
    if not secret or not secret.url:
        return None
    try:
        return urls.parse(secret.url)
    except urls.UrlError:
        return None


def previous_endpoint(case: Case) -> Endpoint | None:
    """Where the URL pointed before this restore changed it, as recorded when it did."""
    secret = case.inventory.cluster.secret
    if not secret or not case.held(secret.annotations):
        return None
    host, _, port = secret.annotations.get(NOTE_PREVIOUS, "").rpartition(":")
    return Endpoint(host, int(port)) if host and port.isdecimal() else None


def pointing(case: Case) -> Pointing:
    """What the live URL names."""
    url = live_url(case)
    if not url or not url.host:
        return Pointing.ELSEWHERE
    endpoint = endpoint_of(url)
    candidate = case.candidate.endpoint if case.candidate else None
    if candidate and same_endpoint(endpoint, candidate):
        return Pointing.CANDIDATE
    if _names_source(case, endpoint):
        return Pointing.SOURCE
    # This restore has switched the key, and not back: what it names is the candidate, also when that is gone by now
    return Pointing.CANDIDATE if case.secret_held and case.candidate is None else Pointing.ELSEWHERE


def _names_source(case: Case, endpoint: Endpoint) -> bool:
    known = case.source.endpoint if case.source else None
    alias = case.settings.secret.source_host
    previous = previous_endpoint(case)
    if alias and same_host(alias, endpoint.host):
        return True
    if any(other and same_endpoint(other, endpoint) for other in (known, previous)):
        return True
    host = endpoint.host.lower()
    return case.source is None and host.startswith(f"{case.settings.source}.") and ".rds.amazonaws.com" in host


def recorded_replicas(case: Case, app: App, deployment: Deployment) -> int | None:
    """The replicas to come back with; None when nobody can say."""
    if app.replicas is not None:
        return app.replicas
    if not case.held(deployment.annotations):
        return deployment.replicas or None
    noted = deployment.annotations.get(NOTE_REPLICAS, "")
    return int(noted) if noted.isdecimal() else None


def all_at_zero(case: Case) -> bool:
    return all(deployment.replicas == 0 for _, deployment in case.apps)


def found_traffic(case: Case) -> Traffic | None:
    """Whom the applications use now; None for a half-done move."""
    if not case.apps:
        return Traffic.SOURCE
    if all_at_zero(case):
        return Traffic.FROZEN
    stopped = any(deployment.replicas == 0 and app.replicas != 0 for app, deployment in case.apps)
    use = {Pointing.SOURCE: Traffic.SOURCE, Pointing.CANDIDATE: Traffic.RESTORED}
    return None if stopped else use.get(pointing(case))


def wanted_endpoint(case: Case) -> Endpoint | None:
    """Where the URL points after this `up`."""
    url = live_url(case)
    live = endpoint_of(url) if url else None
    match case.request.traffic:
        case Traffic.RESTORED:
            return case.candidate.endpoint if case.candidate else None
        case Traffic.SOURCE if case.secret_held and pointing(case) is not Pointing.SOURCE:
            return previous_endpoint(case)
        case _:
            return live


def databases(case: Case) -> tuple[Instance | None, Instance | None]:
    """The instance that the URL names after this `up`, and the other one. This is the one place that resolves an
    address, which may be an alias, to a database."""
    pair = (case.source, case.candidate)
    wanted = case.request.traffic
    on_candidate = wanted is Traffic.RESTORED or (wanted is Traffic.FROZEN and pointing(case) is Pointing.CANDIDATE)
    return (pair[1], pair[0]) if on_candidate else pair


def switched_before(case: Case) -> bool:
    """Whether the applications were ever switched to the candidate: the annotations of the switch stay until close."""
    return case.secret_held or pointing(case) is Pointing.CANDIDATE


def app_plans(case: Case) -> tuple[AppPlan, ...]:
    """The wanted state of the Deployments; empty while traffic was never moved and isn't to be."""
    endpoint = wanted_endpoint(case)
    untouched = case.request.traffic is Traffic.SOURCE and not case.any_held
    if untouched or endpoint is None:
        return ()
    return tuple(_app_plan(case, app, deployment, endpoint) for app, deployment in case.apps)


def _app_plan(case: Case, app: App, deployment: Deployment, endpoint: Endpoint) -> AppPlan:
    recorded = recorded_replicas(case, app, deployment) or 0
    wanted = 0 if case.request.traffic is Traffic.FROZEN else recorded
    held = case.held(deployment.annotations)
    return AppPlan(
        name=app.name,
        replicas=wanted,
        recorded_replicas=recorded,
        former_manager=_former(held, deployment.annotations.get(NOTE_MANAGER), deployment.replicas_manager),
        endpoint=endpoint,
        reapplied=_reapplied(deployment, wanted),
        health=app.health,
    )


def _reapplied(deployment: Deployment, wanted: int) -> str:
    """A new marker whenever the Deployment runs and shouldn't, or the other way round.

    The engine compares inputs, not the cluster: without it, a Deployment that somebody scaled up, or that an
    interrupted run had resumed, would count as frozen. Other differences in number are left alone: they may be an
    autoscaler's.
    """
    if (deployment.replicas == 0) != (wanted == 0):
        return deployment.resource_version
    return deployment.annotations.get(NOTE_REAPPLIED, "")


def _former(held: bool, noted: str | None, found: str | None) -> str | None:
    if held:
        return noted or None
    ours = found is not None and found.partition("/")[0] == FIELD_MANAGER
    return None if ours else found


def secret_plan(case: Case) -> SecretPlan | None:
    """The wanted state of the secret; None while it was never switched and isn't to be.

    Raises UrlError when the URL can't be pointed elsewhere (preflight refuses that before).
    """
    secret = case.inventory.cluster.secret
    live, endpoint = live_url(case), wanted_endpoint(case)
    needed = case.request.traffic is Traffic.RESTORED or case.secret_held
    if not (needed and secret and live and endpoint):
        return None
    previous = previous_endpoint(case) or endpoint_of(live)
    moves = not same_endpoint(endpoint_of(live), endpoint)
    return SecretPlan(
        name=secret.name,
        key=secret.key,
        url=repointed(live, endpoint),
        original_url=repointed(live, previous),
        endpoint=endpoint,
        previous=previous,
        former_manager=_former(case.secret_held, secret.annotations.get(NOTE_MANAGER), secret.key_manager),
        reapplied=secret.resource_version if moves else secret.annotations.get(NOTE_REAPPLIED, ""),
    )


def repointed(url: urls.Url, endpoint: Endpoint) -> str:
    """The URL at this endpoint, all other bytes as they were; a standard port that wasn't written stays unwritten."""
    if same_endpoint(endpoint_of(url), endpoint):
        return str(url)
    unwritten = url.port is None and endpoint.port == STANDARD_PORT
    return str(url.at(endpoint.host, None if unwritten else endpoint.port))
