"""Rules about the applications: Deployments, the connection secret, and how traffic may move. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from restore.cutover import connection_url, deployments, traffic
from restore.cutover.connection_secret import list_source_endpoints
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem
from restore.model import waivers
from restore.model.cluster import ConnectionSecret, Reference
from restore.model.context import RestoreContext
from restore.model.labels import ANNOTATION_PREVIOUS
from restore.model.rds import Endpoint
from restore.model.request import SecretKey, Traffic
from restore.model.rights import SECRET_CONTROLLERS
from validation.connect import urls
from validation.keyed.reader import find_nearest

CUSTOM = {"ScaledJob": "scaledjob", "Rollout": "rollout", "KnativeService": "service.serving.knative.dev"}
"""Workloads that are custom resources, as kubectl calls them."""


def check_applications_named(context: RestoreContext) -> Iterable[Problem]:
    if not context.settings.apps and context.request.traffic is not Traffic.SOURCE:
        found = f"traffic {context.request.traffic}, and `apps` is empty"
        fix = "pulumi config set --path 'apps.<name>' '{}', once for each; or pulumi config set traffic source"
        yield Problem("config apps", found, "every Deployment that writes to the database", fix)


def check_fence_possible(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a fence around the operator's own user: nobody could give the login back."""
    url, user = connection_url.read_live_url(context), context.settings.login.user
    if context.settings.fence and url and urls.read_parameters(str(url)).get("user") == user:
        found = f"the applications log in as {user}, which is login.user: the fence would lock the operator out"
        fix = 'pulumi config rm fence; or docs/permissions.md, "PostgreSQL"'
        yield Problem("config fence", found, "a role of the applications' own", fix)


def check_applications_kept(context: RestoreContext) -> Iterable[Problem]:
    """Refuses `apps` without a Deployment of this restore: it would stay stopped, and be forgotten."""
    named = {app.name for app in context.settings.apps}
    for name, deployment in context.inventory.cluster.deployments.items():
        if deployment and name not in named and context.is_held(deployment.annotations):
            yield Problem(
                f"deployment {name}",
                f"this restore has taken it over ({deployment.replicas} replicas), and `apps` doesn't name it any more",
                "every Deployment of this restore, until it is closed",
                f"pulumi config set --path 'apps[\"{name}\"]' '{{}}'",
            )


def check_deployments_exist(context: RestoreContext) -> Iterable[Problem]:
    """Refuses applications of the configuration without a Deployment of their name, with the names that are like it."""
    by_name = context.inventory.cluster.deployments
    existing = [name for name, deployment in by_name.items() if deployment]
    for app in context.settings.apps:
        if by_name.get(app.name) is None:
            near = find_nearest(app.name, existing)
            meant = f", perhaps {' or '.join(near)}" if near else ""
            yield Problem(
                f"deployment {app.name}",
                f"doesn't exist in namespace {context.settings.namespace}",
                f"every Deployment in `apps`{meant}",
                f"pulumi config rm --path 'apps[\"{app.name}\"]'; pulumi config set --path 'apps[\"<name>\"]' '{{}}'; "
                "or pulumi config set namespace <name>",
            )


def check_rollouts_not_paused(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a Deployment whose rollout is paused: it would come back with the pods of before, without the mark of the
    database that they use, and `serving` would wait for others (Kubernetes, "Pausing and Resuming a rollout of a
    Deployment")."""
    if _is_settled(context) and not context.manages_any:
        return
    for app, deployment in context.apps:
        if deployment.paused:
            yield Problem(
                f"deployment {app.name}",
                "its rollout is paused: it would come back with pods of its former template",
                "a Deployment that rolls out what is changed",
                f"kubectl --namespace {context.settings.namespace} rollout resume deployment/{app.name}",
            )


def check_replicas_known(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a Deployment of which nothing says with how many replicas it is to come back: neither the configuration,
    nor a note of the freeze, nor its own number."""
    if context.request.traffic is Traffic.SOURCE and not context.manages_any:
        return
    for app, deployment in context.apps:
        if deployments.read_recorded_replicas(context, app, deployment) is None:
            yield Problem(
                f"deployment {app.name}",
                f"at {deployment.replicas} replicas, and nothing says how many it should have",
                "the number to come back with",
                f"pulumi config set --path 'apps[\"{app.name}\"].replicas' <number>",
            )


def check_secret_usable(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a missing secret or key, and a URL that can't be pointed elsewhere or names neither of the two
    databases."""
    if not context.settings.apps:
        return
    configured, live = context.settings.secret, context.inventory.cluster.secret
    subject = f"secret {configured.name}"
    if live is None:
        where = f"doesn't exist in namespace {context.settings.namespace}"
        yield Problem(
            subject,
            where,
            "the applications' connection secret",
            "pulumi config set --plaintext --path secret.name <name>",
        )
    elif missing := _find_missing_keys(configured, live):
        near = find_nearest(missing[0], live.keys) or sorted(live.keys)
        keys = f"no key {', '.join(missing)}; it has {', '.join(sorted(live.keys)) or 'none'}"
        field = configured.name_field(missing[0])
        fix = f"pulumi config set --plaintext --path secret.{field} {near[0] if near else '<key>'}"
        yield Problem(subject, keys, "the key that holds the connection URL, or each of its parts", fix)
    else:
        yield from _check_url(context, f"{subject}, key {live.key}", live.url or "")


def _find_missing_keys(configured: SecretKey, live: ConnectionSecret) -> list[str]:
    missing = [key for key in configured.read_keys if key not in live.keys]
    return missing or ([live.key] if live.url is None else [])


def _build_edit_command(context: RestoreContext) -> str:
    return f"kubectl -n {context.settings.namespace} edit secret {context.settings.secret.name}"


def _check_url(context: RestoreContext, subject: str, text: str) -> Iterable[Problem]:
    try:
        url = urls.parse(text)
        url.with_host("host.invalid", connection_url.STANDARD_PORT)
    except urls.WrappedUrlError as error:
        yield Problem(
            subject,
            str(error),
            "the URL itself",
            _build_unwrap_command(context.settings.namespace, context.settings.secret),
        )
        return
    except urls.UrlError as error:
        yield Problem(
            subject,
            str(error),
            "a URL whose host can be replaced",
            f"{_build_edit_command(context)}; or pulumi config set --plaintext --path secret.key <key>",
        )
        return
    if not url.host:
        yield Problem(subject, "a URL without a host", "one that names the source", _build_edit_command(context))
    elif traffic.find_pointing(context) is ConnectionTarget.ELSEWHERE:
        endpoints = [
            str(instance.endpoint) for instance in (context.source, context.candidate) if instance and instance.endpoint
        ]
        yield Problem(
            subject,
            f"points at {connection_url.read_endpoint(url)}",
            f"at {' or '.join(endpoints)}" if endpoints else f"the endpoint that {context.settings.source} has, or had",
            "if it is the source by another name: pulumi config set --plaintext --path "
            f"secret.sourceHost {shlex.quote(url.host)}",
        )


def _build_unwrap_command(namespace: str, secret: SecretKey) -> str:
    """Takes away what stands around the URL; the URL is on no command line and on no screen."""
    kubectl, name = f"kubectl --namespace {namespace}", secret.name
    template = f'go-template={{{{index .data "{secret.key}"}}}}'
    clean = r"""tr -d '\000-\037\177' | LC_ALL=C sed "s/^[^A-Za-z]*//; s/[\"'\` ]*\$//" """.strip()
    return (
        f"{kubectl} get secret {name} --output '{template}' | base64 --decode | {clean} | "
        f"kubectl create secret generic {name} --from-file={secret.key}=/dev/stdin --dry-run=client --output yaml | "
        f"{kubectl} patch secret {name} --patch-file /dev/stdin"
    )


def check_secret_keys_kept(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a configuration without a key that this restore has written: the next patch would delete it."""
    secret, configured = context.inventory.cluster.secret, context.settings.secret
    if not secret or not context.manages_secret:
        return
    for key in secret.owned_keys:
        if key not in configured.switched_keys:
            yield Problem(
                f"secret {secret.name}",
                f"this restore has written key {key}, and `secret` doesn't name it any more",
                "every key of this restore, until it is closed",
                f"pulumi config set --plaintext --path 'secret.alsoKeys[{len(configured.also_keys)}]' {key}",
            )


def check_secret_can_be_changed(context: RestoreContext) -> Iterable[Problem]:
    """Refuses an immutable Secret before anything stops, not at the switch: the API takes no change of its values."""
    secret = context.inventory.cluster.secret
    if not context.settings.apps or not secret or not secret.immutable or _is_secret_kept(context) or context.renames:
        return
    kubectl = f"kubectl --namespace {context.settings.namespace}"
    yield Problem(
        f"secret {secret.name}",
        "immutable: true, so its URL can't be changed",
        "a Secret that can be changed",
        "take `immutable` out of where it is deployed from, then: "
        f"{kubectl} get secret {secret.name} --output yaml | sed '/^immutable: true$/d' | "
        f"{kubectl} replace --force --filename -",
    )


def check_other_references_switched(context: RestoreContext) -> Iterable[Problem]:
    """Refuses applications that are told the source in other places as well: they would go on using it."""
    if _is_settled(context):
        return
    endpoints = [endpoint for endpoint in list_source_endpoints(context) if not _is_followed(context, endpoint)]
    for reference in context.inventory.cluster.references:
        named = next((endpoint for endpoint in endpoints if reference.names(endpoint.host)), None)
        if named is None or waivers.is_waived(reference.check, context.settings.waive):
            continue
        whose = "the source" if context.source and named == context.source.endpoint else "the source or its replica"
        problem = Problem(
            reference.app.replace("/", " ") if "/" in reference.app else f"deployment {reference.app}",
            f"{reference.place} names {whose}, and isn't switched",
            "every place that names it switched along, or known to be harmless",
            _describe_switching(context, reference),
        )
        yield waivers.add_command(problem, reference.check)


def _is_followed(context: RestoreContext, endpoint: Endpoint) -> bool:
    """Tells whether this is production's endpoint, which cutover rename takes to the other database."""
    return context.renames and traffic.names_production(context, endpoint)


def _describe_switching(context: RestoreContext, reference: Reference) -> str:
    """Returns what makes the place follow the switch: a key of the same Secret does by configuration."""
    kind, name, key = (*reference.place.split("/", 2), "", "")[:3]
    secret, namespace = context.settings.secret, context.settings.namespace
    if (kind, name) == ("Secret", secret.name) and key:
        return f"pulumi config set --plaintext --path 'secret.alsoKeys[{len(secret.also_keys)}]' {key}"
    if kind in ("env", "args"):
        owner, _, workload = reference.app.rpartition("/")
        if kind == "env" and owner not in CUSTOM:  # kubectl sets no variable of a custom resource
            of = f"{owner.lower() or 'deployment'}/{workload}"
            return f"kubectl -n {namespace} set env {of} {name}- (take it from the secret instead)"
        what = f"variable {name}" if kind == "env" else f"arguments of container {name}"
        resource = CUSTOM.get(owner, owner.lower() or "deployment")
        return f"kubectl -n {namespace} edit {resource} {workload} ({what}: take it from the secret instead)"
    return f"kubectl -n {namespace} edit {kind.lower()} {name} (key {key}: take it from the secret instead)"


def _is_secret_kept(context: RestoreContext) -> bool:
    at = traffic.find_pointing(context)
    match context.request.traffic:
        case Traffic.FROZEN:
            return False
        case Traffic.RESTORED:
            return at is ConnectionTarget.CANDIDATE
        case Traffic.SOURCE:
            return at is not ConnectionTarget.CANDIDATE


def check_secret_way_back_known(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a switched secret without the note of the endpoint that its URL named before."""
    secret = context.inventory.cluster.secret
    if secret and context.manages_secret and connection_url.read_previous_endpoint(context) is None:
        yield Problem(
            f"secret {secret.name}",
            f"annotation {ANNOTATION_PREVIOUS} is missing or damaged",
            "host:port that the URL named before the switch",
            f"kubectl -n {context.settings.namespace} annotate secret {secret.name} "
            f"{ANNOTATION_PREVIOUS}=<host>:<port>",
        )


def check_traffic_moves_through_frozen(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a move of traffic between two databases while applications run; going on with the one that they use is
    none."""
    if not context.apps or _is_move_allowed(context):
        return
    at = traffic.find_pointing(context)
    now = {ConnectionTarget.SOURCE: "use the source", ConnectionTarget.CANDIDATE: "use the candidate"}.get(at, "run")
    running = ", ".join(f"{app.name} {deployment.replicas}" for app, deployment in context.apps if deployment.replicas)
    yield Problem(
        f"traffic {context.request.traffic}",
        f"applications {now} ({running or 'none runs'})",
        "frozen first: pods on both databases would write apart what belongs together",
        "pulumi config set traffic frozen; pulumi up; then "
        f"pulumi config set traffic {context.request.traffic}; pulumi up",
    )


def _is_move_allowed(context: RestoreContext) -> bool:
    at = traffic.find_pointing(context)
    match context.request.traffic:
        case Traffic.FROZEN:
            return True
        case Traffic.RESTORED:
            return traffic.are_all_at_zero(context) or at is ConnectionTarget.CANDIDATE
        case Traffic.SOURCE:
            untouched = not context.manages_any and at is not ConnectionTarget.CANDIDATE
            return untouched or traffic.are_all_at_zero(context) or at is ConnectionTarget.SOURCE


def check_candidate_ready_to_serve(context: RestoreContext) -> Iterable[Problem]:
    """Refuses to switch to a candidate that isn't there, or has no endpoint yet."""
    if context.inventory.candidate and not context.candidate:
        return  # another instance has its name: ownership.identifier_taken says so
    if context.request.traffic is Traffic.RESTORED and not (context.candidate and context.candidate.endpoint):
        found = f"status {context.candidate.status}, no endpoint yet" if context.candidate else "doesn't exist yet"
        yield Problem(
            f"instance {context.candidate_name}",
            found,
            "a candidate that was restored and validated",
            "pulumi config set traffic frozen; pulumi up; then pulumi config set traffic restored; pulumi up",
        )


def check_other_writers_stopped(context: RestoreContext) -> Iterable[Problem]:
    """Refuses what else writes, or undoes a change, while the applications are stopped or switched; each by its own
    waiver."""
    if _is_settled(context):
        return
    for writer in context.inventory.cluster.writers:
        harmless = context.renames and writer.kind in SECRET_CONTROLLERS  # the secret stays as they write it
        if writer.blocking and not harmless and not waivers.is_waived(writer.check, context.settings.waive):
            needed = "stopped until traffic has moved: it writes, or brings back what was changed"
            problem = Problem(f"{writer.kind} {writer.name}", writer.detail, needed, writer.stop)
            yield waivers.add_command(problem, writer.check)


def _is_settled(context: RestoreContext) -> bool:
    """Tells whether this run neither stops the applications nor switches them to the candidate."""
    target = context.request.traffic
    return target is Traffic.SOURCE or (target is not Traffic.FROZEN and traffic.find_traffic(context) is target)
