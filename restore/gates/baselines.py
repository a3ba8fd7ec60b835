"""The baselines of the source: what it was last known to hold."""

from __future__ import annotations

from datetime import datetime

from restore.aws import Aws
from restore.gates.context import GateContext
from validation.baseline import latest
from validation.baseline.model import Baseline, BaselineError
from validation.document_store import S3


def find_baseline(context: GateContext, until: datetime | None) -> Baseline | BaselineError | None:
    """Returns the newest one that was taken by then: the checks can ask no more of the data than its restore point
    has."""
    place = context.settings.validation.baseline
    if place is None:
        return None
    try:
        s3 = Aws.of(context.settings).open_client("s3") if place.startswith(S3) else None
        return latest.find_latest(latest.open_baselines(place, s3), context.database, until)
    except BaselineError as error:
        return error
