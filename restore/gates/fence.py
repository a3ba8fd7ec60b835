"""The fence of gate `switched` (config key `fence`): up around the database that is left, gone from the one to serve.

It is put up as the gate's last work, when nothing else keeps it shut, and lifted where the application's login is
refused, whatever the configuration says by then. So at any moment the next `up` ends right: each move begins with this
gate, and the mark of a fence stands in the database itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from restore import postgres
from restore.errors import Problem, RestoreError
from restore.gates.context import GateContext, require_endpoint
from restore.gates.error_problems import build_error_problem
from restore.gates.hook import Watch
from restore.model.rds import Instance

NAME = "switched.fence"
FENCE = "fence"
"""The name, in the receipt of `switched`, of a fence that is to be up."""
NEEDED = "the applications' role without a login on the database that is left (config key fence)"


def read_application_role(url: str) -> str:
    """Returns the role with which the applications log in. Raises PermanentError for a URL that can't be used."""
    return postgres.read_application_login(url).get("user", "")


def raise_fence(
    context: GateContext, watch: Watch, left: Instance, url: str, facts: dict[str, Any]
) -> Iterable[Problem]:
    """Fences the database that is left; the problem `switched.fence` where that fails. Adds to `facts`."""
    role = read_application_role(url)
    try:
        with context.administer(left) as connection:
            ended = postgres.put_up(connection, role, context.plan.id)
    except RestoreError as error:
        if watch.stop.is_set():
            raise
        return [build_error_problem(NAME, error, NEEDED)]
    facts["fence"] = {"database": left.identifier, "role": role, "sessions_ended": ended}
    watch.say(f"fenced: {role} can't log in to {left.identifier} any more ({ended} sessions ended)")
    return []


def lift_fence(context: GateContext, watch: Watch, database: Instance, url: str, facts: dict[str, Any]) -> bool:
    """Gives the applications' role its login back where a fence took it; whether it did. Raises RestoreError.

    Looks first with a connection that can't write."""
    role = read_application_role(url)
    with context.connect(database) as connection:
        if not postgres.read_fence(connection, role).up:
            return False
    with context.administer(database) as connection:
        lifted = postgres.lift(connection, role)
    facts["fence_lifted"] = {"database": database.identifier, "role": role}
    watch.say(f"fence lifted: {role} can log in to {database.identifier} ({require_endpoint(database)}) again")
    return lifted
