"""Stand-ins for the Pulumi CLI and its provider plugins, for machines without the real ones: test doubles."""
