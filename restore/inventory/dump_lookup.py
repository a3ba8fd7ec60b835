"""Looks the dump up that a restore asks for, and the login that its instance is to have."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from restore.aws import Aws, Secrets
from restore.aws.client import translate_errors
from restore.dumps.catalog import filenames, header, listing, pin
from restore.dumps.model import Dump
from restore.dumps.read.archive_format import check_program
from restore.errors import PermanentError, Problem, Refused, RestoreError
from restore.model.dump import DumpChoice, DumpObject
from restore.model.rds import Credential, Endpoint
from restore.model.region import LateDump
from restore.model.request import LATEST, Login, Request, Runner, Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOWHERE = Endpoint("", 0)
"""A login by password holds at any endpoint."""
MOST_LATE = 10
"""Dumps that haven't arrived whose replication status is asked for."""
SHORTEST, LONGEST = 8, 128
NOT_IN_PASSWORD = re.compile(r"[^\x21-\x7e]|[/@\"]")
"""RDS's rules for a master password (API reference of CreateDBInstance, MasterUserPassword)."""


def choose_dump(settings: Settings, request: Request, aws: Aws) -> DumpChoice:
    """Returns the dump of the request, pinned. What is wrong with it comes as problems, to be told with all others.

    Raises TemporaryError when S3 or Secrets Manager doesn't answer.
    """
    master = Credential(settings.login.user, "")
    problems: list[Problem] = []
    try:
        master = read_operator_login(settings.login, Secrets(aws))
        problems += find_password_problems(settings.login, master)
    except RestoreError as error:
        problems += list_problems(error)
    try:
        dump = find_dump(settings, request, open_s3_client(aws))
    except RestoreError as error:
        return DumpChoice(None, master.user, (*problems, *list_problems(error)))
    return DumpChoice(dump, master.user, (*problems, *find_program_problems(settings.runner, dump)))


def list_problems(error: RestoreError) -> tuple[Problem, ...]:
    """Returns the problems of an error; raises it again when it has none to tell."""
    if isinstance(error, Refused):
        return error.problems
    if error.problem:
        return (error.problem,)
    raise error


def open_s3_client(aws: Aws) -> S3Client:
    return cast("S3Client", aws.open_client("s3"))


def find_dump(settings: Settings, request: Request, client: S3Client) -> DumpObject:
    """Returns the dump of the request, in exactly one version, with what its heading says. Raises Refused for one that
    isn't there or can't be read as it is, PermanentError, TemporaryError."""
    bucket, key = settings.backups.bucket, request.dump or ""
    dumps = listing.list_dumps(client, bucket, settings.backups.prefix)
    named = any(key in (dump.key, dump.key.rstrip("/")) for dump in dumps)
    if named or key == LATEST:
        pinned = listing.pin_dump(client, listing.choose(dumps, key))
    else:
        pinned = listing.find(client, bucket, key)
    head = header.read_heading(client, pinned)
    described = describe_dump(pinned, pin.name_version(pinned))
    return replace(
        described,
        server_version=head.server_version,
        expansion=head.expansion,
        archive_version=head.archive_version,
    )


def find_program_problems(runner: Runner, dump: DumpObject) -> tuple[Problem, ...]:
    """Returns why this machine's pg_restore can't read the dump, where the gates run on it: the image of their Jobs has
    its own."""
    if dump.archive_version is None or runner is not Runner.LOCAL:
        return ()
    try:
        check_program(dump.archive_version)
    except PermanentError as error:
        return list_problems(error)
    return ()


def list_dumps(settings: Settings, aws: Aws) -> tuple[DumpObject, ...]:
    """Returns all dumps of the bucket, newest first. Raises PermanentError, TemporaryError."""
    store = settings.backups
    return tuple(
        describe_dump(dump, "") for dump in listing.list_dumps(open_s3_client(aws), store.bucket, store.prefix)
    )


def list_late_dumps(settings: Settings, aws: Aws) -> tuple[LateDump, ...]:
    """Returns the dumps of the source's bucket that the stack's own bucket doesn't have, newest first, the newest ones
    with S3's replication status. `aws` is of the source's region. Raises PermanentError, TemporaryError."""
    store, there = settings.backups, open_s3_client(aws)
    here = {dump.key for dump in listing.list_dumps(open_s3_client(Aws.of(settings)), store.bucket, store.prefix)}
    missing = [d for d in listing.list_dumps(there, store.source_bucket, store.prefix) if d.key not in here]
    statuses = {dump.key: _read_replication_status(there, dump) for dump in missing[:MOST_LATE]}
    return tuple(LateDump(dump.key, dump.modified, statuses.get(dump.key, "")) for dump in missing)


def _read_replication_status(client: S3Client, dump: Dump) -> str:
    """Returns S3's word: PENDING, FAILED, COMPLETED; empty for an object that no rule replicates (API reference of
    HeadObject, ReplicationStatus). A dump in directory format has none of its own."""
    if dump.key.endswith("/"):
        return ""
    with translate_errors("s3"):
        return client.head_object(Bucket=dump.bucket, Key=dump.key).get("ReplicationStatus", "")


def describe_dump(dump: Dump, version: str) -> DumpObject:
    return DumpObject(
        bucket=dump.bucket,
        key=dump.key,
        version=version,
        size=dump.size,
        modified=dump.modified,
        storage_class=dump.storage_class,
        readable=dump.readable,
        began=filenames.read_time(dump.key),
    )


def read_operator_login(login: Login, secrets: Secrets) -> Credential:
    """Returns the login that the instance is to have: the operator's own, as any other restore brings it. Raises as
    Secrets.read_login."""
    return Credential(login.user, "") if login.iam else secrets.read_login(login, NOWHERE)


def find_password_problems(login: Login, master: Credential) -> list[Problem]:
    """Returns why RDS would not take the operator's password as that of a new instance. Never says any of it. Pure."""
    found = None
    if login.iam:
        return []
    if not SHORTEST <= len(master.password) <= LONGEST:
        found = f"a password of {len(master.password)} characters"
    elif NOT_IN_PASSWORD.search(master.password):
        found = 'a password with a blank, a /, an @, a " or a character that is not printable ASCII'
    if not found:
        return []
    needed = f"{SHORTEST}-{LONGEST} printable ASCII characters without these, as RDS wants them of a new instance"
    fix = (
        f"set another one in the source too: aws secretsmanager put-secret-value --secret-id {login.secret_id} "
        "--secret-string file://<file>"
    )
    return [Problem(f"secret {login.secret_id}", found, needed, fix)]
