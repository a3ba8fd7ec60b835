"""The connection secret: the wanted value of its key, and the way back. Pure."""

from __future__ import annotations

import json

from restore.cutover.connection_url import (
    find_named_endpoint,
    is_same_endpoint,
    read_endpoint,
    read_live_url,
    read_previous_endpoint,
    repoint,
    repoint_text,
)
from restore.cutover.deployments import find_former_manager
from restore.cutover.traffic import ConnectionTarget, find_pointing, find_target_endpoint, leaves_name
from restore.model.cluster import ConnectionSecret
from restore.model.context import RestoreContext
from restore.model.labels import ANNOTATION_MANAGER, ANNOTATION_PREVIOUS_ALSO, ANNOTATION_REAPPLIED
from restore.model.planned import SecretPlan
from restore.model.rds import Endpoint
from restore.model.request import Traffic
from validation.connect import urls


def plan_secret(context: RestoreContext) -> SecretPlan | None:
    """Returns the wanted state of the secret; None while it was never switched and isn't to be.

    Raises UrlError when the URL can't be pointed elsewhere (preflight refuses that before).
    """
    secret = context.inventory.cluster.secret
    live, endpoint = read_live_url(context), find_target_endpoint(context)
    moves = context.request.traffic is Traffic.RESTORED or context.manages_secret or leaves_name(context)
    needed = moves and not context.renames
    if not (needed and secret and live and endpoint):
        return None
    previous = read_previous_endpoint(context) or read_endpoint(live)
    moves = not is_same_endpoint(read_endpoint(live), endpoint)
    return SecretPlan(
        name=secret.name,
        key=secret.key,
        url=repoint(live, endpoint),
        original_url=repoint(live, previous),
        endpoint=endpoint,
        previous=previous,
        former_manager=find_former_manager(
            context.manages_secret, secret.annotations.get(ANNOTATION_MANAGER), secret.key_manager
        ),
        reapplied=secret.resource_version if moves else secret.annotations.get(ANNOTATION_REAPPLIED, ""),
        values=_compose_values(context, secret, live, endpoint),
        original_values=_compose_values(context, secret, live, previous),
        previous_also=read_previous_also(context, secret),
    )


def _compose_values(
    context: RestoreContext, secret: ConnectionSecret, live: urls.Url, endpoint: Endpoint
) -> dict[str, str]:
    """Returns what each key that is written is to hold when the URL is at this endpoint."""
    keys = context.settings.secret.keys
    values = {secret.key: repoint(live, endpoint)}
    if keys.host:
        values = {keys.host: endpoint.host, **({keys.port: str(endpoint.port)} if keys.port else {})}
    now = read_endpoint(live)
    home = read_previous_endpoint(context) or now
    former = read_previous_also(context, secret)
    for key in context.settings.secret.also_keys:
        text, own = secret.values.get(key, ""), _find_endpoint(former.get(key, ""))
        present = find_named_endpoint(text, filter(None, (now, own)))
        if present:
            values[key] = repoint_text(text, present, own if own and is_same_endpoint(endpoint, home) else endpoint)
        elif key in secret.owned_keys:
            values[key] = text  # somebody else's by now; what an apply leaves out is deleted
    return values


def read_previous_also(context: RestoreContext, secret: ConnectionSecret) -> dict[str, str]:
    """Returns the host:port that each further key named before this restore changed it: as it is noted, else found."""
    noted = secret.annotations.get(ANNOTATION_PREVIOUS_ALSO, "") if context.manages_secret else ""
    if noted:
        return {str(key): str(value) for key, value in json.loads(noted).items()}
    endpoints = [*list_source_endpoints(context)]
    previous = {
        key: find_named_endpoint(secret.values.get(key, ""), endpoints) for key in context.settings.secret.also_keys
    }
    return {key: str(endpoint) for key, endpoint in previous.items() if endpoint}


def list_source_endpoints(context: RestoreContext) -> tuple[Endpoint, ...]:
    """Returns where the source answers, under every name that is known of it, and where its replicas do."""
    live, previous = read_live_url(context), read_previous_endpoint(context)
    endpoints = [context.source.endpoint if context.source else None, previous]
    if live and find_pointing(context) is ConnectionTarget.SOURCE:
        endpoints.append(read_endpoint(live))
    endpoints += [replica.endpoint for replica in context.inventory.replicas]
    return tuple(dict.fromkeys(endpoint for endpoint in endpoints if endpoint and endpoint.host))


def _find_endpoint(text: str) -> Endpoint | None:
    host, _, port = text.rpartition(":")
    return Endpoint(host, int(port)) if host and port.isdecimal() else None
