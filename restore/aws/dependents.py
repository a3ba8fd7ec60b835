"""What in the account knows an instance: each kind read by its own service, every listing paginated and bounded.

Every read raises PermanentError or TemporaryError; which of them was denied must not be taken for "none".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, cast
from urllib.parse import unquote

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.dependents.backup_plans import match_selection
from restore.errors import PermanentError, Problem
from restore.model.dependents import BackupSelection, Dependent, DependentKind, KnownBy
from restore.model.rds import Instance

Shape = Mapping[str, Any]
MOST = 5000
"""Entries of one listing that are read; an account with more is told that not all were asked."""
MOST_ZONES = 100
"""Each hosted zone is a listing of its own."""
DIMENSION = "DBInstanceIdentifier"
NO_PROXY = frozenset({"DBProxyNotFoundFault", "DBProxyTargetGroupNotFoundFault"})
CONNECT = "rds-db:connect"
OWNER_TAG = "aws:rds:primaryDBInstanceArn"
"""The tag of a secret that RDS keeps for an instance."""


def list_entries(
    aws: Aws, service: str, operation: str, key: str, most: int | None = None, **parameters: Any
) -> list[Shape]:
    """Returns every entry of a listing. Raises PermanentError for one of more than `most` entries, else MOST."""
    limit = most or MOST
    with translate_errors(service):
        pages = aws.open_client(service).get_paginator(operation).paginate(**parameters)
        items = list(islice((item for page in pages for item in page.get(key, ())), limit + 1))
    if len(items) > limit:
        found, needed = f"more than {limit} {key}", f"at most {limit}, so that a preview ends"
        fix = 'docs/dependents.md, "What is looked for"'
        raise PermanentError.of(Problem(f"AWS {service}", found, needed, fix))
    return items


# -- alarms ---------------------------------------------------------------------------------------------------------


def read_alarms(aws: Aws) -> list[Shape]:
    """Reads every metric alarm of the region (cloudwatch:DescribeAlarms)."""
    return list_entries(aws, "cloudwatch", "describe_alarms", "MetricAlarms", AlarmTypes=["MetricAlarm"])


def watches(alarm: Shape, identifier: str) -> bool:
    """Tells whether one of an alarm's metrics is that of an instance. Pure."""
    return any(
        item.get("Name") == DIMENSION and item.get("Value") == identifier
        for dimensions in read_dimensions(alarm)
        for item in dimensions
    )


def read_dimensions(alarm: Shape) -> Iterator[list[dict[str, str]]]:
    yield alarm.get("Dimensions") or []
    for query in alarm.get("Metrics") or ():
        yield query.get("MetricStat", {}).get("Metric", {}).get("Dimensions") or []


def find_alarms(aws: Aws, instance: Instance) -> list[Dependent]:
    return [
        Dependent(DependentKind.ALARM, str(item["AlarmName"]), KnownBy.IDENTIFIER)
        for item in read_alarms(aws)
        if watches(item, instance.identifier)
    ]


# -- RDS ------------------------------------------------------------------------------------------------------------


def read_targets(aws: Aws, proxy: str) -> list[str]:
    """Reads the instances that a proxy connects to, by identifier; none of one that is gone."""
    client = aws.open_client("rds")
    pages = client.get_paginator("describe_db_proxy_targets")
    answered = call_or_none("rds", lambda: list(pages.paginate(DBProxyName=proxy)), NO_PROXY)
    targets = [target for page in answered or () for target in page["Targets"]]
    return [str(target["RdsResourceId"]) for target in targets if target.get("Type") == "RDS_INSTANCE"]


def find_proxies(aws: Aws, instance: Instance) -> list[Dependent]:
    """Finds the proxies for PostgreSQL that have the instance as a target."""
    proxies = list_entries(aws, "rds", "describe_db_proxies", "DBProxies")
    names = [str(item["DBProxyName"]) for item in proxies if item.get("EngineFamily") == "POSTGRESQL"]
    return [
        Dependent(DependentKind.PROXY, name, KnownBy.IDENTIFIER)
        for name in names
        if instance.identifier in read_targets(aws, name)
    ]


def find_event_subscriptions(aws: Aws, instance: Instance) -> list[Dependent]:
    """Finds those that name the instance; one without names is about all instances."""
    return [
        Dependent(DependentKind.EVENT_SUBSCRIPTION, str(item["CustSubscriptionId"]), KnownBy.IDENTIFIER)
        for item in list_entries(aws, "rds", "describe_event_subscriptions", "EventSubscriptionsList")
        if instance.identifier in (item.get("SourceIdsList") or ())
    ]


def find_feature_roles(instance: Instance) -> list[Dependent]:
    """Returns the roles of features that are associated with the instance. Pure."""
    pairs = (role.partition("=") for role in instance.settings.associated_roles)
    return [Dependent(DependentKind.FEATURE_ROLE, feature, KnownBy.ITSELF, place=arn) for feature, _, arn in pairs]


# -- AWS Backup -----------------------------------------------------------------------------------------------------


def read_selections(aws: Aws) -> list[BackupSelection]:
    """Reads every selection of every backup plan of the region."""
    client = aws.open_client("backup")
    selections: list[BackupSelection] = []
    for plan in list_entries(aws, "backup", "list_backup_plans", "BackupPlansList"):
        plan_id = str(plan["BackupPlanId"])
        members = list_entries(aws, "backup", "list_backup_selections", "BackupSelectionsList", BackupPlanId=plan_id)
        for member in members:
            with translate_errors("backup"):
                answer = client.get_backup_selection(BackupPlanId=plan_id, SelectionId=member["SelectionId"])
            selections.append(parse_selection(plan, str(member["SelectionId"]), answer["BackupSelection"]))
    return selections


def parse_selection(plan: Shape, selection_id: str, selection: Shape) -> BackupSelection:
    """Makes a selection of what GetBackupSelection answers. Pure."""
    conditions = cast("Mapping[str, list[Shape]]", selection.get("Conditions") or {})
    return BackupSelection(
        plan_id=str(plan["BackupPlanId"]),
        plan_name=str(plan.get("BackupPlanName", plan["BackupPlanId"])),
        selection_id=selection_id,
        name=str(selection["SelectionName"]),
        role_arn=str(selection["IamRoleArn"]),
        resources=tuple(selection.get("Resources") or ()),
        not_resources=tuple(selection.get("NotResources") or ()),
        any_tags=tuple((item["ConditionKey"], item["ConditionValue"]) for item in selection.get("ListOfTags") or ()),
        conditions=tuple(
            (operator, item["ConditionKey"], item["ConditionValue"])
            for operator, items in conditions.items()
            for item in items
        ),
    )


def find_selections(aws: Aws, instance: Instance) -> list[Dependent]:
    return [
        Dependent(
            DependentKind.BACKUP_SELECTION,
            f"{item.plan_name}/{item.name}",
            known_by,
            place=f"{item.plan_id} {item.role_arn}",
        )
        for item in read_selections(aws)
        if (known_by := match_selection(item, instance))
    ]


# -- IAM ------------------------------------------------------------------------------------------------------------


def find_policies(aws: Aws, instance: Instance) -> list[Dependent]:
    """Finds customer managed and inline policies with the DbiResourceId in an ARN of rds-db:connect."""
    filters = ["User", "Role", "Group", "LocalManagedPolicy"]
    client = aws.open_client("iam")
    with translate_errors("iam"):
        answered = client.get_paginator("get_account_authorization_details").paginate(Filter=filters)
        pages: list[Shape] = list(islice(cast("Iterable[Shape]", answered), MOST))
    named = [item for page in pages for item in list_policies(page)]
    return [
        Dependent(DependentKind.IAM_POLICY, name, KnownBy.RESOURCE_ID)
        for name, document in named
        if lets_connect(document, instance.resource_id)
    ]


def list_policies(page: Shape) -> Iterator[tuple[str, Any]]:
    """Yields every policy's name and document, of managed ones the version in force. Pure."""
    for policy in page.get("Policies", ()):
        for version in policy.get("PolicyVersionList", ()):
            if version.get("IsDefaultVersion"):
                yield str(policy["Arn"]).rpartition("/")[2], version.get("Document")
    lists = (("UserDetailList", "User"), ("RoleDetailList", "Role"), ("GroupDetailList", "Group"))
    for key, kind in lists:
        for owner in page.get(key, ()):
            for policy in owner.get(f"{kind}PolicyList", ()):
                yield f"{owner[f'{kind}Name']}/{policy['PolicyName']}", policy.get("PolicyDocument")


def lets_connect(document: Any, resource_id: str) -> bool:
    """Tells whether a statement about rds-db:connect names this DbiResourceId. Pure."""
    policy: Shape = json.loads(unquote(document)) if isinstance(document, str) else document or {}
    return any(
        any(fnmatchcase(CONNECT, action.lower()) for action in _list_texts(statement.get("Action")))
        and any(f":dbuser:{resource_id.lower()}/" in arn.lower() for arn in _list_texts(statement.get("Resource")))
        for statement in _list(policy.get("Statement"))
    )


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value] if value else []


def _list_texts(value: Any) -> list[str]:
    return [str(item) for item in _list(value)]


# -- Secrets Manager ------------------------------------------------------------------------------------------------


def find_secrets(aws: Aws, instance: Instance) -> tuple[list[Dependent], dict[str, str]]:
    """Finds secrets that RDS keeps for the instance, rotated ones whose JSON names it, and those that can't be read.

    Of a value only the fields that name a database are looked at."""
    dependents: list[Dependent] = []
    unread: dict[str, str] = {}
    for secret in list_entries(aws, "secretsmanager", "list_secrets", "SecretList"):
        name = str(secret["Name"])
        tags = {item["Key"]: item.get("Value", "") for item in secret.get("Tags", ())}
        if tags.get(OWNER_TAG) == instance.arn:
            detail = "kept and rotated by RDS"
            dependents.append(Dependent(DependentKind.SECRET, name, KnownBy.ARN, detail=detail))
        elif secret.get("RotationEnabled"):
            try:
                known_by = names_instance(_read_secret_value(aws, str(secret["ARN"])), instance)
            except PermanentError as error:
                unread[f"secret {name}"] = error.problem.found if error.problem else str(error)
                continue
            if known_by:
                dependents.append(Dependent(DependentKind.SECRET, name, known_by, detail="rotated"))
    return dependents, unread


def _read_secret_value(aws: Aws, arn: str) -> str:
    with translate_errors("secretsmanager"):
        return str(aws.open_client("secretsmanager").get_secret_value(SecretId=arn).get("SecretString") or "")


def names_instance(value: str, instance: Instance) -> KnownBy | None:
    """Returns by what a secret in RDS's JSON form names the instance (Secrets Manager User Guide, "JSON structure of
    secrets": host, dbInstanceIdentifier). Pure."""
    try:
        fields = json.loads(value)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    known = cast("dict[str, Any]", fields)
    if known.get("dbInstanceIdentifier") == instance.identifier:
        return KnownBy.IDENTIFIER
    host = instance.endpoint.host if instance.endpoint else None
    return KnownBy.ENDPOINT if host and str(known.get("host", "")).lower() == host.lower() else None


# -- Route 53 -------------------------------------------------------------------------------------------------------


def find_records(aws: Aws, instance: Instance) -> list[Dependent]:
    """Finds records of all hosted zones, private ones too, that point to the endpoint."""
    if instance.endpoint is None:
        return []
    host = instance.endpoint.host
    return [
        Dependent(
            DependentKind.DNS_RECORD, str(record["Name"]).rstrip("."), KnownBy.ENDPOINT, place=str(zone["Id"]),
            detail="private zone" if zone.get("Config", {}).get("PrivateZone") else "",
        )
        for zone in list_entries(aws, "route53", "list_hosted_zones", "HostedZones", MOST_ZONES)
        for record in list_entries(
            aws, "route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"]
        )
        if points_to(record, host)
    ]  # fmt: skip


def points_to(record: Shape, host: str) -> bool:
    """Tells whether a record leads to a host, as a CNAME or as an alias. Pure."""
    values = [item.get("Value") for item in record.get("ResourceRecords", ())]
    targets = [*values, record.get("AliasTarget", {}).get("DNSName")]
    return any(str(target or "").rstrip(".").lower() == host.lower() for target in targets)
