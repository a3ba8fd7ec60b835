"""Which database serves the applications: read from what exists, and where traffic is wanted. Pure."""

from __future__ import annotations

from enum import StrEnum

from restore.cutover.connection_url import endpoint_of, live_url, previous_endpoint, same_endpoint, same_host
from restore.model.context import Case
from restore.model.rds import Endpoint, Instance
from restore.model.request import Traffic


class Pointing(StrEnum):
    """What the applications' URL names."""

    SOURCE = "source"
    CANDIDATE = "candidate"
    ELSEWHERE = "elsewhere"


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
