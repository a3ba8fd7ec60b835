"""Requests as clients of AWS send them, and the rights that each needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.aws.iam.asks import UnknownOperationError, needs
from sandbox.aws.iam.calls import Call, Request, call_of, credential_of
from sandbox.aws.iam.refusals import Refusal, answer

RDS = "arn:aws:rds:us-east-1:123456789012"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"


class World:
    """A candidate with a tag; a key of one's own where `key` is given."""

    def __init__(self, key: str | None = None) -> None:
        self._key = key

    def tags(self, region: str, arn: str) -> Mapping[str, str]:
        return {"restore:stack": "prod"} if region and arn == f"{RDS}:db:shop-inc-1" else {}

    def key(self, region: str, operation: str, parameters: Mapping[str, Any]) -> str | None:
        return self._key if region and operation.startswith("Restore") and parameters else None


def request(
    service: str, method: str = "POST", path: str = "/", query: str = "", body: bytes = b"", **more: str
) -> Request:
    scope = (
        f"AWS4-HMAC-SHA256 Credential=AKIA/20261129/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
    headers = {"authorization": scope, **{name.replace("_", "-"): value for name, value in more.items()}}
    return Request(method, path, query, headers, body)


def call(sent: Request) -> Call:
    credential = credential_of(sent)
    assert credential
    return call_of(sent, credential)


def asked(operation: str, world: World | None = None, service: str = "rds", **parameters: Any) -> dict[str, list[str]]:
    """Resources by action."""
    found: dict[str, list[str]] = {}
    for need in needs(Call(service, operation, "us-east-1", parameters), world or World()):
        found.setdefault(need.ask.action, []).append(need.ask.resource)
    return found


def test_each_protocol_is_read() -> None:
    form = urlencode({"Action": "DescribeDBInstances", "Version": "2014-10-31"}).encode()
    assert call(request("rds", body=form)).operation == "DescribeDBInstances"
    wanted = request("secretsmanager", body=b'{"SecretId": "a"}', x_amz_target="secretsmanager.GetSecretValue")
    assert (call(wanted).operation, call(wanted).parameters) == ("GetSecretValue", {"SecretId": "a"})
    smithy = request("monitoring", path="/service/GraniteServiceVersion20100801/operation/GetMetricStatistics")
    assert (call(smithy).service, call(smithy).operation) == ("cloudwatch", "GetMetricStatistics")


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/bucket/a%20folder/dump.sql", "versionId=1", "GetObject"),
        ("HEAD", "/bucket/key", "", "HeadObject"),
        ("PUT", "/bucket/key", "", "PutObject"),
        ("GET", "/bucket", "list-type=2&prefix=dumps%2F", "ListObjectsV2"),
        ("DELETE", "/bucket/key", "versionId=1", "DeleteObject"),
        ("DELETE", "/bucket/key", "uploadId=1", "AbortMultipartUpload"),
        ("POST", "/bucket/key", "uploads", "PutObject"),
        ("PUT", "/bucket/key", "partNumber=1&uploadId=1", "PutObject"),
        ("PUT", "/bucket/key", "tagging&versionId=1", "PutObjectTagging"),
        ("DELETE", "/bucket/key", "tagging", ""),
        ("PUT", "/bucket/key", "acl", ""),
        ("GET", "/bucket", "policy", ""),
        ("PUT", "/bucket", "", ""),
    ],
)
def test_an_s3_operation_is_known_by_method_path_and_query(method: str, path: str, query: str, operation: str) -> None:
    assert call(request("s3", method, path, query)).operation == operation


def test_a_presigned_request_is_its_signer_s_and_an_unsigned_one_is_nobody_s() -> None:
    signed = Request("GET", "/b/k", "X-Amz-Credential=ASIA%2F20261129%2Fus-east-1%2Fs3%2Faws4_request", {}, b"")
    credential = credential_of(signed)
    assert credential
    assert (credential.key, credential.service) == ("ASIA", "s3")
    assert credential_of(Request("GET", "/b/k", "", {}, b"")) is None


def test_a_restore_asks_for_every_resource_that_it_names_and_for_the_tags_and_the_key_of_the_new_instance() -> None:
    found = asked(
        "RestoreDBInstanceFromDBSnapshot",
        World(KEY),
        DBInstanceIdentifier="Shop-inc-1",
        DBSnapshotIdentifier="rds:shop-1",
        DBSubnetGroupName="net",
        Tags=[{"Key": "restore:stack", "Value": "prod"}],
        MonitoringRoleArn="arn:aws:iam::123456789012:role/m",
    )
    restored = [f"{RDS}:db:shop-inc-1", f"{RDS}:snapshot:rds:shop-1", f"{RDS}:subgrp:net"]
    assert found == {
        "rds:RestoreDBInstanceFromDBSnapshot": restored,
        "rds:AddTagsToResource": [f"{RDS}:db:shop-inc-1"],
        "kms:DescribeKey": [KEY],
        "kms:Decrypt": [KEY],
        "kms:CreateGrant": [KEY],
        "iam:PassRole": ["arn:aws:iam::123456789012:role/m"],
    }


def test_a_list_of_all_asks_for_all() -> None:
    assert asked("DescribeDBInstances") == {"rds:DescribeDBInstances": [f"{RDS}:db:*"]}
    assert asked("DescribeDBEngineVersions", Engine="postgres") == {"rds:DescribeDBEngineVersions": ["*"]}


def test_conditions_see_the_tags_of_what_is_there_never_those_of_the_request() -> None:
    (need,) = needs(Call("rds", "ModifyDBInstance", "us-east-1", {"DBInstanceIdentifier": "shop-inc-1"}), World())
    assert need.ask.context == {"aws:ResourceTag/restore:stack": "prod"}
    made = {"DBInstanceIdentifier": "shop-inc-1", "Tags": [{"Key": "a", "Value": "1"}]}
    new, *_ = needs(Call("rds", "CreateDBInstance", "us-east-1", made), World())
    assert new.ask.context == {"aws:RequestTag/a": "1"}


def test_a_version_of_an_object_is_a_right_of_its_own() -> None:
    assert asked("HeadObject", service="s3", Bucket="b", Key="k") == {"s3:GetObject": ["arn:aws:s3:::b/k"]}
    found = asked("HeadObject", service="s3", Bucket="b", Key="k", VersionId="1")
    assert found == {"s3:GetObjectVersion": ["arn:aws:s3:::b/k"]}


def test_nothing_is_allowed_because_nobody_thought_of_it() -> None:
    for service, operation in (("rds", "DeleteDBCluster"), ("ec2", "DescribeVpcs"), ("s3", "")):
        with pytest.raises(UnknownOperationError):
            asked(operation, service=service, Bucket="b", Key="k")


def test_a_refusal_has_the_form_of_the_protocol() -> None:
    refusal = Refusal("rds", "AccessDenied", "no & never")
    assert "<Code>AccessDenied</Code><Message>no &amp; never</Message>" in answer(request("rds"), refusal).body
    json_refusal = Refusal("secretsmanager", "AccessDeniedException", "no")
    told = answer(request("secretsmanager", x_amz_target="secretsmanager.GetSecretValue"), json_refusal)
    assert (told.status, json.loads(told.body)["__type"]) == (400, "AccessDeniedException")
    head = answer(request("s3", "HEAD", "/b/k"), Refusal("s3", "AccessDenied", "no"))
    assert (head.status, head.body) == (403, "")


def test_a_role_that_rds_is_to_assume_must_be_passed_to_it() -> None:
    """Of a feature (AddRoleToDBInstance), and of a directory: the dependent actions of the reference."""
    role = "arn:aws:iam::123456789012:role/rds-s3-export"
    found = asked("AddRoleToDBInstance", DBInstanceIdentifier="shop-inc-1", RoleArn=role, FeatureName="s3Export")
    assert found == {"rds:AddRoleToDBInstance": [f"{RDS}:db:shop-inc-1"], "iam:PassRole": [role]}
    joined = {"DBInstanceIdentifier": "shop-inc-1", "Domain": "d-1", "DomainIAMRoleName": "rds-s3-export"}
    _, need = needs(Call("rds", "ModifyDBInstance", "us-east-1", joined), World())
    assert (need.ask.action, need.ask.resource) == ("iam:PassRole", role)
    assert need.ask.context == {"iam:PassedToService": "rds.amazonaws.com"}


def test_a_prefix_list_and_a_repository_are_asked_by_their_names() -> None:
    lists = asked("GetManagedPrefixListEntries", service="ec2", PrefixListId="pl-1")
    assert lists == {"ec2:GetManagedPrefixListEntries": ["arn:aws:ec2:us-east-1:123456789012:prefix-list/pl-1"]}
    images = asked("DescribeImages", service="ecr", repositoryName="shop/psql")
    assert images == {"ecr:DescribeImages": ["arn:aws:ecr:us-east-1:123456789012:repository/shop/psql"]}


def test_ec2_answers_a_refusal_in_its_own_form() -> None:
    assert asked("DescribeSubnets", service="ec2") == {"ec2:DescribeSubnets": ["*"]}
    refused = answer(request("ec2"), Refusal("ec2", "UnauthorizedOperation", "no"))
    assert refused.status == 403
    assert refused.body.startswith("<Response><Errors><Error><Code>UnauthorizedOperation</Code>")


@pytest.mark.parametrize(
    ("service", "method", "path", "operation"),
    [
        ("backup", "GET", "/backup/plans/", "ListBackupPlans"),
        ("backup", "GET", "/backup/plans/p-1/selections/", "ListBackupSelections"),
        ("backup", "PUT", "/backup/plans/p-1/selections/", "CreateBackupSelection"),
        ("backup", "GET", "/backup/plans/p-1/selections/s-1", "GetBackupSelection"),
        ("backup", "DELETE", "/backup/plans/p-1/selections/s-1", "DeleteBackupSelection"),
        ("backup", "DELETE", "/backup/plans/p-1", ""),
        ("route53", "GET", "/2013-04-01/hostedzone", "ListHostedZones"),
        ("route53", "GET", "/2013-04-01/hostedzone/Z1/rrset", "ListResourceRecordSets"),
        ("route53", "POST", "/2013-04-01/hostedzone/Z1/rrset", ""),
    ],
)
def test_an_operation_without_a_name_of_its_own_is_known_by_method_and_path(
    service: str, method: str, path: str, operation: str
) -> None:
    assert call(request(service, method, path, body=b"{}")).operation == operation


def test_a_selection_asks_for_its_plan_and_for_the_role_that_it_gives_away() -> None:
    role = "arn:aws:iam::123456789012:role/backup"
    selection = {"IamRoleArn": role}
    assert asked("CreateBackupSelection", service="backup", BackupPlanId="p-1", BackupSelection=selection) == {
        "backup:CreateBackupSelection": ["arn:aws:backup:us-east-1:123456789012:backup-plan:p-1"],
        "iam:PassRole": [role],
    }


def test_a_proxy_s_target_asks_for_the_group_and_for_each_instance() -> None:
    found = asked("RegisterDBProxyTargets", DBProxyName="shop", DBInstanceIdentifiers=["shop", "shop-inc-1"])
    assert found == {
        "rds:RegisterDBProxyTargets": [f"{RDS}:target-group:shop", f"{RDS}:db:shop", f"{RDS}:db:shop-inc-1"]
    }


def test_a_refusal_in_cbor_is_read_by_a_client_as_any_other() -> None:
    from botocore.parsers import create_parser

    sent = request("monitoring", path="/service/GraniteServiceVersion20100801/operation/DescribeAlarms")
    told = answer(sent, Refusal("cloudwatch", "AccessDenied", "é" * 300))
    parser: Any = create_parser("smithy-rpc-v2-cbor")
    read = parser.parse({"status_code": told.status, "headers": {}, "body": told.content}, None)
    assert (read["Error"]["Code"], read["Error"]["Message"]) == ("AccessDenied", "é" * 300)
