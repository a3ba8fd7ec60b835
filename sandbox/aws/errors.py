"""An error as AWS answers it."""

from __future__ import annotations


class AwsError(Exception):
    """`code` is the Code of the answer; the HTTP status follows from the service model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def unsupported(what: str) -> AwsError:
    """The error for what AWS has and the sandbox lacks: it must never pass for a success."""
    return AwsError("SandboxUnsupported", f"The sandbox's RDS has no {what}.")
