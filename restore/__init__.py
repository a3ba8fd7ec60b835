"""Brings a PostgreSQL database on AWS RDS back, and applications over to it: see docs/architecture.md."""

import os

# gRPC prints its own notes on connections otherwise, between the lines for the operator. It reads this when first
# imported: https://grpc.github.io/grpc/core/md_doc_environment_variables.html
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
