"""A stand-in for pulumi-resource-kubernetes: server-side apply patches, against a loopback API server only."""
