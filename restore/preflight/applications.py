"""Rules about the applications: Deployments, the connection secret, and how traffic may move. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from restore.config.reader import nearest
from restore.cutover import connection_url, deployments, traffic
from restore.cutover.traffic import Pointing
from restore.errors import Problem
from restore.model.context import Case
from restore.model.labels import NOTE_PREVIOUS
from restore.model.request import SecretKey, Traffic
from validation.connect import urls


def applications_named(case: Case) -> Iterable[Problem]:
    if not case.settings.apps and case.request.traffic is not Traffic.SOURCE:
        found = f"traffic {case.request.traffic}, and `apps` is empty"
        fix = "pulumi config set --path 'apps.<name>' '{}', once for each; or pulumi config set traffic source"
        yield Problem("config apps", found, "every Deployment that writes to the database", fix)


def applications_kept(case: Case) -> Iterable[Problem]:
    """What left `apps` in the middle of a restore would stay stopped, and be forgotten."""
    named = {app.name for app in case.settings.apps}
    for name, found in case.inventory.cluster.deployments.items():
        if found and name not in named and case.held(found.annotations):
            yield Problem(
                f"deployment {name}",
                f"this restore has taken it over ({found.replicas} replicas), and `apps` doesn't name it any more",
                "every Deployment of this restore, until it is closed",
                f"pulumi config set --path 'apps[\"{name}\"]' '{{}}'",
            )


def deployments_exist(case: Case) -> Iterable[Problem]:
    found = case.inventory.cluster.deployments
    existing = [name for name, deployment in found.items() if deployment]
    for app in case.settings.apps:
        if found.get(app.name) is None:
            near = nearest(app.name, existing)
            meant = f", perhaps {' or '.join(near)}" if near else ""
            yield Problem(
                f"deployment {app.name}",
                f"doesn't exist in namespace {case.settings.namespace}",
                f"every Deployment in `apps`{meant}",
                f"correct it in Pulumi.{case.settings.stack}.yaml under restore:apps, or restore:namespace",
            )


def replicas_known(case: Case) -> Iterable[Problem]:
    if case.request.traffic is Traffic.SOURCE and not case.any_held:
        return
    for app, deployment in case.apps:
        if deployments.recorded_replicas(case, app, deployment) is None:
            yield Problem(
                f"deployment {app.name}",
                f"at {deployment.replicas} replicas, and nothing says how many it should have",
                "the number to come back with",
                f"pulumi config set --path 'apps[\"{app.name}\"].replicas' <number>",
            )


def secret_usable(case: Case) -> Iterable[Problem]:
    """The secret, its key, a URL in it that can be pointed elsewhere, and that it names one of the two databases."""
    if not case.settings.apps:
        return
    wanted, found = case.settings.secret, case.inventory.cluster.secret
    subject = f"secret {wanted.name}"
    if found is None:
        where = f"doesn't exist in namespace {case.settings.namespace}"
        yield Problem(
            subject, where, "the applications' connection secret", "pulumi config set --path secret.name <name>"
        )
    elif found.url is None:
        near = nearest(wanted.key, found.keys) or sorted(found.keys)
        keys = f"no key {wanted.key}; it has {', '.join(sorted(found.keys)) or 'none'}"
        fix = f"pulumi config set --path secret.key {near[0] if near else '<key>'}"
        yield Problem(subject, keys, "the key that holds the connection URL", fix)
    else:
        yield from _url_usable(case, f"{subject}, key {wanted.key}", found.url)


def _url_usable(case: Case, subject: str, text: str) -> Iterable[Problem]:
    try:
        url = urls.parse(text)
        url.at("host.invalid", connection_url.STANDARD_PORT)
    except urls.WrappedUrlError as error:
        yield Problem(subject, str(error), "the URL itself", _unwrapping(case.settings.namespace, case.settings.secret))
        return
    except urls.UrlError as error:
        yield Problem(subject, str(error), "a URL whose host can be replaced", "correct the secret, or secret.key")
        return
    if not url.host:
        yield Problem(subject, "a URL without a host", "one that names the source", "correct the secret")
    elif traffic.pointing(case) is Pointing.ELSEWHERE:
        known = [str(one.endpoint) for one in (case.source, case.candidate) if one and one.endpoint]
        yield Problem(
            subject,
            f"points at {connection_url.endpoint_of(url)}",
            f"at {' or '.join(known)}" if known else f"the endpoint that {case.settings.source} has, or had",
            f"if it is the source by another name: pulumi config set --path secret.sourceHost {shlex.quote(url.host)}",
        )


def _unwrapping(namespace: str, secret: SecretKey) -> str:
    """Takes away what stands around the URL; the URL is on no command line and on no screen."""
    kubectl, name = f"kubectl --namespace {namespace}", secret.name
    template = f'go-template={{{{index .data "{secret.key}"}}}}'
    clean = r"""tr -d '\000-\037\177' | LC_ALL=C sed "s/^[^A-Za-z]*//; s/[\"'\` ]*\$//" """.strip()
    return (
        f"{kubectl} get secret {name} --output '{template}' | base64 --decode | {clean} | "
        f"kubectl create secret generic {name} --from-file={secret.key}=/dev/stdin --dry-run=client --output yaml | "
        f"{kubectl} patch secret {name} --patch-file /dev/stdin"
    )


def secret_can_be_changed(case: Case) -> Iterable[Problem]:
    """The API refuses every change of an immutable Secret's values: found before anything stops, not at the switch."""
    secret = case.inventory.cluster.secret
    if not case.settings.apps or not secret or not secret.immutable or _secret_stays(case):
        return
    kubectl = f"kubectl --namespace {case.settings.namespace}"
    yield Problem(
        f"secret {secret.name}",
        "immutable: true, so its URL can't be changed",
        "a Secret that can be changed",
        "replace it by one that is not (values and pods stay), and take `immutable` out of where it is deployed from: "
        f"{kubectl} get secret {secret.name} --output yaml | sed '/^immutable: true$/d' | "
        f"{kubectl} replace --force --filename -",
    )


def _secret_stays(case: Case) -> bool:
    at = traffic.pointing(case)
    match case.request.traffic:
        case Traffic.FROZEN:
            return False
        case Traffic.RESTORED:
            return at is Pointing.CANDIDATE
        case Traffic.SOURCE:
            return at is not Pointing.CANDIDATE


def secret_way_back_known(case: Case) -> Iterable[Problem]:
    secret = case.inventory.cluster.secret
    if secret and case.secret_held and connection_url.previous_endpoint(case) is None:
        yield Problem(
            f"secret {secret.name}",
            f"annotation {NOTE_PREVIOUS} is missing or damaged",
            "host:port that the URL named before the switch",
            f"kubectl -n {case.settings.namespace} annotate secret {secret.name} {NOTE_PREVIOUS}=<host>:<port>",
        )


def traffic_moves_through_frozen(case: Case) -> Iterable[Problem]:
    if not case.apps or _move_allowed(case):
        return
    at = traffic.pointing(case)
    now = {Pointing.SOURCE: "use the source", Pointing.CANDIDATE: "use the candidate"}.get(at, "run")
    running = ", ".join(f"{app.name} {found.replicas}" for app, found in case.apps if found.replicas)
    yield Problem(
        f"traffic {case.request.traffic}",
        f"applications {now} ({running or 'none runs'})",
        "frozen first: pods on both databases would write apart what belongs together",
        "pulumi config set traffic frozen; pulumi up; then "
        f"pulumi config set traffic {case.request.traffic}; pulumi up",
    )


def _move_allowed(case: Case) -> bool:
    at = traffic.pointing(case)
    match case.request.traffic:
        case Traffic.FROZEN:
            return True
        case Traffic.RESTORED:
            return traffic.all_at_zero(case) or at is Pointing.CANDIDATE
        case Traffic.SOURCE:
            untouched = not case.any_held and at is not Pointing.CANDIDATE
            return untouched or traffic.all_at_zero(case) or at is Pointing.SOURCE


def candidate_ready_to_serve(case: Case) -> Iterable[Problem]:
    if case.request.traffic is Traffic.RESTORED and not (case.candidate and case.candidate.endpoint):
        found = f"status {case.candidate.status}, no endpoint yet" if case.candidate else "doesn't exist yet"
        yield Problem(
            f"instance {case.candidate_name}",
            found,
            "a candidate that was restored and validated",
            "pulumi config set traffic frozen; pulumi up; then pulumi config set traffic restored; pulumi up",
        )


def other_writers_stopped(case: Case) -> Iterable[Problem]:
    settled = {Traffic.SOURCE, traffic.found_traffic(case) if case.request.traffic is not Traffic.FROZEN else None}
    if case.request.traffic in settled:
        return
    for writer in case.inventory.cluster.writers:
        if writer.blocking:
            needed = "stopped until traffic has moved: it writes, or brings pods back"
            yield Problem(f"{writer.kind} {writer.name}", writer.detail, needed, writer.stop)
