"""Gate `serving`: the applications are up, connected to the right database, and to no other."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from restore import postgres
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.activity import describe_sessions, ending_command, is_ignored
from restore.gates.context import GateContext
from restore.gates.error_problems import unreachable
from restore.gates.hook import Proof, Watch
from restore.kubernetes import Pod
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.planned import AppPlan
from restore.model.rds import Instance
from restore.model.waivers import reason
from validation.verdict import Verdict

SECONDS = 900.0
HEALTH_SECONDS = 10.0


@dataclass(frozen=True)
class Observation:
    """Who serves at one moment."""

    problems: tuple[Problem, ...]
    facts: dict[str, Any]


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits until every line holds; at the deadline tells the lines that don't."""
    last: list[Observation] = []

    def read() -> Observation:
        last[:] = [observe(context)]
        return last[0]

    def nothing_open(observation: Observation) -> bool:
        unwaived = [
            problem
            for problem in observation.problems
            if reason(problem.subject, watch.gate, context.settings.waive) is None
        ]
        if unwaived:
            watch.say("waiting for " + "; ".join(f"{problem.subject} ({problem.found})" for problem in unwaived[:3]))
        return not unwaived

    try:
        observation = watch.wait_for(read, nothing_open, subject="the applications", longest=3)
    except TemporaryError:
        if watch.stop.is_set() or not last:
            raise
        return Proof(Verdict.FAIL, "the applications don't serve as they should", last[0].facts, last[0].problems)
    if observation.problems:
        return Proof(Verdict.FAIL, "what is left open is waived", observation.facts, observation.problems)
    endpoint = context.plan.apps[0].endpoint
    unasked = "left_unreachable" in observation.facts
    others = "the database that was left can't be asked" if unasked else "none elsewhere"
    return Proof(Verdict.PASS, f"every Deployment is ready and connected to {endpoint}, {others}", observation.facts)


def observe(context: GateContext) -> Observation:
    """Asks Kubernetes, both databases and the applications' health URLs."""
    apps = context.plan.apps
    pods = list_pods(context)
    problems = [problem for app in apps for problem in rollout_problems(context, app, pods[app.name])]
    facts: dict[str, Any] = {
        "endpoint": str(apps[0].endpoint),
        "ready": {name: sum(pod.ready for pod in of_app) for name, of_app in pods.items()},
    }
    problems += session_problems(context, pods, facts)
    problems += elsewhere_problems(context, facts)
    problems += [problem for app in apps for problem in health_problems(context, app, pods[app.name])]
    return Observation(tuple(problems), facts)


def list_pods(context: GateContext) -> dict[str, list[Pod]]:
    """The pods of each Deployment, ended ones left out."""
    deployments = context.namespace.deployments([app.name for app in context.plan.apps])
    return {
        name: [pod for pod in context.namespace.pods(deployment.selector) if not pod.ended] if deployment else []
        for name, deployment in deployments.items()
    }


def rollout_problems(context: GateContext, app: AppPlan, pods: list[Pod]) -> list[Problem]:
    """The problem `serving.rollout:<app>` until exactly the wanted replicas are ready."""
    ready = [pod for pod in pods if pod.ready and not pod.terminating]
    if len(ready) == app.replicas == len(pods):
        return []
    reasons = "; ".join(f"{pod.name}: {why}" for pod in pods for why in pod.reasons[:2])
    found = f"{len(ready)} of {len(pods)} pods ready" + (f" ({reasons})" if reasons else "")
    fix = f"kubectl -n {context.settings.namespace} describe deployment {app.name}; {logs_command(context, app.name)}"
    return [Problem(f"serving.rollout:{app.name}", found, f"{app.replicas} ready and no other", fix)]


def logs_command(context: GateContext, name: str) -> str:
    """The command that shows the last lines of a Deployment's pods."""
    return f"kubectl -n {context.settings.namespace} logs deployment/{name} --all-containers --tail 50"


def session_problems(context: GateContext, pods: dict[str, list[Pod]], facts: dict[str, Any]) -> list[Problem]:
    """At least one session of each Deployment on the database that is to serve."""
    names = {name: [(pod.name, pod.address) for pod in of_app] for name, of_app in pods.items()}
    database = context.serving()
    if database:
        facts["recoverability"] = describe_recoverability(database).text
    if database is None:
        found, needed = "the database that is to serve is gone", "an instance that exists"
        return [Problem("serving.unreachable", found, needed, "python -m restore status")]
    try:
        with context.connect(database) as connection:
            by_app = postgres.attribute(postgres.list_sessions(connection), names)
    except RestoreError as error:
        return [unreachable("serving", database, error)]
    facts["sessions"] = {name: len(by_app.get(name, ())) for name in names}
    return [
        Problem(
            f"serving.sessions:{name}",
            f"no session of it on {database.identifier}",
            "at least one",
            f"{logs_command(context, name)}; kubectl -n {context.settings.namespace} set env deployment/{name} "
            f"PGAPPNAME={name} (if it is connected)",
        )
        for name, replicas in ((app.name, app.replicas) for app in context.plan.apps)
        if replicas and not by_app.get(name)
    ]


def elsewhere_problems(context: GateContext, facts: dict[str, Any]) -> list[Problem]:
    """No client session on the database that was left: it would read, or write, what is no longer the truth.

    One that can't be asked is recorded, and no reason to call the applications down."""
    left: Instance | None = None
    try:
        left = context.left()
        if left is None:
            return []
        with context.connect(left) as connection:
            found = postgres.list_sessions(connection)
    except RestoreError as error:
        facts["left_unreachable"] = unreachable("serving", left, error).found if left else str(error)
        return []
    sessions = [session for session in found if not is_ignored(context.settings, session)]
    facts["left"] = {"database": left.identifier, "sessions": len(sessions)}
    if not sessions:
        return []
    named = f"{len(sessions)} sessions on {left.identifier}: {describe_sessions(sessions)}"
    return [Problem("serving.elsewhere", named, "none", f"{ending_command(context, left, sessions)}; pulumi up")]


def health_problems(context: GateContext, app: AppPlan, pods: list[Pod]) -> list[Problem]:
    """The problem `serving.health:<app>` until its health URL, or that of each pod, answers 2xx."""
    if not app.health or not app.replicas:
        return []
    if "{pod}" in app.health:
        urls = [app.health.replace("{pod}", pod.address) for pod in pods if pod.address]
    else:
        urls = [app.health]
    faults = [f"{url}: {fault}" for url in urls if (fault := check_health(url)) is not None]
    if urls and not faults:
        return []
    found = "; ".join(faults) or "no pod to ask"
    return [Problem(f"serving.health:{app.name}", found, "2xx from each", logs_command(context, app.name))]


def check_health(url: str) -> str | None:
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
