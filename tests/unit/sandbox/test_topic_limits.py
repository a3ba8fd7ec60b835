"""What SNS refuses, the sandbox refuses: moto takes any subject and any length."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sandbox.aws.gateway import refuse_message
from sandbox.aws.iam.calls import Request

FINE = {"Action": "Publish", "TopicArn": "arn", "Subject": "Database restore is over", "Message": "all is well"}


def request(form: dict[str, str], service: str = "sns") -> Request:
    signed = {"authorization": f"AWS4-HMAC-SHA256 Credential=key/20261122/us-east-1/{service}/aws4_request, x"}
    return Request("POST", "/", "", signed, urlencode(form).encode())


@pytest.mark.parametrize(
    "broken",
    [
        {"Subject": "x" * 100},
        {"Subject": "two\nlines"},
        {"Subject": "\N{FIRE}"},
        {"Subject": " begins with a space"},
        {"Message": ""},
        {"Message": "ü" * 131_073},
        {"Message": "x" * 262_100, "MessageAttributes.entry.1.Value.StringValue": "y" * 100},
    ],
)
def test_a_message_that_sns_refuses_is_never_published_here(broken: dict[str, str]) -> None:
    refusal = refuse_message(request(FINE | broken))
    assert refusal is not None
    assert (refusal.code, refusal.status) == ("InvalidParameter", 400)


def test_what_sns_takes_and_all_other_calls_pass() -> None:
    assert refuse_message(request(FINE)) is None
    assert refuse_message(request({**FINE, "Action": "CreateTopic", "Message": ""})) is None
    assert refuse_message(request({**FINE, "Message": ""}, "sts")) is None
