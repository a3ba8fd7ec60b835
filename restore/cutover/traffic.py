"""Which database serves the applications: read from what exists, and where traffic is wanted. Pure."""

from __future__ import annotations

from enum import StrEnum

from restore.cutover.connection_url import (
    is_same_endpoint,
    is_same_host,
    read_endpoint,
    read_live_url,
    read_previous_endpoint,
)
from restore.model.context import RestoreContext
from restore.model.labels import ANNOTATION_PREVIOUS
from restore.model.rds import Endpoint, Instance
from restore.model.rds_address import parse_address
from restore.model.request import Traffic


class ConnectionTarget(StrEnum):
    """What the applications' URL names."""

    SOURCE = "source"
    CANDIDATE = "candidate"
    NOBODY = "nobody"
    """With cutover rename, between two calls: production's endpoint, and no instance has its name."""
    ELSEWHERE = "elsewhere"


def find_pointing(context: RestoreContext) -> ConnectionTarget:
    """Returns what the live URL names."""
    url = read_live_url(context)
    if not url or not url.host:
        return ConnectionTarget.ELSEWHERE
    endpoint = read_endpoint(url)
    if context.renames and names_production(context, endpoint):
        return find_production_holder(context)
    candidate = context.candidate.endpoint if context.candidate else None
    if candidate and is_same_endpoint(endpoint, candidate):
        return ConnectionTarget.CANDIDATE
    if _names_source(context, endpoint):
        return ConnectionTarget.SOURCE
    # This restore has switched the key, and not back: what it names is the candidate, also when that is gone by now
    return (
        ConnectionTarget.CANDIDATE
        if context.manages_secret and context.candidate is None
        else ConnectionTarget.ELSEWHERE
    )


def names_production(context: RestoreContext, endpoint: Endpoint) -> bool:
    """Tells whether this is the endpoint of production's identifier, whoever has that now, or the alias of it."""
    alias, address = context.settings.secret.source_host, parse_address(endpoint.host)
    if (alias and is_same_host(alias, endpoint.host)) or (address and address.identifier == context.settings.source):
        return True
    instances = [instance for instance in (context.source, context.candidate) if instance]
    holders = [instance.endpoint for instance in instances if instance.identifier == context.settings.source]
    return any(known and is_same_endpoint(endpoint, known) for known in (*holders, find_noted_production(context)))


def find_noted_production(context: RestoreContext) -> Endpoint | None:
    """Returns production's endpoint as the first freeze noted it at the Deployments."""
    notes = (deployment.annotations for _, deployment in context.apps if context.is_held(deployment.annotations))
    noted = next((note[ANNOTATION_PREVIOUS] for note in notes if note.get(ANNOTATION_PREVIOUS)), "")
    host, _, port = noted.rpartition(":")
    return Endpoint(host, int(port)) if host and port.isdecimal() else None


def find_production_holder(context: RestoreContext) -> ConnectionTarget:
    """Returns which of the two has production's identifier. A source that is gone had it last."""
    production = context.settings.source
    if context.candidate and context.candidate.identifier == production:
        return ConnectionTarget.CANDIDATE
    if context.source is None or context.source.identifier == production:
        return ConnectionTarget.SOURCE
    return ConnectionTarget.NOBODY


def _names_source(context: RestoreContext, endpoint: Endpoint) -> bool:
    endpoint_now = context.source.endpoint if context.source else None
    alias = context.settings.secret.source_host
    previous = read_previous_endpoint(context)
    if alias and is_same_host(alias, endpoint.host):
        return True
    if any(other and is_same_endpoint(other, endpoint) for other in (endpoint_now, previous)):
        return True
    address = parse_address(endpoint.host)
    return context.source is None and address is not None and address.identifier == context.settings.source


def are_all_at_zero(context: RestoreContext) -> bool:
    return all(deployment.replicas == 0 for _, deployment in context.apps)


def find_traffic(context: RestoreContext) -> Traffic | None:
    """Returns which database serves the applications now; None for a half-done move."""
    if not context.apps:
        return Traffic.SOURCE
    if are_all_at_zero(context):
        return Traffic.FROZEN
    stopped = any(deployment.replicas == 0 and app.replicas != 0 for app, deployment in context.apps)
    use = {ConnectionTarget.SOURCE: Traffic.SOURCE, ConnectionTarget.CANDIDATE: Traffic.RESTORED}
    return None if stopped else use.get(find_pointing(context))


def leaves_candidate(context: RestoreContext) -> bool:
    """Tells whether this is the way back, or has been: then the candidate's troubles are no reason to stay."""
    if context.request.traffic is Traffic.RESTORED:
        return False
    return find_pointing(context) is ConnectionTarget.CANDIDATE or (
        context.request.traffic is Traffic.SOURCE and context.manages_any
    )


def find_target_endpoint(context: RestoreContext) -> Endpoint | None:
    """Returns where the URL points after this `up`."""
    url = read_live_url(context)
    live = read_endpoint(url) if url else None
    if context.renames:
        return live  # the name stays, and moves to another instance
    match context.request.traffic:
        case Traffic.RESTORED:
            return context.candidate.endpoint if context.candidate else None
        case Traffic.SOURCE if context.manages_secret and find_pointing(context) is not ConnectionTarget.SOURCE:
            return read_previous_endpoint(context)
        case Traffic.SOURCE if leaves_name(context):
            return context.source.endpoint if context.source else None
        case _:
            return live


def leaves_name(context: RestoreContext) -> bool:
    """Tells whether this is the way back by the URL from a candidate that has production's name, and can't give it
    away: the source is then used under the name that it has."""
    candidate = context.candidate
    by_url = not context.renames and not context.manages_secret and context.request.traffic is Traffic.SOURCE
    return by_url and candidate is not None and candidate.identifier == context.settings.source


def find_databases(context: RestoreContext) -> tuple[Instance | None, Instance | None]:
    """Returns the instance that the URL names after this `up`, and the other one. This is the one place that
    resolves an address, which may be an alias, to a database."""
    pair = (context.source, context.candidate)
    target_traffic = context.request.traffic
    on_candidate = target_traffic is Traffic.RESTORED or (
        target_traffic is Traffic.FROZEN and find_pointing(context) is ConnectionTarget.CANDIDATE
    )
    return (pair[1], pair[0]) if on_candidate else pair


def was_switched_before(context: RestoreContext) -> bool:
    """Tells whether the applications were ever switched to the candidate: the annotations of the switch stay until
    close."""
    return context.manages_secret or context.has_served or find_pointing(context) is ConnectionTarget.CANDIDATE
