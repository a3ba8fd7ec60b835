"""The connection secret: the wanted value of its key, and the way back. Pure."""

from __future__ import annotations

from restore.cutover.connection_url import (
    endpoint_of,
    live_url,
    previous_endpoint,
    repoint,
    same_endpoint,
)
from restore.cutover.deployments import former_manager_of
from restore.cutover.traffic import wanted_endpoint
from restore.model.context import RestoreContext
from restore.model.labels import ANNOTATION_MANAGER, ANNOTATION_REAPPLIED
from restore.model.planned import SecretPlan
from restore.model.request import Traffic


def secret_plan(context: RestoreContext) -> SecretPlan | None:
    """Returns the wanted state of the secret; None while it was never switched and isn't to be.

    Raises UrlError when the URL can't be pointed elsewhere (preflight refuses that before).
    """
    secret = context.inventory.cluster.secret
    live, endpoint = live_url(context), wanted_endpoint(context)
    needed = context.request.traffic is Traffic.RESTORED or context.manages_secret
    if not (needed and secret and live and endpoint):
        return None
    previous = previous_endpoint(context) or endpoint_of(live)
    moves = not same_endpoint(endpoint_of(live), endpoint)
    return SecretPlan(
        name=secret.name,
        key=secret.key,
        url=repoint(live, endpoint),
        original_url=repoint(live, previous),
        endpoint=endpoint,
        previous=previous,
        former_manager=former_manager_of(
            context.manages_secret, secret.annotations.get(ANNOTATION_MANAGER), secret.key_manager
        ),
        reapplied=secret.resource_version if moves else secret.annotations.get(ANNOTATION_REAPPLIED, ""),
    )
