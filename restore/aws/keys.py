"""KMS keys: which one a name means, and whether it can be used."""

from __future__ import annotations

from restore.aws.client import Aws, call_or_none
from restore.model.capacity import GONE, KmsKey

NO_KEY = frozenset({"NotFoundException"})


class Keys:
    """Keys of one region. Nothing is asked before the first method; each raises PermanentError or TemporaryError."""

    def __init__(self, aws: Aws):
        self._aws = aws

    def read(self, name: str) -> KmsKey:
        """Returns the key of an ARN, id or alias (kms:DescribeKey); one that isn't there has the state GONE."""
        client = self._aws.open_client("kms")
        answer = call_or_none("kms", lambda: client.describe_key(KeyId=name), NO_KEY)
        if answer is None:
            return KmsKey(name, GONE)
        described = answer["KeyMetadata"]
        return KmsKey(described.get("Arn", name), described.get("KeyState", ""))
