"""Boto3's session under the keys of the AWS provider: profile, keys, files, and roles assumed one after the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import boto3.session
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

from restore.model.aws_account import AssumedRole, AwsLogin, parse_seconds
from restore.redaction import register_secret

if TYPE_CHECKING:
    from boto3.session import Session

SESSION_NAME = "pulumi-restore"
Assume = Callable[["Session", dict[str, Any]], Any]
"""Asks STS, as a session, for a role: gives the `Credentials` of AssumeRole's answer."""


def open_session(region: str, login: AwsLogin, assume: Assume) -> Session:
    """Returns the session that calls as the plugin does. Roles are assumed at the first call.

    As in the plugin, keys given count before a profile, and either before what the environment has.
    """
    core = cast("Any", botocore.session.Session())
    if login.config_file:
        core.set_config_variable("config_file", login.config_file)
    if login.credentials_file:
        core.set_config_variable("credentials_file", login.credentials_file)
    session = boto3.session.Session(
        botocore_session=core,
        region_name=region,
        profile_name=None if login.access_key else login.profile,
        aws_access_key_id=login.access_key,
        aws_secret_access_key=register_secret(login.secret_key) if login.secret_key else None,
        aws_session_token=register_secret(login.token) if login.token else None,
    )
    for role in login.roles:
        session = _assume_role(session, region, role, assume)
    return session


def build_assume_role_request(role: AssumedRole) -> dict[str, Any]:
    """Returns the parameters of STS's AssumeRole. Pure."""
    request: dict[str, Any] = {
        "RoleArn": role.role_arn,
        "RoleSessionName": role.session_name or SESSION_NAME,
        "ExternalId": role.external_id,
        "DurationSeconds": parse_seconds(role.duration) if role.duration else None,
        "Policy": role.policy,
        "PolicyArns": [{"arn": arn} for arn in role.policy_arns],
        "SourceIdentity": role.source_identity,
        "Tags": [{"Key": name, "Value": value} for name, value in role.tags.items()],
        "TransitiveTagKeys": list(role.transitive_tag_keys),
    }
    return {name: value for name, value in request.items() if value}


class _Given(CredentialProvider):
    """Credentials that are known already, where botocore would search for some."""

    METHOD = "assumed-role"

    def __init__(self, credentials: DeferredRefreshableCredentials):
        super().__init__()
        self._credentials = credentials

    def load(self) -> DeferredRefreshableCredentials:
        return self._credentials


def _assume_role(source: Session, region: str, role: AssumedRole, assume: Assume) -> Session:
    """A session of the role, whose credentials are asked for again before they expire."""

    def refresh() -> dict[str, str]:
        answer = assume(source, build_assume_role_request(role))
        expires: datetime = answer["Expiration"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": register_secret(answer["SecretAccessKey"]),
            "token": register_secret(answer["SessionToken"]),
            "expiry_time": expires.isoformat(),
        }

    core = botocore.session.Session()
    credentials = DeferredRefreshableCredentials(refresh, _Given.METHOD)
    cast("Any", core).register_component("credential_provider", CredentialResolver([_Given(credentials)]))
    return boto3.session.Session(botocore_session=core, region_name=region)
