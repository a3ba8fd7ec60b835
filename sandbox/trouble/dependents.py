"""Troubles of what else knows the source: it stays with the source when the applications leave it."""

from __future__ import annotations

import json
from typing import Any

from sandbox.application import names
from sandbox.aws import ACCOUNT
from sandbox.trouble.stage import Memory, Stage, Trouble

ALARM, MATH_ALARM, PROXY, SUBSCRIPTION, TOPIC = "db-cpu", "db-latency", "shop-proxy", "db-failures", "db-events"
PLAN, SELECTION, POLICY, ZONE, RECORD = "daily", "databases", "shop-login", "shop.internal", "db.shop.internal"
BACKUP_ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"


def watch_source(stage: Stage) -> Memory:
    """A plain alarm, and one by metric math."""
    cloudwatch: Any = stage.aws.cloudwatch
    dimensions = [{"Name": "DBInstanceIdentifier", "Value": stage.instance}]
    common = {"EvaluationPeriods": 3, "ComparisonOperator": "GreaterThanThreshold", "ActionsEnabled": True}
    cloudwatch.put_metric_alarm(
        AlarmName=ALARM, Namespace="AWS/RDS", MetricName="CPUUtilization", Statistic="Average", Period=60,
        Threshold=90.0, Dimensions=dimensions, AlarmActions=[f"arn:aws:sns:{names.REGION}:{ACCOUNT}:{TOPIC}"], **common,
    )  # fmt: skip
    metric = {"Namespace": "AWS/RDS", "MetricName": "ReadLatency", "Dimensions": dimensions}
    cloudwatch.put_metric_alarm(
        AlarmName=MATH_ALARM,
        Threshold=1.0,
        Metrics=[
            {"Id": "read", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}, "ReturnData": False},
            {"Id": "slow", "Expression": "read * 1000", "Label": "ms", "ReturnData": True},
        ],
        **common,
    )
    return {}


def stop_watching(stage: Stage, _: Memory) -> None:
    stage.aws.cloudwatch.delete_alarms(AlarmNames=[ALARM, MATH_ALARM])


def tell_of_source(stage: Stage) -> Memory:
    topic = stage.aws.sns.create_topic(Name=TOPIC)["TopicArn"]
    stage.aws.rds.create_event_subscription(
        SubscriptionName=SUBSCRIPTION, SnsTopicArn=topic, SourceType="db-instance", SourceIds=[stage.instance]
    )
    return {"topic": topic}


def stop_telling(stage: Stage, memory: Memory) -> None:
    stage.aws.rds.delete_event_subscription(SubscriptionName=SUBSCRIPTION)
    stage.aws.sns.delete_topic(TopicArn=memory["topic"])


def put_proxy(stage: Stage) -> Memory:
    subnets = [subnet["SubnetIdentifier"] for subnet in stage.describe()["DBSubnetGroup"]["Subnets"]]
    role = f"arn:aws:iam::{ACCOUNT}:role/proxy"
    stage.aws.rds.create_db_proxy(DBProxyName=PROXY, EngineFamily="POSTGRESQL", RoleArn=role, VpcSubnetIds=subnets)
    stage.aws.rds.register_db_proxy_targets(DBProxyName=PROXY, DBInstanceIdentifiers=[stage.instance])
    return {}


def remove_proxy(stage: Stage, _: Memory) -> None:
    stage.aws.rds.delete_db_proxy(DBProxyName=PROXY)


def back_up_by_arn(stage: Stage) -> Memory:
    backup: Any = stage.aws.client("backup")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "Default"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": PLAN, "Rules": [rule]})["BackupPlanId"]
    selection = {
        "SelectionName": SELECTION,
        "IamRoleArn": BACKUP_ROLE,
        "Resources": [stage.describe()["DBInstanceArn"]],
    }
    backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)
    return {"plan": plan}


def stop_backups(stage: Stage, memory: Memory) -> None:
    backup: Any = stage.aws.client("backup")
    for item in backup.list_backup_selections(BackupPlanId=memory["plan"])["BackupSelectionsList"]:
        backup.delete_backup_selection(BackupPlanId=memory["plan"], SelectionId=item["SelectionId"])
    backup.delete_backup_plan(BackupPlanId=memory["plan"])


def let_log_in(stage: Stage) -> Memory:
    """A policy for logins by IAM, and a record of a private zone."""
    instance: Any = stage.describe()
    arn = f"arn:aws:rds-db:{names.REGION}:{ACCOUNT}:dbuser:{instance['DbiResourceId']}/app"
    statement = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam: Any = stage.aws.client("iam")
    policy = iam.create_policy(PolicyName=POLICY, PolicyDocument=document)["Policy"]["Arn"]
    route53: Any = stage.aws.client("route53")
    zone = route53.create_hosted_zone(
        Name=ZONE,
        CallerReference="sandbox",
        VPC={"VPCRegion": names.REGION, "VPCId": "vpc-1"},
        HostedZoneConfig={"PrivateZone": True},
    )["HostedZone"]["Id"]
    change(stage, zone, "CREATE", instance["Endpoint"]["Address"])
    return {"policy": policy, "zone": zone, "host": instance["Endpoint"]["Address"]}


def change(stage: Stage, zone: str, action: str, host: str) -> None:
    record = {"Name": RECORD, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": host}]}
    route53: Any = stage.aws.client("route53")
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    )


def forget_logins(stage: Stage, memory: Memory) -> None:
    stage.aws.client("iam").delete_policy(PolicyArn=memory["policy"])
    change(stage, memory["zone"], "DELETE", memory["host"])
    stage.aws.client("route53").delete_hosted_zone(Id=memory["zone"])


TROUBLES = (
    Trouble(
        "alarms-on-source",
        f"Alarms {ALARM} and {MATH_ALARM} (metric math) have the source as their dimension.",
        watch_source,
        stop_watching,
    ),
    Trouble(
        "events-of-source",
        f"Event subscription {SUBSCRIPTION} names the source.",
        tell_of_source,
        stop_telling,
    ),
    Trouble(
        "proxy-on-source",
        f"RDS Proxy {PROXY} has the source as its target (it is described, and proxies nothing).",
        put_proxy,
        remove_proxy,
    ),
    Trouble(
        "backups-by-arn",
        f"AWS Backup plan {PLAN} selects the source by its ARN: a restored instance is in no plan.",
        back_up_by_arn,
        stop_backups,
    ),
    Trouble(
        "logins-of-source",
        f"IAM policy {POLICY} has the source's DbiResourceId, and {RECORD} of a private zone its endpoint.",
        let_log_in,
        forget_logins,
    ),
)
