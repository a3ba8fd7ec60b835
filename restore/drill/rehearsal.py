"""What is rehearsed on a restored instance: the switch, requests, the way back, and a defect that must be found.

Each function is one phase, and returns what it found. Raises RestoreError where it can't go on.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from restore import postgres
from restore.cutover.connection_secret import list_source_endpoints, plan_secret
from restore.drill import defect as defects
from restore.drill import http_checks
from restore.drill.scratch import Scratch
from restore.errors import PermanentError, Problem, RestoreError
from restore.gates.context import GateContext, require_endpoint
from restore.gates.hook import Watch
from restore.gates.targets import build_operator_target, find_source_target, open_reading_target
from restore.gates.validated import read_expectations
from restore.kubernetes import Pod
from restore.model.context import RestoreContext
from restore.model.drill import DrillSettings, HttpCheck
from restore.model.planned import SecretPlan
from restore.model.rds import Endpoint, Instance
from restore.model.request import Traffic
from restore.postgres import drilled_role
from restore.redaction import register_secret
from validation.connect import urls
from validation.runner.run import RunOptions
from validation.runner.run import run as validate

REPLICAS = 1
SESSION_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a phase found; without problems it has passed."""

    found: str
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Rehearsal:
    """One restored instance, what it was made from, and the scratch namespace."""

    restored: RestoreContext
    """As found once the instance was proved."""
    gates: GateContext
    scratch: Scratch
    watch: Watch
    drill: DrillSettings
    """Of the stack whose drill it is."""

    @property
    def names(self) -> tuple[str, ...]:
        """The applications that are copied."""
        return self.drill.apps or tuple(app.name for app in self.restored.settings.apps)

    @property
    def candidate(self) -> Instance:
        return self.gates.read_candidate()

    def plan_secret(self) -> SecretPlan:
        """Returns what the connection secret holds after a switch, and after the way back. Raises PermanentError."""
        switched = replace(self.restored.request, traffic=Traffic.RESTORED)
        planned = plan_secret(replace(self.restored, request=switched))
        if planned is None:
            secret = self.restored.settings.secret
            fix = f"kubectl -n {self.restored.settings.namespace} get secret {secret.name}"
            found = "no connection URL of the applications that can be switched"
            raise PermanentError.of(Problem("drill.secret", found, f"secret {secret.name} as `secret` names it", fix))
        return planned


def make_copies(rehearsal: Rehearsal) -> Outcome:
    """Makes the copies, at zero replicas, in a network that is proved to be closed."""
    scratch, candidate = rehearsal.scratch, rehearsal.candidate
    scratch.require()
    rehearsal.plan_secret()  # before anything is made
    if references := find_references(rehearsal.restored, rehearsal.names):
        return Outcome("copies would use the source", references)
    endpoint = require_endpoint(candidate)
    originals = scratch.read_originals(rehearsal.names)
    closed = rehearsal.drill.network == "closed"
    if closed:
        scratch.close_network(find_addresses(endpoint), endpoint.port)
        if fault := probe_network(rehearsal, endpoint):
            return Outcome("the copies could reach more than the restored database", (fault,))
    if not rehearsal.drill.writes:
        with rehearsal.gates.administer(candidate) as connection:
            drilled_role.forbid_writes(connection, *read_login(rehearsal.gates))
    scratch.make(originals)
    network = "in a closed network" if closed else "in the namespace's own network"
    return Outcome(f"{len(originals)} Deployments copied to {scratch.place.namespace}, {network}")


def find_references(context: RestoreContext, names: Sequence[str]) -> tuple[Problem, ...]:
    """Returns the values by which the copies would be told the source besides the connection secret. Pure."""
    hosts = [endpoint.host for endpoint in list_source_endpoints(context)]
    needed = "no other place that tells it the source: the copy would connect to production"
    return tuple(
        Problem(
            f"drill.reference:{reference.app}/{reference.place}",
            "it names the source",
            needed,
            "pulumi config set --plaintext --path 'secret.alsoKeys[0]' <key> (a key of the connection secret); "
            'docs/drill.md, "Copies that name the source"',
        )
        for reference in context.inventory.cluster.references
        if reference.app in names and any(reference.names(host) for host in hosts)
    )


def find_addresses(endpoint: Endpoint) -> set[str]:
    """Returns the addresses of an endpoint, as this machine's resolver has them. Raises PermanentError."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        needed = "its address, for the network policy that lets the copies reach nothing else"
        fix = 'docs/drill.md, "The network of the copies"'
        raise PermanentError.of(Problem("drill.network", f"{endpoint.host}: {error}", needed, fix)) from error
    return {str(item[4][0]) for item in found}


def probe_network(rehearsal: Rehearsal, endpoint: Endpoint) -> Problem | None:
    """Returns why the network of the copies isn't closed. A source without an endpoint leaves nothing to be kept from
    but what the policy says."""
    source = rehearsal.restored.source
    if source is None or source.endpoint is None:
        return None
    version = rehearsal.candidate.engine_version.partition(".")[0]
    image = rehearsal.restored.settings.validation.image or f"postgres:{version}"
    return rehearsal.scratch.probe_network(image, endpoint, source.endpoint)


def read_login(gates: GateContext) -> tuple[str, str]:
    """Returns the applications' user and database, as their URL has them."""
    return urls.read_parameters(gates.read_application_url()).get("user", ""), gates.database


def switch(rehearsal: Rehearsal) -> Outcome:
    """Has the copied secret name the restored instance, and starts the copies."""
    planned = rehearsal.plan_secret()
    rehearsal.scratch.write_secret(planned.name, planned.values)
    rehearsal.scratch.scale(rehearsal.names, REPLICAS)
    pods = rehearsal.scratch.wait_ready(rehearsal.names, float(rehearsal.drill.ready_seconds))
    ready = ", ".join(f"{name} {len(of_app)}" for name, of_app in pods.items())
    return Outcome(f"ready on {planned.endpoint}: {ready}", facts={"ready": {n: len(p) for n, p in pods.items()}})


def ask(rehearsal: Rehearsal) -> Outcome:
    """Sends the configured requests to the copies, and looks for their sessions on the restored instance."""
    seen = rehearsal.scratch.look(rehearsal.names)
    pods = {name: [pod for pod in of_app if pod.ready] for name, of_app in seen.items()}
    checks = rehearsal.drill.checks
    headers = [fill_headers(rehearsal.scratch, check) for check in checks]
    asker = http_checks.make_asker(rehearsal.scratch.api, rehearsal.scratch.place.namespace)
    problems = http_checks.find_problems(checks, pods, headers, asker)
    sessions = count_sessions(rehearsal, pods)
    if not sessions:
        user, _ = read_login(rehearsal.gates)
        needed = f"at least one session of {user}: copies that use the switched secret"
        fix = 'docs/drill.md, "Copies without a session"'
        problems.append(Problem("drill.sessions", f"none on {rehearsal.candidate.identifier}", needed, fix))
    passed = len(checks) - sum(item.subject != "drill.sessions" for item in problems)
    told = f"{passed} of {len(checks)} answered as needed" if checks else "no request is configured (drill.checks)"
    return Outcome(f"{told}, {sessions} sessions", tuple(problems), {"sessions": sessions, "requests": len(checks)})


def fill_headers(scratch: Scratch, check: HttpCheck) -> dict[str, str]:
    """Returns a request's headers. Raises PermanentError for a Secret or key that isn't there."""
    filled = dict(check.headers)
    for name, header in check.headers_from.items():
        value = scratch.read_secret(header.secret, [header.key])[header.key]
        if value is None:
            space = scratch.place.namespace
            fix = f"kubectl -n {space} create secret generic {header.secret} --from-file {header.key}=<file>"
            found = f"secret {header.secret} of {space} has no key {header.key}"
            raise PermanentError.of(Problem(f"drill.check:{check.url}", found, f"the value of header {name}", fix))
        filled[name] = f"{header.prefix}{register_secret(value)}"
    return filled


def count_sessions(rehearsal: Rehearsal, pods: Mapping[str, Sequence[Pod]]) -> int:
    """Returns how many sessions the copies have on the restored instance, waiting a moment for the first one."""
    user, _ = read_login(rehearsal.gates)
    names = {name: [(pod.name, pod.address) for pod in items] for name, items in pods.items()}

    def count() -> int:
        with rehearsal.gates.connect(rehearsal.candidate) as connection:
            by_app = postgres.attribute(postgres.list_sessions(connection), names)
        return sum(session.user == user for sessions in by_app.values() for session in sessions)

    try:
        return rehearsal.watch.wait_for(count, bool, seconds=SESSION_SECONDS, subject="a session of the copies")
    except RestoreError:
        if rehearsal.watch.stop.is_set():
            raise
        return 0


def go_back(rehearsal: Rehearsal) -> Outcome:
    """Stops the copies, and has the copied secret hold again what production's holds. They don't start again: copies
    that use the source would write to it."""
    planned, scratch = rehearsal.plan_secret(), rehearsal.scratch
    scratch.scale(rehearsal.names, 0)
    scratch.wait_stopped()
    wait_no_session(rehearsal)
    scratch.write_secret(planned.name, planned.original_values)
    keys = tuple(planned.values)
    if scratch.read_secret(planned.name, keys) != scratch.read_original_secret(planned.name, keys):
        fix = f"kubectl -n {rehearsal.restored.settings.namespace} get secret {planned.name}; python -m restore drill"
        needed = "byte for byte what production's connection secret holds"
        return Outcome("the way back leads elsewhere", (Problem("drill.wayBack", "another value", needed, fix),))
    login = try_source(rehearsal, planned)
    return Outcome(f"the copies are stopped, the secret is production's again; {login}")


def wait_no_session(rehearsal: Rehearsal) -> None:
    """Waits until the stopped copies have no session left: for at most `quiet.graceSeconds` and SESSION_SECONDS
    more."""
    user, _ = read_login(rehearsal.gates)

    def list_left() -> list[postgres.Session]:
        with rehearsal.gates.connect(rehearsal.candidate) as connection:
            return [session for session in postgres.list_sessions(connection) if session.user == user]

    grace = float(rehearsal.restored.settings.quiet.grace_seconds) + SESSION_SECONDS
    rehearsal.watch.wait_for(
        list_left,
        lambda sessions: not sessions,
        seconds=grace,
        subject="the sessions of stopped copies to end",
        describe=lambda sessions: f"{len(sessions)} sessions of {user}",
        longest=3.0,
    )


def try_source(rehearsal: Rehearsal, planned: SecretPlan) -> str:
    """Logs in to the source as the applications would after the way back, reading only. Returns what was found."""
    source = rehearsal.restored.local_source
    if source is None or source.endpoint is None:
        return "the source isn't in this region, and was not asked"
    attempt = postgres.try_login(planned.original_url, source.endpoint, rehearsal.restored.settings.tls)
    return f"its login works on {source.identifier} as {attempt.user}"


def plant(rehearsal: Rehearsal) -> Outcome:
    """Empties a table of the restored instance, and has validation look at it again."""
    gates, candidate = rehearsal.gates, rehearsal.candidate
    expected = gates.expectations or read_expectations(rehearsal.restored.settings)
    defect = defects.choose(expected)
    if defect is None:
        needed = "a table that must have rows: validation that expects none finds no loss"
        fix = "pulumi config set --path validation.inline.tables.<table>.min <rows>; docs/expectations.md"
        return Outcome("nothing to plant", (Problem("drill.defect", "the expectations require no row", needed, fix),))
    if not rehearsal.drill.writes:
        with gates.administer(candidate) as connection:
            drilled_role.allow_writes(connection, *read_login(gates))
    endpoint, url, tls = require_endpoint(candidate), gates.read_application_url(), rehearsal.restored.settings.tls
    logins = (partial(postgres.write_as_application, url, endpoint, tls), partial(gates.administer, candidate))
    statement = defects.plant(defect, logins)
    operator = build_operator_target(gates, endpoint)
    source, _ = find_source_target(gates)
    with open_reading_target(gates, rehearsal.watch, operator) as target:
        report = validate(
            target,
            defect.expected,
            RunOptions(
                source=source,
                workers=rehearsal.restored.settings.validation.workers,
                budget_seconds=rehearsal.restored.settings.validation.budget_seconds,
                stop=rehearsal.watch.stop,
            ),
        )
    facts = {"defect": defect.name, "statement": statement, "found_by": defect.found_by}
    if miss := defects.find_miss(defect, report):
        fix = 'docs/drill.md, "A defect that isn\'t found"'
        needed = f"{defect.found_by} fails once the table is empty"
        return Outcome("validation missed a defect", (Problem("drill.defect", miss, needed, fix),), facts)
    return Outcome(f"{defect.name}: found by {defect.found_by}", facts=facts)
