"""Looks the dump up that a restore asks for, and the login that its instance is to have."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from restore.aws import Aws, Secrets
from restore.dumps.catalog import filenames, header, listing, pin
from restore.dumps.model import Dump
from restore.errors import Problem, Refused, RestoreError
from restore.model.dump import DumpChoice, DumpObject
from restore.model.rds import Credential, Endpoint
from restore.model.request import LATEST, Login, Request, Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOWHERE = Endpoint("", 0)
"""A login by password holds at any endpoint."""
SHORTEST, LONGEST = 8, 128
NOT_IN_PASSWORD = re.compile(r"[^\x21-\x7e]|[/@\"]")
"""RDS's rules for a master password (API reference of CreateDBInstance, MasterUserPassword)."""


def choose_dump(settings: Settings, request: Request, aws: Aws) -> DumpChoice:
    """The dump of the request, pinned. What is wrong with it comes as problems, to be told with all others.

    Raises TemporaryError when S3 or Secrets Manager doesn't answer.
    """
    master = Credential(settings.login.user, "")
    problems: list[Problem] = []
    try:
        master = operator(settings.login, Secrets(aws))
        problems += password_problems(settings.login, master)
    except RestoreError as error:
        problems += told(error)
    try:
        return DumpChoice(find_dump(settings, request, s3(aws)), master.user, tuple(problems))
    except RestoreError as error:
        return DumpChoice(None, master.user, (*problems, *told(error)))


def told(error: RestoreError) -> tuple[Problem, ...]:
    """The problems of an error; raises it again when it has none to tell."""
    if isinstance(error, Refused):
        return error.problems
    if error.problem:
        return (error.problem,)
    raise error


def s3(aws: Aws) -> S3Client:
    return cast("S3Client", aws.client("s3"))


def find_dump(settings: Settings, request: Request, client: S3Client) -> DumpObject:
    bucket, key = settings.backups.bucket, request.dump or ""
    listed = listing.list_dumps(client, bucket, settings.backups.prefix)
    named = any(key in (one.key, one.key.rstrip("/")) for one in listed)
    if named or key == LATEST:
        pinned = listing.pin_dump(client, listing.choose(listed, key))
    else:
        pinned = listing.find(client, bucket, key)
    head = header.read_heading(client, pinned)
    found = as_found(pinned, pin.version_of(pinned))
    return replace(found, server_version=head.server_version, expansion=head.expansion)


def listed(settings: Settings, aws: Aws) -> tuple[DumpObject, ...]:
    """All dumps of the bucket, newest first. Raises PermanentError, TemporaryError."""
    store = settings.backups
    return tuple(as_found(one, "") for one in listing.list_dumps(s3(aws), store.bucket, store.prefix))


def as_found(dump: Dump, version: str) -> DumpObject:
    return DumpObject(
        bucket=dump.bucket,
        key=dump.key,
        version=version,
        size=dump.size,
        modified=dump.modified,
        storage_class=dump.storage_class,
        readable=dump.readable,
        began=filenames.taken(dump.key),
    )


def operator(login: Login, secrets: Secrets) -> Credential:
    """The login that the instance is to have: the operator's own, as any other restore brings it."""
    return Credential(login.user, "") if login.iam else secrets.login(login, NOWHERE)


def password_problems(login: Login, master: Credential) -> list[Problem]:
    """Why RDS would not take the operator's password as that of a new instance. Never says any of it. Pure."""
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
    fix = "store another one, and set it in the source too: aws secretsmanager put-secret-value"
    return [Problem(f"secret {login.secret_id}", found, needed, fix)]
