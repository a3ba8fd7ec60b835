"""Gate `serving`: the applications are up, connected to the right database, and to no other."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from restore import postgres
from restore.cutover.connection_url import is_same_endpoint, read_endpoint
from restore.errors import Problem, RestoreError, TemporaryError
from restore.gates.activity import build_ending_command, describe_sessions, is_ignored
from restore.gates.context import GateContext
from restore.gates.dependents import follow_dependents
from restore.gates.error_problems import build_unreachable
from restore.gates.hook import Proof, Watch
from restore.kubernetes import Pod
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.cluster import Deployment, Reference
from restore.model.labels import ANNOTATION_ENDPOINT
from restore.model.planned import AppPlan, SecretPlan
from restore.model.rds import Instance
from restore.model.waivers import find_reason, is_waived
from validation.connect import urls
from validation.verdict import Verdict

SECONDS = 900.0
HEALTH_SECONDS = 10.0
SECRET = "serving.secret:"
SESSIONS = "serving.sessions:"
BY_USER = "sessions_by_user"
"""The fact that says how many sessions of the applications' user no pod is known for."""


@dataclass(frozen=True)
class Observation:
    """Who serves at one moment."""

    problems: tuple[Problem, ...]
    facts: dict[str, Any]


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits until every line holds; at the deadline tells the lines that don't."""
    last: list[Observation] = []
    ready_since: list[float] = []

    def read() -> Observation:
        last[:] = [observe(context)]
        return last[0]

    def has_nothing_to_wait_for(observation: Observation) -> bool:
        unwaived = [
            problem
            for problem in observation.problems
            if find_reason(problem.subject, watch.gate, context.settings.waive) is None
        ]
        if any(problem.subject.startswith(SECRET) for problem in unwaived):
            return True  # no waiting helps: somebody else writes it
        if unwaived and all(problem.subject.startswith(SESSIONS) for problem in unwaived):
            ready_since.append(watch.read_clock())
            if watch.read_clock() - ready_since[0] >= context.settings.secret.watch_seconds:
                return True  # a lazy pool opens no session before a request
        else:
            ready_since.clear()
        if unwaived:
            watch.say("waiting for " + "; ".join(f"{problem.subject} ({problem.found})" for problem in unwaived[:3]))
        return not unwaived

    try:
        observation = watch.wait_for(read, has_nothing_to_wait_for, subject="the applications", longest=3)
    except TemporaryError:
        if watch.stop.is_set() or not last:
            raise
        return Proof(Verdict.FAIL, "the applications don't serve as they should", last[0].facts, last[0].problems)
    later = (
        *find_changed_secret_problems(context, watch, observation),
        *find_reference_problems(context),
        *follow_dependents(context, watch, observation.facts),
    )
    return conclude(context, observation, (*observation.problems, *later))


def conclude(context: GateContext, observation: Observation, problems: tuple[Problem, ...]) -> Proof:
    """Returns PASS without a problem; INCONCLUSIVE where all that is known is that some have no session yet."""
    facts = observation.facts
    if any(problem.subject.startswith(SECRET) for problem in problems):
        return Proof(Verdict.FAIL, "the connection secret doesn't stay as it was switched", facts, problems)
    if problems and all(problem.subject.startswith(SESSIONS) for problem in problems):
        return Proof(Verdict.INCONCLUSIVE, "ready, but whom they use isn't seen: no session yet", facts, problems)
    if problems:
        return Proof(Verdict.FAIL, "what is left open is waived, or has to be", facts, problems)
    endpoint = context.plan.apps[0].endpoint
    others = "the database that was left can't be asked" if "left_unreachable" in facts else "none elsewhere"
    connected = f"connected to {endpoint}, {others}"
    if unnamed := facts.get(BY_USER):
        connected = (
            f"{unnamed} of their user's sessions are on {endpoint}, {others}; whose they are isn't known by their "
            "addresses (a proxy, NAT, or another client of that user)"
        )
    return Proof(Verdict.PASS, f"every Deployment is ready and {connected}", facts)


def find_changed_secret_problems(context: GateContext, watch: Watch, observation: Observation) -> list[Problem]:
    """Returns what the key names after the configured seconds, if it named the right database until then: the pods go
    on with the database that they were started with, and the next ones would use the other."""
    secret, seconds = context.plan.secret, context.settings.secret.watch_seconds
    reported = any(problem.subject.startswith(SECRET) for problem in observation.problems)
    if secret is None or reported or not seconds:
        return []
    watch.say(f"reading the secret again in {seconds} s: a controller may put its former value back")
    watch.pause(seconds, "the secret to stay as it is")
    return find_secret_problems(context, secret)


def find_secret_problems(context: GateContext, secret: SecretPlan) -> list[Problem]:
    """Returns the problem `serving.secret:<name>` when the key names another database than it was switched to. Raises
    as GateContext.read_application_url, UrlError for a text that is no URL."""
    endpoint = read_endpoint(urls.parse(context.read_application_url()))
    if is_same_endpoint(endpoint, secret.endpoint):
        return []
    found = f"key {secret.key} names {endpoint}: somebody has written it since the switch"
    fix = (
        f"kubectl -n {context.settings.namespace} get secret {secret.name} --show-managed-fields --output yaml "
        "(names who writes it: stop that); pulumi up"
    )
    return [Problem(f"{SECRET}{secret.name}", found, f"{secret.endpoint}", fix)]


def find_reference_problems(context: GateContext) -> list[Problem]:
    """Returns the problems `serving.reference:<app>/<place>`: what tells the pods the database that was left.
    Preflight's waiver of it counts here too."""
    left = context.plan.left
    if context.plan.secret is None or left is None or left.endpoint is None:
        return []
    host, namespace = left.endpoint.host, context.settings.namespace
    apps = [app.name for app in context.plan.apps]
    references = context.namespace.find_references(apps, context.settings.secret)
    return [
        Problem(
            f"serving.reference:{reference.app}/{reference.place}",
            f"it names {left.identifier}, which was left",
            "the database that serves, everywhere",
            f"kubectl -n {namespace} edit {name_edited(reference)}; "
            f"kubectl -n {namespace} rollout restart deployment {reference.app}; pulumi up",
        )
        for reference in references
        if reference.app in apps and reference.names(host) and not is_waived(reference.check, context.settings.waive)
    ]


def name_edited(reference: Reference) -> str:
    """Returns the object that holds a reference, as kubectl names it."""
    kind, name, *_ = reference.place.split("/", 2)
    return f"deployment {reference.app}" if kind in ("env", "args") else f"{kind.lower()} {name}"


def observe(context: GateContext) -> Observation:
    """Asks Kubernetes, both databases and the applications' health URLs."""
    apps = context.plan.apps
    deployments = context.namespace.read_deployments([app.name for app in apps])
    pods = {name: list_pods(context, deployment) for name, deployment in deployments.items()}
    problems = [p for app in apps for p in find_rollout_problems(context, app, deployments[app.name], pods[app.name])]
    facts: dict[str, Any] = {
        "endpoint": str(apps[0].endpoint),
        "ready": {name: sum(pod.ready for pod in of_app) for name, of_app in pods.items()},
    }
    problems += find_secret_problems(context, context.plan.secret) if context.plan.secret else []
    problems += find_session_problems(context, pods, facts)
    problems += find_elsewhere_problems(context, facts)
    problems += [problem for app in apps for problem in find_health_problems(context, app, pods[app.name])]
    return Observation(tuple(problems), facts)


def list_pods(context: GateContext, deployment: Deployment | None) -> list[Pod]:
    """Returns the pods of a Deployment, ended ones left out."""
    return [pod for pod in context.namespace.list_pods(deployment.selector) if not pod.ended] if deployment else []


def find_rollout_problems(
    context: GateContext, app: AppPlan, deployment: Deployment | None, pods: list[Pod]
) -> list[Problem]:
    """Returns the problem `serving.rollout:<app>` until all replicas that it is to have now are ready, of the pods that
    the switch made, and none of the former is left. An autoscaler may have set another number since."""
    former = [pod for pod in pods if pod.annotations.get(ANNOTATION_ENDPOINT) != app.pod_annotation]
    ready = [pod for pod in pods if pod not in former and pod.ready and not pod.terminating]
    if deployment and not app.replicas and not deployment.replicas and not pods:
        return []
    seen = deployment is not None and deployment.observed_generation >= deployment.generation
    if deployment and seen and deployment.replicas and len(ready) >= deployment.replicas and not former:
        return []
    reasons = "; ".join(f"{pod.name}: {why}" for pod in pods for why in pod.reasons[:2])
    found = f"{len(ready)} of {len(pods)} pods ready" + (f" ({reasons})" if reasons else "")
    found += f", {len(former)} of them from before the switch" if former else ""
    found += "" if seen else ", its controller hasn't seen the change yet"
    found += ", its rollout is paused (kubectl rollout resume)" if deployment and deployment.paused else ""
    needed = f"{deployment.replicas} ready" if deployment and deployment.replicas else "at least one ready"
    describe = f"kubectl -n {context.settings.namespace} describe deployment {app.name}"
    fix = f"{describe}; {build_logs_command(context, app.name)}"
    return [Problem(f"serving.rollout:{app.name}", found, f"{needed}, and none from before the switch", fix)]


def build_logs_command(context: GateContext, name: str) -> str:
    """Returns the command that shows the last lines of a Deployment's pods."""
    return f"kubectl -n {context.settings.namespace} logs deployment/{name} --all-containers --tail 50"


def find_session_problems(context: GateContext, pods: dict[str, list[Pod]], facts: dict[str, Any]) -> list[Problem]:
    """Returns the problems of Deployments without a session on the database that is to serve."""
    names = {name: [(pod.name, pod.address) for pod in of_app] for name, of_app in pods.items()}
    database = context.find_serving()
    if database:
        facts["recoverability"] = describe_recoverability(database).text
    if database is None:
        found, needed = "the database that is to serve is gone", "an instance that exists"
        return [Problem("serving.unreachable", found, needed, "python -m restore status")]
    try:
        with context.connect(database) as connection:
            by_app = postgres.attribute(postgres.list_sessions(connection), names)
    except RestoreError as error:
        return [build_unreachable("serving", database, error)]
    facts["sessions"] = {name: len(by_app.get(name, ())) for name in names}
    user = urls.read_parameters(context.read_application_url()).get("user")
    if unnamed := sum(session.user == user for session in by_app.get("", ())):
        # Behind a proxy, a NAT or on the node's own network a session has another address than its pod
        facts[BY_USER] = unnamed
        return []
    return [
        Problem(
            f"{SESSIONS}{name}",
            f"no session of it on {database.identifier} yet",
            "at least one, by its pods' addresses or by the application's user",
            f"{build_logs_command(context, name)}; kubectl -n {context.settings.namespace} set env deployment/{name} "
            f"PGAPPNAME={name} (if it is connected)",
        )
        for name, replicas in ((app.name, app.replicas) for app in context.plan.apps)
        if replicas and not by_app.get(name)
    ]


def find_elsewhere_problems(context: GateContext, facts: dict[str, Any]) -> list[Problem]:
    """Returns the problems of client sessions on the database that was left: they would read, or write, what is no
    longer the truth.

    One that can't be asked is recorded, and no reason to call the applications down."""
    left: Instance | None = None
    try:
        left = context.find_left()
        if left is None:
            return []
        with context.connect(left) as connection:
            listed = postgres.list_sessions(connection)
    except RestoreError as error:
        facts["left_unreachable"] = build_unreachable("serving", left, error).found if left else str(error)
        return []
    sessions = [session for session in listed if not is_ignored(context.settings, session)]
    facts["left"] = {"database": left.identifier, "sessions": len(sessions)}
    if not sessions:
        return []
    if context.plan.rename:
        return find_dns_cache_problems(context, left, sessions)
    named = f"{len(sessions)} sessions on {left.identifier}: {describe_sessions(sessions)}"
    return [Problem("serving.elsewhere", named, "none", f"{build_ending_command(context, left, sessions)}; pulumi up")]


def find_dns_cache_problems(
    context: GateContext, left: Instance, sessions: Sequence[postgres.Session]
) -> list[Problem]:
    """Returns the problem `serving.dnsCache:<client>` of each pod or address that still uses the instance which
    production's name has left. Ended sessions would come back: the client has kept the name's former address."""
    clients: dict[str, list[postgres.Session]] = {}
    pods = [pod for pod in context.namespace.list_pods("") if not pod.ended]
    for session in sessions:
        pod = next((pod.name for pod in pods if session.application == pod.name), None) or next(
            (pod.name for pod in pods if pod.address and pod.address == session.address), None
        )
        clients.setdefault(pod or str(session.address), []).append(session)
    names = {pod.name for pod in pods}
    needed = f"none: it keeps the address that {context.settings.source} had before"
    return [
        Problem(
            f"serving.dnsCache:{client}",
            f"{len(own)} sessions on {left.identifier}: {describe_sessions(own)}",
            needed,
            f"kubectl -n {context.settings.namespace} delete pod {client}; pulumi up"
            if client in names
            else f"{build_ending_command(context, left, own)} (start the client at {client} again first); pulumi up",
        )
        for client, own in clients.items()
    ]


def find_health_problems(context: GateContext, app: AppPlan, pods: list[Pod]) -> list[Problem]:
    """Returns the problem `serving.health:<app>` until its health URL, or that of each pod, answers 2xx."""
    if not app.health or not app.replicas:
        return []
    if "{pod}" in app.health:
        answers = [(pod.name, check_pod(context, app.health, pod)) for pod in pods if pod.address]
    else:
        answers = [(app.health, check_health(app.health))]
    faults = [f"{name}: {fault}" for name, fault in answers if fault is not None]
    if answers and not faults:
        return []
    found = "; ".join(faults) or "no pod to ask"
    return [Problem(f"serving.health:{app.name}", found, "2xx from each", build_logs_command(context, app.name))]


def check_pod(context: GateContext, url: str, pod: Pod) -> str | None:
    """Returns what is wrong with a pod's answer, or None for 2xx. It is asked through the API server, which every
    operator reaches; that proxies to no loopback address (Kubernetes, pkg/proxy/util: IsProxyableIP), where a pod is on
    this very machine."""
    if pod.address and ip_address(pod.address).is_loopback:
        return check_health(url.replace("{pod}", pod.address))
    parts = urlsplit(url.replace("{pod}", "pod"))
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        status = context.api.ask_pod_health(context.settings.namespace, pod.name, parts.scheme, port, path)
    except RestoreError as error:
        return error.problem.found if error.problem else str(error)
    return None if 200 <= status < 300 else f"status {status}"


def check_health(url: str) -> str | None:
    """Returns what is wrong with the answer, or None for 2xx. Redirects are followed, as `curl -fL` does."""
    if not url.startswith(("http://", "https://")):
        return "no http(s) URL"
    try:
        with urllib.request.urlopen(url, timeout=HEALTH_SECONDS) as answer:  # noqa: S310 (scheme checked above)
            return None if 200 <= answer.status < 300 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
