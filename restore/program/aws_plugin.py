"""What the AWS plugin says of itself, before anything is declared."""

from __future__ import annotations

import pulumi_aws

from restore.errors import PermanentError, Problem
from restore.model.aws_account import Caller


def read_plugin_caller() -> Caller:
    """Returns as whom the default provider will change AWS. Raises PermanentError with what the plugin says when it
    can't log in: then nothing could be made either."""
    try:
        answer = pulumi_aws.get_caller_identity()
    except Exception as error:  # the SDK raises plain ones
        fix = "check the keys of `aws:` (pulumi config) and the login: aws sts get-caller-identity"
        raise PermanentError.of(Problem("AWS plugin", str(error), "an answer: as whom it calls AWS", fix)) from error
    return Caller(answer.account_id, answer.arn)
