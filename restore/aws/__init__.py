"""Amazon's APIs: RDS instances and backups, and the operator's secrets. boto3's only home."""

from restore.aws.identity import caller
from restore.aws.rds import Rds
from restore.aws.secrets import Secrets
from restore.aws.session import Aws
from restore.model import Credential

__all__ = ["Aws", "Credential", "Rds", "Secrets", "caller"]
