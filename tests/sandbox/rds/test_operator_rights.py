"""The operator's key: every right of docs/permissions.md is enough for its call, and missed where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.client import ACCESS_KEY, OPERATOR_KEY, SECRET_KEY
from sandbox.rights import documented
from tests.support.sandbox.rds_gateway import Sandbox

ACTIONS = documented.read().actions()
SOURCE = "ghost-protocol-sandbox-db"
SECRET = "ghost-protocol/sandbox/db-password"
DUMPS = "ghost-protocol-sandbox-backups"
DUMP = "database/postgresql/1.sql"
STACK: Any = [{"Key": "restore:stack", "Value": "prod"}]
ROLE = "arn:aws:iam::123456789012:role/restore-operator"
TOPIC = "arn:aws:sns:us-east-1:123456789012:incidents"
NAME = "of-source"
"""Of each thing that knows the source."""
RETIRED = f"{SOURCE}-retired"
REPOSITORY = "ghost-protocol-sandbox/psql"
MADE: dict[str, str] = {}
"""Ids that AWS gives."""
SESSION = "arn:aws:sts::123456789012:assumed-role/restore-operator/on-call"
KEY_LOST = "KMSKeyNotAccessibleFault"
NOT_ASKED_BY_A_SERVICE = frozenset({"rds-db:connect"})
"""Checked by the database's own login."""


@pytest.fixture(scope="module", autouse=True)
def world(sandbox: Sandbox) -> None:
    aws = sandbox.aws
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    sandbox.create(SOURCE, StorageEncrypted=True, KmsKeyId=key)
    sandbox.available(SOURCE)
    aws.rds.create_db_snapshot(DBInstanceIdentifier=SOURCE, DBSnapshotIdentifier=f"{SOURCE}-1")
    sandbox.snapshot_ready(f"{SOURCE}-1")
    sandbox.available(SOURCE)
    aws.rds.create_db_snapshot(DBInstanceIdentifier=SOURCE, DBSnapshotIdentifier=f"{SOURCE}-migration", Tags=STACK)
    sandbox.snapshot_ready(f"{SOURCE}-migration")
    west = client(sandbox, "kms", ACCESS_KEY, "us-west-2")
    west.create_alias(AliasName=KEY_OF_WEST, TargetKeyId=west.create_key()["KeyMetadata"]["KeyId"])
    sandbox.create(f"{SOURCE}-old", Tags=STACK)
    sandbox.available(f"{SOURCE}-old")
    sandbox.available(SOURCE)
    aws.client("iam").create_role(RoleName="restore-operator", AssumeRolePolicyDocument="{}")
    aws.client("ecr").create_repository(repositoryName=REPOSITORY)
    listed = aws.client("ec2").create_managed_prefix_list(PrefixListName="vpn", MaxEntries=1, AddressFamily="IPv4")
    MADE["prefix list"] = listed["PrefixList"]["PrefixListId"]
    aws.secrets.create_secret(Name=SECRET, SecretString="x")
    for bucket in (DUMPS, "ghost-protocol-sandbox-evidence"):
        aws.s3.create_bucket(Bucket=bucket)
    aws.s3.put_bucket_versioning(Bucket=DUMPS, VersioningConfiguration={"Status": "Enabled"})
    aws.s3.put_object(Bucket=DUMPS, Key=DUMP, Body=b"1")
    sandbox.create(RETIRED, Tags=[{"Key": "restore:final-snapshot", "Value": "last"}])
    make_dependents(aws, sandbox.available(SOURCE))
    sandbox.available(RETIRED)


def make_dependents(aws: Any, source: Any) -> None:
    """Makes one of each kind that knows the source."""
    aws.sns.create_topic(Name="incidents")
    aws.rds.create_event_subscription(SubscriptionName=NAME, SnsTopicArn=TOPIC, SourceType="db-instance", SourceIds=[])
    subnets = [subnet["SubnetIdentifier"] for subnet in source["DBSubnetGroup"]["Subnets"]]
    aws.rds.create_db_proxy(DBProxyName=NAME, EngineFamily="POSTGRESQL", RoleArn=ROLE, VpcSubnetIds=subnets)
    rule = {"RuleName": NAME, "TargetBackupVaultName": "Default"}
    aws.client("backup").create_backup_plan(BackupPlan={"BackupPlanName": NAME, "Rules": [rule]})
    aws.client("route53").create_hosted_zone(Name="shop.internal", CallerReference="test")


@pytest.fixture
def operator(sandbox: Sandbox) -> Callable[..., Any]:
    def of_service(service: str, region: str = "us-east-1") -> Any:
        return client(sandbox, service, OPERATOR_KEY, region)

    return of_service


def client(sandbox: Sandbox, service: str, key: str, region: str = "us-east-1") -> Any:
    make = cast("Any", boto3.session.Session()).client
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": key, "aws_secret_access_key": SECRET_KEY}
    return make(service, endpoint_url=sandbox.aws.endpoint, region_name=region, config=config, **keys)


@contextmanager
def removed(sandbox: Sandbox, *actions: str) -> Generator[None]:
    sandbox.aws.post("rights", remove=list(actions))
    yield
    sandbox.aws.post("rights", remove=[])


def restored(operator: Callable[[str], Any], **more: Any) -> Any:
    return operator("rds").restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=f"{SOURCE}-inc", DBSnapshotIdentifier=f"{SOURCE}-1", Tags=STACK, **more
    )


def created(operator: Callable[[str], Any]) -> Any:
    settings = {"DBInstanceClass": "db.t4g.medium", "Engine": "postgres", "AllocatedStorage": 20}
    login = {"MasterUsername": "ghostadmin", "ManageMasterUserPassword": True}
    return operator("rds").create_db_instance(DBInstanceIdentifier=f"{SOURCE}-new", **settings, **login)


def rotated(operator: Callable[[str], Any]) -> Any:
    """Rotates a master password that RDS keeps; before there is one, a name that only the right is asked on."""
    instances = operator("rds").describe_db_instances()["DBInstances"]
    kept = [instance["MasterUserSecret"]["SecretArn"] for instance in instances if "MasterUserSecret" in instance]
    return operator("secretsmanager").rotate_secret(SecretId=kept[0] if kept else "rds!db-1")


def moved(operator: Callable[[str], Any]) -> Any:
    """Moves AWSCURRENT to where it is."""
    current = operator("secretsmanager").get_secret_value(SecretId=SECRET)["VersionId"]
    return operator("secretsmanager").update_secret_version_stage(
        SecretId=SECRET, VersionStage="AWSCURRENT", MoveToVersionId=current, RemoveFromVersionId=current
    )


def version(operator: Callable[[str], Any]) -> Any:
    listed = operator("s3").head_object(Bucket=DUMPS, Key=DUMP)["VersionId"]
    return operator("s3").get_object(Bucket=DUMPS, Key=DUMP, VersionId=listed)


def plan_id(operator: Callable[[str], Any]) -> str:
    return operator("backup").list_backup_plans()["BackupPlansList"][0]["BackupPlanId"]


def select(operator: Callable[[str], Any]) -> Any:
    role = "arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole"
    selection = {"SelectionName": NAME, "IamRoleArn": role, "Resources": ["arn:aws:rds:us-east-1:1:db:x"]}
    return operator("backup").create_backup_selection(BackupPlanId=plan_id(operator), BackupSelection=selection)


def of_selection(operator: Callable[[str], Any], action: str) -> Any:
    """Asks or deletes a selection that the administrator's call, or `select`, has made."""
    listed = operator("backup").list_backup_selections(BackupPlanId=plan_id(operator))["BackupSelectionsList"]
    ids = [item["SelectionId"] for item in listed] or ["none"]
    return getattr(operator("backup"), action)(BackupPlanId=plan_id(operator), SelectionId=ids[0])


def records(operator: Callable[[str], Any]) -> Any:
    zone = operator("route53").list_hosted_zones()["HostedZones"][0]["Id"]
    return operator("route53").list_resource_record_sets(HostedZoneId=zone)


def alarm(operator: Callable[[str], Any]) -> Any:
    return operator("cloudwatch").put_metric_alarm(
        AlarmName=NAME, Namespace="AWS/RDS", MetricName="CPUUtilization", Statistic="Average", Period=60,
        EvaluationPeriods=1, Threshold=90.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip


def prefixes(operator: Callable[[str], Any]) -> Any:
    return operator("ec2").get_managed_prefix_list_entries(PrefixListId=MADE["prefix list"])


def retired(operator: Callable[[str], Any]) -> Any:
    return operator("rds").delete_db_instance(
        DBInstanceIdentifier=RETIRED, FinalDBSnapshotIdentifier=f"{RETIRED}-last", DeleteAutomatedBackups=False
    )


def tagged(operator: Callable[[str], Any], **version: Any) -> Any:
    tag = {"Key": "restore-scanned", "Value": "whole"}
    return operator("s3").put_object_tagging(Bucket=DUMPS, Key=DUMP, Tagging={"TagSet": [tag]}, **version)


def newest(operator: Callable[[str], Any]) -> Any:
    return {"VersionId": operator("s3").head_object(Bucket=DUMPS, Key=DUMP)["VersionId"]}


def aborted(operator: Callable[[str], Any]) -> Any:
    named = {"Bucket": DUMPS, "Key": NIGHTLY}
    begun = operator("s3").create_multipart_upload(**named)["UploadId"]
    return operator("s3").abort_multipart_upload(**named, UploadId=begun)


def deleted(operator: Callable[[str], Any], *, version: bool) -> Any:
    named = {"Bucket": DUMPS, "Key": NIGHTLY}
    stored = operator("s3").put_object(**named, Body=b"1")["VersionId"]
    return operator("s3").delete_object(**named, **({"VersionId": stored} if version else {}))


def published(operator: Callable[[str], Any]) -> Any:
    return operator("cloudwatch").put_metric_data(
        Namespace="Restore", MetricData=[{"MetricName": "DumpAge", "Value": 1.0}]
    )


def expired(operator: Callable[[str], Any]) -> Any:
    return operator("rds").delete_db_snapshot(DBSnapshotIdentifier=f"{SOURCE}-migration")


NIGHTLY = "database/postgresql/2.sql"
TOPIC_OF_ALARMS = "arn:aws:sns:us-east-1:123456789012:restore-backups-prod"
SUBSCRIPTION = "restore-backups-prod"
SUBSCRIPTION_ARN = f"arn:aws:rds:us-east-1:123456789012:es:{SUBSCRIPTION}"
SOURCE_ARN = f"arn:aws:rds:us-east-1:123456789012:db:{SOURCE}"
KEY_OF_WEST = "alias/west"
ALARM_ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{NAME}"
GROUP = f"{SOURCE}-group"
GROUP_ARN = f"arn:aws:rds:us-east-1:123456789012:pg:{GROUP}"

CALLS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "rds:DescribeDBInstances": lambda o: o("rds").describe_db_instances(),
    "rds:DescribeDBSnapshots": lambda o: o("rds").describe_db_snapshots(),
    "rds:DescribeDBInstanceAutomatedBackups": lambda o: o("rds").describe_db_instance_automated_backups(),
    "rds:DescribeDBEngineVersions": lambda o: o("rds").describe_db_engine_versions(Engine="postgres"),
    "rds:DescribeAccountAttributes": lambda o: o("rds").describe_account_attributes(),
    "rds:DescribeOrderableDBInstanceOptions": lambda o: o("rds").describe_orderable_db_instance_options(
        Engine="postgres"
    ),
    "rds:DescribeDBSubnetGroups": lambda o: o("rds").describe_db_subnet_groups(),
    "ec2:DescribeSubnets": lambda o: o("ec2").describe_subnets(),
    "rds:AddRoleToDBInstance": lambda o: o("rds").add_role_to_db_instance(
        DBInstanceIdentifier=f"{SOURCE}-old",
        RoleArn="arn:aws:iam::123456789012:role/rds-s3-export",
        FeatureName="s3Export",
    ),
    "rds:RebootDBInstance": lambda o: o("rds").reboot_db_instance(DBInstanceIdentifier=f"{SOURCE}-old"),
    "secretsmanager:GetSecretValue": lambda o: o("secretsmanager").get_secret_value(SecretId=SECRET),
    "secretsmanager:PutSecretValue": lambda o: o("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="x"),
    "secretsmanager:UpdateSecretVersionStage": moved,
    "iam:SimulatePrincipalPolicy": lambda o: o("iam").simulate_principal_policy(
        PolicySourceArn=ROLE, ActionNames=["rds:CreateDBSnapshot"]
    ),
    "iam:GetRole": lambda o: o("iam").get_role(RoleName="restore-operator"),
    "rds:RestoreDBInstanceFromDBSnapshot": restored,
    "rds:RestoreDBInstanceToPointInTime": lambda o: o("rds").restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=SOURCE, TargetDBInstanceIdentifier=f"{SOURCE}-pit", UseLatestRestorableTime=True
    ),
    "rds:CreateDBSnapshot": lambda o: o("rds").create_db_snapshot(
        DBInstanceIdentifier=SOURCE, DBSnapshotIdentifier=f"{SOURCE}-2"
    ),
    "rds:DescribeDBSnapshotAttributes": lambda o: o("rds").describe_db_snapshot_attributes(
        DBSnapshotIdentifier=f"{SOURCE}-1"
    ),
    "rds:AddTagsToResource": restored,
    "rds:ModifyDBInstance": lambda o: o("rds").modify_db_instance(
        DBInstanceIdentifier=f"{SOURCE}-old", BackupRetentionPeriod=8
    ),
    "kms:DescribeKey": restored,
    "kms:Decrypt": restored,
    "kms:CreateGrant": restored,
    "iam:PassRole": lambda o: o("rds").modify_db_instance(
        DBInstanceIdentifier=f"{SOURCE}-old",
        MonitoringInterval=60,
        MonitoringRoleArn="arn:aws:iam::123456789012:role/rds-monitoring-role",
    ),
    "s3:GetObject": lambda o: o("s3").get_object(Bucket=DUMPS, Key=DUMP),
    "s3:GetObjectVersion": version,
    "s3:ListBucket": lambda o: o("s3").list_objects_v2(Bucket=DUMPS, Prefix="database/postgresql/"),
    "s3:PutObject": lambda o: o("s3").put_object(
        Bucket="ghost-protocol-sandbox-evidence", Key="restores/prod/1.json", Body=b"{}", IfNoneMatch="*"
    ),
    "rds:CreateDBInstance": created,
    "secretsmanager:CreateSecret": created,
    "secretsmanager:RotateSecret": rotated,
    "secretsmanager:TagResource": created,
    "rds:DescribeDBLogFiles": lambda o: o("rds").describe_db_log_files(DBInstanceIdentifier=SOURCE),
    "rds:DownloadDBLogFilePortion": lambda o: o("rds").download_db_log_file_portion(
        DBInstanceIdentifier=SOURCE, LogFileName="error/postgresql.log"
    ),
    "rds:DescribeDBParameters": lambda o: o("rds").describe_db_parameters(DBParameterGroupName="default.postgres16"),
    "rds:DescribeEvents": lambda o: o("rds").describe_events(),
    "cloudtrail:LookupEvents": lambda o: o("cloudtrail").lookup_events(),
    "ec2:DescribeNetworkInterfaces": lambda o: o("ec2").describe_network_interfaces(),
    "ec2:DescribeNetworkAcls": lambda o: o("ec2").describe_network_acls(),
    "ec2:DescribeRouteTables": lambda o: o("ec2").describe_route_tables(),
    "ec2:GetManagedPrefixListEntries": prefixes,
    "ecr:DescribeImages": lambda o: o("ecr").describe_images(repositoryName=REPOSITORY),
    "ec2:DescribeSecurityGroups": lambda o: o("ec2").describe_security_groups(),
    "rds:DescribeDBParameterGroups": lambda o: o("rds").describe_db_parameter_groups(),
    "rds:CreateDBParameterGroup": lambda o: o("rds").create_db_parameter_group(
        DBParameterGroupName=GROUP, DBParameterGroupFamily="postgres16", Description="of the source"
    ),
    "rds:ModifyDBParameterGroup": lambda o: o("rds").modify_db_parameter_group(
        DBParameterGroupName=GROUP,
        Parameters=[{"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"}],
    ),
    "rds:ListTagsForResource": lambda o: o("rds").list_tags_for_resource(ResourceName=GROUP_ARN),
    "rds:CopyDBSnapshot": lambda o: o("rds").copy_db_snapshot(
        SourceDBSnapshotIdentifier=f"{SOURCE}-1", TargetDBSnapshotIdentifier=f"{SOURCE}-copy"
    ),
    "rds:DeleteDBInstance": retired,
    "rds:DescribeDBProxies": lambda o: o("rds").describe_db_proxies(),
    "rds:RegisterDBProxyTargets": lambda o: o("rds").register_db_proxy_targets(
        DBProxyName=NAME, DBInstanceIdentifiers=[SOURCE]
    ),
    "rds:DescribeDBProxyTargets": lambda o: o("rds").describe_db_proxy_targets(DBProxyName=NAME),
    "rds:DeregisterDBProxyTargets": lambda o: o("rds").deregister_db_proxy_targets(
        DBProxyName=NAME, DBInstanceIdentifiers=[SOURCE]
    ),
    "rds:DescribeEventSubscriptions": lambda o: o("rds").describe_event_subscriptions(),
    "rds:AddSourceIdentifierToSubscription": lambda o: o("rds").add_source_identifier_to_subscription(
        SubscriptionName=NAME, SourceIdentifier=SOURCE
    ),
    "rds:RemoveSourceIdentifierFromSubscription": lambda o: o("rds").remove_source_identifier_from_subscription(
        SubscriptionName=NAME, SourceIdentifier=SOURCE
    ),
    "cloudwatch:PutMetricAlarm": alarm,
    "cloudwatch:DescribeAlarms": lambda o: o("cloudwatch").describe_alarms(),
    "backup:ListBackupPlans": plan_id,
    "backup:CreateBackupSelection": select,
    "backup:ListBackupSelections": lambda o: o("backup").list_backup_selections(BackupPlanId=plan_id(o)),
    "backup:GetBackupSelection": lambda o: of_selection(o, "get_backup_selection"),
    "backup:DeleteBackupSelection": lambda o: of_selection(o, "delete_backup_selection"),
    "iam:GetAccountAuthorizationDetails": lambda o: o("iam").get_account_authorization_details(),
    "secretsmanager:ListSecrets": lambda o: o("secretsmanager").list_secrets(),
    "route53:ListHostedZones": lambda o: o("route53").list_hosted_zones(),
    "route53:ListResourceRecordSets": records,
    "cloudwatch:ListTagsForResource": lambda o: o("cloudwatch").list_tags_for_resource(ResourceARN=ALARM_ARN),
    "cloudwatch:PutMetricData": published,
    "sns:CreateTopic": lambda o: o("sns").create_topic(Name="restore-backups-prod"),
    "sns:GetTopicAttributes": lambda o: o("sns").get_topic_attributes(TopicArn=TOPIC_OF_ALARMS),
    "sns:ListTagsForResource": lambda o: o("sns").list_tags_for_resource(ResourceArn=TOPIC_OF_ALARMS),
    "rds:CreateEventSubscription": lambda o: o("rds").create_event_subscription(
        SubscriptionName=SUBSCRIPTION, SnsTopicArn=TOPIC, SourceType="db-instance"
    ),
    "rds:ModifyEventSubscription": lambda o: o("rds").modify_event_subscription(
        SubscriptionName=SUBSCRIPTION, EventCategories=["backup"]
    ),
    "rds:DeleteEventSubscription": lambda o: o("rds").delete_event_subscription(SubscriptionName=SUBSCRIPTION),
    "rds:StartDBInstanceAutomatedBackupsReplication": lambda o: o(
        "rds", "us-west-2"
    ).start_db_instance_automated_backups_replication(SourceDBInstanceArn=SOURCE_ARN, KmsKeyId=KEY_OF_WEST),
    "rds:StopDBInstanceAutomatedBackupsReplication": lambda o: o(
        "rds", "us-west-2"
    ).stop_db_instance_automated_backups_replication(SourceDBInstanceArn=SOURCE_ARN),
    "rds:DeleteDBSnapshot": expired,
    "s3:GetObjectTagging": lambda o: o("s3").get_object_tagging(Bucket=DUMPS, Key=DUMP),
    "s3:AbortMultipartUpload": aborted,
    "s3:PutObjectTagging": tagged,
    "s3:PutObjectVersionTagging": lambda o: tagged(o, **newest(o)),
    "s3:DeleteObject": lambda o: deleted(o, version=False),
    "s3:DeleteObjectVersion": lambda o: deleted(o, version=True),
    "cloudwatch:DeleteAlarms": lambda o: o("cloudwatch").delete_alarms(AlarmNames=[NAME]),
    "sns:ListSubscriptionsByTopic": lambda o: o("sns").list_subscriptions_by_topic(TopicArn=TOPIC_OF_ALARMS),
    "sns:DeleteTopic": lambda o: o("sns").delete_topic(TopicArn=TOPIC_OF_ALARMS),
    "sns:Publish": lambda o: o("sns").publish(TopicArn=TOPIC, Message="restored"),
    "cloudwatch:GetMetricStatistics": lambda o: o("cloudwatch").get_metric_statistics(
        Namespace="AWS/RDS", MetricName="X", StartTime=0, EndTime=60, Period=60, Statistics=["Average"]
    ),
}
"""A call that needs the action, by the action."""


@pytest.mark.parametrize("action", [action for action in ACTIONS if action not in NOT_ASKED_BY_A_SERVICE])
def test_without_a_right_its_call_is_refused_in_the_words_of_aws(
    sandbox: Sandbox, operator: Callable[[str], Any], action: str
) -> None:
    with removed(sandbox, action), pytest.raises(ClientError) as caught:
        CALLS[action](operator)
    error = cast("Any", caught.value.response)["Error"]
    if action.startswith("kms:"):
        assert (error["Code"], "do not have permissions to access it" in error["Message"]) == (KEY_LOST, True)
        return
    assert error["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
    assert error["Message"].startswith(f"User: {SESSION} is not authorized to perform: {action}")
    assert error["Message"].endswith(f"because no identity-based policy allows the {action} action")


def test_with_all_documented_rights_every_call_is_allowed(sandbox: Sandbox, operator: Callable[[str], Any]) -> None:
    for make in dict.fromkeys(CALLS.values()):
        sandbox.available(SOURCE)
        sandbox.available(f"{SOURCE}-old")
        make(operator)
    rights = sandbox.aws.rights()
    assert set(rights["used"]) == set(ACTIONS) - NOT_ASKED_BY_A_SERVICE
    assert rights["removed"] == []


def test_the_source_can_be_neither_stopped_nor_deleted(operator: Callable[[str], Any]) -> None:
    rds = operator("rds")
    for refused in (
        lambda: rds.reboot_db_instance(DBInstanceIdentifier=SOURCE),
        lambda: rds.delete_db_instance(DBInstanceIdentifier=SOURCE, SkipFinalSnapshot=True),
        lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=f"{SOURCE}-1"),
        lambda: rds.stop_db_instance(DBInstanceIdentifier=SOURCE),
    ):
        with pytest.raises(ClientError, match="because no identity-based policy allows"):
            refused()


def test_other_names_are_not_the_operator_s(operator: Callable[[str], Any]) -> None:
    for refused in (
        lambda: operator("secretsmanager").get_secret_value(SecretId="other"),
        lambda: operator("s3").list_objects_v2(Bucket="other"),
        lambda: operator("s3").get_object(Bucket=DUMPS, Key="other"),
        lambda: operator("rds").create_db_snapshot(DBInstanceIdentifier=SOURCE, DBSnapshotIdentifier="other"),
    ):
        with pytest.raises(ClientError, match="because no identity-based policy allows"):
            refused()


def test_a_head_that_is_refused_says_no_more_than_forbidden(operator: Callable[[str], Any]) -> None:
    with pytest.raises(ClientError, match=r"\(403\).*Forbidden"):
        operator("s3").head_object(Bucket=DUMPS, Key="other")


def test_that_an_object_is_missing_is_told_to_those_alone_who_may_list_the_bucket(
    sandbox: Sandbox, operator: Callable[[str], Any]
) -> None:
    missing = {"Bucket": DUMPS, "Key": "database/postgresql/none.sql"}
    with pytest.raises(ClientError, match="NoSuchKey"):
        operator("s3").get_object(**missing)
    with removed(sandbox, "s3:ListBucket"):
        assert operator("s3").get_object(Bucket=DUMPS, Key=DUMP)
        with pytest.raises(ClientError, match=r"AccessDenied.*s3:ListBucket"):
            operator("s3").get_object(**missing)


def test_the_operator_is_a_role_and_is_told_what_it_may_do(sandbox: Sandbox, operator: Callable[[str], Any]) -> None:
    assert operator("sts").get_caller_identity()["Arn"] == SESSION
    asked: dict[str, Any] = {
        "PolicySourceArn": ROLE,
        "ActionNames": ["rds:RebootDBInstance", "rds:DeleteDBInstance"],
        "ResourceArns": [f"arn:aws:rds:us-east-1:123456789012:db:{SOURCE}-inc"],
        "ContextEntries": [
            {
                "ContextKeyName": "aws:ResourceTag/restore:stack",
                "ContextKeyValues": ["prod"],
                "ContextKeyType": "string",
            }
        ],
    }
    decisions = ["allowed", "implicitDeny"]
    for expected in (decisions, ["implicitDeny", "implicitDeny"]):
        results = operator("iam").simulate_principal_policy(**asked)["EvaluationResults"]
        assert [result["EvalDecision"] for result in results] == expected
        asked.pop("ContextEntries", None)
    assert sandbox.aws.sts.get_caller_identity()["Arn"] != SESSION


def test_what_the_sandbox_has_no_rights_for_is_an_error_never_a_success(operator: Callable[[str], Any]) -> None:
    with pytest.raises(ClientError, match=r"SandboxUnsupported.*ec2:DescribeVpcs"):
        operator("ec2").describe_vpcs()
    with pytest.raises(ClientError, match=r"SandboxUnsupported.*S3 operation"):
        operator("s3").get_object_acl(Bucket=DUMPS, Key=DUMP)


def test_the_operator_gives_up_a_lock_of_the_state_and_deletes_no_record(operator: Callable[[str], Any]) -> None:
    state = {"Bucket": "ghost-protocol-sandbox-pulumi-state"}
    with pytest.raises(ClientError, match="NoSuchBucket"):
        operator("s3").delete_object(**state, Key="team/.pulumi/locks/organization/restore/prod/1.json")
    record = {"Bucket": "ghost-protocol-sandbox-evidence", "Key": "restores/prod/1.json"}
    for elsewhere in (record, {**state, "Key": ".pulumi/stacks/restore/prod.json"}):
        with pytest.raises(ClientError, match=r"AccessDenied.*s3:DeleteObject"):
            operator("s3").delete_object(**elsewhere)


def test_nobody_else_s_key_is_taken(sandbox: Sandbox) -> None:
    stranger = client(sandbox, "rds", "AKIASTRANGER00000000")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId.*security token"):
        stranger.describe_db_instances()
    assert client(sandbox, "rds", ACCESS_KEY).describe_db_instances()["DBInstances"]


def test_a_right_that_the_page_does_not_give_can_not_be_taken_away(sandbox: Sandbox) -> None:
    with pytest.raises(Exception, match="400"):
        sandbox.aws.post("rights", remove=["rds:DeleteDBCluster"])
