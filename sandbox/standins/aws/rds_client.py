"""RDS and its neighbours through boto3: one call, its errors told in the words of the Go SDK that the real provider
uses."""

from __future__ import annotations

import threading
from typing import Any, Protocol, cast

from sandbox.standins.aws.provider_config import DOUBLE, AwsSettings, is_loopback
from sandbox.standins.plugin.interface import CallRefused, Unreachable
from sandbox.standins.plugin.property_values import Properties

OFFLINE_CREDENTIALS = frozenset({"env", "shared-credentials-file", "config-file"})


class RdsError(CallRefused):
    """An error that AWS answered with."""

    def __init__(self, text: str, code: str, message: str) -> None:
        super().__init__(text)
        self.code, self.message = code, message


class RdsClient(Protocol):
    def call(self, operation: str, request: Properties) -> Properties: ...


SERVICES = {"rds": "RDS", "sns": "SNS", "cloudwatch": "CloudWatch"}
"""As the Go SDK calls them, by boto3's names."""


class Boto:
    """The client of one service; boto3 is imported and the client made at the first call."""

    def __init__(self, settings: AwsSettings, service: str = "rds") -> None:
        self._settings, self._client, self._mutex = settings, None, threading.Lock()
        self._service = service

    def _connected(self) -> Any:
        with self._mutex:
            if self._client is None:
                self._client = _client(self._settings, self._service)
            return self._client

    def call(self, operation: str, request: Properties) -> Properties:
        """Raises ApiError for an answer that is an error, Unreachable when there is none."""
        client = self._connected()
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return cast("Properties", getattr(client, xform_name(operation))(**request))
        except ClientError as error:
            raise _api_error(client, SERVICES[self._service], operation, cast("Properties", error.response)) from error
        except BotoCoreError as error:
            service, attempts = SERVICES[self._service], self._settings.attempts
            raise Unreachable(
                f"operation error {service}: {operation}, exceeded maximum number of attempts, {attempts}, "
                f"https response error StatusCode: 0, RequestID: , request send failed, {error}"
            ) from error


def caller_identity(settings: AwsSettings) -> Properties:
    """The provider's function getCallerIdentity. Raises CallRefused with what STS says."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = _sts(_session(settings), settings).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise CallRefused(f"reading STS Caller Identity: {error}") from error
    identity = {"accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"]}
    return {**identity, "id": answer["Account"]}


def _sts(session: Any, settings: AwsSettings) -> Any:
    if settings.sts_endpoint is None or not is_loopback(settings.sts_endpoint):
        raise CallRefused(f"{DOUBLE}: none is configured for sts (aws:endpoints)")
    return session.client("sts", endpoint_url=settings.sts_endpoint, config=_config(settings))


def _client(settings: AwsSettings, service: str) -> Any:
    """Another service's endpoint is the sandbox's own, which is RDS's as well."""
    return _session(settings).client(service, endpoint_url=settings.endpoint, config=_config(settings))


def _session(settings: AwsSettings) -> Any:
    """Of the last of the roles, each assumed with the credentials of the one before it."""
    session = _own_session(settings)
    for role in settings.roles:
        request = {"RoleArn": role["roleArn"], "RoleSessionName": role.get("sessionName") or "aws-go-sdk-stand-in"}
        session = _with_keys(_sts(session, settings).assume_role(**request)["Credentials"], settings)
    return session


def _with_keys(credentials: Properties, settings: AwsSettings) -> Any:
    import boto3

    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=settings.region,
    )


def _own_session(settings: AwsSettings) -> Any:
    import boto3

    return boto3.Session(
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        aws_session_token=settings.token,
        profile_name=settings.profile,
        region_name=settings.region,
        botocore_session=_offline_session(),
    )


def _config(settings: AwsSettings) -> Any:
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        connect_timeout=5,
        read_timeout=60,
        proxies={},
    )


def _offline_session() -> Any:
    """A session that looks for credentials where no network is asked: no metadata service, no STS, no SSO."""
    from botocore.session import get_session

    session = get_session()
    resolver: Any = session.get_component("credential_provider")
    resolver.providers = [p for p in resolver.providers if p.METHOD in OFFLINE_CREDENTIALS]
    return session


def _api_error(client: Any, service: str, operation: str, response: Properties) -> RdsError:
    code, message = str(response["Error"].get("Code")), str(response["Error"].get("Message"))
    metadata = cast("Properties", response.get("ResponseMetadata") or {})
    shapes = client.meta.service_model.operation_model(operation).error_shapes
    declared = {shape.metadata.get("error", {}).get("code", shape.name) for shape in shapes}
    named = f"{code}: {message}" if code in declared else f"api error {code}: {message}"
    status = metadata.get("HTTPStatusCode", 400)
    text = (
        f"operation error {service}: {operation}, https response error StatusCode: {status}, "
        f"RequestID: {metadata.get('RequestId', '')}, {named}"
    )
    return RdsError(text, code, message)
