"""Amazon's APIs: RDS instances and backups, and the operator's secrets. boto3's only home."""

from restore.aws.client import Aws
from restore.aws.identity import read_caller
from restore.aws.login import Secrets
from restore.aws.rds import Rds
from restore.model.rds import Credential

__all__ = ["Aws", "Credential", "Rds", "Secrets", "read_caller"]
