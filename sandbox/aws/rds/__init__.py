"""The sandbox's RDS: a control plane over the clusters of sandbox/postgres."""
