"""Gate `switched`: it is safe to point the applications at the other database.

Reads the cluster again at its turn: what another tool did since the freeze is in no state (kubernetes-facts 9, 10).
"""

from __future__ import annotations

from typing import Any

from restore import postgres
from restore.errors import PermanentError, Problem, RestoreError
from restore.gates.hook import Proof, Watch
from restore.gates.quiesced import at_rest, remaining, restless
from restore.gates.world import World
from restore.model import SecretPlan, Verdict
from validation.connect import urls

SECONDS = 1800.0


def prove(world: World, watch: Watch) -> Proof:
    """No pod runs, the secret is as planned, the old database is at rest, and the application can log in to the new."""
    secret = world.plan.secret
    if secret is None:
        raise PermanentError("no switch is planned\n  fix: this is a bug of the program, please report it")
    problems = [*pods(world), *secret_changed(world, secret)]
    facts: dict[str, Any] = {"to": str(secret.endpoint), "back_to": str(secret.previous)}
    problems += login_problems(world, secret, facts)
    left = world.other(secret.endpoint)
    if left and not problems:
        rest = at_rest(world, watch, left)
        facts |= {"left": str(left), "sessions_left": len(rest.sessions), "rows_written_left": rest.rows_written}
        problems += restless(rest, "switched")
    if problems:
        return Proof(Verdict.FAIL, "the switch would not be safe", facts, tuple(problems))
    return Proof(
        Verdict.PASS, f"the application's login works on {secret.endpoint}, and nobody writes elsewhere", facts
    )


def pods(world: World) -> list[Problem]:
    running = remaining(world)
    if not running or already_there(world):
        return []
    return [
        Problem(
            "switched.pods",
            "; ".join(running),
            "no pod of the applications",
            "pulumi config set traffic frozen, then pulumi up: somebody has started them again",
        )
    ]


def already_there(world: World) -> bool:
    """The secret already holds the wanted URL: pods that run were started with it."""
    return world.plan.secret is not None and world.application_url() == world.plan.secret.url


def secret_changed(world: World, secret: SecretPlan) -> list[Problem]:
    """The secret must still be the one from which the plan was made, whatever its host is by now."""
    try:
        expected = str(urls.parse(world.application_url()).at(secret.endpoint.host, secret.endpoint.port))
    except urls.UrlError as error:
        return [changed(secret, str(error))]
    wanted = str(urls.parse(secret.url).at(secret.endpoint.host, secret.endpoint.port))
    return [] if expected == wanted else [changed(secret, "another user, password, database or parameter than planned")]


def changed(secret: SecretPlan, found: str) -> Problem:
    return Problem(
        f"switched.secret:{secret.name}", found, "the value this plan was made from", "run `pulumi up` again"
    )


def login_problems(world: World, secret: SecretPlan, facts: dict[str, Any]) -> list[Problem]:
    """Logs in as the application does, at the database to switch to."""
    fix = (
        "credentials are those of the restore point: set the application's password in the database, or in the secret, "
        "so that they agree"
    )
    try:
        attempt = postgres.try_login(secret.url, secret.endpoint, world.settings.tls)
    except RestoreError as error:
        return [Problem("switched.login", str(error), f"the application's login works on {secret.endpoint}", fix)]
    facts |= {"user": attempt.user, "database": attempt.database, "server_version": attempt.server_version}
    found: list[Problem] = []
    if attempt.recovering:
        found.append(
            Problem("switched.recovery", "the server is still in recovery", "one that can be written to", "wait")
        )
    if attempt.missing_privileges:
        missing = ", ".join(attempt.missing_privileges[:10])
        found.append(
            Problem("switched.privileges", f"{attempt.user} lacks: {missing}", "its rights on its tables", "GRANT them")
        )
    return found
