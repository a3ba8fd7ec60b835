"""Whether the source answers the operator from where the gates will ask it: known before anything stops."""

from __future__ import annotations

from restore import postgres
from restore.aws import Aws, Secrets
from restore.cutover import traffic
from restore.cutover.connection_url import name_database
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem, RestoreError
from restore.model.context import RestoreContext
from restore.model.rds_status import USABLE
from restore.model.request import Runner, Traffic


def ask_source(aws: Aws, context: RestoreContext) -> Problem | None:
    """Logs in to the source as gate `quiesced` will; returns why that failed. None where it answers, and where it isn't
    asked: nothing is to be stopped, RDS says itself that it is down, or Jobs of the cluster will ask it."""
    settings, source = context.settings, context.local_source
    if not _is_to_be_frozen(context) or settings.runner is not Runner.LOCAL:
        return None
    if source is None or source.endpoint is None or source.status not in USABLE:
        return None
    try:
        credential = Secrets(aws).read_login(settings.login, source.endpoint)
        database = name_database(settings, context.inventory.cluster)
        with postgres.connect(source.endpoint, credential, settings.tls, database):
            return None
    except RestoreError as error:
        return error.problem or Problem(str(source.endpoint), str(error), "an answer", "docs/troubleshooting.md")


def _is_to_be_frozen(context: RestoreContext) -> bool:
    return (
        context.request.traffic is Traffic.FROZEN
        and bool(context.apps)
        and not traffic.are_all_at_zero(context)
        and traffic.find_pointing(context) is ConnectionTarget.SOURCE
    )
