"""Method dump end to end: the source is gone, and a dump in S3 becomes the database that serves."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from botocore.exceptions import ClientError

from sandbox.application import names, nightly_dump
from tests.support.sandbox.harness import Project, Sandbox, watched_command_lines

CANDIDATE = f"{names.INSTANCE}-inc-1"
CONTENT = """
SELECT (SELECT count(*) FROM transactions WHERE created_at <= '{0}'),
       (SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM transactions t WHERE created_at <= '{0}'),
       (SELECT count(*) FROM users WHERE created_at <= '{0}'),
       (SELECT string_agg(indexname || tableowner, ' ' ORDER BY indexname)
        FROM pg_indexes JOIN pg_tables USING (schemaname, tablename) WHERE schemaname = 'public')
"""
OWN_ROLES = "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname ~ '^restore_'"
TABLES = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public'"


def describe_settings(project: Project, gone: Mapping[str, Any]) -> None:
    """What only a person still knows of an instance of which nothing is left."""
    values = {
        "instance.instanceClass": gone["DBInstanceClass"],
        "instance.dbSubnetGroupName": gone["DBSubnetGroup"]["DBSubnetGroupName"],
        "secret.sourceHost": gone["Endpoint"]["Address"],
    }
    for number, group in enumerate(gone["VpcSecurityGroups"]):
        values[f"instance.vpcSecurityGroupIds[{number}]"] = group["VpcSecurityGroupId"]
    for path, value in values.items():
        project.pulumi("config", "set", "--plaintext", "--path", path, value).ok()


def put(sandbox: Sandbox, key: str, content: bytes) -> None:
    sandbox.aws.s3.put_object(Bucket=names.BACKUP_BUCKET, Key=key, Body=content)


def tags(sandbox: Sandbox) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in sandbox.instance(CANDIDATE)["TagList"]}


def test_a_dump_that_would_run_something_is_refused_before_any_of_it_is_loaded(
    sandbox: Sandbox, project: Project, tmp_path: Path
) -> None:
    stored, ran = nightly_dump.run(sandbox.layout), tmp_path / "ran"
    content = sandbox.aws.s3.get_object(Bucket=names.BACKUP_BUCKET, Key=stored.key)["Body"].read()
    command = b"\n\\! touch %b\n" % bytes(ran)
    poisoned = gzip.decompress(content).replace(b"\n-- Completed on", command + b"-- Completed on")
    poisoned = gzip.compress(poisoned.rstrip() + command, 1)
    key = stored.key.replace(".sql.gz", "-poisoned.sql.gz")
    put(sandbox, key, poisoned)
    before = sandbox.generations()
    project.config(id="inc-1", method="dump", dump=f"{names.BACKUP_PREFIX}no-such.sql.gz")
    project.preview().failed("no-such.sql.gz", "no such")
    project.config(dump=key)
    project.up().failed("gate scanned", "\\!")
    (record,) = project.evidence("inc-1", "scanned")
    assert (record["open"], project.evidence("inc-1", "imported")) == (False, [])
    assert sandbox.generations() == before
    assert not ran.exists()


def test_a_source_that_is_gone_comes_back_from_its_dump_through_kills_and_a_changed_object(
    sandbox: Sandbox, project: Project
) -> None:
    stored = nightly_dump.run(sandbox.layout)
    before, secret, replicas = sandbox.ask(CONTENT.format(stored.began)), sandbox.secret(), sandbox.replicas()
    gone = sandbox.instance()
    sandbox.remove(names.INSTANCE)
    project.config(id="inc-1", method="dump", dump="latest", traffic="frozen")
    project.preview().failed("instanceClass", "dbSubnetGroupName", "vpcSecurityGroupIds")
    describe_settings(project, gone)
    project.expect({"tables": {"users": {"min": 10_000}}})  # there is no source to compare with any more
    options = project.restore("options").ok().text
    assert f"pulumi config set dump {stored.key}" in options
    with watched_command_lines() as seen:
        project.killed_when(lambda: CANDIDATE in sandbox.instances(), "the candidate to be made")
        project.unlock()
        # Another object comes under the same key: the restore goes on with the bytes it began with
        put(sandbox, stored.key, b"not what was meant")
        project.killed_when(lambda: loading(sandbox), "rows to be loaded")
        project.unlock()
        project.up().ok()
    assert sandbox.ask(CONTENT.format(stored.began), CANDIDATE) == before
    found = sandbox.instance(CANDIDATE)
    assert (found["StorageEncrypted"], found["DeletionProtection"], found["PubliclyAccessible"]) == (True, True, False)
    assert "MasterUserSecret" not in found
    assert stored.version in tags(sandbox)["restore:dump-version"]
    record = project.evidence("inc-1", "imported")[-1]
    assert record["open"]
    assert record["facts"]["dump"] == {"bucket": names.BACKUP_BUCKET, "key": stored.key, "version": stored.version}
    assert record["facts"]["verification"]["passed"]
    assert sandbox.ask(OWN_ROLES, CANDIDATE) == (0,)
    again = project.up().ok()
    assert "created" not in again.changes

    project.config(traffic="restored")
    project.up().ok()
    assert sandbox.replicas() == replicas
    expected = secret[names.SECRET_KEY].replace(gone["Endpoint"]["Address"], found["Endpoint"]["Address"])
    assert sandbox.url == expected
    receipts = json.loads(project.pulumi("stack", "output", "receipts", "--json").ok().stdout)
    assert receipts["imported"]["dump"]["version"] == stored.version
    unsaid(sandbox, project, seen | {options, project.output, again.text})


def loading(sandbox: Sandbox) -> bool:
    """Whether the gate has begun to fill the application's database."""
    try:
        return bool(sandbox.ask(TABLES, CANDIDATE)[0])
    except (ClientError, KeyError, psycopg.Error):  # no instance, no login or no database yet
        return False


def unsaid(sandbox: Sandbox, project: Project, said: set[str]) -> None:
    """No password in a command line, in what was printed, in the state or in the evidence."""
    master = sandbox.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
    files = [file for file in project.folder.rglob("*") if file.is_file() and file.suffix in (".json", ".bak", "")]
    text = "\n".join([*said, *(file.read_text(errors="replace") for file in files)])
    assert master not in text
    assert sandbox.url not in text
    assert sandbox.url.partition(":")[2].partition(":")[2].partition("@")[0] not in text
