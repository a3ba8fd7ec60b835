"""moto behind the same port: what was there before a stop, or a kill, is there after the next start."""

from __future__ import annotations

import hashlib
import signal
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.support.sandbox.rds_gateway import Maker, Sandbox

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def seeded(make_sandbox: Maker) -> Sandbox:
    """A gateway with something in each service, killed and started again."""
    sandbox = make_sandbox()
    aws = sandbox.aws
    aws.s3.create_bucket(Bucket="evidence")
    aws.s3.put_bucket_versioning(Bucket="evidence", VersioningConfiguration={"Status": "Enabled"})
    for text in ("first", "second"):
        aws.s3.put_object(Bucket="evidence", Key="a folder/ké.json", Body=text.encode(), Metadata={"gate": "x"})
    aws.s3.put_object(Bucket="evidence", Key="gone", Body=b"x")
    aws.s3.delete_object(Bucket="evidence", Key="gone")
    aws.secrets.create_secret(Name="ghost-protocol/sandbox/db-password", SecretString="s3cret/:@")
    aws.secrets.put_secret_value(SecretId="ghost-protocol/sandbox/db-password", SecretString="n3w")
    topic = aws.sns.create_topic(Name="alarms")["TopicArn"]
    aws.sns.publish(TopicArn=topic, Subject="hello", Message="world")
    return sandbox


def facts(sandbox: Sandbox) -> dict[str, object]:
    aws, ec2 = sandbox.aws, sandbox.aws.client("ec2")
    versions = aws.s3.list_object_versions(Bucket="evidence")
    found = aws.s3.get_object(Bucket="evidence", Key="a folder/ké.json")
    return {
        "versions": [(v.get("Key"), v.get("VersionId"), v.get("LastModified")) for v in versions.get("Versions", [])],
        "deleted": [(v.get("Key"), v.get("VersionId")) for v in versions.get("DeleteMarkers", [])],
        "body": found["Body"].read(),
        "metadata": found["Metadata"],
        "secret": aws.secrets.get_secret_value(SecretId="ghost-protocol/sandbox/db-password")["SecretString"],
        "subnets": sorted(s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]),
        "vpcs": [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]],
        "groups": [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]],
        "messages": sandbox.aws.messages(),
        "account": aws.sts.get_caller_identity()["Account"],
    }


def test_everything_is_the_same_after_a_kill(seeded: Sandbox) -> None:
    sandbox = seeded
    before = facts(sandbox)
    assert before["body"] == b"second"
    assert before["secret"] == "n3w"
    assert before["account"] == "123456789012"
    sandbox.stop(signal.SIGKILL)
    sandbox.start()
    assert facts(sandbox) == before
    sandbox.stop()
    sandbox.start()
    assert facts(sandbox) == before


def digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def test_an_object_of_hundreds_of_megabytes_goes_in_and_out_whole_and_by_version(
    seeded: Sandbox, tmp_path: Path
) -> None:
    s3 = seeded.aws.s3
    source, target = tmp_path / "dump", tmp_path / "back"
    with source.open("wb") as out:
        for number in range(128):
            out.write(hashlib.sha256(bytes([number])).digest() * (MEGABYTE // 32))
    config = TransferConfig(multipart_threshold=8 * MEGABYTE, multipart_chunksize=32 * MEGABYTE, max_concurrency=4)
    s3.upload_file(str(source), "evidence", "dumps/big", Config=config)
    version = s3.head_object(Bucket="evidence", Key="dumps/big")["VersionId"]
    s3.download_file("evidence", "dumps/big", str(target), ExtraArgs={"VersionId": version}, Config=config)
    assert digest(source) == digest(target)
    seeded.stop()
    seeded.start()
    part = seeded.aws.s3.get_object(
        Bucket="evidence", Key="dumps/big", VersionId=version, Range="bytes=1048576-1048583"
    )
    assert part["ContentRange"] == f"bytes 1048576-1048583/{128 * MEGABYTE}"
    assert part["Body"].read() == hashlib.sha256(b"\x01").digest()[:8]
    whole = seeded.aws.s3.get_object(Bucket="evidence", Key="dumps/big")
    with target.open("wb") as out:
        out.writelines(whole["Body"].iter_chunks(MEGABYTE))
    assert digest(source) == digest(target)


def test_an_object_that_is_not_there_is_no_success(seeded: Sandbox) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        seeded.aws.s3.get_object(Bucket="evidence", Key="none", Range="bytes=0-1")
    with pytest.raises(ClientError, match="InvalidRange"):
        seeded.aws.s3.get_object(Bucket="evidence", Key="a folder/ké.json", Range="bytes=100-200")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        seeded.aws.secrets.get_secret_value(SecretId="none")


def test_alarms_and_subscriptions_of_other_services_are_kept(seeded: Sandbox) -> None:
    seeded.aws.cloudwatch.put_metric_alarm(
        AlarmName="age", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold", Statistic="Maximum",
    )  # fmt: skip
    seeded.stop(signal.SIGKILL)
    seeded.start()
    assert [a.get("AlarmName") for a in seeded.aws.cloudwatch.describe_alarms()["MetricAlarms"]] == ["age"]


def test_a_secret_is_read_by_the_label_that_was_moved(seeded: Sandbox) -> None:
    secrets, name, pending = seeded.aws.secrets, "ghost-protocol/sandbox/db-password", "0" * 32
    current = secrets.get_secret_value(SecretId=name)
    secrets.put_secret_value(
        SecretId=name, SecretString="pending", ClientRequestToken=pending, VersionStages=["AWSPENDING"]
    )
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == current["SecretString"]
    secrets.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=current["VersionId"]
    )
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "pending"
    previous = secrets.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == current["SecretString"]
