"""What AWS refuses says what to do; what may pass is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore import exceptions as vendor

from restore.aws.client import Aws, call_or_none, translate_code, translate_errors
from restore.errors import PermanentError, RestoreError, TemporaryError


def raised(error: Exception) -> RestoreError:
    with pytest.raises(RestoreError) as caught, translate_errors("rds"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def client_error(code: str, operation: str = "DescribeDBInstances", status: int = 400) -> vendor.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return vendor.ClientError(answer, operation)


def test_access_denied_names_the_iam_action_and_the_page() -> None:
    error = raised(client_error("AccessDenied", "RestoreDBInstanceToPointInTime"))
    assert isinstance(error, PermanentError)
    assert error.problem
    assert "rds:RestoreDBInstanceToPointInTime" in error.problem.needed
    assert "docs/permissions.md" in error.problem.fix


def test_the_action_that_allows_a_listing_is_named_as_iam_names_it() -> None:
    assert "s3:ListBucket" in str(translate_code("s3", "ListObjectsV2", "AccessDenied", "no"))


def test_a_bucket_that_is_not_there_is_no_missing_right() -> None:
    problem = translate_code("s3", "ListObjectsV2", "NoSuchBucket", "The specified bucket does not exist").problem
    assert problem
    assert "a name and no right is missing" in problem.needed
    assert "permissions" not in problem.fix
    assert problem.fix.startswith("aws s3 ls")


def test_a_bucket_of_another_account_is_not_only_called_a_missing_right() -> None:
    assert "another account's" in str(translate_code("s3", "ListObjectsV2", "AccessDenied", "no"))


def test_a_head_that_is_refused_without_a_word_is_a_missing_right_and_no_bad_request() -> None:
    error = translate_code("s3", "HeadObject", "403", "Forbidden", 403)
    assert error.problem
    assert "the IAM action s3:GetObject" in error.problem.needed


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_an_expired_login_is_told_as_a_login_to_renew(code: str) -> None:
    error = raised(client_error(code))
    assert error.problem
    assert error.problem.subject == "AWS credentials"
    assert "aws sts get-caller-identity" in error.problem.fix


def test_no_login_is_the_same_problem_for_every_call_and_so_said_once() -> None:
    first, second = raised(vendor.NoCredentialsError()), raised(vendor.NoCredentialsError())
    assert first.problem == second.problem is not None


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "RequestLimitExceeded", "SlowDown"])
def test_throttling_is_never_the_end(code: str) -> None:
    assert isinstance(raised(client_error(code)), TemporaryError)


def test_an_instance_that_is_busy_is_waited_for() -> None:
    assert isinstance(raised(client_error("InvalidDBInstanceState")), TemporaryError)


def test_a_failure_of_aws_itself_may_pass() -> None:
    assert isinstance(raised(client_error("Whatever", status=503)), TemporaryError)


def test_a_refused_request_is_the_end() -> None:
    assert isinstance(raised(client_error("InvalidParameterCombination")), PermanentError)


def test_no_answer_may_pass() -> None:
    lost: list[Exception] = [
        vendor.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        vendor.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
        vendor.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        vendor.IncompleteReadError(actual_bytes=3, expected_bytes=4),
    ]
    assert [isinstance(raised(error), TemporaryError) for error in lost] == [True] * 4


def test_an_absent_thing_is_none_and_no_error() -> None:
    assert call_or_none("rds", failing("DBInstanceNotFound"), frozenset({"DBInstanceNotFound"})) is None


def test_another_error_is_never_taken_for_absence() -> None:
    with pytest.raises(PermanentError):
        call_or_none("rds", failing("AccessDenied"), frozenset({"DBInstanceNotFound"}))


def failing(code: str) -> Callable[[], None]:
    def call() -> None:
        raise client_error(code)

    return call


def test_making_the_adapter_asks_nothing_and_needs_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that doesn't exist is the operator's mistake: a preview that needs no AWS must not end with it."""
    monkeypatch.setenv("AWS_PROFILE", "gone")
    aws = Aws("eu-west-1", {"rds": "http://127.0.0.1:1"})
    with pytest.raises(PermanentError, match="gone"):
        aws.open_client("rds")
