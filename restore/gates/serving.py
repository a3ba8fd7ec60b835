"""Gate `serving`: the applications are up, connected to the right database, and to no other."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from restore import postgres
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.context import GateContext, unreachable
from restore.gates.hook import Proof, Watch
from restore.gates.quiesced import by_psql
from restore.kubernetes import Pod
from restore.model.planned import AppPlan
from restore.model.rds import Instance
from restore.model.waivers import reason
from restore.polling import wait_for
from validation.verdict import Verdict

SECONDS = 900.0
HEALTH_SECONDS = 10.0


@dataclass(frozen=True)
class Found:
    """One look at who serves."""

    problems: tuple[Problem, ...]
    facts: dict[str, Any]


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits until every line holds; at the deadline tells the lines that don't."""
    last: list[Found] = []

    def read() -> Found:
        last[:] = [look(context)]
        return last[0]

    def settled(found: Found) -> bool:
        left = [one for one in found.problems if reason(one.subject, watch.gate, context.settings.waive) is None]
        if left:
            watch.say("waiting for " + "; ".join(f"{one.subject} ({one.found})" for one in left[:3]))
        return not left

    try:
        found = wait_for(read, settled, stop=watch.stop, deadline=watch.deadline, subject="the applications", longest=3)
    except TemporaryError:
        if watch.stop.is_set() or not last:
            raise
        return Proof(Verdict.FAIL, "the applications don't serve as they should", last[0].facts, last[0].problems)
    if found.problems:
        return Proof(Verdict.FAIL, "what is left open is waived", found.facts, found.problems)
    endpoint = context.plan.apps[0].endpoint
    elsewhere = "the database that was left can't be asked" if "left_unreachable" in found.facts else "none elsewhere"
    return Proof(Verdict.PASS, f"every Deployment is ready and connected to {endpoint}, {elsewhere}", found.facts)


def look(context: GateContext) -> Found:
    apps = context.plan.apps
    pods = pods_of(context)
    problems = [problem for app in apps for problem in rollout(context, app, pods[app.name])]
    facts: dict[str, Any] = {
        "endpoint": str(apps[0].endpoint),
        "ready": {name: sum(p.ready for p in found) for name, found in pods.items()},
    }
    problems += connected(context, pods, facts)
    problems += elsewhere(context, facts)
    problems += [problem for app in apps for problem in healthy(context, app, pods[app.name])]
    return Found(tuple(problems), facts)


def pods_of(context: GateContext) -> dict[str, list[Pod]]:
    """The pods of each Deployment, ended ones left out."""
    found = context.namespace.deployments([app.name for app in context.plan.apps])
    return {
        name: [pod for pod in context.namespace.pods(one.selector) if not pod.ended] if one else []
        for name, one in found.items()
    }


def rollout(context: GateContext, app: AppPlan, pods: list[Pod]) -> list[Problem]:
    ready = [pod for pod in pods if pod.ready and not pod.terminating]
    if len(ready) == app.replicas == len(pods):
        return []
    reasons = "; ".join(f"{pod.name}: {why}" for pod in pods for why in pod.reasons[:2])
    found = f"{len(ready)} of {len(pods)} pods ready" + (f" ({reasons})" if reasons else "")
    fix = f"kubectl -n {context.settings.namespace} describe deployment {app.name}; {logs(context, app.name)}"
    return [Problem(f"serving.rollout:{app.name}", found, f"{app.replicas} ready and no other", fix)]


def logs(context: GateContext, name: str) -> str:
    return f"kubectl -n {context.settings.namespace} logs deployment/{name} --all-containers --tail 50"


def connected(context: GateContext, pods: dict[str, list[Pod]], facts: dict[str, Any]) -> list[Problem]:
    """At least one session of each Deployment on the database that is to serve."""
    names = {name: [(pod.name, pod.address) for pod in found] for name, found in pods.items()}
    database = context.serving()
    if database is None:
        found, needed = "the database that is to serve is gone", "an instance that exists"
        return [Problem("serving.unreachable", found, needed, "python -m restore status")]
    try:
        with context.connected(database) as connection:
            by_app = postgres.attributed(postgres.sessions(connection), names)
    except RestoreError as error:
        return [unreachable("serving", database, error)]
    facts["sessions"] = {name: len(by_app.get(name, ())) for name in names}
    return [
        Problem(
            f"serving.sessions:{name}",
            f"no session of it on {database.identifier}",
            "at least one",
            "set PGAPPNAME to the pod's name; " + logs(context, name),
        )
        for name, wanted in ((app.name, app.replicas) for app in context.plan.apps)
        if wanted and not by_app.get(name)
    ]


def elsewhere(context: GateContext, facts: dict[str, Any]) -> list[Problem]:
    """No client session on the database that was left: it would read, or write, what is no longer the truth.

    One that can't be asked is recorded, and no reason to call the applications down."""
    left: Instance | None = None
    try:
        left = context.left()
        if left is None:
            return []
        with context.connected(left) as connection:
            found = postgres.sessions(connection)
    except RestoreError as error:
        facts["left_unreachable"] = unreachable("serving", left, error).found if left else str(error)
        return []
    facts["left"] = {"database": left.identifier, "sessions": len(found)}
    if not found:
        return []
    who = "; ".join(f"{one.user} {one.application or ''} from {one.address}" for one in found[:5])
    ended = ", ".join(f"pg_terminate_backend({one.pid})" for one in found[:10])
    fix = f"stop these clients, or end their sessions: {by_psql(context, left, f'SELECT {ended}')}"
    return [Problem("serving.elsewhere", f"{len(found)} sessions on {left.identifier}: {who}", "none", fix)]


def healthy(context: GateContext, app: AppPlan, pods: list[Pod]) -> list[Problem]:
    if not app.health or not app.replicas:
        return []
    if "{pod}" in app.health:
        targets = [app.health.replace("{pod}", pod.address) for pod in pods if pod.address]
    else:
        targets = [app.health]
    bad = [f"{url}: {answer}" for url in targets if (answer := ask(url)) is not None]
    if targets and not bad:
        return []
    found = "; ".join(bad) or "no pod to ask"
    return [Problem(f"serving.health:{app.name}", found, "2xx from each", logs(context, app.name))]


def ask(url: str) -> str | None:
    """What is wrong with the answer, or None for 2xx. Redirects are followed, as `curl -fL` does."""
    if not url.startswith(("http://", "https://")):
        return "no http(s) URL"
    try:
        with urllib.request.urlopen(url, timeout=HEALTH_SECONDS) as answer:  # noqa: S310 (scheme checked above)
            return None if 200 <= answer.status < 300 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
