"""The rights that each phase of a restore needs, as one table, and the refusal of those that are denied. Pure.

docs/permissions.md is the same for people: tests/unit/sandbox/test_needed_rights.py holds them to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from restore.cutover import traffic
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem
from restore.model import waivers
from restore.model.context import RestoreContext
from restore.model.request import Traffic
from restore.model.rights import (
    RIGHT_CHECK,
    SECRET_CONTROLLERS,
    AwsRight,
    ClusterRight,
    Denied,
    Phase,
    Right,
    RightsAnswers,
)
from restore.preflight import prevention_scope as quiet
from restore.preflight import rights_scope as on
from restore.preflight.rights_scope import AwsTarget, ClusterTarget, RightsScope

P = Phase
Targets = Callable[[RightsScope], Iterable[AwsTarget | ClusterTarget]]

STOPS: Mapping[Phase, str] = {
    P.PREVIEW: "nothing can be planned",
    P.FREEZE: "the applications are not stopped, or not proved to be",
    P.RESTORE: "no database is restored",
    P.CONFORM: "the restored database keeps settings that are not the source's",
    P.LOAD: "the dump is not loaded",
    P.VALIDATE: "the restored data is not proved, so traffic can't move",
    P.EVIDENCE: "no record is kept, so no gate opens",
    P.SWITCH: "the applications stay stopped, on neither database",
    P.SERVING: "nobody proves which database serves",
    P.WAY_BACK: "the applications can't return to the source",
    P.CLOSE: "replicas and secret are not handed back",
    P.ROTATE: "a stolen password stays good",
    P.RETIRE: "a database that nobody needs stays, and costs",
    P.PREVENT: "backups are not watched over, or not kept",
    P.DRILL: "no restore is rehearsed",
    P.BY_HAND: "it is not looked at",
}
"""What happens in a phase that lacks a right."""


@dataclass(frozen=True)
class NeededRight:
    """One line of the table: a right as docs/permissions.md names it, the phases that need it, what for, on what.

    No targets: the options in use don't need it.
    """

    name: str
    phases: frozenset[Phase]
    reason: str
    targets: Targets


def _need(name: str, reason: str, targets: Targets, *phases: Phase) -> NeededRight:
    return NeededRight(name, frozenset(phases), reason, targets)


_GATES_WITH_LOGIN = (P.FREEZE, P.CONFORM, P.LOAD, P.VALIDATE, P.SWITCH, P.SERVING, P.WAY_BACK)
_GATES_IN_JOBS = tuple(phase for phase in _GATES_WITH_LOGIN if phase is not P.CONFORM)
_EACH_MOVE = (P.FREEZE, P.SWITCH, P.WAY_BACK, P.CLOSE)

OF_JOBS = (
    "list jobs.batch",
    "create jobs.batch",
    "get jobs.batch",
    "patch jobs.batch",
    "delete jobs.batch",
    "create secrets",
    "get secrets",
    "delete secrets",
    "list pods",
    "get pods/log",
    "list events",
)
"""What it takes to run a Job and to follow it (config key runner)."""

OF_DRILLS = (
    "create leases.coordination.k8s.io",
    "get leases.coordination.k8s.io",
    "patch leases.coordination.k8s.io",
    "delete leases.coordination.k8s.io",
    "create deployments.apps",
    "list deployments.apps",
    "patch deployments.apps",
    "delete deployments.apps",
    "create secrets",
    "get secrets",
    "list secrets",
    "patch secrets",
    "delete secrets",
    "create configmaps",
    "list configmaps",
    "delete configmaps",
    "create networkpolicies.networking.k8s.io",
    "list networkpolicies.networking.k8s.io",
    "delete networkpolicies.networking.k8s.io",
    "create jobs.batch",
    "get jobs.batch",
    "list jobs.batch",
    "patch jobs.batch",
    "delete jobs.batch",
    "list pods",
    "get pods/log",
    "get pods/proxy",
    "list events",
)
"""What a drill does in its scratch namespace."""

TABLE: tuple[NeededRight, ...] = (
    _need("rds:DescribeDBInstances", "what exists", on.anything, P.PREVIEW),
    _need("rds:DescribeDBSnapshots", "what exists", on.anything, P.PREVIEW),
    _need("rds:DescribeDBInstanceAutomatedBackups", "the windows of PITR", on.anything, P.PREVIEW),
    _need("rds:DescribeDBEngineVersions", "the versions that can be created", on.anything, P.PREVIEW),
    _need("rds:DescribeAccountAttributes", "quotas", on.anything, P.PREVIEW),
    _need("rds:DescribeOrderableDBInstanceOptions", "whether the class can be had", on.anything, P.PREVIEW),
    _need("rds:DescribeDBSubnetGroups", "the zones of the subnet group", on.anything, P.PREVIEW),
    _need("ec2:DescribeSubnets", "free addresses", on.anything, P.PREVIEW),
    *(
        _need(right, "who gets through to the candidate", on.anything, P.PREVIEW)
        for right in (
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeRouteTables",
            "ec2:GetManagedPrefixListEntries",
        )
    ),
    _need("ecr:DescribeImages", "whether the images of Jobs are there", on.repositories, P.PREVIEW),
    _need("rds:DescribeDBParameterGroups", "what another region has", on.anything_elsewhere, P.PREVIEW),
    _need("rds:DescribeDBParameters", "what the source's group sets", on.anything_elsewhere, P.PREVIEW),
    _need("ec2:DescribeSecurityGroups", "what another region has", on.anything_elsewhere, P.PREVIEW),
    _need("kms:DescribeKey", "whether the key can be used", on.database_key_alone, P.PREVIEW),
    _need("iam:SimulatePrincipalPolicy", "to ask for these rights", on.own_principal, P.PREVIEW),
    _need("iam:GetRole", "to ask for these rights", on.own_principal, P.PREVIEW),
    _need("secretsmanager:GetSecretValue", "the operator's login", on.operator_secret, *_GATES_WITH_LOGIN),
    _need("secretsmanager:GetSecretValue", "the password that RDS makes", on.master_secret, P.LOAD),
    _need("secretsmanager:GetSecretValue", "the applications' login", on.application_secret, P.ROTATE),
    _need("secretsmanager:PutSecretValue", "keeps new passwords", on.rotated_secrets, P.ROTATE),
    _need("secretsmanager:UpdateSecretVersionStage", "makes a new password count", on.own_operator_secret, P.ROTATE),
    _need("secretsmanager:RotateSecret", "RDS makes the new password", on.managed_operator_secret, P.ROTATE),
    _need("rds:AddTagsToResource", "says which instance is retired", on.tagged_as_retired, P.RETIRE),
    _need("rds:ModifyDBInstance", "lifts deletion protection", on.retired, P.RETIRE),
    _need("rds:DeleteDBInstance", "deletes an instance that nobody needs", on.retired, P.RETIRE),
    _need("rds:DeleteDBInstance", "deletes what the drill has made", on.drilled_instance, P.DRILL),
    _need("rds:RestoreDBInstanceFromDBSnapshot", "makes the candidate", on.from_snapshot, P.RESTORE),
    _need("rds:RestoreDBInstanceToPointInTime", "makes the candidate", on.to_point_in_time, P.RESTORE),
    _need("rds:CreateDBInstance", "makes the candidate", on.new_instance, P.RESTORE),
    _need("rds:CopyDBSnapshot", "copies the snapshot", on.copied_snapshot, P.RESTORE),
    _need("rds:AddTagsToResource", "tags the copy", on.snapshot_copy, P.RESTORE),
    _need("rds:DescribeDBSnapshotAttributes", "reads the copy", on.snapshot_copy, P.RESTORE),
    _need("rds:CreateDBParameterGroup", "makes the parameter group", on.new_parameter_group, P.RESTORE),
    _need("rds:ModifyDBParameterGroup", "sets its parameters", on.parameter_group, P.RESTORE),
    _need("rds:ListTagsForResource", "reads the parameter group", on.parameter_group, P.RESTORE),
    _need("rds:AddTagsToResource", "tags the parameter group", on.new_parameter_group, P.RESTORE),
    _need("rds:CreateDBSnapshot", "takes the safety snapshot", on.snapshot_of_source, P.FREEZE),
    _need("rds:DescribeDBSnapshotAttributes", "reads the safety snapshot", on.safety_snapshot, P.FREEZE),
    _need("rds:AddTagsToResource", "tags the candidate", on.made_with_tags, P.RESTORE),
    _need("rds:AddTagsToResource", "tags the safety snapshot", on.safety_snapshot, P.FREEZE),
    _need("rds:AddTagsToResource", "marks the candidate as closed", on.candidate_as_made, P.CLOSE),
    _need("rds:ModifyDBInstance", "brings settings in line", on.changed_instance, P.CONFORM, P.LOAD),
    _need("rds:ModifyDBInstance", "renames both instances", on.renamed_instances, P.SWITCH, P.WAY_BACK),
    _need("rds:AddRoleToDBInstance", "associated roles", on.instance_with_roles, P.CONFORM),
    _need("rds:RebootDBInstance", "static parameters that wait", on.instance_with_parameters, P.CONFORM),
    _need("kms:DescribeKey", "RDS, for an encrypted instance", on.database_key, P.RESTORE),
    _need("kms:Decrypt", "RDS, for an encrypted instance", on.database_key, P.RESTORE),
    _need("kms:CreateGrant", "RDS, for an encrypted instance", on.database_key_grant, P.RESTORE),
    _need("iam:PassRole", "RDS, for enhanced monitoring", on.monitoring_role, P.RESTORE),
    _need("iam:PassRole", "RDS, for associated roles", on.associated_roles, P.CONFORM),
    _need("iam:PassRole", "RDS, for Kerberos", on.domain_role, P.RESTORE),
    _need("secretsmanager:CreateSecret", "RDS, for the password that it makes", on.new_master_secret, P.RESTORE),
    _need("secretsmanager:TagResource", "RDS, for the password that it makes", on.new_master_secret, P.RESTORE),
    _need("s3:ListBucket", "finds the dump", on.dump_bucket, P.LOAD),
    _need("s3:GetObject", "reads the dump", on.dumps, P.LOAD),
    _need("s3:GetObjectVersion", "reads the dump", on.dumps, P.LOAD),
    _need("s3:ListBucket", "finds records", on.records_bucket, P.EVIDENCE),
    _need("s3:GetObject", "reads records", on.records, P.EVIDENCE),
    _need("s3:PutObject", "writes records and the report", on.records, P.EVIDENCE),
    _need("s3:ListBucket", "finds the baseline", on.baselines_bucket, P.VALIDATE),
    _need("s3:GetObject", "reads the baseline", on.baselines, P.VALIDATE),
    _need("cloudwatch:GetMetricStatistics", "free storage, who was connected", on.anything, P.BY_HAND),
    _need("sns:Publish", "sends messages", on.topic_of_messages, P.BY_HAND),
    _need("rds:DescribeDBLogFiles", "the server's log, for `when`", on.source_instance, P.BY_HAND),
    _need("rds:DownloadDBLogFilePortion", "the server's log, for `when`", on.source_instance, P.BY_HAND),
    _need("rds:DescribeDBParameters", "what the log can have, for `when`", on.anything, P.BY_HAND),
    _need("rds:DescribeEvents", "what RDS did, for `when`", on.anything, P.BY_HAND),
    _need("cloudtrail:LookupEvents", "who called RDS, for `when`", on.anything, P.BY_HAND),
    *(
        _need(right, "what depends on the source", on.anything, P.PREVIEW)
        for right in (
            "rds:DescribeDBProxies",
            "rds:DescribeDBProxyTargets",
            "rds:DescribeEventSubscriptions",
            "cloudwatch:DescribeAlarms",
            "backup:ListBackupPlans",
            "backup:ListBackupSelections",
            "backup:GetBackupSelection",
            "iam:GetAccountAuthorizationDetails",
            "secretsmanager:ListSecrets",
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets",
        )
    ),
    *(
        _need(right, "`dependents: follow`", targets, P.SERVING, P.WAY_BACK)
        for right, targets in (
            ("cloudwatch:PutMetricAlarm", on.followed_alarms),
            ("rds:RegisterDBProxyTargets", on.followed_proxies),
            ("rds:DeregisterDBProxyTargets", on.followed_proxies),
            ("rds:AddSourceIdentifierToSubscription", on.followed_event_subscriptions),
            ("rds:RemoveSourceIdentifierFromSubscription", on.followed_event_subscriptions),
            ("backup:CreateBackupSelection", on.followed_backup_plans),
            ("backup:DeleteBackupSelection", on.followed_backup_plans),
            ("iam:PassRole", on.roles_of_backups),
        )
    ),
    *(
        _need(right, reason, targets, P.PREVENT)
        for right, reason, targets in (
            ("cloudwatch:PutMetricAlarm", "declares the alarms", quiet.alarms),
            ("cloudwatch:DeleteAlarms", "removes an alarm that isn't declared any more", quiet.alarms),
            ("cloudwatch:ListTagsForResource", "the plugin reads an alarm", quiet.alarms),
            ("cloudwatch:PutMetricData", "publishes the ages of the backups", quiet.metrics),
            ("sns:CreateTopic", "makes the topic of the alarms", quiet.topic),
            ("sns:GetTopicAttributes", "the plugin reads it", quiet.topic),
            ("sns:ListTagsForResource", "the plugin reads it", quiet.topic),
            ("sns:DeleteTopic", "removes it", quiet.topic),
            ("sns:ListSubscriptionsByTopic", "whether anybody hears the alarms", quiet.topic),
            ("rds:CreateEventSubscription", "subscribes to backup events", quiet.event_subscription),
            ("rds:ModifyEventSubscription", "changes the subscription", quiet.event_subscription),
            ("rds:DeleteEventSubscription", "removes the subscription", quiet.event_subscription),
            ("rds:AddSourceIdentifierToSubscription", "changes the subscription", quiet.event_subscription),
            ("rds:RemoveSourceIdentifierFromSubscription", "changes the subscription", quiet.event_subscription),
            ("rds:ListTagsForResource", "the plugin reads the subscription", quiet.event_subscription),
            ("rds:StartDBInstanceAutomatedBackupsReplication", "replicates backups", quiet.replicated_backups),
            ("rds:StopDBInstanceAutomatedBackupsReplication", "replicates other ones", quiet.replicated_backups),
            ("rds:ModifyDBInstance", "`prevention.enforce`", quiet.protected_source),
            ("rds:DeleteDBSnapshot", "`expire`: snapshots past their time", quiet.expired_snapshots),
            ("s3:GetObjectTagging", "whether a dump was found whole", quiet.watched_dumps),
            ("s3:PutObject", "uploads the nightly dump", quiet.nightly_dumps),
            ("s3:AbortMultipartUpload", "drops the upload of a dump that failed", quiet.nightly_dumps),
            ("s3:PutObjectTagging", "marks a dump as whole", quiet.nightly_dumps),
            ("s3:PutObjectVersionTagging", "marks a dump as whole", quiet.nightly_dumps),
            ("s3:DeleteObject", "deletes dumps past their time", quiet.nightly_dumps),
            ("s3:DeleteObjectVersion", "deletes dumps past their time", quiet.nightly_dumps),
        )
    ),
    _need("rds-db:connect", "the operator's login by IAM", on.logins_by_iam, *_GATES_WITH_LOGIN),
    _need("list deployments.apps", "replicas, and who else owns them", on.namespace, P.PREVIEW),
    _need("list statefulsets.apps", "who else uses the secret", on.namespace, P.PREVIEW),
    _need("list daemonsets.apps", "who else uses the secret", on.namespace, P.PREVIEW),
    _need("list cronjobs.batch", "who else uses the secret", on.namespace, P.PREVIEW),
    _need("list jobs.batch", "who else uses the secret", on.namespace, P.PREVIEW),
    _need("list horizontalpodautoscalers.autoscaling", "who else scales", on.namespace, P.PREVIEW),
    _need("list scaledobjects.keda.sh", "who else scales", on.namespace, P.PREVIEW),
    _need("list scaledjobs.keda.sh", "who else writes", on.namespace, P.PREVIEW),
    _need("list workflows.argoproj.io", "who else writes", on.namespace, P.PREVIEW),
    _need("list cronworkflows.argoproj.io", "who else writes", on.namespace, P.PREVIEW),
    _need("list rollouts.argoproj.io", "what runs the applications' pods", on.namespace, P.PREVIEW),
    _need("list services.serving.knative.dev", "who else writes", on.namespace, P.PREVIEW),
    _need("get configmaps", "where else the source is named", on.namespace, P.PREVIEW),
    _need("list nodes", "room for the replicas that come back", on.whole_cluster, P.PREVIEW),
    _need("list pods", "what the nodes have free", on.whole_cluster, P.PREVIEW),
    *(
        _need(right, "whether it puts the secret back", on.secret_controllers(kind), P.PREVIEW, P.SWITCH)
        for kind, right in SECRET_CONTROLLERS.items()
    ),
    _need("get applications.argoproj.io", "whether Argo CD is suspended", on.argo_applications, P.PREVIEW),
    _need(
        "get kustomizations.kustomize.toolkit.fluxcd.io",
        "whether Flux is suspended",
        on.flux_objects("kustomization"),
        P.PREVIEW,
    ),
    _need(
        "get helmreleases.helm.toolkit.fluxcd.io",
        "whether Flux is suspended",
        on.flux_objects("helmrelease"),
        P.PREVIEW,
    ),
    _need("get secrets", "the connection secret", on.connection_secret, P.PREVIEW, P.SWITCH, P.WAY_BACK, P.CLOSE),
    _need("get deployments.apps", "the plugin, before and after its patch", on.applications, *_EACH_MOVE),
    _need("patch deployments.apps", "stops and starts the applications", on.applications, *_EACH_MOVE),
    _need("patch secrets", "changes the URL's host", on.connection_secret, P.SWITCH, P.WAY_BACK, P.CLOSE),
    _need("list pods", "the pods of the applications", on.namespace, P.FREEZE, P.SWITCH, P.SERVING, P.WAY_BACK),
    _need("list pods", "the pod of the Job that connects from inside", on.namespace, P.VALIDATE),
    _need("get pods/proxy", "the health URL of each pod", on.pods_asked, P.SERVING),
    _need("create jobs.batch", "the Job that connects from inside", on.namespace, P.VALIDATE),
    _need("get jobs.batch", "the Job that connects from inside", on.job, P.VALIDATE),
    _need("patch jobs.batch", "starts that Job", on.job, P.VALIDATE),
    _need("delete jobs.batch", "removes that Job", on.job, P.VALIDATE),
    _need("create secrets", "the login of that Job", on.namespace, P.VALIDATE),
    _need("get secrets", "the login of that Job", on.job, P.VALIDATE),
    _need("delete secrets", "removes the login of that Job", on.job, P.VALIDATE),
    _need("get pods/log", "what that Job found", on.namespace, P.VALIDATE),
    _need("list events", "why that Job gets no pod", on.namespace, P.VALIDATE),
    _need("list events", "events of the applications, for `when`", on.namespace, P.BY_HAND),
    _need("list replicasets.apps", "rollouts, for `when`", on.namespace, P.BY_HAND),
    *(
        _need(f"{verb} {resource}", "the schedule of `prevention`", quiet.schedule, P.PREVENT)
        for resource in ("configmaps", "cronjobs.batch")
        for verb in ("get", "create", "patch", "delete")
    ),
    _need("get namespaces", "whether the scratch namespace is there", on.drill_namespace_itself, P.DRILL),
    *(_need(right, "copies of the applications, for `drill`", on.drill_namespace, P.DRILL) for right in OF_DRILLS),
    *(_need(right, "the Jobs in which gates run", on.gate_jobs, *_GATES_IN_JOBS) for right in OF_JOBS),
)
"""In the order of docs/permissions.md, "What each right is for"."""

_CANDIDATE = frozenset({P.RESTORE, P.CONFORM, P.LOAD, P.VALIDATE, P.EVIDENCE})
_AFTER_IT = frozenset({P.FREEZE, P.SWITCH, P.SERVING, P.WAY_BACK, P.CLOSE})


def list_phases_ahead(context: RestoreContext) -> frozenset[Phase]:
    """Returns the phases whose rights are asked for before this run changes anything.

    Before the first application stops that is every later phase; afterwards what this move needs, for each refusal is
    then an outage. What can be asked without a right being missed was asked by the reads of the preview.
    """
    switched = traffic.find_pointing(context) is ConnectionTarget.CANDIDATE
    match context.request.traffic:
        case Traffic.FROZEN if switched:
            return frozenset({P.FREEZE, P.WAY_BACK, P.SERVING})
        case Traffic.FROZEN:
            return _CANDIDATE | _AFTER_IT
        case Traffic.RESTORED:
            return frozenset({P.SWITCH, P.SERVING, P.WAY_BACK})
        case Traffic.SOURCE if context.manages_any:
            return frozenset({P.WAY_BACK, P.SERVING})
        case Traffic.SOURCE:
            return _CANDIDATE


def list_needed_rights(context: RestoreContext, phases: frozenset[Phase]) -> tuple[Right, ...]:
    """Returns every right that these phases need with the options in use, each once."""
    scope = RightsScope(context)
    rows = [row for row in TABLE if row.phases & phases]
    return tuple(dict.fromkeys(right for row in rows for right in list_rights(row, scope)))


def list_rights(row: NeededRight, scope: RightsScope) -> Iterator[Right]:
    """Yields the rights of one line of the table, by their real names."""
    for target in row.targets(scope):
        if isinstance(target, AwsTarget):
            yield AwsRight(row.name, target.arn, target.keys)
        else:
            yield ClusterRight.parse(row.name, target.namespace, target.name)


def check_rights_given(context: RestoreContext) -> Iterable[Problem]:
    """Refuses a right that a later phase needs and the operator doesn't have, unless it is waived by name."""
    answers = context.inventory.rights
    for name, denials in _group_by_name(answers).items():
        if name_waiver(name) not in context.settings.waive:
            yield build_denied_problem(context, name, denials)


def _group_by_name(answers: RightsAnswers) -> Mapping[str, list[Denied]]:
    by_name: dict[str, list[Denied]] = {}
    for denied in answers.denied:
        by_name.setdefault(denied.right.name, []).append(denied)
    return by_name


def name_waiver(right: str) -> str:
    """Returns what `waive` calls a right: `preflight.right:rds:CreateDBSnapshot`."""
    return f"{RIGHT_CHECK}:{right}"


def build_denied_problem(context: RestoreContext, name: str, denials: list[Denied]) -> Problem:
    scope = RightsScope(context)
    denied = {denial.right for denial in denials}
    rows = [row for row in TABLE if row.name == name and denied.intersection(list_rights(row, scope))]
    phases = [phase for phase in Phase if any(phase in row.phases for row in rows)]
    reasons = ", ".join(dict.fromkeys(row.reason for row in rows))
    stops = "; ".join(f"{phase}: {STOPS[phase]}" for phase in phases)
    seen = _build_command(context, denials[0].right)
    return Problem(
        f"right {name}",
        f"denied on {', '.join(dict.fromkeys(_format_denied(denial) for denial in denials))}",
        f"{reasons} (without it, {stops})",
        f'docs/permissions.md, "What each right is for"; {seen}; or, to go on knowing this: '
        f'pulumi config set --plaintext --path {waivers.format_path(name_waiver(name))} "<reason>"',
    )


def is_optional(right: Right) -> bool:
    """Tells whether a restore goes on without it, and says so: a right in the whole cluster, which few have."""
    return isinstance(right, ClusterRight) and not right.namespace


def _format_denied(denied: Denied) -> str:
    right = denied.right
    if isinstance(right, AwsRight):
        return f"{right.resource} ({denied.why})"
    if not right.namespace:
        return f"the whole cluster ({denied.why})"
    named = f"{right.object_name} in " if right.object_name else ""
    return f"{named}namespace {right.namespace} ({denied.why})"


def _build_command(context: RestoreContext, right: Right) -> str:
    """Returns the command that asks for this right again."""
    if isinstance(right, AwsRight):
        return _build_simulation(context, right)
    resource, slash, subresource = right.resource.partition("/")
    named = f"{resource}{'.' if right.group else ''}{right.group}"
    target = f"{named}/{right.object_name}" if right.object_name else named
    option = f" --subresource {subresource}" if slash else ""
    if not right.namespace:
        return f"kubectl auth can-i {right.verb} {target} --all-namespaces"
    return f"kubectl --namespace {right.namespace} auth can-i {right.verb} {target}{option}"


def _build_simulation(context: RestoreContext, right: AwsRight) -> str:
    caller = context.inventory.caller
    principal = caller.policy_source if caller else None
    keys = " ".join(
        f"ContextKeyName={key},ContextKeyValues={value},ContextKeyType=string" for key, value in right.context
    )
    return (
        f"aws iam simulate-principal-policy --policy-source-arn {principal or '<role ARN>'} "
        f"--action-names {right.action} --resource-arns '{right.resource}'"
    ) + (f" --context-entries {keys}" if keys else "")


def list_rights_lines(context: RestoreContext) -> Iterable[str]:
    """Yields what was asked, for the impact; and what could not be."""
    answers = context.inventory.rights
    if answers.asked:
        allowed = answers.asked - len(answers.denied)
        yield f"rights: {allowed} of {answers.asked} that this run and later phases need are given"
    yield from (f"note: not asked: {what}" for what in answers.not_asked)
