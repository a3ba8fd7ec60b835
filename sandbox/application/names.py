"""What the application and its parts are called, as in the runbook for an environment named `sandbox`."""

from __future__ import annotations

NAMESPACE = "ghost-protocol-sandbox"
DRILL_NAMESPACE = "ghost-protocol-sandbox-drill"
"""Where copies of the application run in a drill."""
DEPLOYMENTS = {"api-gateway": 3, "indexer": 2, "rpc-orchestrator": 2}
SECRET = "database-credentials"
SECRET_KEY = "DATABASE_URL"
IMAGE = "restore-sandbox/app:1"
HEALTH_PORT = 8080

REGION = "us-east-1"
INSTANCE = "ghost-protocol-sandbox-db"
SUBNET_GROUP = "ghost-protocol-sandbox-db-subnet-group"
PARAMETER_GROUP = "ghost-protocol-sandbox-db-parameters"
SECURITY_GROUPS = ("ghost-protocol-sandbox-db", "ghost-protocol-sandbox-operators")
KEY_ALIAS = "alias/ghost-protocol-sandbox-db"
MASTER_USER = "ghostadmin"
MASTER_SECRET = "ghost-protocol/sandbox/db-password"
DATABASE = "ghost_protocol"
BACKUP_BUCKET = "ghost-protocol-sandbox-backups"
BACKUP_PREFIX = "database/postgresql/"
APP_USER = "ghost_app"
TAGS = {"Project": "ghost-protocol", "Environment": "sandbox", "ManagedBy": "platform-team"}
