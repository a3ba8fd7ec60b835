"""Whether the operator's password is one that RDS makes and rotates itself. Pure."""

from __future__ import annotations

from restore.model.rds import Instance
from restore.model.request import Login


def is_kept_by_rds(login: Login, source: Instance) -> bool:
    """Tells whether the operator's secret (a name or an ARN) is the one in which RDS keeps the source's master
    password. A secret's ARN ends in a hyphen and six random characters after its name."""
    secret, managed = login.secret_id, source.managed_secret
    return bool(secret and managed and not login.iam and (managed == secret or f":secret:{secret}-" in managed))
