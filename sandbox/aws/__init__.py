"""A local AWS: RDS over real PostgreSQL servers, every other service by moto, behind one HTTP endpoint."""

import os

ACCOUNT_VARIABLE = "RESTORE_SANDBOX_ACCOUNT"
ACCOUNT = os.environ.get(ACCOUNT_VARIABLE, "123456789012")
PORT = 4566
