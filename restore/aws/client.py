"""boto3 clients made when first needed, and its errors in this program's words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from restore.model.aws_account import AwsLogin
from restore.model.request import Settings

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.exceptions import ClientError

Value = TypeVar("Value")

CONNECT_SECONDS = 5
READ_SECONDS = 60
ATTEMPTS = 5
QUICK_CONNECT_SECONDS = 3
QUICK_READ_SECONDS = 8
"""For a region that may be lost: it is told that it doesn't answer, and not waited for."""
ADVISORY_SECONDS, ADVISORY_ATTEMPTS = 8, 2
ADVISORY = frozenset({"iam"})
"""Services whose answer no run depends on. IAM's API is of one region, us-east-1 (IAM User Guide, "Resilience in AWS
Identity and Access Management"): where that is lost, a preview elsewhere must not wait for it."""

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"})
"""S3 refuses HEAD without a body: there botocore's code is the status."""
BAD_LOGIN = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
BUSY = frozenset({"InternalFailure", "InternalServerError", "InvalidDBInstanceState", "ServiceUnavailable"})
NO_BUCKET = "NoSuchBucket"
IAM_ACTIONS = {"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
FIX_LOGIN = "aws sso login (or set AWS_PROFILE); aws sts get-caller-identity"


def name_iam_action(service: str, operation: str) -> str:
    """Returns the IAM action that allows an operation; most have the operation's own name (S3 API reference,
    ListObjectsV2 and HeadObject: "Permissions")."""
    name = f"{service}:{operation}"
    return IAM_ACTIONS.get(name, name)


def translate_code(service: str, operation: str, code: str, message: str, status: int = 0) -> RestoreError:
    """Returns an error answer of AWS as this program's error: what it says, and what helps. `status` is that of HTTP, 0
    where it isn't known."""
    action = name_iam_action(service, operation)
    if code == NO_BUCKET:
        needed = "a bucket that exists: a name and no right is missing"
        fix = "aws s3 ls (lists the buckets of this account); docs/configuration.md has the keys that name buckets"
        return PermanentError.of(Problem(f"AWS {action}", f"{code}: {message}", needed, fix))
    if code in DENIED:
        needed = f"the IAM action {action} for the operator's role"
        if action == "s3:ListBucket":
            needed += ", and a bucket of this account: S3 answers so for another account's, too"
        return PermanentError.of(Problem(f"AWS {action}", f"{code}: {message}", needed, "see docs/permissions.md"))
    if code in BAD_LOGIN:
        return PermanentError.of(Problem("AWS credentials", f"{code}: {message}", "a valid login to AWS", FIX_LOGIN))
    if code in THROTTLED or code in BUSY or status >= 500:
        return TemporaryError(f"AWS {action}: {code}: {message}")
    needed = "a request that AWS accepts"
    return PermanentError.of(
        Problem(
            f"AWS {action}",
            f"{code}: {message}",
            needed,
            "docs/permissions.md lists every call that this program makes",
        )
    )


def translate_client_error(service: str, error: ClientError) -> RestoreError:
    answer: Mapping[str, Any] = error.response
    detail = answer.get("Error", {})
    return translate_code(
        service,
        error.operation_name,
        str(detail.get("Code", "unknown error")),
        str(detail.get("Message", "")) or "no message",
        int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)),
    )


@contextmanager
def translate_errors(service: str) -> Generator[None]:
    """Raises botocore's errors as PermanentError or TemporaryError."""
    import botocore.exceptions as vendor

    try:
        yield
    except vendor.ClientError as error:
        raise translate_client_error(service, error) from error
    except (vendor.HTTPClientError, vendor.ConnectionError, vendor.IncompleteReadError) as error:
        raise TemporaryError.of(_build_no_answer(service, error)) from error
    except (vendor.NoCredentialsError, vendor.PartialCredentialsError, vendor.CredentialRetrievalError) as error:
        raise PermanentError.of(_build_not_logged_in(error)) from error
    except (vendor.ProfileNotFound, vendor.SSOError, vendor.TokenRetrievalError) as error:
        raise PermanentError.of(_build_not_logged_in(error)) from error
    except vendor.BotoCoreError as error:
        raise PermanentError(f"AWS {service}: {type(error).__name__}: {error}") from error


def _build_no_answer(service: str, error: Exception) -> Problem:
    fix = "check network and VPN, then: aws sts get-caller-identity; pulumi config set aws:region <region>"
    return Problem(f"AWS {service}", f"no answer: {error}", "a reachable endpoint", fix)


def _build_not_logged_in(error: Exception) -> Problem:
    return Problem("AWS credentials", str(error).rstrip("."), "a login to AWS", FIX_LOGIN)


@dataclass
class Aws:
    """The clients of one region and login. Making one does no I/O; clients are made at first use, in any thread."""

    region: str
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    """Endpoint URL by boto3's service name; AWS's own where a service isn't in it."""

    login: AwsLogin = field(default_factory=AwsLogin)
    """Whose credentials; boto3's own search (environment, profile, machine) where it says nothing."""
    home: str = ""
    """Region in which roles are assumed, where it isn't `region`."""
    quick: bool = False
    """Whether a call is given up after seconds: for a region that may be lost."""

    @classmethod
    def of(cls, settings: Settings) -> Aws:
        """Returns AWS as the plugin calls it under the same configuration."""
        return cls(settings.region, settings.endpoints, settings.aws_login)

    @classmethod
    def of_source(cls, settings: Settings) -> Aws:
        """Returns the region of a source that isn't the stack's; the stack's own otherwise. It may be lost: no call
        waits for it, and the login needs nothing of it."""
        return cls.of_region(settings, settings.source_region) if settings.source_region else cls.of(settings)

    @classmethod
    def of_region(cls, settings: Settings, region: str) -> Aws:
        """Returns another region, which may be lost: no call waits for it, and the login needs nothing of it."""
        endpoints = {name: url for name, url in settings.endpoints.items() if settings.region not in url}
        return cls(region, endpoints, settings.aws_login, home=settings.region, quick=True)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._clients: dict[str, Any] = {}

    def open_client(self, service: str) -> Any:
        """Returns the client of a service; the caller gives it its type. Raises PermanentError where there is no login
        to AWS."""
        with self._lock, translate_errors(service):
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        from restore.aws.session import open_session

        self._session = self._session or open_session(self.home or self.region, self.login, self._assume)
        return self._make_client(self._session, service, self.region)

    def _assume(self, session: Session, request: dict[str, Any]) -> Any:
        with translate_errors("sts"):
            return self._make_client(session, "sts", self.home or self.region).assume_role(**request)["Credentials"]

    def _choose_timeouts(self, service: str) -> tuple[int, int, int]:
        """Returns the seconds to connect, to read, and how often a call is tried."""
        if self.quick:
            return QUICK_CONNECT_SECONDS, QUICK_READ_SECONDS, 1
        if service in ADVISORY:
            return CONNECT_SECONDS, ADVISORY_SECONDS, ADVISORY_ATTEMPTS
        return CONNECT_SECONDS, READ_SECONDS, ATTEMPTS

    def _make_client(self, session: Session, service: str, region: str) -> Any:
        from botocore.config import Config

        connect, read, attempts = self._choose_timeouts(service)
        config = Config(
            connect_timeout=connect,
            read_timeout=read,
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra="pulumi-restore",
            max_pool_connections=20,
            use_fips_endpoint=self.login.fips or None,
            use_dualstack_endpoint=self.login.dualstack or None,
        )
        untyped = cast("Any", session)
        return untyped.client(service, region_name=region, config=config, endpoint_url=self.endpoints.get(service))


def call_or_none(service: str, call: Callable[[], Value], missing: frozenset[str]) -> Value | None:
    """Returns the call's result, None when AWS answers with one of the `missing` codes. Raises PermanentError or
    TemporaryError for any other error."""
    from botocore.exceptions import ClientError

    with translate_errors(service):
        try:
            return call()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in missing:
                return None
            raise
