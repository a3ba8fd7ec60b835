"""What AWS's clients rely on: error codes, pages, filters, tags, and that nothing is silently ignored."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.client import ACCESS_KEY
from sandbox.machine.processes import wait_until
from tests.support.sandbox.rds_gateway import WAIT, Sandbox


def error_of(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_error_codes_and_http_statuses_are_those_of_aws(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    assert error_of(rds.describe_db_instances, DBInstanceIdentifier="none") == ("DBInstanceNotFound", 404)
    assert error_of(rds.describe_db_snapshots, DBSnapshotIdentifier="none") == ("DBSnapshotNotFound", 404)
    assert error_of(rds.describe_db_parameter_groups, DBParameterGroupName="none") == ("DBParameterGroupNotFound", 404)
    assert error_of(rds.describe_db_subnet_groups, DBSubnetGroupName="none") == ("DBSubnetGroupNotFoundFault", 404)
    assert error_of(rds.describe_option_groups, OptionGroupName="none") == ("OptionGroupNotFoundFault", 404)
    assert error_of(rds.describe_certificates, CertificateIdentifier="none") == ("CertificateNotFound", 404)
    bad = {"DBInstanceIdentifier": "x", "DBInstanceClass": "db.x", "Engine": "postgres", "AllocatedStorage": 20}
    bad |= {"MasterUsername": "u", "MasterUserPassword": "short"}
    assert error_of(rds.create_db_instance, **bad) == ("InvalidParameterValue", 400)
    bad |= {"MasterUserPassword": "with/a-slash"}
    assert error_of(rds.create_db_instance, **bad) == ("InvalidParameterValue", 400)
    bad |= {"MasterUserPassword": "long-enough", "DBInstanceClass": "db.r6g.large", "EngineVersion": "14.9"}
    assert error_of(rds.create_db_instance, **bad) == ("InvalidParameterCombination", 400)


def test_an_action_or_a_parameter_that_is_not_there_is_an_error_never_a_success(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    assert error_of(rds.describe_reserved_db_instances) == ("SandboxUnsupported", 400)
    with pytest.raises(ClientError, match="parameter Domain in CreateDBInstance"):
        sandbox.create("x", Domain="d-1")
    body = urllib.parse.urlencode({"Action": "DescribeDBInstances", "Version": "2014-10-31", "NoSuch": "1"}).encode()
    credential = f"Credential={ACCESS_KEY}/20261122/us-east-1/rds/aws4_request"
    scope = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(sandbox.aws.endpoint, data=body, headers={"Authorization": scope})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert b"Unknown parameter(s) in DescribeDBInstances: NoSuch" in caught.value.read()


def test_pages_hold_all_items_once(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    for number in range(45):
        rds.create_db_parameter_group(
            DBParameterGroupName=f"group-{number}", DBParameterGroupFamily="postgres17", Description="d"
        )
    pages = list(rds.get_paginator("describe_db_parameter_groups").paginate(PaginationConfig={"PageSize": 20}))
    found = [g.get("DBParameterGroupName", "") for page in pages for g in page["DBParameterGroups"]]
    assert len(pages) == 3
    assert len(found) == len(set(found)) == 46  # and the default group
    assert error_of(rds.describe_db_parameter_groups, MaxRecords=5) == ("InvalidParameterValue", 400)
    parameters = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="group-1")
    names = [p.get("ParameterName") for page in parameters for p in page["Parameters"]]
    assert len(names) == len(set(names)) > 300
    assert {"work_mem", "rds.force_ssl"} <= set(names)


def test_filters_select_and_unknown_ones_are_refused(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    sandbox.create("one", BackupRetentionPeriod=0)
    found = sandbox.available("one")
    arn, resource = found["DBInstanceArn"], found["DbiResourceId"]
    for name, value in (
        ("db-instance-id", "one"),
        ("db-instance-id", arn),
        ("dbi-resource-id", resource),
        ("engine", "postgres"),
    ):
        answer = rds.describe_db_instances(Filters=[{"Name": name, "Values": [value]}])["DBInstances"]
        assert [i.get("DbiResourceId") for i in answer] == [resource]
    assert rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": ["db-NONE"]}])["DBInstances"] == []
    assert rds.describe_db_instances(DBInstanceIdentifier=arn)["DBInstances"][0].get("DbiResourceId") == resource
    assert error_of(rds.describe_db_instances, Filters=[{"Name": "x", "Values": ["y"]}]) == (
        "InvalidParameterValue",
        400,
    )


def test_tags_of_every_kind_of_resource_are_added_replaced_and_removed(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    arns = [
        rds.create_db_parameter_group(
            DBParameterGroupName="tagged", DBParameterGroupFamily="postgres17", Description="d"
        )["DBParameterGroup"].get("DBParameterGroupArn", ""),
        rds.create_option_group(
            OptionGroupName="tagged", EngineName="postgres", MajorEngineVersion="17", OptionGroupDescription="d"
        )["OptionGroup"].get("OptionGroupArn", ""),
        sandbox.describe("one")["DBInstanceArn"],
    ]
    for arn in arns:
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "3"}])
        rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["b"])
        assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "a", "Value": "3"}]
    missing = arns[2].replace(":one", ":none")
    assert error_of(rds.list_tags_for_resource, ResourceName=missing) == ("DBInstanceNotFound", 404)


def test_versions_and_classes_that_are_offered_include_what_really_runs(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    running = sandbox.describe("one")["EngineVersion"]
    pages = rds.get_paginator("describe_db_engine_versions").paginate(Engine="postgres")
    versions = [v.get("EngineVersion", "") for page in pages for v in page["DBEngineVersions"]]
    assert running in versions
    assert {v.split(".")[0] for v in versions} >= {"16", "17"}
    default = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="17", DefaultOnly=True)[
        "DBEngineVersions"
    ]
    assert [v.get("EngineVersion") for v in default] == [running]
    orderable = rds.describe_orderable_db_instance_options(
        Engine="postgres", EngineVersion=running, DBInstanceClass="db.r6g.large"
    )["OrderableDBInstanceOptions"]
    assert {o.get("StorageType") for o in orderable} >= {"gp2", "gp3"}
    assert rds.describe_pending_maintenance_actions()["PendingMaintenanceActions"] == []


def test_what_the_terraform_provider_asks_of_a_snapshot_is_answered(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    rds.create_db_snapshot(DBInstanceIdentifier="one", DBSnapshotIdentifier="shared")
    sandbox.snapshot_ready("shared")
    rds.modify_db_snapshot_attribute(
        DBSnapshotIdentifier="shared", AttributeName="restore", ValuesToAdd=["111122223333"]
    )
    answer = rds.describe_db_snapshot_attributes(DBSnapshotIdentifier="shared")["DBSnapshotAttributesResult"]
    assert answer.get("DBSnapshotAttributes") == [{"AttributeName": "restore", "AttributeValues": ["111122223333"]}]


def test_events_tell_what_happened_and_reach_the_topic_that_subscribed(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    topic = sandbox.aws.sns.create_topic(Name="alarms")["TopicArn"]
    rds.create_event_subscription(
        SubscriptionName="backups", SnsTopicArn=topic, SourceType="db-instance", EventCategories=["backup"]
    )
    sandbox.create("eventful")
    sandbox.available("eventful")
    events = rds.describe_events(SourceType="db-instance", SourceIdentifier="eventful")["Events"]
    assert [e.get("Message") for e in events] == [
        "DB instance created",
        "Backing up DB instance",
        "Finished DB Instance backup",
    ]

    def published() -> list[str]:
        return [m["message"] for m in sandbox.aws.messages() if m["topic"] == topic]

    wait_until(lambda: len(published()) == 2, WAIT, "both messages")
    sent = published()
    assert "Finished DB Instance backup" in sent[1]
