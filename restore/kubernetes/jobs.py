"""A Job that connects to a database from inside the cluster, with its login in a Secret that goes with it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from restore.kubernetes.api import Api


@dataclass(frozen=True)
class Job:
    """What to run. `environment` goes into a Secret owned by the Job, never into the Job."""

    namespace: str
    name: str
    """Deterministic: a Job left behind by a killed run is found by it and replaced."""
    image: str
    statements: tuple[str, ...]
    """SQL without secrets: it stands in the Job; each is a transaction of psql -v ON_ERROR_STOP=1 -At."""
    environment: Mapping[str, str] = field(repr=False)
    """libpq's variables: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, ..."""
    root_certificate: str | None = None
    """Text (PEM); the Job writes it to a file and sets PGSSLROOTCERT."""
    service_account: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class JobResult:
    """How it ended. `lines` is what psql printed, one a row; `reasons` why it didn't run or failed."""

    succeeded: bool
    exit_code: int | None
    lines: tuple[str, ...]
    reasons: tuple[str, ...]
    pod: str | None
    node: str | None


def run_job(api: Api, job: Job, *, stop: threading.Event, deadline: float) -> JobResult:
    """Run it to its end and remove it and its Secret, whatever happens. `deadline` is of time.monotonic().

    A Job that can't start (ImagePullBackOff, no such Secret, ...) ends as a result that didn't succeed, with the
    reasons; so does one that is out of time. TemporaryError when stopped.
    """
    raise NotImplementedError
