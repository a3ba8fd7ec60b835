"""A stand-in for pulumi-resource-aws: RDS instances and snapshots, against a loopback endpoint only."""
